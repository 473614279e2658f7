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
pub(crate) struct Report {
    pub(crate) policy: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) previous_version: Option<String>,
    pub(crate) verdict: Option<String>,
    pub(crate) exit_code: Option<u64>,
    pub(crate) process_exit_code: Option<u64>,
    pub(crate) mode: Option<String>,
    #[serde(deserialize_with = "time")]
    pub(crate) deployed_at: Option<Timestamp>,
    #[serde(deserialize_with = "time")]
    pub(crate) started_at: Option<Timestamp>,
    #[serde(deserialize_with = "time")]
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) window: Option<Window>,
    pub(crate) checks: Option<Vec<Check>>,
    pub(crate) actions: Option<Vec<Action>>,
    pub(crate) warnings: Option<Vec<String>>,
    pub(crate) run_url: Option<String>,
    pub(crate) guarantee: Option<String>,
}

/// When and how often checks were sampled.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Window {
    #[serde(deserialize_with = "time")]
    pub(crate) open: Option<Timestamp>,
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
    pub(crate) fn duration(&self) -> Option<Duration> {
        seconds(self.duration)
    }

    pub(crate) fn interval(&self) -> Option<Duration> {
        seconds(self.interval)
    }

    /// How long every check had to hold; `None` where breaches were counted.
    pub(crate) fn stable_for(&self) -> Option<Duration> {
        seconds(self.stable_for).filter(|_| self.mode.as_deref() != Some("sustained"))
    }
}

/// A check and its evidence.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Check {
    name: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) outcome: Option<String>,
    pub(crate) contribution: Option<String>,
    pub(crate) failure_action: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) criterion: Option<Limits>,
    pub(crate) query: Option<String>,
    pub(crate) max_failures: Option<u64>,
    pub(crate) within: Option<u64>,
    pub(crate) min_samples: Option<u64>,
    pub(crate) min_coverage: Option<f64>,
    pub(crate) due: Option<u64>,
    pub(crate) judged: Option<u64>,
    pub(crate) breaches: Option<u64>,
    pub(crate) no_data: Option<u64>,
    pub(crate) no_traffic: Option<u64>,
    pub(crate) errors: Option<u64>,
    pub(crate) settling: Option<u64>,
    pub(crate) missed: Option<u64>,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u64>,
    interval: Option<f64>,
    pub(crate) dry_run: bool,
    pub(crate) description: Option<String>,
    pub(crate) runbook_url: Option<String>,
    pub(crate) dashboard_url: Option<String>,
    pub(crate) events: Option<Events>,
    pub(crate) samples: Option<Vec<Sample>>,
    /// That of the window.
    #[serde(skip)]
    pub(crate) stable_for: Option<Duration>,
}

impl Report {
    /// Lets each check know how its window was judged.
    pub(crate) fn tell_checks(&mut self) {
        let stable_for = self.window.as_ref().and_then(Window::stable_for);
        for check in self.checks.iter_mut().flatten() {
            check.stable_for = stable_for;
        }
    }
}

impl Check {
    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("a check without a name")
    }

    pub(crate) fn interval(&self) -> Option<Duration> {
        seconds(self.interval)
    }

    pub(crate) fn samples(&self) -> &[Sample] {
        self.samples.as_deref().unwrap_or_default()
    }
}

/// What was counted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Events {
    pub(crate) alpha: Option<f64>,
    pub(crate) beta: Option<f64>,
    pub(crate) proved: bool,
}

/// Limits for values.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Limits {
    expected_value: Option<f64>,
    tolerance: Option<f64>,
    min_value: Option<f64>,
    max_value: Option<f64>,
    max_increase: Option<String>,
    max_decrease: Option<String>,
    pub(crate) expect_empty: bool,
    pub(crate) require: Option<String>,
    pub(crate) count: Option<String>,
}

impl Limits {
    /// By how much values may be more and less than their baseline.
    pub(crate) fn changes(&self) -> [Option<&str>; 2] {
        [self.max_increase.as_deref(), self.max_decrease.as_deref()]
    }

    pub(crate) fn criterion(&self) -> Criterion {
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
pub(crate) struct Sample {
    #[serde(deserialize_with = "time")]
    pub(crate) at: Option<Timestamp>,
    pub(crate) state: Option<String>,
    pub(crate) values: Option<Vec<Value>>,
    pub(crate) series: Option<u64>,
    pub(crate) reason: Option<String>,
}

/// One series at one tick.
#[derive(Debug, Deserialize)]
pub(crate) struct Value {
    pub(crate) value: Figure,
}

/// What was done after the verdict.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Action {
    pub(crate) kind: Option<String>,
    pub(crate) purpose: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) http_status: Option<u64>,
    pub(crate) attempts: Option<u64>,
    pub(crate) id: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) response: Option<String>,
    pub(crate) followed: Option<f64>,
    pub(crate) ended: Option<String>,
    pub(crate) ended_well: Option<bool>,
}

/// A measured value: a number, or one of the strings `NaN`, `+Inf` and `-Inf`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure(pub(crate) f64);

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
