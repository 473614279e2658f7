//! A backtest for spreadsheets: a row for each deployment, policy and check. Columns are only ever added at the end.

use jiff::Timestamp;

use super::super::judged::{Came, Judged, Said};
use super::super::tune::Limit;
use super::{Backtest, Format};
use crate::gate::moment;
use crate::gate::outcome::Verdict;
use crate::host::clock::between;
use crate::policy::spoken::number;
use crate::report::Redact;

const HEADER: [&str; 26] = [
    "time",
    "name",
    "service",
    "environment",
    "version",
    "known",
    "policy",
    "verdict",
    "verdict_at",
    "verdict_reason",
    "check",
    "kind",
    "failure_action",
    "outcome",
    "contribution",
    "reason",
    "seconds_until_failure",
    "due",
    "judged",
    "breaches",
    "critical_max_value",
    "critical_min_value",
    "critical_tolerance",
    "critical_max_ratio",
    "critical_max_times",
    "critical_max_burn",
];

/// The format itself.
#[derive(Debug)]
pub(super) struct Csv;

impl Format for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn summary(&self) -> &'static str {
        "for spreadsheets: a row for each deployment and check"
    }

    fn render(&self, backtest: &Backtest, redact: Redact<'_>) -> String {
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        let mut rows = vec![HEADER.map(str::to_owned).to_vec()];
        for case in &backtest.cases {
            for (judge, said) in backtest.judges.iter().zip(&case.said) {
                let one = &case.deployment;
                let text = |text: &Option<String>| text.as_deref().map(redact).unwrap_or_default();
                let known = one.known.map_or("", super::super::deployment::Known::word);
                let mut first =
                    vec![moment(one.time), text(&one.name), text(&one.service), text(&one.environment)];
                first.extend([text(&one.version), known.to_owned(), redact(&judge.name)]);
                match said {
                    None => {}
                    Some(Said::LeftOut(why)) => {
                        first.extend(["left out".to_owned(), String::new(), redact(why)]);
                        rows.push(first);
                    }
                    Some(Said::Judged(judged @ Judged { verdict, at, checks, .. })) => {
                        let why = judged.why().map(|why| redact(&why)).unwrap_or_default();
                        first.extend([verdict.word().to_owned(), moment(*at), why]);
                        let row = |came: &Came| [first.clone(), check(came, one.time, redact)].concat();
                        rows.extend(checks.iter().map(row));
                    }
                }
            }
        }
        for mut row in rows {
            row.resize(HEADER.len(), String::new());
            // Memory takes what is written.
            let _ = writer.write_record(&row);
        }
        let bytes = writer.into_inner().unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    }
}

fn check(came: &Came, deployed: Timestamp, redact: Redact<'_>) -> Vec<String> {
    let (due, judged, breaches) = came.samples;
    let seconds = came.failed_at.map(|at| between(deployed, at).as_secs_f64().to_string());
    let critical = |limit: Limit| {
        let found = came.critical.iter().find(|critical| critical.limit == limit);
        found.map(|critical| number(critical.value)).unwrap_or_default()
    };
    vec![
        redact(&came.name),
        came.kind.to_owned(),
        came.action.word().to_owned(),
        came.outcome.word().to_owned(),
        came.contribution.map_or("", Verdict::word).to_owned(),
        redact(&came.reason),
        seconds.unwrap_or_default(),
        due.to_string(),
        judged.to_string(),
        breaches.to_string(),
        critical(Limit::Max),
        critical(Limit::Min),
        critical(Limit::Tolerance),
        critical(Limit::Ratio),
        critical(Limit::Times),
        critical(Limit::Burn),
    ]
}
