//! What `tests/packs/NAME.yaml` says, and the series that it stands for: an exporter's series in their true shape, one
//! line each. Must not know Prometheus or rollgate.
//!
//! ```text
//! name{label="a{1,2}",@shared} FORM     two series; `@shared` is an entry of `labels`
//! 3                                     a gauge
//! 20/s, 5 + 20/s, 5 - 1/s               it changes steadily, from 0 or from 5 on
//! 1 per 60s, 5 + 1 per 60s              it changes by 1, once a minute
//! 20/s at 0.03, 1/s at 0.8              a histogram with those observations: `_bucket`, `_sum`, `_count`
//! ```
//!
//! `healthy` is what holds all the time; the `series` of a deployment hold from the deployment on, in place of those of
//! the same labels. A form that does not say from where on goes on from the healthy value.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// The pack's variables.
    pub set: BTreeMap<String, String>,
    /// Limits of a histogram's buckets, without the infinite one.
    #[serde(default)]
    pub buckets: BTreeMap<String, String>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    pub healthy: String,
    pub deployments: Vec<Deployment>,
}

/// A deployment after which something is different.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    pub what: String,
    /// Variables that differ.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// The checks that fail, and no others.
    pub fails: Vec<String>,
    pub verdict: String,
    pub series: String,
}

/// How a series goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Form {
    Level(f64),
    /// From, and by how much a second.
    Steady(Option<f64>, f64),
    /// From, by how much at once, and how often.
    Steps(Option<f64>, f64, f64),
}

impl Form {
    fn from(self) -> Option<f64> {
        match self {
            Self::Level(value) => Some(value),
            Self::Steady(from, _) | Self::Steps(from, ..) => from,
        }
    }

    fn change(self, seconds: f64) -> f64 {
        match self {
            Self::Level(_) => 0.0,
            Self::Steady(_, rate) => rate * seconds,
            Self::Steps(_, by, every) => by * (seconds / every).floor(),
        }
    }
}

/// The value `seconds` after the beginning, when the deployment is at `deployed`; `None` where there is no sample.
pub fn value(healthy: Option<Form>, then: Option<Form>, seconds: f64, deployed: f64) -> Option<f64> {
    let before = |at: f64| healthy.map(|form| form.from().unwrap_or(0.0) + form.change(at));
    match then {
        Some(then) if seconds >= deployed => {
            let from = then.from().or_else(|| before(deployed)).unwrap_or(0.0);
            Some(from + then.change(seconds - deployed))
        }
        _ => before(seconds),
    }
}

impl Written {
    /// The series of `lines` (`healthy`, or those of a deployment): name with sorted labels, and form.
    pub fn series(&self, lines: &str) -> BTreeMap<String, Form> {
        let mut found = BTreeMap::new();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (name, rest) = line.split_once('{').unwrap_or_else(|| panic!("no labels: {line}"));
            let (labels, form) = rest.rsplit_once("} ").unwrap_or_else(|| panic!("no form: {line}"));
            for labels in each(&labels_of(&self.spelt_out(labels))) {
                for (suffix, le, form) in self.parts(name, form) {
                    let mut labels = labels.clone();
                    labels.extend(le.map(|le| ("le".to_owned(), le)));
                    labels.sort();
                    let labels: Vec<String> = labels.iter().map(|(k, v)| format!("{k}=\"{v}\"")).collect();
                    let series = format!("{name}{suffix}{{{}}}", labels.join(","));
                    assert!(found.insert(series, form).is_none(), "twice: {line}");
                }
            }
        }
        found
    }

    fn spelt_out(&self, labels: &str) -> String {
        let mut text = labels.to_owned();
        for (name, shared) in &self.labels {
            text = text.replace(&format!("@{name}"), shared);
        }
        assert!(!text.contains('@'), "unknown labels: {text}");
        text
    }

    /// The series that one line stands for: suffix of the name, `le`, and form.
    fn parts(&self, name: &str, form: &str) -> Vec<(&'static str, Option<String>, Form)> {
        if !form.contains(" at ") {
            return vec![("", None, plain(form))];
        }
        let limits = self.buckets.get(name).unwrap_or_else(|| panic!("no buckets for {name}"));
        let observed: Vec<(f64, f64)> = form
            .split(',')
            .map(|one| {
                let (rate, at) = one.trim().split_once(" at ").unwrap();
                (per_second(rate).unwrap(), at.parse().unwrap())
            })
            .collect();
        let below = |limit: f64| observed.iter().filter(|(_, at)| *at <= limit).map(|(rate, _)| rate).sum();
        let mut parts = Vec::new();
        for le in limits.split_whitespace() {
            parts.push(("_bucket", Some(le.to_owned()), Form::Steady(None, below(le.parse().unwrap()))));
        }
        let sum = observed.iter().map(|(rate, at)| rate * at).sum();
        parts.push(("_bucket", Some("+Inf".to_owned()), Form::Steady(None, below(f64::INFINITY))));
        parts.push(("_sum", None, Form::Steady(None, sum)));
        parts.push(("_count", None, Form::Steady(None, below(f64::INFINITY))));
        parts
    }
}

fn per_second(text: &str) -> Option<f64> {
    text.strip_suffix("/s").map(|rate| rate.parse().unwrap())
}

fn plain(form: &str) -> Form {
    let words: Vec<&str> = form.split_whitespace().collect();
    let (from, sign, change) = match words.as_slice() {
        [from, sign @ ("+" | "-"), change @ ..] => (Some(from.parse().unwrap()), *sign, change),
        change => (None, "+", change),
    };
    let sign = if sign == "-" { -1.0 } else { 1.0 };
    match change {
        [by, "per", every] => {
            let every = every.strip_suffix('s').unwrap().parse().unwrap();
            Form::Steps(from, sign * by.parse::<f64>().unwrap(), every)
        }
        [one] => match per_second(one) {
            Some(rate) => Form::Steady(from, sign * rate),
            None => Form::Level(one.parse().unwrap_or_else(|_| panic!("no form: {form}"))),
        },
        _ => panic!("no form: {form}"),
    }
}

/// `a="x",b="y"`, in order.
fn labels_of(text: &str) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {rest}"));
        let (value, after) = after.split_once('"').unwrap();
        labels.push((name.trim_start_matches(',').to_owned(), value.to_owned()));
        rest = after;
    }
    labels
}

/// Every combination of the `{x,y}` in the values; braces without a comma are meant.
fn each(labels: &[(String, String)]) -> Vec<Vec<(String, String)>> {
    let Some(((name, value), rest)) = labels.split_first() else { return vec![Vec::new()] };
    let values: Vec<String> = match value.split_once('{').and_then(|(a, b)| Some((a, b.split_once('}')?))) {
        Some((before, (choice, after))) if choice.contains(',') => {
            choice.split(',').map(|one| format!("{before}{one}{after}")).collect()
        }
        _ => vec![value.clone()],
    };
    let rest = each(rest);
    let with = |value: &String| {
        let first = (name.clone(), value.clone());
        rest.iter().map(|others| [std::slice::from_ref(&first), &others[..]].concat()).collect::<Vec<_>>()
    };
    values.iter().flat_map(with).collect()
}

#[test]
fn lines_stand_for_series() {
    let buckets = BTreeMap::from([("t".to_owned(), "0.1 1.0".to_owned())]);
    let labels = BTreeMap::from([("both".to_owned(), "i=\"{1,2}\",j=\"x\"".to_owned())]);
    let written =
        Written { set: BTreeMap::new(), buckets, labels, healthy: String::new(), deployments: Vec::new() };
    let found =
        written.series("t{@both,u=\"/{id}\"} 2/s at 0.05, 1/s at 7\nn{z=\"1\",a=\"2\"} 5 - 1 per 60s\n");
    let of = |le: &str, i: u8| found[&format!("t_bucket{{i=\"{i}\",j=\"x\",le=\"{le}\",u=\"/{{id}}\"}}")];
    assert_eq!((of("0.1", 1), of("1.0", 2)), (Form::Steady(None, 2.0), Form::Steady(None, 2.0)));
    assert_eq!(of("+Inf", 2), Form::Steady(None, 3.0));
    assert_eq!(found["t_sum{i=\"1\",j=\"x\",u=\"/{id}\"}"], Form::Steady(None, 7.1));
    assert_eq!(found["n{a=\"2\",z=\"1\"}"], Form::Steps(Some(5.0), -1.0, 60.0));
    assert_eq!(found.len(), 2 * 5 + 1);

    let (steady, level) = (Some(plain("10 + 2/s")), Some(plain("4")));
    assert_eq!(value(steady, None, 30.0, 20.0), Some(70.0));
    assert_eq!(value(steady, Some(plain("1/s")), 30.0, 20.0), Some(60.0));
    assert_eq!(value(steady, level, 19.0, 20.0), Some(48.0));
    assert_eq!((value(None, level, 19.0, 20.0), value(None, level, 20.0, 20.0)), (None, Some(4.0)));
    assert_eq!(value(level, Some(plain("1 per 60s")), 139.0, 20.0), Some(5.0));
}
