//! What the answers beside a check make of its tick: without evidence of traffic there is nothing to judge, data that is
//! too old or gone is no data, and a breach may need to be confirmed. Pure; must not judge values, `judge` does.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::judge::{Judged, judge_alone, key, labels};
use super::outcome::State;
use crate::check::{Beside, Labels, Purpose, Reading, Role, Seen, Series};
use crate::policy::context::OnDataLost;
use crate::policy::criterion::Number;
use crate::policy::model::{Check, Count};

/// Relative slack of limits, so that one met but for rounding is met.
const EPSILON: f64 = 1e-9;

/// Label sets that are named before the rest is counted.
const NAMED: usize = 3;

/// The questions beside a check with their answers.
pub(super) type Asides<'a> = &'a [(&'a Beside, &'a Reading)];

/// Whether `value` is below `least`, but for rounding.
pub(super) fn below(value: f64, least: f64) -> bool {
    least - value > EPSILON * least.abs().max(value.abs())
}

/// The series of an answer, or why there are none.
pub(super) fn series(answer: &Reading) -> Result<&[Series], &str> {
    match &answer.seen {
        Seen::Series(series) => Ok(series),
        Seen::Met(why) | Seen::Unmet(why) | Seen::Failed(why) => Err(why),
        Seen::Counts(_) => Err("events were counted"),
    }
}

/// What keeps the tick from being judged, whatever its values.
pub(super) fn instead(
    reading: &Reading,
    asides: Asides<'_>,
    check: &Check,
    history: &[Option<Vec<Reading>>],
) -> Option<Judged> {
    let of_each = asides.iter().find_map(|(beside, answer)| match beside.role {
        Role::Evidence(least) => lacks_traffic(answer, least, check),
        Role::Age(limit) => too_old(beside, answer, limit, check),
        Role::Version(_) | Role::SeriesAge(_) | Role::Confirm | Role::Baseline | Role::Season => None,
    });
    of_each.or_else(|| without_samples(reading, asides, check)).or_else(|| lost(reading, check, history))
}

fn error(reason: String, check: &Check) -> Judged {
    Judged::or(State::Error, reason, check.on.error, "on_error")
}

fn no_data(reason: String, check: &Check) -> Judged {
    Judged::or(State::NoData, reason, check.on.no_data, "on_no_data")
}

/// There is no traffic where the evidence is below `least`, empty or NaN; of several series the largest counts.
fn lacks_traffic(answer: &Reading, least: f64, check: &Check) -> Option<Judged> {
    let series = match series(answer) {
        Ok(series) => series,
        Err(why) => return Some(error(format!("the evidence of traffic could not be asked: {why}"), check)),
    };
    let most = series.iter().map(|one| one.value).filter(|value| !value.is_nan()).reduce(f64::max);
    let found = match most {
        Some(most) if !below(most, least) => return None,
        Some(most) => Number(most).to_string(),
        None if series.is_empty() => "an empty result".to_owned(),
        None => "NaN".to_owned(),
    };
    let reason =
        format!("too little traffic to judge: the evidence is {found}, expected at least {}", Number(least));
    Some(Judged::or(State::NoTraffic, reason, check.on.no_traffic, "on_no_traffic"))
}

/// There is no data where the newest that a selector finds is older than `limit`.
fn too_old(beside: &Beside, answer: &Reading, limit: Duration, check: &Check) -> Option<Judged> {
    let series = match series(answer) {
        Ok(series) => series,
        Err(why) => return Some(error(format!("the age of the data could not be asked: {why}"), check)),
    };
    let age = series.iter().map(|one| one.value).filter(|age| is_older(*age, limit)).reduce(f64::max)?;
    let reason = format!("{} (`{}`)", aged("the newest sample is", age, limit), beside.probe.target());
    Some(no_data(reason, check))
}

/// A result that comes of samples in its ranges only, while nothing that it looks at has one now.
fn without_samples(reading: &Reading, asides: Asides<'_>, check: &Check) -> Option<Judged> {
    let mut ages = asides.iter().filter(|(beside, _)| matches!(beside.role, Role::Age(_))).peekable();
    ages.peek()?;
    (!reading.is_empty() && ages.all(|(_, answer)| answer.is_empty())).then(|| {
        no_data(
            "nothing that it looks at has a sample any more: what is left is older than `max_data_age`"
                .to_owned(),
            check,
        )
    })
}

fn is_older(age: f64, limit: Duration) -> bool {
    below(limit.as_secs_f64(), age)
}

fn aged(what: &str, age: f64, limit: Duration) -> String {
    let age = Duration::from_secs_f64(age.clamp(0.0, 1e9).round());
    format!(
        "{what} {} old, expected at most {}",
        humantime::format_duration(age),
        humantime::format_duration(limit)
    )
}

/// `reading` without the series that are too old, and what to say of them; else what the tick is instead.
pub(super) fn fresh<'r>(
    reading: &'r Reading,
    asides: Asides<'_>,
    check: &Check,
) -> Result<(Cow<'r, Reading>, Option<String>), Judged> {
    let of_series = asides.iter().find_map(|(beside, answer)| match beside.role {
        Role::SeriesAge(limit) => Some((limit, answer)),
        _ => None,
    });
    let (Some((limit, answer)), Seen::Series(series)) = (of_series, &reading.seen) else {
        return Ok((Cow::Borrowed(reading), None));
    };
    let ages = match self::series(answer) {
        Ok(ages) => ages,
        Err(why) => return Err(error(format!("the age of the data could not be asked: {why}"), check)),
    };
    let ages: HashMap<Pairs<'_>, f64> = ages.iter().map(|one| (nameless(&one.labels), one.value)).collect();
    let age = |one: &Series| ages.get(&nameless(&one.labels)).copied().filter(|age| is_older(*age, limit));
    let kept: Vec<Series> = series.iter().filter(|one| age(one).is_none()).cloned().collect();
    let stale = series.len() - kept.len();
    if stale == 0 {
        return Ok((Cow::Borrowed(reading), None));
    }
    if kept.is_empty() {
        let newest = series.iter().filter_map(age).fold(f64::INFINITY, f64::min);
        return Err(no_data(aged("the newest sample is", newest, limit), check));
    }
    let told = format!(
        "{stale} of {} series left out: older than {}",
        series.len(),
        humantime::format_duration(limit)
    );
    Ok((Cow::Owned(Reading { seen: Seen::Series(kept), ..reading.clone() }), Some(told)))
}

/// Labels without the name of the metric.
type Pairs<'l> = Vec<&'l (Box<str>, Box<str>)>;

/// Labels without the metric's name, which functions drop.
fn nameless(labels: &Labels) -> Pairs<'_> {
    labels.iter().filter(|(name, _)| &**name != "__name__").collect()
}

/// Series that are gone on balance: there are fewer than before the deployment, and some of those are not among them. That
/// others have taken their place, as pods do, is no loss.
fn lost(reading: &Reading, check: &Check, history: &[Option<Vec<Reading>>]) -> Option<Judged> {
    let (on, answer) =
        check.history.iter().zip(history).find_map(|(question, answer)| match question.purpose {
            Purpose::Lost(on) => Some((on, answer.as_ref()?)),
            _ => None,
        })?;
    let (Seen::Series(before), Seen::Series(now)) = (&answer.first()?.seen, &reading.seen) else {
        return None;
    };
    if now.len() >= before.len() {
        return None;
    }
    let here: HashSet<&Labels> = now.iter().map(|one| &*one.labels).collect();
    let gone: Vec<&Labels> =
        before.iter().map(|one| &*one.labels).filter(|one| !here.contains(one)).collect();
    if gone.is_empty() {
        return None;
    }
    let mut named: Vec<String> = gone.iter().take(NAMED).map(|one| labels(one)).collect();
    if gone.len() > NAMED {
        named.push(format!("{} more", gone.len() - NAMED));
    }
    let reason = format!(
        "gone since the deployment: {} ({} series before, {} now)",
        named.join(", "),
        before.len(),
        now.len()
    );
    let state = match on {
        OnDataLost::Inconclusive => State::NoData,
        OnDataLost::Fail => State::Breach,
    };
    let reason = if state == State::Breach { format!("{reason} (`on_data_lost: fail`)") } else { reason };
    let mut judged = Judged::new(state, Some(reason));
    judged.series = now.len();
    judged.breaching = gone.into_iter().map(key).collect();
    Some(judged)
}

/// `judged`, which is a breach, as what is asked to confirm it makes of it.
pub(super) fn confirmed(judged: Judged, asides: Asides<'_>, check: &Check) -> Judged {
    let confirming = asides.iter().find(|(beside, _)| beside.role == Role::Confirm);
    let Some((_, answer)) = confirming.filter(|_| judged.state == State::Breach) else { return judged };
    let short = judge_alone(answer, &check.judging, check.on, None, None);
    let long = judged.reason.clone().unwrap_or_default();
    let value = || {
        short.values.first().map_or_else(|| "no series".to_owned(), |(_, value)| Number(*value).to_string())
    };
    let (state, reason) = match short.state {
        State::Breach if check.judging.count == Count::Series => {
            let both: Vec<u64> =
                judged.breaching.iter().copied().filter(|one| short.breaching.contains(one)).collect();
            if !both.is_empty() {
                return Judged { breaching: both, ..judged };
            }
            (
                State::Within,
                format!("{long}, but over the shortest range other series breach (`confirm: short`)"),
            )
        }
        State::Breach => return judged,
        State::Within => {
            (State::Within, format!("{long}, but {} over the shortest range (`confirm: short`)", value()))
        }
        State::Error => {
            let why = short.reason.clone().unwrap_or_default();
            (State::Error, format!("{long}, and `confirm` could not be asked: {why}"))
        }
        state => {
            let why = short.reason.clone().unwrap_or_default();
            (state, format!("{long}, but over the shortest range there is {why} (`confirm: short`)"))
        }
    };
    Judged { state, reason: Some(reason), breaching: Vec::new(), ..judged }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::check::History;
    use crate::gate::judge::judge;
    use crate::gate::watch::Taken;
    use crate::policy::model::On;
    use crate::testing::{self, Still};

    fn seen(values: &[(&str, f64)]) -> Reading {
        let one = |(pod, value): &(&str, f64)| Series {
            labels: Arc::new(vec![("pod".into(), (*pod).into())]),
            value: *value,
        };
        Reading::new(Seen::Series(values.iter().map(one).collect()))
    }

    fn failed() -> Reading {
        Reading::new(Seen::Failed("refused".to_owned()))
    }

    /// A check with `max_value: 1` beside which a question of `role` is asked.
    fn check(role: Role) -> Check {
        let mut check = testing::check("fake", 1.0);
        check.beside = vec![Beside { role, probe: Arc::new(Still { past: true }) }];
        check
    }

    fn judged(check: &Check, own: &Reading, beside: Reading) -> (State, String) {
        let taken = Taken { beside: vec![beside], ..Taken::new(own.clone()) };
        let judged = judge(&taken, check, &[]);
        (judged.state, judged.reason.unwrap_or_default())
    }

    #[test]
    fn without_evidence_there_is_no_traffic() {
        let mut check = check(Role::Evidence(10.0));
        let breach = seen(&[("a", 2.0)]);
        for (evidence, state, why) in [
            (seen(&[("a", 10.0 - 1e-12)]), State::Breach, "2 > max_value 1"),
            (seen(&[("a", 9.0)]), State::NoTraffic, "the evidence is 9, expected at least 10"),
            (seen(&[("a", 9.0), ("b", 11.0)]), State::Breach, ""),
            (seen(&[("a", f64::NAN)]), State::NoTraffic, "is NaN"),
            (seen(&[]), State::NoTraffic, "is an empty result"),
            (failed(), State::Error, "the evidence of traffic could not be asked: refused"),
        ] {
            let (found, reason) = judged(&check, &breach, evidence);
            assert!(found == state && reason.contains(why), "{found:?}: {reason}");
        }
        // A source that cannot be asked is that, whatever its evidence says.
        assert_eq!(judged(&check, &failed(), seen(&[])).0, State::Error);
        check.on.no_traffic = On::Fail;
        let (state, reason) = judged(&check, &seen(&[("a", 0.0)]), seen(&[]));
        assert!(state == State::Breach && reason.ends_with("(`on_no_traffic: fail`)"), "{reason}");
    }

    #[test]
    fn series_that_are_too_old_are_left_out() {
        let check = check(Role::SeriesAge(Duration::from_secs(60)));
        let own = seen(&[("a", 2.0), ("b", 0.5)]);
        let (state, reason) = judged(&check, &own, seen(&[("a", 61.0), ("b", 60.0)]));
        assert_eq!((state, reason.as_str()), (State::Within, "1 of 2 series left out: older than 1m"));
        let (state, reason) = judged(&check, &own, seen(&[("a", 300.0), ("b", 120.4)]));
        assert_eq!(
            (state, reason.as_str()),
            (State::NoData, "the newest sample is 2m old, expected at most 1m")
        );
        assert_eq!(judged(&check, &own, failed()).0, State::Error);
    }

    #[test]
    fn what_looks_at_old_samples_only_has_no_data() {
        let check = check(Role::Age(Duration::from_secs(60)));
        let own = seen(&[("a", 2.0)]);
        assert_eq!(judged(&check, &own, seen(&[("", 60.0)])).0, State::Breach);
        let (state, reason) = judged(&check, &own, seen(&[("", 75.0)]));
        assert!(state == State::NoData && reason.contains("1m 15s old, expected at most 1m"), "{reason}");
        let (state, reason) = judged(&check, &own, seen(&[]));
        assert!(state == State::NoData && reason.contains("has a sample any more"), "{reason}");
        // An empty result is what it is.
        assert_eq!(judged(&check, &seen(&[]), seen(&[])).1, "an empty result");
    }

    #[test]
    fn a_breach_may_need_to_be_confirmed() {
        let mut check = check(Role::Confirm);
        let own = seen(&[("a", 2.0), ("b", 3.0)]);
        let (state, reason) = judged(&check, &own, seen(&[("a", 0.5), ("b", 0.25)]));
        let said = "3 > max_value 1 at {pod=\"b\"}, 2 of 2 series, but 0.5 over the shortest range (`confirm: short`)";
        assert_eq!((state, reason.as_str()), (State::Within, said));
        assert_eq!(judged(&check, &own, seen(&[("a", 0.5), ("b", 1.5)])).0, State::Breach);
        assert_eq!(judged(&check, &own, seen(&[("a", f64::NAN)])).0, State::NoTraffic);
        assert_eq!(judged(&check, &own, failed()).0, State::Error);
        assert_eq!(
            judged(&check, &seen(&[("a", 0.5)]), failed()).0,
            State::Within,
            "nothing is to be confirmed"
        );
        // Counted for each series, each is confirmed by itself.
        check.judging.count = Count::Series;
        let taken = Taken { beside: vec![seen(&[("a", 5.0), ("c", 5.0)])], ..Taken::new(own) };
        let both = judge(&taken, &check, &[]);
        let a = key(&vec![("pod".into(), "a".into())]);
        assert_eq!((both.state, both.breaching), (State::Breach, vec![a]));
        assert_eq!(judged(&check, &seen(&[("a", 2.0)]), seen(&[("b", 2.0)])).0, State::Within);
    }

    #[test]
    fn only_a_net_loss_is_one() {
        let mut check = testing::check("fake", 1.0);
        let mut lost = |on: OnDataLost, before: Reading, now: &Reading| {
            check.history = vec![History {
                purpose: Purpose::Lost(on),
                probe: Arc::new(Still { past: true }),
                times: Vec::new(),
                step: Duration::ZERO,
            }];
            let judged = judge(&Taken::new(now.clone()), &check, &[Some(vec![before])]);
            (judged.state, judged.reason.unwrap_or_default())
        };
        let two = || seen(&[("a", 0.0), ("b", 0.0)]);
        let (state, reason) = lost(OnDataLost::Fail, two(), &seen(&[("a", 0.0)]));
        let said = "gone since the deployment: {pod=\"b\"} (2 series before, 1 now) (`on_data_lost: fail`)";
        assert_eq!((state, reason.as_str()), (State::Breach, said));
        assert_eq!(lost(OnDataLost::Inconclusive, two(), &seen(&[])).0, State::NoData);
        for now in [&[("c", 0.0), ("d", 0.0)][..], &[("a", 0.0), ("b", 0.0), ("c", 0.0)]] {
            assert_eq!(lost(OnDataLost::Fail, two(), &seen(now)).0, State::Within);
        }
        assert_eq!(lost(OnDataLost::Fail, failed(), &seen(&[("a", 0.0)])).0, State::Within);
        assert_eq!(lost(OnDataLost::Fail, two(), &failed()).0, State::Error, "the source cannot be asked");
    }
}
