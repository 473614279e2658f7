//! Function calls in words: those of ranges by what they make of one, those of histograms by the metric. Must name the
//! length of every range that it speaks of.

use super::{Form, Phrase, Words, each};
use crate::promql::ast::{AggregationOp, Call, Expr, Grouping, Node};

/// What a function makes of a range: for one series, for several, and what stands behind the length.
const OVER: &[(&str, &str, &str, &str)] = &[
    ("rate", "the rate per second of", "the rates per second of", "over"),
    ("increase", "the increase of", "the increases of", "over"),
    ("delta", "the change of", "the changes of", "over"),
    ("deriv", "the slope per second of", "the slopes per second of", "over"),
    (
        "irate",
        "the rate per second between the last two samples of",
        "the rates per second between the last two samples of",
        "within",
    ),
    (
        "idelta",
        "the change between the last two samples of",
        "the changes between the last two samples of",
        "within",
    ),
    ("avg_over_time", "the mean of", "the means of", "over"),
    ("min_over_time", "the smallest value of", "the smallest values of", "over"),
    ("max_over_time", "the largest value of", "the largest values of", "over"),
    ("sum_over_time", "the sum of all values of", "the sums of all values of", "over"),
    ("count_over_time", "the number of samples of", "the numbers of samples of", "over"),
    ("last_over_time", "the last value of", "the last values of", "within"),
    ("stddev_over_time", "the standard deviation of", "the standard deviations of", "over"),
    ("stdvar_over_time", "the variance of", "the variances of", "over"),
    ("changes", "the number of changes of", "the numbers of changes of", "over"),
    ("resets", "the number of resets of", "the numbers of resets of", "over"),
    ("present_over_time", "1 for each series of", "1 for each series of", "within"),
];

impl Words<'_> {
    /// The phrase of what an aggregation puts together.
    pub(super) fn plural(&self, expr: &Expr) -> String {
        match &expr.node {
            Node::Paren(inner) => self.plural(inner),
            Node::Call(call) => match self.over(call, true) {
                Some(phrase) => phrase.text,
                None => self.of(expr).inner(),
            },
            _ => self.of(expr).inner(),
        }
    }

    /// `the rate per second of … over 5 minutes`.
    fn over(&self, call: &Call, many: bool) -> Option<Phrase> {
        let name = &*call.name.text;
        let (range, what, word) = match (name, call.args.as_slice()) {
            ("quantile_over_time", [share, range]) => {
                let quantile = self.quantile(share);
                let quantile = if many { quantile.replace("percentile", "percentiles") } else { quantile };
                (range, format!("{quantile} of"), "over")
            }
            (_, [range]) => {
                let (_, one, several, word) = OVER.iter().find(|(known, ..)| *known == name)?;
                (range, (if many { several } else { one }).to_string(), *word)
            }
            _ => return None,
        };
        let length = match &range.node {
            Node::Range(range) => &range.range,
            Node::Subquery(subquery) => &subquery.range,
            _ => return None,
        };
        let of = self.ranged(range);
        Some(Phrase::noun(format!("{what} {of} {word} {}", self.length(length))))
    }

    pub(super) fn call(&self, expr: &Expr, call: &Call) -> Phrase {
        if let Some(phrase) = self.over(call, false) {
            return phrase;
        }
        let inner = |expr: &Expr| self.of(expr).inner();
        let said = match (&*call.name.text, call.args.as_slice()) {
            ("histogram_quantile", [share, of]) => return self.histogram(share, of),
            ("absent", [of]) => format!("1 where there is no {} at all", inner(of)),
            ("absent_over_time", [of]) => match &of.node {
                Node::Range(range) => {
                    format!("1 where there was no {} within {}", self.ranged(of), self.length(&range.range))
                }
                _ => return self.as_written(expr),
            },
            ("abs", [of]) => format!("the size, without its sign, of {}", inner(of)),
            ("time", []) => "the time now in seconds".to_owned(),
            ("timestamp", [of]) => format!("the time of the newest sample of {}", inner(of)),
            ("clamp_min", [of, least]) => {
                return Phrase::joined(format!("{}, but at least {}", inner(of), inner(least)));
            }
            ("clamp_max", [of, most]) => {
                return Phrase::joined(format!("{}, but at most {}", inner(of), inner(most)));
            }
            ("clamp", [of, least, most]) => {
                let (of, least, most) = (inner(of), inner(least), inner(most));
                return Phrase::joined(format!("{of}, but from {least} to {most}"));
            }
            // These leave values alone: they order series, or name them differently, or make one of one.
            ("scalar" | "vector" | "sort" | "sort_desc", [of])
            | ("label_replace" | "label_join" | "sort_by_label" | "sort_by_label_desc", [of, ..]) => {
                return self.of(of);
            }
            ("ceil", [of]) => return Phrase::joined(format!("{}, rounded up", inner(of))),
            ("floor", [of]) => return Phrase::joined(format!("{}, rounded down", inner(of))),
            ("round", [of]) => return Phrase::joined(format!("{}, rounded", inner(of))),
            _ => return self.as_written(expr),
        };
        Phrase::noun(said)
    }

    /// `the 95th percentile of the histogram http_request_duration_seconds … over 5 minutes`.
    fn histogram(&self, share: &Expr, of: &Expr) -> Phrase {
        let quantile = self.quantile(share);
        let (inner, grouping) = summed(of);
        let ranged = match &inner.node {
            Node::Call(call) if matches!(&*call.name.text, "rate" | "increase" | "irate") => {
                call.args.first()
            }
            _ => None,
        };
        let Some((range, Node::Range(selected))) = ranged.map(|range| (range, &range.node)) else {
            let of = self.of(of);
            let form = if of.form == Form::AsWritten { Form::Noun } else { of.form };
            return Phrase::noun(format!("{quantile} of the histogram {}", Phrase { form, ..of }.inner()));
        };
        let mut series = self.ranged(range);
        // The buckets are what the quantile is made of, not what it is of.
        if let Some(metric) = selected_metric(range)
            && let Some(histogram) = metric.strip_suffix("_bucket")
        {
            series = series.replacen(&format!("`{metric}`"), &format!("`{histogram}`"), 1);
        }
        let each = grouping.map(|grouping| {
            let labels = grouping.labels.iter().filter(|label| grouping.without || &*label.text != "le");
            each(&Grouping { labels: labels.cloned().collect(), ..grouping.clone() })
        });
        let each = match (each, grouping) {
            // Without a sum each series has a quantile of its own.
            (None, _) if !matches!(of.node, Node::Aggregation(_)) => ", for each series".to_owned(),
            (each, _) => each.unwrap_or_default(),
        };
        let length = self.length(&selected.range);
        Phrase::noun(format!("{quantile} of {series} over {length}{each}"))
    }
}

/// What is summed, and how it is grouped.
fn summed(expr: &Expr) -> (&Expr, Option<&Grouping>) {
    match &expr.node {
        Node::Paren(inner) => summed(inner),
        Node::Aggregation(sum) if sum.op == AggregationOp::Sum => (&sum.expr, sum.grouping.as_ref()),
        _ => (expr, None),
    }
}

fn selected_metric(range: &Expr) -> Option<&str> {
    match &range.node {
        Node::Range(range) => match &range.selector.node {
            Node::Selector(selector) => selector.name.as_ref().map(|name| &*name.text),
            _ => None,
        },
        _ => None,
    }
}
