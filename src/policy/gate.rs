//! `post_deployment_validation`: the gate's own fields, and its sections, each read by the kind of check that
//! claims it. Must not name a kind; which sections there are comes from the table of kinds.

use std::collections::{BTreeMap, BTreeSet};

use super::envelope::{self, ENVELOPE, NAME_OPTIONAL, NAME_REQUIRED};
use super::events::{ALPHA, BETA_FIELD, RatesSpec};
use super::form::Form;
use super::freeze::FREEZES;
use super::guards::{COOLDOWN, GuardsSpec, MAX_PER_DAY, REQUIRE_PREVIOUS, WAIT};
use super::healthy;
use super::model::{CheckSpec, ControlSpec, PolicySpec, RollbackSpec};
use super::node::{Data, Node};
use super::problem::{Place, Problem, Problems, did_you_mean, listed};
use super::query;
use super::reader::{Field, Reader, Shape};
use super::template::Context;
use super::value::Value;
use super::window::{self, ModeWord, WINDOW};
use crate::check::{CONTEXT, Companion, ContextSpec, EXPECT_VERSION, Kind, VersionSpec};
use crate::policy::model::{OnInconclusive, OnNoTraffic};
use crate::policy::value::{AtLeastOne, Scalar as _};

/// Breaches that fail a check where nothing is written.
pub const MAX_FAILURES: u32 = 3;

/// The gate's fields beside its sections.
pub static GATE: &[Field] = &[
    Field::new("name", Shape::Of(Form::NAME), "the policy's name; default the file's stem"),
    Field::new("window", Shape::Object(WINDOW), "when and how long the gate watches"),
    Field::new(
        "control",
        Shape::Any,
        "a target that is known to be up; where it fails, the fault is not the deployment's",
    ),
    Field::new("rollback_policy", Shape::Object(ROLLBACK_POLICY), "what follows a rollback verdict"),
    Field::new(
        "alpha",
        Shape::Object(ALPHA),
        "how often checks of events, all together, may fail a good deployment",
    ),
    BETA_FIELD,
    EXPECT_VERSION,
];

/// The fields of `rollback_policy`.
pub static ROLLBACK_POLICY: &[Field] = &[
    Field::new("enabled", Shape::Flag, "whether a rollback verdict triggers anything").default("true"),
    Field::new("max_failures", Shape::of::<AtLeastOne>(), "breaches that fail a check").default("3"),
    Field::new("rollback_pipeline", Shape::Text, "the pipeline that takes the deployment back"),
    Field::new(
        "on_inconclusive",
        Shape::OneOf(OnInconclusive::WORDS),
        "whether an inconclusive check is held back or rolled back for",
    )
    .default("hold"),
    Field::new("preflight", Shape::Flag, "whether triggers are tried before measuring").default("true"),
    Field::new("trigger", Shape::Any, "what starts the rollback: one trigger or a list"),
    FREEZES,
    REQUIRE_PREVIOUS,
    COOLDOWN,
    MAX_PER_DAY,
    WAIT,
];

/// Whether checks of `kind` ask an integration that their `source` names.
pub fn has_source(kind: &dyn Kind) -> bool {
    kind.fields().iter().any(|field| field.key == "source")
}

/// The integration that checks ask where none is named: that of the first kind that asks one.
pub fn default_source(kinds: &[&'static dyn Kind]) -> &'static str {
    kinds.iter().find(|kind| has_source(**kind)).map_or("", |kind| kind.name())
}

/// The words at `depth` of the paths to the kinds' sections, each once, with the kinds below it.
pub fn branches(kinds: &[&'static dyn Kind], depth: usize) -> Vec<(&'static str, Vec<&'static dyn Kind>)> {
    let mut found: Vec<(&'static str, Vec<&'static dyn Kind>)> = Vec::new();
    for kind in kinds {
        let Some(word) = kind.section().get(depth) else { continue };
        match found.iter_mut().find(|(known, _)| known == word) {
            Some((_, below)) => below.push(*kind),
            None => found.push((word, vec![*kind])),
        }
    }
    found
}

/// Reads the gate at `node` into `spec`.
pub fn read(node: &Node, kinds: &[&'static dyn Kind], spec: &mut PolicySpec, problems: &mut Problems) {
    let sections = fields(&branches(kinds, 0));
    let tables = [GATE, CONTEXT, &sections];
    let Some(mut gate) = Reader::open(node, "`post_deployment_validation`", &tables, problems) else {
        return;
    };
    if let Some((name, _)) = gate.plain("name") {
        spec.name = name;
    }
    if let Some(node) = gate.node("window") {
        spec.window = window::read(node, gate.problems).unwrap_or_default();
    }
    spec.rates = RatesSpec::read(&mut gate);
    if let Some(node) = gate.node("rollback_policy") {
        spec.rollback = rollback(node, gate.problems).unwrap_or_default();
    }
    if let Some(node) = gate.node("control") {
        spec.control = control(node, kinds, gate.problems);
    }
    let source = default_source(kinds);
    spec.context = ContextSpec::read(source, &mut gate, &mut true);
    if let Some(node) = gate.node("expect_version") {
        spec.version = VersionSpec::read(source, node, gate.problems);
    }
    for one in spec.companions() {
        companion(one, kinds, spec, gate.problems);
    }
    let mut names = BTreeMap::new();
    section(&mut gate, kinds, 0, &mut Checks { spec, names: &mut names });
    healthy::windows(spec, gate.problems);
    spec.checks.sort_by_key(|check| check.place);
}

fn rollback(node: &Node, problems: &mut Problems) -> Option<RollbackSpec> {
    let mut body = Reader::open(node, "`rollback_policy`", &[ROLLBACK_POLICY], problems)?;
    Some(RollbackSpec {
        enabled: body.value("enabled"),
        max_failures: body.value("max_failures"),
        pipeline: body.template("rollback_pipeline", Context::Text),
        on_inconclusive: body.value("on_inconclusive"),
        preflight: body.value("preflight"),
        trigger: body.node("trigger").cloned(),
        guards: GuardsSpec::read(&mut body),
    })
}

fn control(node: &Node, kinds: &[&'static dyn Kind], problems: &mut Problems) -> Option<ControlSpec> {
    if !matches!(node.data, Data::Map(_)) {
        let message = format!("expected `control` (a mapping), found {}", node.found());
        problems.push(Problem::at(node.place, message));
        return None;
    }
    let mut able = kinds.iter().filter(|kind| !has_source(**kind) && !kind.identity().is_empty());
    let kind = able.clone().find(|kind| kind.identity().iter().any(|key| node.get(key).is_some()));
    let Some(kind) = kind else {
        let ways: Vec<String> = able.by_ref().map(|kind| listed(kind.identity().iter().copied())).collect();
        let message = format!("expected `control` with {}", ways.join(", or with "));
        // What stands there is meant as something: a misspelt key is named, not only found missing.
        if let Data::Map(entries) = &node.data {
            let known: Vec<&str> = kinds
                .iter()
                .filter(|kind| !has_source(**kind))
                .flat_map(|kind| kind.identity().iter().copied())
                .collect();
            for (key, _) in entries {
                if let Some(help) = did_you_mean(&key.name, known.iter().copied()) {
                    let message = format!("`{}` is not a field of `control`", key.name);
                    problems.push(Problem::at(key.place, message).help(help));
                    return None;
                }
            }
        }
        problems.push(Problem::at(node.place, message));
        return None;
    };
    let what = format!("the `{}` check of `control`", kind.name());
    let mut body = Reader::open(node, &what, &[kind.fields()], problems)?;
    let place = body.place;
    Some(ControlSpec { kind: kind.name(), spec: kind.parse(&mut body)?, place })
}

fn fields(branches: &[(&'static str, Vec<&'static dyn Kind>)]) -> Vec<Field> {
    branches.iter().map(|(word, _)| Field::new(word, Shape::Any, "the checks of this sort")).collect()
}

/// Where the checks that are read go.
struct Checks<'s> {
    spec: &'s mut PolicySpec,
    names: &'s mut BTreeMap<String, Place>,
}

fn section(body: &mut Reader<'_, '_>, kinds: &[&'static dyn Kind], depth: usize, checks: &mut Checks<'_>) {
    for (word, below) in branches(kinds, depth) {
        let here: Vec<_> = below.iter().copied().filter(|kind| kind.section().len() == depth + 1).collect();
        if !here.is_empty() {
            for item in body.list(word) {
                check(item, &here, checks, body.problems);
            }
            continue;
        }
        let Some(node) = body.node(word) else { continue };
        let table = fields(&branches(&below, depth + 1));
        if let Some(mut inner) = Reader::open(node, &format!("`{word}`"), &[&table], body.problems) {
            section(&mut inner, &below, depth + 1, checks);
        }
    }
}

fn check(node: &Node, kinds: &[&'static dyn Kind], checks: &mut Checks<'_>, problems: &mut Problems) {
    let Some(kind) = kind_of(node, kinds, checks.spec, problems) else { return };
    let name_table = if has_source(kind) { NAME_REQUIRED } else { NAME_OPTIONAL };
    let what = match node.get("name").and_then(Node::scalar) {
        Some(name) => format!("the {} check `{}`", kind.name(), super::node::shorten(name)),
        None => format!("this {} check", kind.name()),
    };
    let tables = [name_table, kind.fields(), ENVELOPE];
    let Some(mut body) = Reader::open(node, &what, &tables, problems) else { return };
    let (envelope, name_place) = envelope::read(&mut body);
    if let (Some(name), Some(place)) = (&envelope.name, name_place) {
        match checks.names.get(name) {
            Some(first) => body.problems.push(
                Problem::at(place, format!("the name `{name}` is given to two checks"))
                    .also(*first, "first given here")
                    .help("reports tell checks apart by name: make each unique"),
            ),
            None => {
                checks.names.insert(name.clone(), place);
            }
        }
    }
    if matches!(checks.spec.window.mode, Some(Value::Known(ModeWord::UntilHealthy, _))) {
        healthy::counts_nothing(&envelope, body.problems);
    } else if let Some(problem) = narrow(&envelope, checks.spec) {
        body.problems.push(problem);
    }
    if let Some(Value::Known(OnNoTraffic::Extend, place)) = envelope.on.no_traffic
        && checks.spec.window.timeout.is_none()
    {
        body.problems.push(envelope::endless(place));
    }
    let place = body.place;
    let Some(spec) = kind.parse(&mut body) else { return };
    if let Some(template) = spec.facts().query
        && let Some(dialect) = checks.spec.integrations.dialect(spec.source().unwrap_or_default())
    {
        query::check(template, dialect, body.problems);
    }
    let dialect = checks.spec.integrations.dialect(spec.source().unwrap_or_default());
    for counter in spec.facts().counters {
        query::check_counter(counter, dialect.unwrap_or_default(), body.problems);
    }
    for one in spec.companions() {
        // A source that is also the check's has been looked at.
        let able = if spec.source() == Some(one.source.0) { &[] } else { kinds };
        companion(one, able, checks.spec, body.problems);
    }
    let facts = spec.facts();
    if let Some((by, keys)) = facts.set_aside {
        for key in keys.iter().filter(|key| node.get(key).is_some_and(|node| node.data != Data::Null)) {
            let message = format!("`{key}` does not apply to a check that `{by}` decides");
            let help = format!(
                "`{by}` decides once, at the last tick: leave `{key}` out, or write a check of its own"
            );
            body.problems.push(Problem::at(body.key_place(key), message).help(help));
        }
    }
    checks.spec.checks.push(CheckSpec { envelope, kind: kind.name(), spec, place });
}

/// The fault of a `within` that is too small, as far as it can be told before anything is rendered.
fn narrow(envelope: &super::model::Envelope, spec: &PolicySpec) -> Option<Problem> {
    let Some(Value::Known(AtLeastOne(within), place)) = envelope.within else { return None };
    let max_failures = match envelope.max_failures.as_ref().or(spec.rollback.max_failures.as_ref()) {
        None => MAX_FAILURES,
        Some(Value::Known(AtLeastOne(max), _)) => *max,
        Some(Value::Later(_)) => return None,
    };
    envelope::too_narrow(within, max_failures, place)
}

/// The kind of the check at `node`, one of those that share its section.
fn kind_of(
    node: &Node,
    kinds: &[&'static dyn Kind],
    spec: &PolicySpec,
    problems: &mut Problems,
) -> Option<&'static dyn Kind> {
    let first = kinds.first().copied()?;
    if !has_source(first) {
        let claims = |kind: &&&dyn Kind| kind.identity().iter().any(|key| node.get(key).is_some());
        return Some(kinds.iter().find(claims).copied().unwrap_or(first));
    }
    let Some(source) = node.get("source").filter(|source| source.data != Data::Null) else {
        let name = default_source(kinds);
        let system = spec.integrations.system(name).unwrap_or(name);
        return Some(kinds.iter().copied().find(|kind| kind.name() == system).unwrap_or(first));
    };
    // What is no name at all is reported by the kind, which reads the key.
    let Some(name) = source.scalar().filter(|name| !name.contains("{{") && !name.trim().is_empty()) else {
        return Some(first);
    };
    Some(kind_of_source((name, source.place), kinds, spec, problems).unwrap_or(first))
}

/// Adds what is wrong with a query beside a check's own: with itself, or with its source, which one of `kinds` must be
/// able to ask if there are any.
fn companion(one: Companion<'_>, kinds: &[&'static dyn Kind], spec: &PolicySpec, problems: &mut Problems) {
    let able: Vec<&'static dyn Kind> = kinds.iter().copied().filter(|kind| has_source(*kind)).collect();
    if !able.is_empty() {
        kind_of_source(one.source, &able, spec, problems);
    }
    if let Some(dialect) = spec.integrations.dialect(one.source.0) {
        query::check(one.query, dialect, problems);
    }
}

/// The kind that asks the integration `name`; `None` after reporting why there is none.
fn kind_of_source(
    (name, place): (&str, Place),
    kinds: &[&'static dyn Kind],
    spec: &PolicySpec,
    problems: &mut Problems,
) -> Option<&'static dyn Kind> {
    let system = match spec.integrations.system(name) {
        Some(system) => system,
        None if name == spec.integrations.default_source() => name,
        None => {
            let known: BTreeSet<&str> =
                spec.integrations.names().chain([spec.integrations.default_source()]).collect();
            let near = did_you_mean(name, known.iter().copied()).map(|near| format!("{near} "));
            let help = format!("{}the integrations are: {}", near.unwrap_or_default(), listed(known));
            let message = format!("`{name}` is not the name of an integration");
            problems.push(Problem::at(place, message).help(help));
            return None;
        }
    };
    let kind = kinds.iter().copied().find(|kind| kind.name() == system);
    if kind.is_none() {
        let message = format!("`{name}` is a `{system}` integration, which cannot be asked for metrics");
        let able = listed(kinds.iter().map(|kind| kind.name()));
        problems.push(Problem::at(place, message).help(format!("supported systems are: {able}")));
    }
    kind
}
