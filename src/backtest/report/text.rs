//! A backtest for people: the deployments that are worth a look, how often each policy was right, and where verdicts
//! flip. Long lists are folded, the wrong verdicts first; all of it is in the other formats.

use std::fmt::Write as _;

use super::super::deployment::{Deployment, Known};
use super::super::judged::{Case, Said};
use super::super::summary::{CONFIDENCE, Summary, VERDICTS};
use super::super::tune::tunings;
use super::tuned;
use super::{Backtest, Ended, Format};
use crate::gate::outcome::{Outcome, Verdict};
use crate::host::clock::between;
use crate::policy::criterion::Number;
use crate::report::Redact;
use crate::report::words::{clean, count, cut, date_time, pad, series, span, width};

/// Deployments that are shown.
const SHOWN: usize = 30;

/// Columns for a version or a name.
const NAME: usize = 40;

/// Columns for a reason.
const REASON: usize = 240;

/// The format itself.
#[derive(Debug)]
pub(super) struct Text;

impl Format for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn summary(&self) -> &'static str {
        "for people: what was wrong, and how often"
    }

    fn render(&self, backtest: &Backtest, redact: Redact<'_>) -> String {
        let page = Page { backtest, redact };
        let summaries: Vec<Summary> =
            (0..backtest.judges.len()).map(|policy| Summary::of(&backtest.cases, policy)).collect();
        let mut text = page.head();
        text.push('\n');
        text.push_str(&page.cases());
        text.push('\n');
        text.push_str(&page.counts(&summaries));
        for (policy, summary) in summaries.iter().enumerate() {
            text.push_str(&page.conclusions(policy, summary));
        }
        if backtest.tuned {
            for (policy, summary) in summaries.iter().enumerate() {
                let all = tunings(&backtest.cases, policy);
                text.push_str(&page.title(policy));
                text.push_str(&tuned::text(&all, summary, &|name| page.say(name, NAME)));
                let untuned: Vec<String> =
                    tuned::untuned(&all, summary).into_iter().map(|name| page.say(name, NAME)).collect();
                if !untuned.is_empty() {
                    let _ =
                        writeln!(text, "\nnot tuned, as more than one limit decides: {}", series(&untuned));
                }
            }
        }
        text.push('\n');
        text.push_str(&page.foot());
        text
    }
}

/// The rows of a table, its columns as wide as they must be.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let wide = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max();
    let widths: Vec<usize> = (0..columns).map(|column| wide(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| pad(cell, *width)).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

struct Page<'p> {
    backtest: &'p Backtest,
    redact: Redact<'p>,
}

impl Page<'_> {
    fn say(&self, text: &str, columns: usize) -> String {
        cut(clean(&(self.redact)(text)).trim(), columns)
    }

    fn title(&self, policy: usize) -> String {
        match &self.backtest.judges[..] {
            [_] => String::new(),
            judges => format!("\n{}:\n", self.say(&self.name(judges, policy), NAME)),
        }
    }

    /// What tells a policy from the other: its name, or its first file where they have the same.
    fn name(&self, judges: &[super::Judge], policy: usize) -> String {
        let own = &judges[policy];
        let shared = judges.iter().filter(|other| other.name == own.name).count() > 1;
        own.files.first().filter(|_| shared).unwrap_or(&own.name).clone()
    }

    fn head(&self) -> String {
        let Backtest { judges, cases, ended, .. } = self.backtest;
        let names: Vec<String> =
            (0..judges.len()).map(|policy| self.say(&self.name(judges, policy), NAME)).collect();
        let times = match (cases.first(), cases.last()) {
            (Some(first), Some(last)) if cases.len() > 1 => {
                format!(" from {} to {}", date_time(first.deployment.time), date_time(last.deployment.time))
            }
            (Some(only), _) => format!(" at {}", date_time(only.deployment.time)),
            _ => String::new(),
        };
        let mut text = format!("{}: {}{times}\n", series(&names), count(cases.len(), "deployment"));
        let early = match ended {
            Ended::Finished => None,
            Ended::Interrupted(_) => Some("INTERRUPTED"),
            Ended::Down(_) => Some("GIVEN UP, the source does not answer"),
        };
        if let Some(early) = early {
            let done = cases.iter().filter(|case| case.said.iter().all(Option::is_some)).count();
            let _ = writeln!(text, "{early}: {done} of {} judged", cases.len());
        }
        let mut skipped: Vec<String> = Vec::new();
        for name in judges.iter().flat_map(|judge| &judge.skipped) {
            let name = self.say(name, NAME);
            if !skipped.contains(&name) {
                skipped.push(name);
            }
        }
        if !skipped.is_empty() {
            let (have, they) = if skipped.len() == 1 { ("has", "it is") } else { ("have", "they are") };
            let _ = writeln!(text, "{} {have} no past: {they} skipped", series(&skipped));
        }
        text
    }

    /// How much a deployment is worth a look, the least first.
    fn rank(&self, case: &Case) -> u8 {
        let verdicts: Vec<Option<Verdict>> =
            (0..case.said.len()).map(|policy| case.judged(policy).map(|judged| judged.verdict)).collect();
        let wrong = (0..case.said.len()).any(|policy| case.wrong(policy) == Some(true));
        let differ = verdicts.iter().any(|verdict| *verdict != verdicts[0]);
        let known = case.deployment.known.is_some();
        let worst = verdicts.iter().flatten().max();
        match worst {
            _ if differ => 0,
            _ if wrong => 1,
            Some(Verdict::Rollback) if !known => 2,
            Some(Verdict::Alert | Verdict::Inconclusive) => 3,
            None => 4,
            _ => 5,
        }
    }

    fn cases(&self) -> String {
        let cases = &self.backtest.cases;
        let reached = cases.iter().filter(|case| case.said.iter().any(Option::is_some));
        let mut shown: Vec<&Case> = reached.collect();
        shown.sort_by_key(|case| (self.rank(case), case.deployment.time));
        // Of a list that is folded only those that are worth a look, and a few others where there are none.
        if shown.len() > SHOWN {
            let worth = shown.iter().take_while(|case| self.rank(case) < 5).count();
            shown.truncate(worth.clamp(5, SHOWN));
        }
        let known = cases.iter().any(|case| case.deployment.known.is_some());
        let named = cases.iter().any(|case| !self.subject(&case.deployment).is_empty());
        let mut header = vec!["TIME".to_owned()];
        if named {
            header.push("DEPLOYMENT".to_owned());
        }
        if known {
            header.push("KNOWN".to_owned());
        }
        for judge in 0..self.backtest.judges.len() {
            header.push(match &self.backtest.judges[..] {
                [_] => "VERDICT".to_owned(),
                judges => cut(&self.say(&self.name(judges, judge), NAME), NAME / 2),
            });
        }
        header.extend(["AFTER".to_owned(), "WHY".to_owned()]);
        let mut rows = vec![header];
        for case in &shown {
            let mut row = vec![date_time(case.deployment.time)];
            if named {
                row.push(self.subject(&case.deployment));
            }
            if known {
                row.push(case.deployment.known.map_or("", Known::word).to_owned());
            }
            row.extend((0..case.said.len()).map(|policy| verdict(case, policy)));
            row.extend(self.why(case));
            rows.push(row);
        }
        let mut text = table(&rows);
        let rest = cases.iter().filter(|case| case.said.iter().any(Option::is_some)).count() - shown.len();
        if rest > 0 {
            let as_they_should = cases.iter().filter(|case| self.rank(case) == 5).count();
            let same = if known && as_they_should >= rest { " as they should be" } else { "" };
            let _ = writeln!(
                text,
                "… and {rest} more{same}; `--format csv` and `--format json` have all of them"
            );
        }
        text
    }

    fn subject(&self, deployment: &Deployment) -> String {
        let Deployment { name, service, environment, version, .. } = deployment;
        let words: Vec<&str> = match name {
            Some(name) => vec![name],
            None => [service, environment, version].into_iter().flatten().map(String::as_str).collect(),
        };
        self.say(&words.join(" "), NAME)
    }

    /// How long after the deployment the verdict was known, and why it is what it is: of the policy that is wrong, or of
    /// the one with the worse verdict.
    fn why(&self, case: &Case) -> [String; 2] {
        let worst = (0..case.said.len()).max_by_key(|policy| {
            let verdict = case.judged(*policy).map(|judged| judged.verdict);
            (case.wrong(*policy) == Some(true), verdict, std::cmp::Reverse(*policy))
        });
        let said = worst.and_then(|policy| case.said[policy].as_ref());
        match said {
            None => [String::new(), String::new()],
            Some(Said::LeftOut(why)) => {
                ["–".to_owned(), self.say(why.lines().next().unwrap_or_default(), REASON)]
            }
            Some(Said::Judged(judged)) => {
                let after = if judged.verdict == Verdict::Rollback {
                    span(between(case.deployment.time, judged.at))
                } else {
                    "–".to_owned()
                };
                let why = judged.why().map(|why| self.say(&why, REASON));
                let passed = || {
                    let passed = judged.checks.iter().filter(|came| came.outcome == Outcome::Passed).count();
                    format!("{} passed", count(passed, "check"))
                };
                [after, why.unwrap_or_else(passed)]
            }
        }
    }

    /// The counts, a column a policy.
    fn counts(&self, summaries: &[Summary]) -> String {
        let row = |name: &str, value: &dyn Fn(&Summary) -> String| {
            std::iter::once(name.to_owned()).chain(summaries.iter().map(value)).collect::<Vec<_>>()
        };
        let mut rows = Vec::new();
        if let judges @ [_, _, ..] = &self.backtest.judges[..] {
            let names =
                (0..judges.len()).map(|policy| cut(&self.say(&self.name(judges, policy), NAME), NAME));
            rows.push(std::iter::once(String::new()).chain(names).collect());
        }
        for verdict in VERDICTS {
            rows.push(row(verdict.word(), &|summary| summary.verdicts.of(verdict).to_string()));
        }
        if summaries.iter().any(|summary| summary.left_out > 0) {
            rows.push(row("left out", &|summary| summary.left_out.to_string()));
        }
        if summaries.iter().any(|summary| summary.good.all() > 0) {
            rows.push(row("false rollbacks", &|summary| {
                format!("{} of {} good", summary.good.of(Verdict::Rollback), summary.good.all())
            }));
        }
        if summaries.iter().any(|summary| summary.bad.all() > 0) {
            rows.push(row("misses", &|summary| {
                let bad = &summary.bad;
                let apart = [Verdict::Alert, Verdict::Inconclusive]
                    .into_iter()
                    .filter(|verdict| bad.of(*verdict) > 0);
                let apart: Vec<String> =
                    apart.map(|verdict| format!("{} {}", bad.of(verdict), verdict.word())).collect();
                let apart = if apart.is_empty() { String::new() } else { format!(" ({})", apart.join(", ")) };
                format!("{} of {} bad{apart}", bad.kept(), bad.all())
            }));
        }
        if summaries.iter().any(|summary| summary.until_rollback.is_some()) {
            rows.push(row("until rollback", &|summary| match summary.until_rollback {
                Some((median, longest)) => format!("{} (median), {} at most", span(median), span(longest)),
                None => "–".to_owned(),
            }));
        }
        table(&rows)
    }

    /// What follows from the counts of one policy.
    fn conclusions(&self, policy: usize, summary: &Summary) -> String {
        let mut text = String::new();
        for check in &summary.checks {
            let known = summary.good.all() + summary.bad.all() > 0;
            let mut said = Vec::new();
            if known && check.caught + check.false_rollbacks > 0 {
                said.push(format!("{} caught, {} false", check.caught, check.false_rollbacks));
            } else if check.rollbacks > 0 {
                said.push(count(check.rollbacks, "rollback"));
            }
            if check.inconclusive > 0 {
                said.push(format!("{} inconclusive", check.inconclusive));
            }
            if !said.is_empty() {
                let _ = writeln!(text, "  {}: {}", self.say(&check.name, NAME), said.join(", "));
            }
        }
        if !text.is_empty() {
            text.insert_str(0, "by check:\n");
        }
        let sure = Number(CONFIDENCE * 100.0);
        let mut bound = |count: usize, of: usize, what: &str, most: Option<f64>| {
            // Of very few it says nothing.
            if let Some(most) = most.filter(|most| *most < 0.995) {
                let percent = percent(most);
                let _ =
                    writeln!(text, "{count} of {of} {what}: at most {percent} % with {sure} % confidence");
            }
        };
        let good = &summary.good;
        let rolled_back = good.of(Verdict::Rollback);
        bound(rolled_back, good.all(), "good deployments rolled back", summary.false_rollbacks_at_most());
        bound(summary.bad.kept(), summary.bad.all(), "bad deployments missed", summary.misses_at_most());
        if text.is_empty() {
            text
        } else {
            format!(
                "{}{text}",
                if self.backtest.judges.len() > 1 { self.title(policy) } else { "\n".to_owned() }
            )
        }
    }

    fn foot(&self) -> String {
        let Backtest { queries, took, .. } = self.backtest;
        let sent = if *queries == 1 { "1 query".to_owned() } else { format!("{queries} queries") };
        format!("{sent} in {}\n", span(*took))
    }
}

/// Two significant digits.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let rounded: f64 = format!("{percent:.1e}").parse().unwrap_or(percent);
    Number(rounded).to_string()
}

fn verdict(case: &Case, policy: usize) -> String {
    let known = case.deployment.known;
    match (case.said.get(policy).and_then(Option::as_ref), case.wrong(policy)) {
        (None, _) => "not reached".to_owned(),
        (Some(Said::LeftOut(_)), _) => "left out".to_owned(),
        (Some(Said::Judged(judged)), Some(true)) => {
            let how = if known == Some(Known::Bad) { "MISS" } else { "FALSE" };
            format!("{} ({how})", judged.verdict.word())
        }
        (Some(Said::Judged(judged)), _) => judged.verdict.word().to_owned(),
    }
}
