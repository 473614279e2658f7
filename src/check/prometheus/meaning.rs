//! What an answer means: series and notes, or the reason why there is nothing to judge, in words one can act on.
//! Must not read bytes and must not ask again; it says whether that may help.

use jiff::Timestamp;

use super::answer::{Malformed, Said};
use super::series::{Found, Shapes};
use crate::api::words::{self as api, Peer};
use crate::check::{Series, SourceError};
use crate::host::http::Response;

/// Notes of one answer that are kept; Prometheus itself sends ten of each kind at most.
const NOTES: usize = 20;

/// What Prometheus says where a `limit` was reached.
const LIMITED: &str = "results truncated due to limit";

/// What warnings say when data is missing from the answer, in lower case. An answer of which a part is missing must
/// not be judged: the missing part may be the broken one.
const PARTIAL: &[&str] = &[
    // Prometheus, where a `limit` was set by what stands before it.
    LIMITED,
    // Thanos, whose stores were not asked or did not answer; sent where it ignores `partial_response=false`.
    "no storeapis matched for this query",
    "receive series from",
    "fetch series for",
    "failed to receive any data",
    // Cortex, Mimir and what is built on them.
    "partial data",
    "partial result",
    "partial response",
    // M3.
    "results not exhaustive",
    "limit_applied",
    // Prometheus with remote read, where a secondary store failed.
    "remote read",
    "remote_read",
    "error sending request",
];

/// Series by the times that were asked for, and what the server said beside them.
pub(super) type Meant = (Vec<Vec<Series>>, Vec<String>);

/// Whether `warning` says that data is missing; `limited` where a limit was set and may be reached.
pub(super) fn is_partial(warning: &str, limited: bool) -> bool {
    let lower = warning.to_lowercase();
    if limited && lower.contains(LIMITED) {
        return false;
    }
    // The engine's own annotations quote metric names, which may hold any of these words.
    !lower.starts_with("promql ") && PARTIAL.iter().any(|phrase| lower.contains(phrase))
}

/// What `response`, read as `said`, means.
pub(super) fn meaning(
    peer: Peer<'_>,
    response: &Response,
    said: Result<Said, Malformed>,
    ranged: bool,
    now: Timestamp,
) -> Result<Meant, SourceError> {
    let who = peer.who;
    if !(200..300).contains(&response.status) {
        let words = said.ok().and_then(|said| own_words(peer, &said));
        return Err(peer.refused(response, words.as_deref(), now));
    }
    let said = said.map_err(|malformed| unreadable(peer, response, &malformed))?;
    if said.status.as_deref() != Some("success") {
        let words = own_words(peer, &said).unwrap_or_else(|| peer.glimpse(response));
        return Err(SourceError::lasting(format!("{who} answered {} {words}", response.status)));
    }
    let Some(found) = said.data else {
        let glimpse = peer.glimpse(response);
        return Err(SourceError::lasting(format!("{who} answered without data: {glimpse}")));
    };
    if let Some(reason) = unjudgeable(&found, ranged) {
        return Err(SourceError::lasting(reason));
    }
    if said.partial {
        let told = format!("{who} gave a partial answer (`isPartial`): some of its storage did not answer");
        return Err(SourceError::passing(told, std::time::Duration::ZERO));
    }
    if let Some(warning) = said.warnings.iter().find(|warning| is_partial(warning, false)) {
        let warning = api::line(warning, api::WORDS, peer.redactor);
        let told = format!("{who} gave a partial answer: {warning}");
        return Err(SourceError::passing(told, std::time::Duration::ZERO));
    }
    if found.off_times {
        return Err(SourceError::lasting(format!(
            "{who} answered for other times than were asked: something before it aligns ranges to their step"
        )));
    }
    let notes = said.warnings.iter().chain(&said.infos).take(NOTES);
    let notes = notes.map(|note| api::line(note, api::WORDS, peer.redactor)).collect();
    Ok((found.columns, notes))
}

/// The server's own words for an error: `bad_data: …`.
fn own_words(peer: Peer<'_>, said: &Said) -> Option<String> {
    let error = said.error.as_deref().filter(|error| !error.is_empty())?;
    let words = match &said.error_type {
        Some(class) if !class.is_empty() => format!("{class}: {error}"),
        _ => error.to_owned(),
    };
    Some(api::line(&words, api::WORDS, peer.redactor))
}

fn unreadable(peer: Peer<'_>, response: &Response, malformed: &Malformed) -> SourceError {
    let (who, key, status) = (peer.who, peer.key, response.status);
    let glimpse = peer.glimpse(response);
    match malformed {
        // A cut answer came from a server that stopped in the middle of it.
        Malformed::Cut => SourceError::passing(
            format!(
                "{who} answered {status} with JSON that is cut off after {} bytes: {glimpse}",
                response.body.len()
            ),
            std::time::Duration::ZERO,
        ),
        Malformed::NotJson => SourceError::lasting(format!(
            "{who} answered {status} {glimpse}, expected JSON; is this API at the integration's `{key}`?"
        )),
        Malformed::Shape(problem) => {
            let problem = api::line(problem, api::WORDS, peer.redactor);
            SourceError::lasting(format!("{who} answered {status} {glimpse}, which is no result: {problem}"))
        }
    }
}

/// Why a result is none that can be judged.
fn unjudgeable(found: &Found, ranged: bool) -> Option<String> {
    let Shapes { plain, text, single, many, bare } = found.shapes;
    if found.kind.as_deref() == Some("string") {
        return Some("the query gives a string, expected numbers".to_owned());
    }
    if found.histograms {
        return Some(
            "the query gives native histograms, expected numbers: use `histogram_quantile`, `histogram_avg`, \
             `histogram_fraction` or `histogram_count`"
                .to_owned(),
        );
    }
    if found.kind.as_deref() == Some("matrix") && !ranged {
        return Some(
            "the query gives the samples of a range, expected one value a series: put a function like `rate` or \
             `max_over_time` around the range"
                .to_owned(),
        );
    }
    let fits = match found.kind.as_deref() {
        Some("scalar") => plain && !(ranged || text || single || many || bare),
        Some("vector") => !(ranged || plain || text || many || bare),
        Some("matrix") => !(plain || text || single || bare),
        _ => false,
    };
    (!fits).then(|| {
        let kind = found.kind.as_deref().unwrap_or("no type");
        let shown: String = kind.chars().filter(|c| !c.is_control()).take(40).collect();
        format!(
            "the answer is no result: expected series as its `resultType` says, found `{shown}` with others"
        )
    })
}
