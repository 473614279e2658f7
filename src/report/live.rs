//! The view of a run in a terminal: a header, a bar for the window, a line a check. Must be a pure function of the
//! record, the time and the terminal's size; a line never takes more columns than there are.

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use super::Redact;
use super::lines::next_tick;
use super::standing::{Standing, breaches_now, held, last, standings, worst_first};
use super::voice::{LINE, NAME, Voice};
use super::words::{clock, cut, pad, span, time, width};
use crate::gate::outcome::{CheckRecord, Record, Sample, State, Verdict};
use crate::host::clock::between;
use crate::policy::criterion::Number;

/// Samples in a check's strip.
const STRIP: usize = 12;
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

const PLAIN: Style = Style::new();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const GREEN: Style = AnsiColor::Green.on_default();

/// A terminal.
#[derive(Debug, Clone, Copy)]
pub struct Live {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Whether to use colours; they never carry a meaning alone.
    pub colour: bool,
}

impl Live {
    /// The view at `now`, line by line, without line ends; at most a row less than there are.
    pub fn frame(&self, record: &Record, now: Timestamp, redact: Redact<'_>) -> Vec<String> {
        let voice = Voice::new(redact);
        let mut lines = vec![self.header(voice, record), self.bar(record, now)];
        let room = self.height.saturating_sub(lines.len() + 1).max(1);
        let all = record.checks.len();
        let mut shown: Vec<&CheckRecord> =
            if all > room { worst_first(record) } else { record.checks.iter().collect() };
        let fits = if all > room { room.saturating_sub(1).max(1) } else { room };
        let rest = shown.split_off(fits.min(shown.len()));
        let name =
            shown.iter().map(|c| width(&voice.name(c))).max().unwrap_or(0).min((self.width / 3).max(8));
        lines.extend(shown.into_iter().map(|check| self.row(voice, check, name)));
        if !rest.is_empty() {
            let mut line = self.line();
            let words = standings(rest.iter().copied());
            let words: Vec<String> =
                words.into_iter().map(|(number, noun)| format!("{number} {noun}")).collect();
            line.add(&format!("      … and {} more: {}", rest.len(), words.join(", ")), DIM);
            lines.push(line.done());
        }
        lines
    }

    const fn line(&self) -> Line {
        // The last column stays free: writing to it makes some terminals begin a new line.
        Line { text: String::new(), left: self.width.saturating_sub(1), colour: self.colour }
    }

    fn header(&self, voice: Voice<'_>, record: &Record) -> String {
        let mut line = self.line();
        line.add(&voice.disarmed(record), YELLOW);
        let worst = record.checks.iter().filter_map(|c| c.contribution).max();
        let (word, verdict) = match (record.verdict_word(), worst) {
            (Some(word), _) => (word.to_uppercase(), record.verdict),
            (None, Some(worst)) if worst > Verdict::Pass => {
                (format!("{} so far", worst.word().to_uppercase()), Some(worst))
            }
            (None, _) => ("watching".to_owned(), None),
        };
        let style = match verdict {
            Some(Verdict::Rollback) => RED,
            Some(Verdict::Alert | Verdict::Inconclusive) => YELLOW,
            Some(Verdict::Pass) => GREEN,
            None => BOLD,
        };
        line.add(&word, style);
        let subject = voice.subject(record).unwrap_or_else(|| "a deployment".to_owned());
        line.add(&format!("  {subject}"), BOLD);
        line.add(&format!("  {}", voice.say(&record.policy, NAME)), DIM);
        line.done()
    }

    /// How far the window is, and when the next tick comes.
    fn bar(&self, record: &Record, now: Timestamp) -> String {
        let mut line = self.line();
        let gone = between(record.open, now);
        let cells = (self.width / 5).clamp(6, 30);
        let share = if record.duration.is_zero() {
            f64::from(u8::from(now >= record.open))
        } else {
            (gone.as_secs_f64() / record.duration.as_secs_f64()).min(1.0)
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to `cells`")]
        let full = (share * cells as f64).floor() as usize;
        line.add(&"█".repeat(full), PLAIN);
        line.add(&"░".repeat(cells.saturating_sub(full)), DIM);
        let far = if now < record.open {
            format!("opens in {}", span(between(now, record.open)))
        } else if gone > record.duration {
            format!("{}, {} beyond", span(record.duration), span(gone - record.duration))
        } else {
            format!("{} of {}", span(gone), span(record.duration))
        };
        line.add(&format!("  {far}"), PLAIN);
        let widest = record.checks.iter().max_by_key(|c| c.planned);
        if let Some(check) = widest.filter(|c| c.planned > 1 && now >= record.open) {
            let tick = gone.as_nanos() / check.check.interval.as_nanos().max(1) + 1;
            line.add(&format!("  tick {} of {}", tick.min(u128::from(check.planned)), check.planned), PLAIN);
        }
        if record.verdict_word().is_none() {
            let next = next_tick(record, now).map_or_else(
                || "waiting for answers".to_owned(),
                |at| format!("next in {}", span(between(now, at))),
            );
            line.add(&format!("  {next}"), DIM);
            line.add(&format!("  verdict by {}", clock(record.deadline, now)), DIM);
        }
        line.done()
    }

    fn row(&self, voice: Voice<'_>, check: &CheckRecord, name: usize) -> String {
        let standing = Standing::of(check);
        let seen = last(check);
        let state = seen.map(|s| s.state);
        let (mark, style) = match (standing, state) {
            (Standing::FailedRollback, _) => (standing.mark(), RED),
            (Standing::FailedAlert | Standing::Inconclusive | Standing::DryRun, _) => {
                (standing.mark(), YELLOW)
            }
            (Standing::Watching, Some(State::Breach)) => ("over", RED),
            (Standing::Watching, Some(State::Error)) => ("err", YELLOW),
            (Standing::Watching, Some(State::NoData | State::NoTraffic)) => ("none", YELLOW),
            (Standing::Passed, _) => (standing.mark(), GREEN),
            _ => (standing.mark(), DIM),
        };
        let mut line = self.line();
        line.add(&pad(mark, 5), style);
        line.add(&format!(" {} ", pad(&cut(&voice.name(check), name), name)), PLAIN);
        if self.width >= 50 {
            line.add(&pad(&strip(check), STRIP), if state == Some(State::Breach) { RED } else { DIM });
        }
        let value = seen.map(value).unwrap_or_default();
        line.add(&format!(" {:>9}", cut(&value, 9)), PLAIN);
        let tally = match held(check) {
            _ if standing == Standing::Skipped => String::new(),
            Some((held, _)) => span(held),
            None => format!("{}/{}", breaches_now(check), check.max_failures),
        };
        line.add(&format!(" {tally:>5}"), if breaches_now(check) > 0 { style } else { DIM });
        line.add(&format!("  {}", note(voice, check, standing)), DIM);
        line.done()
    }
}

/// What one has to know beside the value: the reason of what is wrong, else the limit.
fn note(voice: Voice<'_>, check: &CheckRecord, standing: Standing) -> String {
    let troubled = last(check).filter(|s| matches!(s.state, State::Error | State::NoData | State::NoTraffic));
    match (standing, troubled) {
        (Standing::Watching, Some(sample)) => voice.sample(check, sample),
        (Standing::Watching, None) if last(check).is_none() && check.plan.settling > 0 => {
            let until = check.plan.tick(check.plan.first_due());
            format!("settling until {}, {}", time(until), limits(voice, check))
        }
        (Standing::Watching | Standing::Passed | Standing::Unfinished, _) => limits(voice, check),
        _ => voice.reason(check),
    }
}

fn limits(voice: Voice<'_>, check: &CheckRecord) -> String {
    let judging = &check.check.judging;
    if let (Some(evidence), Some(tested)) = (&check.evidence, &check.check.events) {
        return evidence.brief(tested);
    }
    match last(check).filter(|s| s.values.is_empty()) {
        _ if judging.expect_empty => "no series expected".to_owned(),
        _ if !judging.criterion.is_empty() || judging.relative.is_some() => judging.limits(),
        Some(sample) => voice.sample(check, sample),
        None => voice.say(&check.check.target, LINE),
    }
}

/// The last value, or how long the last probe took.
fn value(sample: &Sample) -> String {
    let took = sample.phases.as_deref().and_then(|p| p.total);
    sample.values.first().map(|(_, v)| Number(*v).to_string()).or_else(|| took.map(span)).unwrap_or_default()
}

/// The last samples as one character each: a level for a value, else a sign for the state.
fn strip(check: &CheckRecord) -> String {
    let shown = check.samples.iter().rev().take(STRIP).rev();
    let values = || shown.clone().filter_map(|s| s.values.first()).map(|(_, v)| *v).filter(|v| v.is_finite());
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    shown
        .clone()
        .map(|sample| match (sample.state, sample.values.first()) {
            (State::Within | State::Breach, Some((_, value))) if value.is_finite() => {
                level(*value, low, high)
            }
            (State::Within, _) => '·',
            (State::Breach, _) => 'x',
            (State::Error, _) => '!',
            (State::NoData | State::NoTraffic, _) => '?',
            (State::Settling | State::Missed, _) => ' ',
        })
        .collect()
}

fn level(value: f64, low: f64, high: f64) -> char {
    let share = if high > low { (value - low) / (high - low) } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 7")]
    let index = (share * 7.0).round() as usize;
    LEVELS.get(index).copied().unwrap_or('█')
}

/// A line that is being filled; what does not fit is cut.
struct Line {
    text: String,
    left: usize,
    colour: bool,
}

impl Line {
    fn add(&mut self, text: &str, style: Style) {
        let fits = cut(text, self.left);
        self.left -= width(&fits).min(self.left);
        if self.colour && !fits.is_empty() && style != PLAIN {
            self.text.push_str(&format!("{style}{fits}{style:#}"));
        } else {
            self.text.push_str(&fits);
        }
    }

    fn done(self) -> String {
        self.text
    }
}

/// Terminal codes that take the last `previous_lines` lines away.
pub fn erase(previous_lines: usize) -> String {
    if previous_lines == 0 { String::new() } else { format!("\x1b[{previous_lines}A\r\x1b[J") }
}

/// Terminal codes that put `frame` where the last `previous_lines` lines are, without a moment of emptiness.
pub fn redraw(previous_lines: usize, frame: &[String]) -> String {
    let mut text = if previous_lines == 0 { String::new() } else { format!("\x1b[{previous_lines}A\r") };
    for line in frame {
        text.push_str(line);
        text.push_str("\x1b[K\n");
    }
    text.push_str("\x1b[J");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::model::FailureAction;
    use crate::policy::window::Mode;
    use crate::report::sample::{at, edit, fleet, metric, open, planned, rollback, watched};

    fn frame(record: &Record, time: &str, (width, height): (usize, usize)) -> String {
        let live = Live { width, height, colour: false };
        live.frame(record, at(time), &open).join("\n")
    }

    #[test]
    fn a_glance_tells_what_is_wrong_and_how_far_it_is() {
        assert_eq!(
            frame(&planned(watched()), "11:02:50", (100, 24)),
            "\
watching  checkout 1.8.2 (after 1.8.1) in production  post-deployment
███░░░░░░░░░░░░░░░░░  50s of 5m  tick 4 of 21  next in 10s  verdict by 11:08:45Z
....  service_availability           ▁▁▁▁                 1   0/3  max_value 1
none  response_time                  ▁█!?                     0/3  the result is empty
over  error_rate                     ▁▁██              0.08   2/3  max_value 0.01
....  http://checkout.example/health ····              12ms   0/3  200 in 12 ms"
        );
        assert_eq!(
            frame(&rollback(), "11:03:01", (100, 24)),
            "\
ROLLBACK  checkout 1.8.2 (after 1.8.1) in production  post-deployment
████░░░░░░░░░░░░░░░░  1m 1s of 5m  tick 5 of 21
FAIL  error_rate                     ▁▁███             0.08   3/3  0.08 > max_value 0.01, breach 3…
stop  service_availability           ▁▁▁▁                 1   0/3  max_value 1
stop  response_time                  ▁█!?                     0/3  max_value 0.5
stop  http://checkout.example/health ····              12ms   0/3  200 in 12 ms"
        );
    }

    #[test]
    fn a_fleet_shows_its_worst_and_counts_the_rest() {
        let mut record = fleet(10_000);
        let worse = metric("worse", 1.0, FailureAction::Rollback).values(&[2.0, 2.0]);
        record.checks[7000] = worse;
        record.checks[9000] = metric("bad", 1.0, FailureAction::Rollback).values(&[0.5, 2.0]);
        assert_eq!(
            frame(&record, "11:02:20", (90, 7)),
            "\
watching  checkout 1.8.2 (after 1.8.1) in production  post-deployment
█░░░░░░░░░░░░░░░░░  20s of 5m  tick 2 of 21  next in 10s  verdict by 11:08:45Z
over  worse       ▁▁                   2   2/3  max_value 1
over  bad         ▁█                   2   1/3  max_value 1
....  check_00000                          0/3  max_value 1
      … and 9997 more: 9997 being watched"
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let mut record = rollback();
        record.disarmed.push("--dry-run".to_owned());
        for check in &mut record.checks {
            edit(check, |c| c.name = format!("支付服务延迟\x1b[31m{}\n", c.name));
        }
        for columns in 1..130 {
            for colour in [false, true] {
                let live = Live { width: columns, height: 6, colour };
                for line in live.frame(&record, at("11:03:01"), &open) {
                    let plain = if colour { strip_codes(&line) } else { line };
                    assert!(width(&plain) < columns.max(2), "{columns}: {plain}");
                    assert!(!plain.contains(char::is_control), "{plain:?}");
                }
            }
        }
    }

    fn strip_codes(line: &str) -> String {
        let mut parts = line.split('\x1b');
        let mut plain = parts.next().unwrap_or_default().to_owned();
        plain.extend(parts.map(|part| part.split_once('m').map_or("", |(_, rest)| rest)));
        plain
    }

    #[test]
    fn a_secret_is_masked_before_it_is_cut() {
        let mut record = planned(watched());
        edit(&mut record.checks[0], |c| c.name = "aaaaaaaaaahunter2hunter2".to_owned());
        let mask = |text: &str| text.replace("hunter2hunter2", "***");
        for columns in 20..80 {
            let live = Live { width: columns, height: 20, colour: false };
            let shown = live.frame(&record, at("11:02:50"), &mask).join("\n");
            assert!(!shown.contains("hunter"), "{shown}");
        }
    }

    #[test]
    fn a_view_replaces_the_one_before() {
        let frame = ["one".to_owned(), "two".to_owned()];
        assert_eq!(redraw(0, &frame), "one\x1b[K\ntwo\x1b[K\n\x1b[J");
        assert_eq!(redraw(3, &frame), "\x1b[3A\rone\x1b[K\ntwo\x1b[K\n\x1b[J");
        assert_eq!(erase(0), "");
    }

    #[test]
    fn what_settles_and_what_must_hold_for_a_while_says_so() {
        let mut settling = metric("settles", 1.0, FailureAction::Rollback);
        (settling.plan.settling, settling.plan.unasked) = (4, 4);
        let mut healthy = metric("healthy", 1.0, FailureAction::Rollback).values(&[2.0, 0.5, 0.5, 0.5]);
        edit(&mut healthy, |c| {
            c.mode = Mode::UntilHealthy { stable_for: std::time::Duration::from_secs(60) }
        });
        let shown = frame(&planned(vec![settling, healthy]), "11:02:50", (100, 24));
        let rows: Vec<&str> = shown.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "....  settles                          0/3  settling until 11:03:00Z, max_value 1",
                "....  healthy █▁▁▁               0.5   30s  max_value 1",
            ]
        );
    }

    #[test]
    fn odd_plans_are_no_trouble() {
        let mut once = planned(Vec::new());
        once.duration = std::time::Duration::ZERO;
        assert_eq!(frame(&once, "11:02:00", (60, 1)).lines().count(), 2);
        let mut late = planned(watched());
        late.checks[0] = metric("n", 1.0, FailureAction::Alert).values(&[f64::NAN, f64::INFINITY, 1.0]);
        let shown = frame(&late, "11:09:00", (100, 20));
        assert!(shown.contains("5m, 2m beyond  tick 21 of 21  waiting for answers"), "{shown}");
        assert!(
            shown.contains("....  n                              xx▁                  1   2/3"),
            "{shown}"
        );
    }
}
