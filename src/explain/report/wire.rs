//! The report as it is read: every field may be missing, every other field is ignored. Must not be the types that are
//! written: what another version wrote is read, too.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::policy::criterion::Criterion;

/// `rollgate.report/v1`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Report {
    pub(super) policy: Option<String>,
    pub(super) service: Option<String>,
    pub(super) environment: Option<String>,
    pub(super) version: Option<String>,
    pub(super) previous_version: Option<String>,
    pub(super) verdict: Option<String>,
    pub(super) exit_code: Option<u64>,
    pub(super) process_exit_code: Option<u64>,
    pub(super) mode: Option<String>,
    #[serde(deserialize_with = "time")]
    pub(super) deployed_at: Option<Timestamp>,
    #[serde(deserialize_with = "time")]
    pub(super) started_at: Option<Timestamp>,
    #[serde(deserialize_with = "time")]
    pub(super) finished_at: Option<Timestamp>,
    pub(super) window: Option<Window>,
    pub(super) checks: Option<Vec<Check>>,
    pub(super) actions: Option<Vec<Action>>,
    pub(super) warnings: Option<Vec<String>>,
    pub(super) run_url: Option<String>,
    pub(super) guarantee: Option<String>,
}

/// When and how often checks were sampled.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Window {
    #[serde(deserialize_with = "time")]
    pub(super) open: Option<Timestamp>,
    duration: Option<f64>,
    interval: Option<f64>,
    mode: Option<String>,
    stable_for: Option<f64>,
}

/// Seconds that are a span of time.
fn seconds(seconds: Option<f64>) -> Option<Duration> {
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

impl Window {
    pub(super) fn duration(&self) -> Option<Duration> {
        seconds(self.duration)
    }

    pub(super) fn interval(&self) -> Option<Duration> {
        seconds(self.interval)
    }

    /// How long every check had to hold; `None` where breaches were counted.
    pub(super) fn stable_for(&self) -> Option<Duration> {
        seconds(self.stable_for).filter(|_| self.mode.as_deref() != Some("sustained"))
    }
}

/// A check and its evidence.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Check {
    name: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) source: Option<String>,
    pub(super) outcome: Option<String>,
    pub(super) contribution: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) criterion: Option<Limits>,
    pub(super) query: Option<String>,
    pub(super) max_failures: Option<u64>,
    pub(super) within: Option<u64>,
    pub(super) min_samples: Option<u64>,
    pub(super) min_coverage: Option<f64>,
    pub(super) due: Option<u64>,
    pub(super) judged: Option<u64>,
    pub(super) breaches: Option<u64>,
    pub(super) no_data: Option<u64>,
    pub(super) no_traffic: Option<u64>,
    pub(super) errors: Option<u64>,
    pub(super) settling: Option<u64>,
    pub(super) missed: Option<u64>,
    pub(super) file: Option<String>,
    pub(super) line: Option<u64>,
    interval: Option<f64>,
    pub(super) dry_run: bool,
    pub(super) description: Option<String>,
    pub(super) runbook_url: Option<String>,
    pub(super) dashboard_url: Option<String>,
    pub(super) events: Option<Events>,
    pub(super) samples: Option<Vec<Sample>>,
    /// That of the window.
    #[serde(skip)]
    pub(super) stable_for: Option<Duration>,
}

impl Report {
    /// Lets each check know how its window was judged.
    pub(super) fn tell_checks(&mut self) {
        let stable_for = self.window.as_ref().and_then(Window::stable_for);
        for check in self.checks.iter_mut().flatten() {
            check.stable_for = stable_for;
        }
    }
}

impl Check {
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("a check without a name")
    }

    pub(super) fn interval(&self) -> Option<Duration> {
        seconds(self.interval)
    }

    pub(super) fn samples(&self) -> &[Sample] {
        self.samples.as_deref().unwrap_or_default()
    }
}

/// What was counted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Events {
    pub(super) alpha: Option<f64>,
    pub(super) beta: Option<f64>,
    pub(super) proved: bool,
}

/// Limits for values.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Limits {
    expected_value: Option<f64>,
    tolerance: Option<f64>,
    min_value: Option<f64>,
    max_value: Option<f64>,
    max_increase: Option<String>,
    max_decrease: Option<String>,
    pub(super) expect_empty: bool,
    pub(super) require: Option<String>,
    pub(super) count: Option<String>,
}

impl Limits {
    /// By how much values may be more and less than their baseline.
    pub(super) fn changes(&self) -> [Option<&str>; 2] {
        [self.max_increase.as_deref(), self.max_decrease.as_deref()]
    }

    pub(super) fn criterion(&self) -> Criterion {
        Criterion {
            expected: self.expected_value.map(|expected| (expected, self.tolerance.unwrap_or_default())),
            min: self.min_value,
            max: self.max_value,
        }
    }
}

/// What one tick gave.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Sample {
    #[serde(deserialize_with = "time")]
    pub(super) at: Option<Timestamp>,
    pub(super) state: Option<String>,
    pub(super) values: Option<Vec<Value>>,
    pub(super) series: Option<u64>,
    pub(super) reason: Option<String>,
}

/// One series at one tick.
#[derive(Debug, Deserialize)]
pub(super) struct Value {
    pub(super) value: Figure,
}

/// What was done after the verdict.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Action {
    pub(super) kind: Option<String>,
    pub(super) purpose: Option<String>,
    pub(super) target: Option<String>,
    pub(super) status: Option<String>,
    pub(super) http_status: Option<u64>,
    pub(super) attempts: Option<u64>,
    pub(super) id: Option<String>,
    pub(super) url: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) response: Option<String>,
}

/// A measured value: a number, or one of the strings `NaN`, `+Inf` and `-Inf`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figure(pub(super) f64);

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Figure;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, `NaN`, `+Inf` or `-Inf`")
            }

            fn visit_f64<E>(self, value: f64) -> Result<Figure, E> {
                Ok(Figure(value))
            }

            #[expect(clippy::cast_precision_loss, reason = "as precise as the value was")]
            fn visit_i64<E>(self, value: i64) -> Result<Figure, E> {
                Ok(Figure(value as f64))
            }

            #[expect(clippy::cast_precision_loss, reason = "as precise as the value was")]
            fn visit_u64<E>(self, value: u64) -> Result<Figure, E> {
                Ok(Figure(value as f64))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Figure, E> {
                match text {
                    "NaN" => Ok(Figure(f64::NAN)),
                    "+Inf" | "Inf" => Ok(Figure(f64::INFINITY)),
                    "-Inf" => Ok(Figure(f64::NEG_INFINITY)),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// A time; one that cannot be read is one that is missing.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    Ok(text.and_then(|text| text.parse().ok()))
}
