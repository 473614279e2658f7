//! Exit codes: one enum with its numbers, one exhaustive match. Must not decide a verdict; it only numbers one.

use crate::gate::outcome::Verdict;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: every check passed, or a command without a verdict did its work.
    Pass,
    /// 1: the gate itself failed.
    Failure,
    /// 2: usage or policy fault, nothing was measured.
    Usage,
    /// 10: a check that only alerts has failed, or could not be measured.
    Alert,
    /// 20: rollback: confirmed, already triggered, or none wanted.
    Rollback,
    /// 21: a rollback is wanted and not confirmed.
    RollbackUnconfirmed,
    /// 30: what was to be seen was not seen.
    Inconclusive,
    /// 130: cancelled by SIGINT while measuring.
    Interrupted,
    /// 143: cancelled by SIGTERM while measuring.
    Terminated,
}

/// The exit codes as `--help` and the README show them.
pub const TABLE: &[(Exit, &str)] = &[
    (Exit::Pass, "pass"),
    (Exit::Alert, "alert"),
    (Exit::Rollback, "rollback: confirmed, already triggered, or none wanted"),
    (Exit::RollbackUnconfirmed, "rollback wanted and not confirmed"),
    (Exit::Inconclusive, "inconclusive: not enough was seen to judge"),
    (Exit::Usage, "usage or policy fault: nothing was measured"),
    (Exit::Failure, "the gate itself failed"),
    (Exit::Interrupted, "cancelled by SIGINT"),
    (Exit::Terminated, "cancelled by SIGTERM"),
];

impl Exit {
    /// The number that the process returns.
    pub const fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Alert => 10,
            Self::Rollback => 20,
            Self::RollbackUnconfirmed => 21,
            Self::Inconclusive => 30,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// The code of `verdict`; `confirmed` tells whether a wanted rollback is.
    pub const fn of(verdict: Verdict, confirmed: bool) -> Self {
        match verdict {
            Verdict::Pass => Self::Pass,
            Verdict::Alert => Self::Alert,
            Verdict::Inconclusive => Self::Inconclusive,
            Verdict::Rollback if confirmed => Self::Rollback,
            Verdict::Rollback => Self::RollbackUnconfirmed,
        }
    }
}
