//! What every check has, whatever its kind: its table of fields and how they are read. Must not know any kind, and
//! must not fill in defaults; `render` does, when all of them are known.

use super::form::Form;
use super::model::{Envelope, FailureAction, On, OnMissingSpec, OnNoTraffic};
use super::node::Data;
use super::problem::{Place, Problem};
use super::reader::{Field, Reader, Shape, compile};
use super::template::Context;
use super::value::{AtLeastOne, Period, Scalar as _, Share};

/// The name of checks that cannot be told apart without one.
pub static NAME_REQUIRED: &[Field] =
    &[Field::required("name", Shape::Of(Form::NAME), "what reports call the check; unique in the policy")];

/// The name of checks that have one of their own, their target.
pub static NAME_OPTIONAL: &[Field] = &[Field::new(
    "name",
    Shape::Of(Form::NAME),
    "what reports call the check; unique in the policy; by default its target",
)];

/// The fields of every check beside its name.
pub static ENVELOPE: &[Field] = &[
    Field::new(
        "failure_action",
        Shape::OneOf(FailureAction::WORDS),
        "what its failure means for the deployment",
    )
    .default("rollback"),
    Field::new("duration", Shape::Duration, "how long it is sampled; `0s` is one sample; default the gate's"),
    Field::new("interval", Shape::of::<Period>(), "how often it is sampled; default the gate's"),
    Field::new(
        "max_failures",
        Shape::of::<AtLeastOne>(),
        "breaches that fail it, the last of them included; default that of `rollback_policy`, else 3",
    ),
    Field::new(
        "within",
        Shape::of::<AtLeastOne>(),
        "the consecutive judged samples among which breaches count; default twice `max_failures`",
    ),
    Field::new(
        "min_samples",
        Shape::of::<u32>(),
        "judged samples below which it is inconclusive; default `max_failures`",
    ),
    Field::new(
        "min_coverage",
        Shape::of::<Share>(),
        "the share of due ticks judged below which it is inconclusive",
    )
    .default("50%"),
    Field::new("on_no_data", Shape::OneOf(On::WORDS), "what a tick without enough series counts as")
        .default("inconclusive"),
    Field::new(
        "on_no_traffic",
        Shape::OneOf(OnNoTraffic::WORDS),
        "what a tick with only NaN, or without `evidence`, counts as; `extend`: not judged, and the window is extended \
         tick by tick, up to the `timeout` that is written, while it lacks judged samples for it",
    )
        .default("inconclusive"),
    Field::new("on_infinite", Shape::OneOf(On::WORDS), "what a tick with an infinity counts as")
        .default("inconclusive"),
    Field::new("on_error", Shape::OneOf(On::WORDS), "what a tick whose source could not be asked counts as")
        .default("inconclusive"),
    Field::new("dry_run", Shape::Flag, "measured and reported, never counted").default("false"),
    Field::new("only", Shape::Object(ONLY), "where it applies; elsewhere it is skipped"),
    Field::new("description", Shape::Text, "shown to people"),
    Field::new("runbook_url", Shape::Text, "shown to people when the check fails"),
    Field::new("dashboard_url", Shape::Text, "shown to people when the check fails"),
];

static ONLY: &[Field] = &[Field::required(
    "environment",
    Shape::Several(Form::TEXT),
    "the environments in which the check applies",
)];

/// The fields that count samples, which say nothing of a check whose events are counted.
pub const COUNTS: &[&str] = &["max_failures", "within", "min_samples", "min_coverage"];

/// Reads the fields of every check; the name comes with its place.
pub fn read(body: &mut Reader<'_, '_>) -> (Envelope, Option<Place>) {
    let named = body.plain("name");
    let (name, place) = named.map_or((None, None), |(name, place)| (Some(name), Some(place)));
    let envelope = Envelope {
        name,
        failure_action: body.value("failure_action"),
        duration: body.value("duration"),
        interval: body.value("interval"),
        max_failures: body.value("max_failures"),
        within: body.value("within"),
        min_samples: body.value("min_samples"),
        min_coverage: body.value("min_coverage"),
        on: OnMissingSpec {
            no_data: body.value("on_no_data"),
            no_traffic: body.value("on_no_traffic"),
            infinite: body.value("on_infinite"),
            error: body.value("on_error"),
        },
        dry_run: body.value("dry_run"),
        only: only(body),
        description: body.template("description", Context::Text),
        runbook_url: body.template("runbook_url", Context::Url),
        dashboard_url: body.template("dashboard_url", Context::Url),
    };
    (envelope, place)
}

fn only(body: &mut Reader<'_, '_>) -> Vec<super::template::Template> {
    let Some(node) = body.node("only") else { return Vec::new() };
    let Some(mut only) = Reader::open(node, "`only`", &[ONLY], body.problems) else { return Vec::new() };
    let items = only.items("environment");
    if items.is_empty() && only.node("environment").is_some_and(|node| matches!(node.data, Data::List(_))) {
        only.fault(only.key_place("environment"), "expected at least one environment, found an empty list");
    }
    items.into_iter().filter_map(|item| compile(item, Context::Text, only.problems)).collect()
}

/// The fault of an extension, written at `place`, that nothing ends.
pub fn endless(place: Place) -> Problem {
    let fault = Problem::at(
        place,
        "expected a written `timeout` of the `window` beside `on_no_traffic: extend`, found none",
    );
    fault.help("say how long the gate may wait for traffic, such as `window: {timeout: 30m}`")
}

/// The fault of a `within` at `place` in which `max_failures` breaches find no room.
pub fn too_narrow(within: u32, max_failures: u32, place: Place) -> Option<Problem> {
    (within < max_failures).then(|| {
        let message = format!(
            "expected `within` of at least {max_failures}, found `{within}`: {max_failures} breaches never fit \
             among {within} samples"
        );
        Problem::at(place, message)
            .help(format!("`within` is at least `max_failures`, which is {max_failures} for this check"))
    })
}
