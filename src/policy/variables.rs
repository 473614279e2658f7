//! The policy's inputs: the `variables` it declares, and the values they get from defaults, `--values`, `--set` and
//! the gate itself. Must not look at templates; whether a variable is used is theirs to know.

use jiff::Timestamp;
use regex::Regex;

use super::form::Form;
use super::node::{self, Data, Node, shorten};
use super::problem::{Place, Problem, Problems};
use super::reader::{Field, Reader, Rule, Shape};
use super::template::Scope;
use super::value::Scalar;

/// The fields of a declared variable; a plain scalar stands for its `default`.
pub static DECLARATION: &[Field] = &[
    Field::new("default", Shape::Of(Form::PLAIN), "its value where none is given"),
    Field::new("required", Shape::Of(<bool as Scalar>::FORM.untemplated()), "whether a value must be given")
        .default("false"),
    Field::new("pattern", Shape::Of(Form::PLAIN), "a regular expression that the whole value must match"),
    Field::new("description", Shape::Of(Form::PLAIN), "what it is for"),
];

/// How they go together.
pub static RULES: &[Rule] = &[Rule::Where("required", "true", &[Rule::None(&["default"])])];

/// The variables that the gate sets itself, and what they come from.
pub const OWN: &[(&str, &str)] = &[
    ("service", "pass `--service`"),
    ("environment", "pass `--environment`"),
    ("version", "pass `--version`"),
    ("previous_version", "pass `--previous-version`"),
    ("deployed_at", "pass `--deployed-at`"),
    ("run_id", "the gate makes it itself"),
    (super::template::ELAPSED, "the gate counts it itself, from tick to tick"),
];

/// What the names of variables are.
pub const NAMES: &str = "made of letters, digits, `_`, `-` and `.`";

/// Whether a variable can be called `name`.
pub fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty() && name.chars().all(fits)
}

/// Whether the gate sets `name` itself, so that nobody else can.
pub fn is_own(name: &str) -> bool {
    OWN.iter().any(|(own, _)| *own == name)
}

/// The variables that a policy declares, in its order.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    all: Vec<Declaration>,
}

/// A variable that a policy declares.
#[derive(Debug, Clone)]
pub struct Declaration {
    name: String,
    place: Place,
    default: Option<(String, Place)>,
    required: bool,
    pattern: Option<Pattern>,
    description: Option<String>,
}

#[derive(Debug, Clone)]
struct Pattern {
    text: String,
    whole: Regex,
    place: Place,
}

/// The values that the gate sets itself.
#[derive(Debug, Clone, Default)]
pub struct Own {
    /// `--service`.
    pub service: Option<String>,
    /// `--environment`.
    pub environment: Option<String>,
    /// `--version`.
    pub version: Option<String>,
    /// `--previous-version`.
    pub previous_version: Option<String>,
    /// Names this run; empty where there is none.
    pub run_id: String,
    /// When the new version was live; `None` for `--deployed-at none`, which leaves the variable undefined.
    pub deployed_at: Option<Timestamp>,
}

/// Where values come from, the later ones winning: defaults, files, options, the gate.
#[derive(Debug, Default)]
pub struct Given<'g> {
    /// The files of `--values`: index among the run's sources, and text.
    pub files: Vec<(u16, &'g str)>,
    /// `--set`, name and value.
    pub options: Vec<(String, String)>,
    /// What the gate sets itself.
    pub own: Own,
    /// For commands that only show: what is required and not given is no fault.
    pub may_lack: bool,
}

impl Declared {
    /// Reads `variables`.
    pub fn read(node: &Node, problems: &mut Problems) -> Self {
        let Data::Map(entries) = &node.data else {
            let message = format!("expected `variables` (a mapping), found {}", node.found());
            problems.push(Problem::at(node.place, message));
            return Self::default();
        };
        let mut all = Vec::new();
        for (key, value) in entries {
            let name = &key.name;
            if !is_name(name) {
                let message = format!("expected a variable's name, found `{}`", shorten(name));
                let help = format!("names are {NAMES}");
                problems.push(Problem::at(key.place, message).help(help));
                continue;
            }
            let declaration = declaration(name, key.place, value, problems);
            if let (Some((_, source)), Some((_, place))) = (
                OWN.iter().find(|(own, _)| own == name),
                declaration.as_ref().and_then(|d| d.default.as_ref()),
            ) {
                let message = format!("`{name}` is set by the gate and takes no default");
                problems.push(Problem::at(*place, message).help(*source));
            }
            all.extend(declaration);
        }
        Self { all }
    }

    /// The declared names and where each is declared.
    pub fn names(&self) -> impl Iterator<Item = (&str, Place)> {
        self.all.iter().map(|declaration| (declaration.name.as_str(), declaration.place))
    }

    /// Whether the values of `name` must match a pattern.
    pub fn is_restricted(&self, name: &str) -> bool {
        self.all.iter().any(|declaration| declaration.name == name && declaration.pattern.is_some())
    }

    /// The scope of a run: what is declared and what is given, checked against each other.
    pub fn scope(&self, given: &Given<'_>, problems: &mut Problems) -> Scope {
        let mut scope = Scope::default();
        // Where each value comes from, for the fault of one that does not match.
        let mut places: Vec<(String, Option<Place>)> = Vec::new();
        for declaration in &self.all {
            if let Some((text, place)) = &declaration.default {
                scope.set(&declaration.name, text);
                places.push((declaration.name.clone(), Some(*place)));
            }
        }
        for (source, text) in &given.files {
            for (name, text, place) in values(*source, text, problems) {
                scope.set(&name, &text);
                places.push((name, Some(place)));
            }
        }
        for (name, text) in &given.options {
            if let Some((_, source)) = OWN.iter().find(|(own, _)| own == name) {
                let message = format!("`--set {name}` is refused: the gate sets `{name}`");
                problems.push(Problem::nowhere(message).help(*source));
                continue;
            }
            scope.set(name, text);
            places.push((name.clone(), None));
        }
        set_own(&mut scope, &given.own);
        for declaration in &self.all {
            let place = places.iter().rev().find(|(name, _)| *name == declaration.name);
            if scope.get(&declaration.name).is_some() || !given.may_lack {
                declaration.check(&scope, place.and_then(|(_, place)| *place), problems);
            }
        }
        scope
    }

    /// The variables that are declared, in the policy's order.
    pub fn all(&self) -> impl Iterator<Item = About<'_>> {
        self.all.iter().map(|one| About {
            name: &one.name,
            description: one.description.as_deref(),
            default: one.default.as_ref().map(|(text, _)| text.as_str()),
            required: one.required,
        })
    }
}

/// A declared variable, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About<'d> {
    /// Its name.
    pub name: &'d str,
    /// What it is for.
    pub description: Option<&'d str>,
    /// Its value where none is given.
    pub default: Option<&'d str>,
    /// Whether a value must be given.
    pub required: bool,
}

impl IntoIterator for Declared {
    type Item = Declaration;
    type IntoIter = std::vec::IntoIter<Declaration>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}

impl Declaration {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Its value where none is given.
    pub fn default(&self) -> Option<&str> {
        self.default.as_ref().map(|(text, _)| text.as_str())
    }

    /// Why `text` cannot be its value, if its pattern says so.
    pub fn refuses(&self, text: &str) -> Option<String> {
        let pattern = self.pattern.as_ref().filter(|pattern| !pattern.whole.is_match(text))?;
        let found = shorten(text);
        Some(format!("expected `{}` to match `{}`, found `{found}`", self.name, pattern.text))
    }

    fn check(&self, scope: &Scope, place: Option<Place>, problems: &mut Problems) {
        let name = &self.name;
        let Some(text) = scope.get(name) else {
            if self.required {
                let own = OWN.iter().find(|(own, _)| own == name).map(|(_, source)| (*source).to_owned());
                let mut help = own.unwrap_or_else(|| format!("pass `--set {name}=VALUE`"));
                if let Some(description) = &self.description {
                    help = format!("{help}; it is: {description}");
                }
                let message = format!("the variable `{name}` is required and not given");
                problems.push(Problem::at(self.place, message).help(help));
            }
            return;
        };
        if let (Some(message), Some(pattern)) = (self.refuses(text), &self.pattern) {
            problems.push(Problem::at(place.unwrap_or(pattern.place), message));
        }
    }
}

fn declaration(name: &str, place: Place, node: &Node, problems: &mut Problems) -> Option<Declaration> {
    let plain = Declaration {
        name: name.to_owned(),
        place,
        default: None,
        required: false,
        pattern: None,
        description: None,
    };
    match &node.data {
        Data::Null => return Some(plain),
        Data::Map(_) => {}
        _ => {
            let default = scalar(node, "the default", problems);
            return Some(Declaration { default, ..plain });
        }
    }
    let mut body = Reader::open(node, &format!("the variable `{name}`"), &[DECLARATION], problems)?;
    let default = body.node("default").and_then(|node| scalar(node, "the default", body.problems));
    let required = body.known::<bool>("required").unwrap_or_default();
    if let (true, Some((_, place))) = (required, &default) {
        body.fault(*place, format!("the variable `{name}` is required, so its default is never used"));
    }
    let pattern = body.node("pattern").and_then(|node| pattern(node, body.problems));
    let description =
        body.node("description").and_then(|node| scalar(node, "the description", body.problems));
    let description = description.map(|(text, _)| text);
    Some(Declaration { default, required, pattern, description, ..plain })
}

fn pattern(node: &Node, problems: &mut Problems) -> Option<Pattern> {
    let (text, place) = scalar(node, "the pattern", problems)?;
    match (Regex::new(&text), Regex::new(&format!("^(?:{text})$"))) {
        (Ok(_), Ok(whole)) => Some(Pattern { text, whole, place }),
        _ => {
            let message = format!("expected a regular expression, found `{}`", shorten(&text));
            problems.push(Problem::at(place, message));
            None
        }
    }
}

/// A scalar that stands for itself: what is written in a variable is not rendered again.
fn scalar(node: &Node, what: &str, problems: &mut Problems) -> Option<(String, Place)> {
    match node.scalar() {
        Some(text) if text.contains("{{") => {
            let message = format!("expected {what} of a variable as plain text, found a template");
            problems.push(Problem::at(node.place, message).help("variables cannot name other variables"));
            None
        }
        Some(text) => Some((text.to_owned(), node.place)),
        None => {
            let message = format!("expected {what} of a variable as a scalar, found {}", node.found());
            problems.push(Problem::at(node.place, message));
            None
        }
    }
}

/// The entries of a values file.
fn values(source: u16, text: &str, problems: &mut Problems) -> Vec<(String, String, Place)> {
    let Some(node) = node::read(source, text, problems) else { return Vec::new() };
    let entries = match &node.data {
        Data::Null => return Vec::new(),
        Data::Map(entries) => entries,
        _ => {
            let message = format!("expected values (a mapping of names to scalars), found {}", node.found());
            problems.push(Problem::at(node.place, message));
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for (key, value) in entries {
        if let Some((name, source)) = OWN.iter().find(|(own, _)| *own == key.name) {
            let message = format!("`{name}` in a values file is refused: the gate sets `{name}`");
            problems.push(Problem::at(key.place, message).help(*source));
        } else if let Some(text) = value.scalar() {
            found.push((key.name.clone(), text.to_owned(), value.place));
        } else {
            let message = format!("expected a scalar for `{}`, found {}", shorten(&key.name), value.found());
            problems.push(Problem::at(value.place, message));
        }
    }
    found
}

fn set_own(scope: &mut Scope, own: &Own) {
    let named = [
        ("service", own.service.as_deref()),
        ("environment", own.environment.as_deref()),
        ("version", own.version.as_deref()),
        ("previous_version", own.previous_version.as_deref()),
        ("run_id", Some(own.run_id.as_str()).filter(|id| !id.is_empty())),
    ];
    for (name, text) in named {
        if let Some(text) = text {
            scope.set(name, text);
        }
    }
    if let Some(at) = own.deployed_at {
        // Queries compare with `time()`, which is unix seconds; everywhere else people and APIs read RFC 3339.
        scope.set_both("deployed_at", &at.to_string(), &at.as_second().to_string());
    }
}
