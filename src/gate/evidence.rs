//! What a check's counted events say, in figures and in words: the evidence against what is claimed and for it, and exact
//! bounds. Pure; must not decide anything.

use std::fmt;

use super::counted::{percent, ratio, thousands, told};
use crate::check::Counts;
use crate::policy::criterion::Number;
use crate::policy::events::{Bad, Claim, Tested};
use crate::stats::binomial::{lower_bound, upper_bound};

/// Evidence beyond which nobody needs the figure.
const MOST: f64 = 1e9;

/// How much more counts vary than those of independent events.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dispersion {
    /// The variance as a multiple of what independent events would have; at least 1.
    pub factor: f64,
    /// Whether the time before the deployment told it; else it is what is allowed for where nothing does.
    pub learnt: bool,
}

impl fmt::Display for Dispersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let factor = format!("{:.2}", self.factor);
        let factor = factor.trim_end_matches('0').trim_end_matches('.');
        let assumed = if self.learnt { "" } else { ", assumed for want of history" };
        write!(f, "dispersion {factor}{assumed}")
    }
}

/// What was counted, and what it says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// All that counts, since the deployment.
    pub counts: Counts,
    /// ln of the evidence against what is claimed.
    pub log_against: f64,
    /// ln of the evidence for it.
    pub log_for: f64,
    /// What is allowed for.
    pub dispersion: Dispersion,
    /// Whether the claim is proved.
    pub proved: bool,
    /// The share of an error budget that is spent, where that is claimed and known.
    pub burned: Option<f64>,
}

impl Evidence {
    /// The share of bad events; `None` of no events.
    pub fn ratio(&self) -> Option<f64> {
        (self.counts.events.total > 0.0).then(|| ratio(self.counts.events))
    }

    /// The exact lower bound of the share, wrong with a chance of at most α.
    pub fn lower(&self, tested: &Tested) -> f64 {
        let events = self.counts.events.deflated(self.dispersion.factor);
        lower_bound(events.bad.min(events.total), events.total, tested.alpha)
    }

    /// The exact upper bound of the share, wrong with a chance of at most β.
    pub fn upper(&self, tested: &Tested) -> f64 {
        let events = self.counts.events.deflated(self.dispersion.factor);
        upper_bound(events.bad.min(events.total), events.total, tested.beta)
    }

    /// `evidence 48,000 : 1 against 'error ratio ≤ 1 %'; 31 of 412 requests failed (exact 99.9 % lower bound 4.4 %)`.
    pub fn against(&self, tested: &Tested) -> String {
        format!(
            "evidence {} against '{}'; {}{} (exact {} lower bound {}{})",
            odds(self.log_against),
            claim(tested),
            told(self.counts.events, tested.bad),
            self.beside(tested),
            sure(tested.alpha),
            percent(self.lower(tested)),
            self.allowed(),
        )
    }

    /// `proved: evidence 25 : 1 for 'error ratio ≤ 1 %'; 3 of 4,812 requests failed (exact 95 % upper bound 0.16 %)`.
    pub fn proof(&self, tested: &Tested) -> String {
        format!(
            "proved: evidence {} for '{}'; {}{} (exact {} upper bound {}{})",
            odds(self.log_for),
            claim(tested),
            told(self.counts.events, tested.bad),
            self.beside(tested),
            sure(tested.beta),
            percent(self.upper(tested)),
            self.allowed(),
        )
    }

    /// The same where there is no proof: how much evidence there is, and how much would be needed.
    pub fn short_for(&self, tested: &Tested) -> String {
        format!(
            "{}{}; evidence {} for '{}', {} needed{}",
            told(self.counts.events, tested.bad),
            self.beside(tested),
            odds(self.log_for),
            claim(tested),
            odds(-tested.beta.ln()),
            self.allowed(),
        )
    }

    /// How much evidence there is of harm, and how much would be needed.
    pub fn short_against(&self, tested: &Tested) -> String {
        format!(
            "evidence {} against '{}', {} needed{}",
            odds(self.log_against),
            claim(tested),
            odds(-tested.alpha.ln()),
            self.allowed(),
        )
    }

    /// `3 of 400 requests failed, evidence 2 : 1 against and 5 : 1 for 'error ratio ≤ 1 %'`.
    pub fn brief(&self, tested: &Tested) -> String {
        let told = told(self.counts.events, tested.bad);
        let claim = claim(tested);
        match self.burned {
            Some(burned) => format!("{told}, {} of the error budget spent", percent(burned)),
            None if tested.has_rate() => {
                let (against, holds) = (odds(self.log_against), odds(self.log_for));
                format!("{told}, evidence {against} against and {holds} for '{claim}'")
            }
            None => told,
        }
    }

    /// What the baseline's events were.
    fn beside(&self, tested: &Tested) -> String {
        let baseline = self.counts.baseline.filter(|baseline| baseline.total > 0.0);
        baseline.map_or_else(String::new, |baseline| {
            format!(
                " ({}), of the baseline {} ({})",
                percent(ratio(self.counts.events)),
                told(baseline, tested.bad),
                percent(ratio(baseline))
            )
        })
    }

    /// What the counts were deflated by.
    fn allowed(&self) -> String {
        if self.dispersion.factor > 1.005 {
            format!("; allows for {}", self.dispersion)
        } else {
            String::new()
        }
    }
}

/// What is claimed, in words.
pub fn claim(tested: &Tested) -> String {
    let what = match tested.bad {
        Bad::Failed => "error ratio".to_owned(),
        Bad::Slow(bound) => format!("share slower than {}", humantime::format_duration(bound)),
    };
    match tested.claim {
        Claim::AtMost(max) => format!("{what} ≤ {}", percent(max)),
        Claim::Against { max_times, floor } => {
            let floor = if floor > 0.0 { format!(" or ≤ {}", percent(floor)) } else { String::new() };
            format!("{what} ≤ {} × the baseline's{floor}", Number(max_times))
        }
        Claim::Budget(budget) => format!("error budget spent ≤ {}", percent(budget.max_burn)),
    }
}

/// `48,000 : 1`, of the evidence's logarithm; two digits are enough.
pub fn odds(log: f64) -> String {
    let odds = log.exp();
    if odds > MOST {
        return format!("over {} : 1", thousands(MOST));
    }
    if odds < 1.0 {
        return "under 1 : 1".to_owned();
    }
    // What is needed and what is reached must not look the same: down, but for rounding.
    let scale = 10_f64.powi(odds.log10().floor() as i32 - 1);
    let floored = ((odds / scale) * (1.0 + 1e-9)).floor() * scale;
    if floored < 10.0 { format!("{} : 1", Number(floored)) } else { format!("{} : 1", thousands(floored)) }
}

/// `99.9 %`: how sure one is that is wrong with a chance of at most `alpha`.
fn sure(alpha: f64) -> String {
    format!("{} %", Number((1.0 - alpha) * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::two_rates::Events;

    fn tested(claim: Claim) -> Tested {
        Tested {
            claim,
            bad: Bad::Failed,
            alpha: 0.001,
            alpha_written: false,
            beta: 0.05,
            beta_written: false,
        }
    }

    fn evidence(bad: f64, total: f64, factor: f64) -> Evidence {
        Evidence {
            counts: Counts { events: Events::new(bad, total), baseline: None, exact: true },
            log_against: 48_321_f64.ln(),
            log_for: 25.9_f64.ln(),
            dispersion: Dispersion { factor, learnt: true },
            proved: false,
            burned: None,
        }
    }

    #[test]
    fn evidence_is_told_as_odds() {
        let said = [0.3, 1.0, 3.0, 12.34, 20.0, 999.9, 1000.0, 48_321.0, 1e12]
            .map(|odds: f64| super::odds(odds.ln()));
        assert_eq!(
            said,
            [
                "under 1 : 1",
                "1 : 1",
                "3 : 1",
                "12 : 1",
                "20 : 1",
                "990 : 1",
                "1,000 : 1",
                "48,000 : 1",
                "over 1,000,000,000 : 1"
            ]
        );
    }

    #[test]
    fn a_line_says_how_much_is_known() {
        let tested = tested(Claim::AtMost(0.01));
        assert_eq!(
            evidence(31.0, 412.0, 1.0).against(&tested),
            "evidence 48,000 : 1 against 'error ratio ≤ 1 %'; 31 of 412 requests failed (exact 99.9 % lower bound \
             4.09 %)"
        );
        assert_eq!(
            evidence(3.0, 4812.0, 1.8).proof(&tested),
            "proved: evidence 25 : 1 for 'error ratio ≤ 1 %'; 3 of 4,812 requests failed (exact 95 % upper bound \
             0.216 %; allows for dispersion 1.8)"
        );
        let mut unknown = evidence(4.0, 400.0, 2.0);
        unknown.dispersion.learnt = false;
        assert_eq!(
            unknown.short_for(&tested),
            "4 of 400 requests failed; evidence 25 : 1 for 'error ratio ≤ 1 %', 20 : 1 needed; allows for dispersion \
             2, assumed for want of history"
        );
    }

    #[test]
    fn claims_are_told_as_they_are_made() {
        let against = Claim::Against { max_times: 1.5, floor: 0.001 };
        assert_eq!(claim(&tested(against)), "error ratio ≤ 1.5 × the baseline's or ≤ 0.1 %");
        let slow = Bad::Slow(std::time::Duration::from_millis(500));
        let slow = Tested { bad: slow, ..tested(Claim::AtMost(0.05)) };
        assert_eq!(claim(&slow), "share slower than 500ms ≤ 5 %");
    }
}
