//! The report for people: the verdict, the checks worst first, what was done, and last one line of why. Must be
//! plain text without terminal codes (stdout is data), and no longer for a fleet than a person can read.

use super::guarantee::guarantee;
use super::standing::{Standing, last, standings, telling, totals, worst_first};
use super::voice::{LINE, NAME, Voice};
use super::words::{clock, cut, date_time, pad, span, width};
use super::{Format, Redact};
use crate::gate::outcome::{CheckRecord, Outcome, Record, Sample, State};
use crate::host::clock::between;

/// Lines for checks that need no look before the rest is counted.
const QUIET: usize = 50;
/// Lines for checks that need one.
const BAD: usize = 200;
/// Checks that are shown with all that helps to look into them.
const DETAILED: usize = 20;
/// Columns of a query.
const QUERY: usize = 400;
/// The widest reason that the column after it still lines up with.
const REASON: usize = 72;

/// The format itself.
#[derive(Debug)]
pub struct Text;

impl Format for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn summary(&self) -> &'static str {
        "for people: the verdict, the checks worst first, the actions, and one line of why"
    }

    fn render(&self, record: &Record, redact: Redact<'_>) -> String {
        let voice = Voice::new(redact);
        let mut lines = head(voice, record);
        lines.extend(checks(voice, record));
        lines.extend(guarantee(voice, record).into_iter().flat_map(|said| [String::new(), said]));
        let answer = |response: &String| format!("  answer: {}", voice.say(response, QUERY));
        let actions = record.actions.iter().map(|action| (voice.action(action), action.response.as_ref()));
        let actions = actions.flat_map(|(line, response)| [Some(line), response.map(answer)]);
        lines.extend(section("actions", actions.flatten()));
        lines.extend(section("warnings", record.warnings.iter().map(|w| voice.say(w, QUERY))));
        let acted = voice.acted(record).map(|acted| format!("; {acted}")).unwrap_or_default();
        lines.extend([String::new(), format!("{}{acted}", voice.why(record))]);
        let mut text = String::new();
        for line in lines {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn head(voice: Voice<'_>, record: &Record) -> Vec<String> {
    let word = record.verdict_word().unwrap_or("running").to_uppercase();
    let exit = match record.exit {
        None => String::new(),
        Some((verdict, returned)) if verdict == returned => format!(" (exit {})", returned.code()),
        Some((verdict, returned)) => {
            format!(" (exit {}, the verdict's own is {})", returned.code(), verdict.code())
        }
    };
    let subject = voice.subject(record).map(|s| format!("{s}, ")).unwrap_or_default();
    let policy = voice.say(&record.policy, NAME);
    let first = format!("{}{word}{exit}: {subject}policy {policy}", voice.disarmed(record));

    let mut facts = vec![if record.duration.is_zero() {
        format!("sampled once, at {}", date_time(record.open))
    } else {
        format!(
            "window {} + {}, every {}",
            date_time(record.open),
            span(record.duration),
            span(record.interval)
        )
    }];
    if let Some(at) = record.deployed_at {
        facts.push(format!("deployed {}", clock(at, record.open)));
    }
    if let Some(at) = record.arrival.as_ref().and_then(|arrival| arrival.live_at) {
        facts.push(format!("live {}", clock(at, record.open)));
    }
    if let Some(at) = record.finished_at {
        let took = span(between(record.started_at, at));
        facts.push(format!("finished {} after {took}", clock(at, record.open)));
    }
    facts.push(format!("run {}", voice.say(&record.run_id, NAME)));
    let mut lines = vec![first, facts.join("; ")];
    lines.extend(record.run_url.as_deref().map(|url| voice.say(url, LINE)));
    lines
}

fn section(title: &str, lines: impl Iterator<Item = String>) -> Vec<String> {
    let lines: Vec<String> = lines.map(|line| format!("  {line}")).collect();
    if lines.is_empty() { lines } else { [vec![String::new(), title.to_owned()], lines].concat() }
}

fn checks(voice: Voice<'_>, record: &Record) -> Vec<String> {
    let (bad, quiet): (Vec<&CheckRecord>, Vec<&CheckRecord>) =
        worst_first(record).into_iter().partition(|check| telling(check));
    let rows = |checks: &[&CheckRecord], most: usize| -> Vec<Row> {
        checks.iter().take(most).map(|check| Row::new(voice, check)).collect()
    };
    let (bad_rows, quiet_rows) = (rows(&bad, BAD), rows(&quiet, QUIET));
    let widest = |column: fn(&Row) -> &str, most: usize| {
        let all = bad_rows.iter().chain(&quiet_rows);
        all.map(|row| width(column(row))).filter(|w| *w <= most).max().unwrap_or(0)
    };
    let columns = [widest(|r| &r.name, NAME), widest(|r| &r.outcome, NAME), widest(|r| &r.reason, REASON)];

    let mut lines = vec![String::new(), totals(record)];
    for (place, (row, check)) in bad_rows.iter().zip(&bad).enumerate() {
        lines.push(row.line(columns));
        if place < DETAILED {
            let details = details(voice, check).into_iter();
            lines.extend(details.map(|(key, text)| format!("         {key:<9}  {text}")));
        }
    }
    lines.extend(rest(&bad, BAD));
    lines.extend(quiet_rows.iter().map(|row| row.line(columns)));
    lines.extend(rest(&quiet, QUIET));
    lines
}

/// `… and 9950 more passed`, a line for each standing.
fn rest(checks: &[&CheckRecord], shown: usize) -> Vec<String> {
    let hidden = standings(checks.iter().skip(shown).copied());
    hidden.into_iter().map(|(number, noun)| format!("  … and {number} more {noun}")).collect()
}

struct Row {
    mark: &'static str,
    name: String,
    outcome: String,
    reason: String,
    counts: String,
}

impl Row {
    fn new(voice: Voice<'_>, check: &CheckRecord) -> Self {
        let standing = Standing::of(check);
        let word = check.outcome.map_or("watching", Outcome::word);
        let outcome = match (check.check.dry_run, check.contribution) {
            (true, _) => format!("{word}, dry run"),
            (false, Some(contribution)) if telling(check) && contribution.word() != word => {
                format!("{word}: {}", contribution.word())
            }
            (false, _) => word.to_owned(),
        };
        let counts = if standing == Standing::Skipped { String::new() } else { Voice::counts(check) };
        Self { mark: standing.mark(), name: voice.name(check), outcome, reason: voice.reason(check), counts }
    }

    fn line(&self, [name, outcome, reason]: [usize; 3]) -> String {
        format!(
            "  {}  {}  {}  {}  {}",
            pad(self.mark, 5),
            pad(&self.name, name),
            pad(&self.outcome, outcome),
            pad(&self.reason, reason),
            self.counts
        )
    }
}

/// What helps to look into a check that has not passed.
fn details(voice: Voice<'_>, check: &CheckRecord) -> Vec<(&'static str, String)> {
    let own = &check.check;
    let mut said = Vec::new();
    let mut add = |key, text: Option<&str>| {
        said.extend(text.map(|t| (key, voice.say(t, QUERY))).filter(|(_, t)| !t.is_empty()));
    };
    add("about", own.description.as_deref());
    add("asked", Some(&own.target));
    add("sent", sent(check).as_deref());
    let baseline = own.judging.relative.map(|relative| relative.to_string());
    add("compared", baseline.as_deref());
    add("runbook", own.runbook_url.as_deref());
    add("dashboard", own.dashboard_url.as_deref());
    let of_state = |state: State| check.samples.iter().rev().find(|s| s.state == state);
    let seen = |sample: &Sample| format!("{} at {}", voice.sample(check, sample), date_time(sample.at));
    for (key, state) in [
        ("breach", State::Breach),
        ("no data", State::NoData),
        ("traffic", State::NoTraffic),
        ("error", State::Error),
    ] {
        said.extend(of_state(state).map(|sample| (key, format!("last: {}", seen(sample)))));
    }
    if check.count(State::Breach) == 0
        && let Some(sample) = last(check).filter(|s| s.state.judged())
    {
        said.push(("within", format!("last: {}", seen(sample))));
    }
    let file = voice.say(&own.file, LINE);
    said.push(("file", cut(&format!("{file}:{}", own.line), LINE)));
    said
}

/// What was asked where it was last another text than what is written, and when: over shorter ranges, or as of its time.
fn sent(check: &CheckRecord) -> Option<String> {
    let told = check.samples.iter().rev();
    let mut told = told.filter_map(|sample| Some((sample, sample.query.as_deref()?)));
    let breach = told.clone().find(|(sample, _)| sample.state == State::Breach);
    let (sample, query) = breach.or_else(|| told.next())?;
    Some(format!("{query} at {}", date_time(sample.at)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use crate::gate::outcome::{ActionRecord, ActionStatus, Verdict};
    use crate::policy::model::FailureAction;
    use crate::report::sample::{
        cancelled, edit, fleet, inconclusive, metric, open, pass, planned, rollback, watched, webhook,
    };

    fn text(record: &Record) -> String {
        Text.render(record, &open)
    }

    #[test]
    fn a_rollback_says_what_where_and_why() {
        assert_eq!(
            text(&rollback()),
            "\
ROLLBACK (exit 20): checkout 1.8.2 (after 1.8.1) in production, policy post-deployment
window 2026-01-15 11:02:00Z + 5m, every 15s; deployed 11:01:00Z; finished 11:03:00Z after 1m 30s; run run-1

1 of 4 checks failed, 3 unfinished
  FAIL   error_rate                      failed: rollback  0.08 > max_value 0.01, breach 3 of 3, at 11:03:00Z  5 of 21 judged, 3 breaches, 16 missed
         about      share of requests that failed
         asked      sum(error_rate)
         runbook    https://runbooks.example/error-rate
         dashboard  https://grafana.example/d/checkout
         breach     last: 0.08 > max_value 0.01 at 2026-01-15 11:03:00Z
         file       policy.yaml:17
  stop   service_availability            unfinished        worst 1, max_value 1                                4 of 21 judged, 17 missed
  stop   response_time                   unfinished        worst 0.34, max_value 0.5                           2 of 21 judged, 1 no data, 1 error, 17 missed
  stop   http://checkout.example/health  unfinished                                                            4 of 21 judged, 17 missed

actions
  rollback confirmed by webhook https://deploy.example/hooks/rollback (HTTP 202, 1 attempt, 38ms, id rg_kj4xh2)
    answer: {\"queued\": true}

warnings
  `insecure_skip_verify` is set for `prometheus`: its certificate is not checked

rollback: error_rate 0.08 > max_value 0.01, breach 3 of 3, at 11:03:00Z; rollback confirmed by webhook https://deploy.example/hooks/rollback
"
        );
    }

    #[test]
    fn a_pass_shows_how_near_it_was() {
        assert_eq!(
            text(&pass()),
            "\
PASS (exit 0): checkout 1.8.2 (after 1.8.1) in production, policy post-deployment
window 2026-01-15 11:02:00Z + 5m, every 15s; deployed 11:01:00Z; finished 11:07:00Z after 5m 30s; run run-1

all 3 checks passed
  ok     error_rate                      passed  worst 0.002, max_value 0.01  21 of 21 judged
  ok     response_time                   passed  worst 0.34, max_value 0.5    21 of 21 judged
  ok     http://checkout.example/health  passed                               21 of 21 judged

pass: all 3 checks passed; 63 of 63 samples judged
"
        );
    }

    #[test]
    fn every_outcome_has_its_line() {
        assert_eq!(
            text(&inconclusive()),
            "\
INCONCLUSIVE (exit 30): checkout 1.8.2 (after 1.8.1) in production, policy post-deployment
window 2026-01-15 11:02:00Z + 5m, every 15s; deployed 11:01:00Z; finished 11:07:00Z after 5m 30s; run run-1

1 of 5 checks failed (alert), 1 inconclusive, 1 not passed (dry run), 1 passed, 1 skipped
  ALERT  response_time  failed: alert    0.7 > max_value 0.5, breach 3 of 3, at 11:05:30Z  21 of 21 judged, 9 breaches
         asked      sum(response_time)
         breach     last: 0.7 > max_value 0.5 at 2026-01-15 11:07:00Z
         file       policy.yaml:17
  ????   error_rate     inconclusive     0 of 21 due samples judged, 3 needed              0 of 21 judged, 21 errors
         asked      sum(error_rate)
         error      last: connection refused by prometheus.example:9090 at 2026-01-15 11:07:00Z
         file       policy.yaml:17
  dry    trial          failed, dry run  2 > max_value 1, breach 3 of 3, at 11:02:30Z      21 of 21 judged, 21 breaches
         asked      sum(trial)
         breach     last: 2 > max_value 1 at 2026-01-15 11:07:00Z
         file       policy.yaml:17
  ok     fine           passed           worst 5, max_value 10                             21 of 21 judged
  skip   staging_only   skipped          only in staging, this is production

inconclusive: error_rate: 0 of 21 due samples judged, 3 needed, last error: connection refused by prometheus.example:9090
"
        );
    }

    #[test]
    fn a_disarmed_run_says_so_first() {
        let mut record = rollback();
        record.disarmed = vec!["--dry-run".to_owned(), "--fail-on never".to_owned()];
        record.exit = Some((Exit::Rollback, Exit::Pass));
        record.actions.clear();
        let text = text(&record);
        let (first, last) = (text.lines().next().unwrap(), text.lines().last().unwrap());
        assert_eq!(
            first,
            "DISARMED (--dry-run, --fail-on never): ROLLBACK (exit 0, the verdict's own is 20): \
             checkout 1.8.2 (after 1.8.1) in production, policy post-deployment"
        );
        assert_eq!(
            last,
            "rollback: error_rate 0.08 > max_value 0.01, breach 3 of 3, at 11:03:00Z; no rollback was triggered"
        );
    }

    #[test]
    fn unfinished_runs_say_what_they_are() {
        let running = text(&planned(watched()));
        assert!(running.starts_with("RUNNING: checkout"), "{running}");
        assert!(running.ends_with(
            "running: there is no verdict yet; all 4 checks being watched; 14 of 84 samples judged, 2 breaches, \
             1 without data, 1 error\n"
        ));
        let cancelled = text(&cancelled());
        assert!(cancelled.starts_with("CANCELLED (exit 143): checkout"), "{cancelled}");
        let last = cancelled.lines().last().unwrap();
        assert!(
            last.starts_with(
                "cancelled: SIGTERM came before the verdict, nothing was triggered; all 4 checks"
            )
        );
    }

    #[test]
    fn an_unconfirmed_rollback_cannot_be_overlooked() {
        let mut record = rollback();
        record.exit = Some((Exit::RollbackUnconfirmed, Exit::RollbackUnconfirmed));
        let mut held = webhook(ActionStatus::Held);
        held.kind = "--no-rollback".to_owned();
        held.target = String::new();
        held.reason = Some("irreversible migration".to_owned());
        held.http_status = None;
        held.attempts = 0;
        record.actions = vec![webhook(ActionStatus::Unknown), held];
        let text = text(&record);
        assert!(text.ends_with(
            "; rollback UNKNOWN by webhook https://deploy.example/hooks/rollback, 503 Service Unavailable; \
             rollback HELD back by --no-rollback, irreversible migration\n"
        ), "{text}");
    }

    #[test]
    fn the_last_line_counts_who_was_told_and_names_who_was_not() {
        let aside = |purpose, kind: &str, target: &str, status| ActionRecord {
            purpose,
            kind: kind.to_owned(),
            target: target.to_owned(),
            ..webhook(status)
        };
        let mut record = rollback();
        record.actions = vec![
            aside("notify", "slack", "#deployments", ActionStatus::Confirmed),
            aside("notify", "pagerduty", "events.example:443", ActionStatus::Confirmed),
            aside("notify", "slack", "#ops", ActionStatus::Failed),
            aside("track", "jira", "comment on SHOP-7 at jira.example:443", ActionStatus::Confirmed),
        ];
        let end = |record: &Record| {
            let text = text(record);
            text.lines().last().unwrap().split_once("11:03:00Z; ").unwrap().1.to_owned()
        };
        assert_eq!(end(&record), "no rollback was triggered; 2 told, 1 written; NOT told: slack #ops");
        let lines = text(&record);
        for line in [
            "  told slack #deployments (HTTP 202, 1 attempt, 38ms, id rg_kj4xh2)\n",
            "  NOT told: slack #ops, 503 Service Unavailable (HTTP 503, 4 attempts, 38ms, id rg_kj4xh2)\n",
            "  wrote to jira: comment on SHOP-7 at jira.example:443 (HTTP 202, 1 attempt, ",
        ] {
            assert!(lines.contains(line), "{lines}");
        }
        let issue =
            |number| aside("track", "jira", &format!("comment on SHOP-{number}"), ActionStatus::Unknown);
        record.actions = (0..5).map(issue).chain([webhook(ActionStatus::Confirmed)]).collect();
        assert_eq!(
            end(&record),
            "rollback confirmed by webhook https://deploy.example/hooks/rollback; PERHAPS written: \
             jira comment on SHOP-0, jira comment on SHOP-1, jira comment on SHOP-2, and 2 more"
        );
    }

    #[test]
    fn a_fleet_stays_readable() {
        let mut record = fleet(10_000);
        for (index, check) in record.checks.iter_mut().enumerate() {
            (check.outcome, check.contribution) = if index % 2 == 0 {
                (Some(Outcome::Passed), Some(Verdict::Pass))
            } else {
                (Some(Outcome::Failed), Some(Verdict::Rollback))
            };
        }
        record.verdict = Some(Verdict::Rollback);
        let text = text(&record);
        assert!(text.lines().count() < 320, "{}", text.lines().count());
        assert!(text.contains("\n  … and 4800 more failed\n"), "{text}");
        assert!(text.contains("\n  … and 4950 more passed\n"), "{text}");
        assert!(text.lines().last().unwrap().contains("; and 4997 more; "), "{text}");
    }

    #[test]
    fn foreign_text_is_masked_before_it_is_cleaned() {
        let mut check = metric("a", 1.0, FailureAction::Rollback).values(&[2.0]);
        edit(&mut check, |c| c.description = Some("one\ntwo\x1b[31m hunter2\nhunter2".to_owned()));
        let check = check.ended(Outcome::Failed, Some(Verdict::Rollback), "x");
        let text = Text.render(&planned(vec![check]), &|t| t.replace("hunter2\nhunter2", "***"));
        assert!(text.contains("about      one two\u{fffd}[31m ***\n"), "{text}");
    }
}
