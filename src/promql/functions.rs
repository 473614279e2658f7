//! The functions of Prometheus 3.x: what they take and give, and what a shorter range does to their values. Must not
//! check calls; `types` does.

use super::ast::ValueType::{self, Matrix as M, Scalar as S, String as T, Vector as V};

/// A function.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub args: &'static [ValueType],
    /// How often the last argument may be there: 0 for once, n for up to n times and none, -1 for any number of times.
    pub variadic: i8,
    /// What it gives.
    pub returns: ValueType,
    /// What a shorter range does to its values.
    pub over_range: OverRange,
    /// Since which version it is there behind a feature flag.
    pub experimental: Option<&'static str>,
}

/// What the value of a function has to do with the length of the range it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverRange {
    /// It takes no range.
    None,
    /// A rate, a mean, an extreme: comparable whatever the length.
    Steady,
    /// A count, a sum, a difference: it grows with the length.
    Scales,
}

/// The flag that switches experimental functions and aggregations on.
pub(super) const EXPERIMENTAL: &str = "promql-experimental-functions";

/// The function called `name`, which is written in small letters.
pub fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.binary_search_by(|function| function.name.cmp(name)).ok().map(|at| &FUNCTIONS[at])
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Function {
    /// The value of `--enable-feature` that switches it on, if it is experimental.
    pub fn flag(&self) -> &'static str {
        if self.name == "start_timestamp" { "use-start-timestamps" } else { EXPERIMENTAL }
    }

    const fn new(name: &'static str, args: &'static [ValueType], returns: ValueType) -> Self {
        Self { name, args, variadic: 0, returns, over_range: OverRange::None, experimental: None }
    }

    const fn optional(mut self, times: i8) -> Self {
        self.variadic = times;
        self
    }

    const fn steady(mut self) -> Self {
        self.over_range = OverRange::Steady;
        self
    }

    const fn scales(mut self) -> Self {
        self.over_range = OverRange::Scales;
        self
    }

    const fn since(mut self, version: &'static str) -> Self {
        self.experimental = Some(version);
        self
    }
}

const fn plain(name: &'static str) -> Function {
    Function::new(name, &[V], V)
}

const fn over(name: &'static str) -> Function {
    Function::new(name, &[M], V)
}

/// All functions, sorted by name.
pub static FUNCTIONS: &[Function] = &[
    plain("abs"),
    plain("absent"),
    over("absent_over_time").scales(),
    plain("acos"),
    plain("acosh"),
    plain("asin"),
    plain("asinh"),
    plain("atan"),
    plain("atanh"),
    over("avg_over_time").steady(),
    plain("ceil"),
    over("changes").scales(),
    Function::new("clamp", &[V, S, S], V),
    Function::new("clamp_max", &[V, S], V),
    Function::new("clamp_min", &[V, S], V),
    plain("cos"),
    plain("cosh"),
    over("count_over_time").scales(),
    plain("day_of_month").optional(1),
    plain("day_of_week").optional(1),
    plain("day_of_year").optional(1),
    plain("days_in_month").optional(1),
    plain("deg"),
    over("delta").scales(),
    over("deriv").steady(),
    Function::new("double_exponential_smoothing", &[M, S, S], V).scales().since("3.0"),
    Function::new("end", &[], S).since("3.12"),
    plain("exp"),
    over("first_over_time").steady().since("3.7"),
    plain("floor"),
    plain("histogram_avg"),
    plain("histogram_count"),
    Function::new("histogram_fraction", &[S, S, V], V),
    Function::new("histogram_quantile", &[S, V], V),
    Function::new("histogram_quantiles", &[V, T, S, S], V).optional(9).since("3.11"),
    plain("histogram_stddev"),
    plain("histogram_stdvar"),
    plain("histogram_sum"),
    plain("hour").optional(1),
    over("idelta").scales(),
    over("increase").scales(),
    Function::new("info", &[V, V], V).optional(1).since("3.0"),
    over("irate").steady(),
    Function::new("label_join", &[V, T, T, T], V).optional(-1),
    Function::new("label_replace", &[V, T, T, T, T], V),
    over("last_over_time").steady(),
    plain("ln"),
    plain("log10"),
    plain("log2"),
    over("mad_over_time").steady().since("2.53"),
    Function::new("max_of", &[S, S], S).since("3.13"),
    over("max_over_time").steady(),
    Function::new("min_of", &[S, S], S).since("3.13"),
    over("min_over_time").steady(),
    plain("minute").optional(1),
    plain("month").optional(1),
    Function::new("pi", &[], S),
    Function::new("predict_linear", &[M, S], V).scales(),
    over("present_over_time").scales(),
    Function::new("quantile_over_time", &[S, M], V).steady(),
    plain("rad"),
    Function::new("range", &[], S).since("3.12"),
    over("rate").steady(),
    over("resets").scales(),
    Function::new("round", &[V, S], V).optional(1),
    Function::new("scalar", &[V], S),
    plain("sgn"),
    plain("sin"),
    plain("sinh"),
    plain("sort"),
    Function::new("sort_by_label", &[V, T], V).optional(-1).since("2.49"),
    Function::new("sort_by_label_desc", &[V, T], V).optional(-1).since("2.49"),
    plain("sort_desc"),
    plain("sqrt"),
    Function::new("start", &[], S).since("3.12"),
    plain("start_timestamp").since("3.14"),
    over("stddev_over_time").steady(),
    over("stdvar_over_time").steady(),
    Function::new("step", &[], S).since("3.12"),
    over("sum_over_time").scales(),
    plain("tan"),
    plain("tanh"),
    Function::new("time", &[], S),
    plain("timestamp"),
    over("ts_of_first_over_time").scales().since("3.7"),
    over("ts_of_last_over_time").scales().since("3.5"),
    over("ts_of_max_over_time").scales().since("3.5"),
    over("ts_of_min_over_time").scales().since("3.5"),
    Function::new("vector", &[S], V),
    plain("year").optional(1),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_found_by_its_name() {
        for one in FUNCTIONS {
            assert_eq!(function(one.name), Some(one), "{}", one.name);
            let ranged = one.args.contains(&ValueType::Matrix);
            assert_eq!(ranged, one.over_range != OverRange::None, "{}", one.name);
        }
        assert_eq!(function("RATE"), None);
        assert_eq!(function("holt_winters"), None);
    }
}
