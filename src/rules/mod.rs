//! A policy's checks as alerting rules, so that what the gate watched for minutes is watched for good. Must not ask or write
//! anything, and must not know kinds: a check says itself what it asks for good. What cannot be said as a rule is left out
//! with its reason, never said by halves in silence.

mod absence;
mod differ;
mod events;
mod expr;
pub(crate) mod load;
mod names;
mod relative;
mod yaml;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::check::{Probe, Role, Standing};
use crate::policy::model::{Check, FailureAction, On, Policy};
use crate::policy::window::Mode;
use crate::promql::{self, Dialect, Options};
use absence::Absence;
pub(crate) use differ::difference;
use expr::Query;
pub(crate) use names::label_fault;
use names::{Alerts, literal};
pub(crate) use yaml::{file, group};

/// How long the absence of data must last at least: a restart of the server is no absence.
const ABSENT_FOR: Duration = Duration::from_secs(300);

/// What rules are made with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// The name of the group.
    pub group: String,
    /// The metrics integration whose rules are wanted: one server evaluates one file.
    pub source: String,
    /// What was deployed.
    pub service: Option<String>,
    /// Where.
    pub environment: Option<String>,
    /// Further labels of every alert.
    pub labels: Vec<(String, String)>,
    /// The scrape job of the prober that probes what HTTP and TCP checks do.
    pub probes: Option<String>,
    /// How long a breach must last; what the gate's patience is where that is `None`.
    pub lasting: Option<Duration>,
    /// How often the group is evaluated; as the server has it where that is `None`.
    pub interval: Option<Duration>,
    /// Whether the absence of data gets rules of its own.
    pub absence: bool,
}

/// An alerting rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The alert's name.
    pub alert: String,
    /// When it is active, in PromQL.
    pub expr: String,
    /// How long it must be active before it fires.
    pub lasting: Duration,
    /// Labels beside those of the series.
    pub labels: Vec<(String, String)>,
    /// Texts for people, in which Go templates are filled in.
    pub annotations: Vec<(&'static str, String)>,
    /// What it does not say of the check, a line each.
    pub notes: Vec<String>,
}

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A rule.
    Rule(Box<Rule>),
    /// None.
    LeftOut {
        /// The check's name.
        check: String,
        /// Why.
        why: String,
    },
}

/// The rules of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// Its name.
    pub name: String,
    /// How often it is evaluated.
    pub interval: Option<Duration>,
    /// What each check came to, in the policy's order.
    pub entries: Vec<Entry>,
}

impl Group {
    /// Its rules.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Rule(rule) => Some(&**rule),
            Entry::LeftOut { .. } => None,
        })
    }

    /// The checks without a rule, and why they have none.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Rule(_) => None,
            Entry::LeftOut { check, why } => Some((check.as_str(), why.as_str())),
        })
    }
}

/// The rules of `policy`; `bound` says of each of its checks what ties it to one deployment, if anything does.
pub(crate) fn rules(policy: &Policy, bound: &[Bound], wanted: &Wanted) -> Group {
    let mut alerts = Alerts::default();
    let mut entries = Vec::new();
    let none = Bound::default();
    for (at, check) in policy.checks.iter().enumerate() {
        match of_check(check, bound.get(at).unwrap_or(&none), policy, wanted) {
            Ok(made) => entries.extend(made.into_iter().map(|mut rule| {
                rule.alert = alerts.unique(&rule.alert);
                Entry::Rule(Box::new(rule))
            })),
            Err(why) => entries.push(Entry::LeftOut { check: check.name.clone(), why }),
        }
    }
    Group { name: wanted.group.clone(), interval: wanted.interval, entries }
}

/// What ties a check to one deployment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bound {
    /// Variables of its queries that say when it was.
    pub times: BTreeSet<String>,
    /// Variables of its queries that say what was deployed.
    pub versions: BTreeSet<String>,
}

/// A rule as it is made: what is active, and in words.
struct Made {
    expr: String,
    /// What is breached, in words.
    limit: String,
    notes: Vec<String>,
}

fn of_check(check: &Check, bound: &Bound, policy: &Policy, wanted: &Wanted) -> Result<Vec<Rule>, String> {
    if let Some(why) = &check.skipped {
        return Err(why.clone());
    }
    if check.dry_run {
        return Err("it is a dry run, which counts for nothing".to_owned());
    }
    if let Some(name) = bound.times.first() {
        return Err(format!("it names `{name}`, which is another at each deployment"));
    }
    if let Some(source) = check.source.as_ref().filter(|source| **source != wanted.source) {
        return Err(format!("it asks `{source}`: `--source {source}` writes the rules for that"));
    }
    let cx = Cx { check, policy, wanted };
    let versions: Vec<String> = bound
        .versions
        .iter()
        .map(|name| format!("it names `{name}`: write the rules anew at each deployment"))
        .collect();
    let (made, absence) = match check.probe.standing() {
        Standing::Never(why) => return Err(why),
        Standing::Target(target) => of_target(&target, wanted)?,
        Standing::Events { own, against } => {
            let tested = check.events.ok_or_else(|| "it says nothing of its events".to_owned())?;
            (events::breach(&tested, &own, against.as_ref(), check.duration)?, events::absence(&own))
        }
        Standing::Query { text, dialect } => of_query(&cx, &text, dialect)?,
    };
    let mut rules = vec![cx.breach(Made { notes: [made.notes, versions].concat(), ..made })?];
    if let Some(expr) = absence.traffic {
        rules.push(cx.no_traffic(expr)?);
    }
    if let Some(expr) = absence.data.filter(|_| wanted.absence && check.on.no_data != On::Pass) {
        rules.push(cx.no_data(expr, &absence.lacks)?);
    }
    Ok(rules)
}

fn of_target(target: &str, wanted: &Wanted) -> Result<(Made, Absence), String> {
    let Some(job) = &wanted.probes else {
        let why = "it probes by itself; `--blackbox-job NAME` makes a rule of what a blackbox exporter sees";
        return Err(why.to_owned());
    };
    // A prober's target may lack the slash that every URL has.
    let instance = match target.strip_suffix('/') {
        Some(bare) if bare.matches('/').count() == 2 => {
            format!("=~{}", promql::quote(&format!("{}/?", regex::escape(bare))))
        }
        _ => format!("={}", promql::quote(target)),
    };
    let series = format!("probe_success{{job={}, instance{instance}}}", promql::quote(job));
    let limit = "`probe_success` 1".to_owned();
    let absence = Absence {
        data: Some(format!("absent({series})")),
        lacks: format!("nothing probes {target} as the job {job}"),
        traffic: None,
    };
    let notes = vec!["what the prober expects of an answer is in its own module".to_owned()];
    Ok((Made { expr: format!("{series} == 0"), limit, notes }, absence))
}

fn of_query(cx: &Cx<'_>, text: &str, dialect: Dialect) -> Result<(Made, Absence), String> {
    let query = Query::read(text, dialect)?;
    let mut aside = Vec::new();
    let mut evidence = None;
    let mut short = None;
    let mut baseline = None;
    for beside in &cx.check.beside {
        match beside.role {
            Role::Evidence(least) => evidence = Some((asked(&*beside.probe, cx, "its evidence")?, least)),
            Role::Confirm => short = Some(asked(&*beside.probe, cx, "its confirmation")?),
            // What is asked about an earlier time is the check's own query, earlier.
            Role::Baseline => baseline = asked(&*beside.probe, cx, "its baseline").ok(),
            Role::Version(_) | Role::SeriesAge(_) | Role::Age(_) | Role::Season => {}
        }
    }
    let judging = &cx.check.judging;
    let limits = expr::limits(cx.check);
    let relative = judging.relative.map(|relative| relative::breach(&relative, &query, baseline.as_ref()));
    let relative = match relative {
        Some(Ok(relative)) => Some(relative),
        Some(Err(why)) if limits.is_empty() || judging.relative.is_some_and(|one| one.test.is_some()) => {
            return Err(why);
        }
        Some(Err(why)) => {
            aside.push(format!("{why}: only the limits beside it are watched"));
            None
        }
        None => None,
    };
    aside.extend(relative.iter().flat_map(|relative| relative.notes.clone()));
    let ways = relative.map(|relative| relative.ways);
    let breach = |query: &Query| expr::breach(query, cx.check, &limits, ways.as_deref().unwrap_or_default());
    let mut expr = breach(&query)?;
    if let Some(short) = &short {
        expr = format!("({expr}) and ({})", breach(short)?);
    }
    if let Some((evidence, least)) = &evidence {
        let least = promql::write_number(*least);
        expr = format!("({expr}) and on () (max({}) >= {least})", evidence.argument());
    }
    let limit = if judging.expect_empty {
        "`expect_empty`".to_owned()
    } else {
        expr::words(cx.check, !ways.unwrap_or_default().is_empty())
    };
    Ok((Made { expr, limit, notes: aside }, absence::of_query(&query, cx.check, evidence.as_ref())))
}

/// The query that `probe` asks beside a check's own, which is `what`.
fn asked(probe: &dyn Probe, cx: &Cx<'_>, what: &str) -> Result<Query, String> {
    if probe.lane() != cx.wanted.source {
        return Err(format!("{what} is asked of `{}`, and a rule asks one server", probe.lane()));
    }
    match probe.standing() {
        Standing::Query { text, dialect } => {
            Query::read(&text, dialect).map_err(|why| format!("of {what}: {why}"))
        }
        Standing::Never(why) => Err(format!("of {what}: {why}")),
        Standing::Events { .. } | Standing::Target(_) => Err(format!("{what} is no query")),
    }
}

/// What the rules of one check have in common.
struct Cx<'c> {
    check: &'c Check,
    policy: &'c Policy,
    wanted: &'c Wanted,
}

impl Cx<'_> {
    /// How long a breach must last: as long as from the first of the breaches that fail the check to the last.
    fn lasting(&self) -> Duration {
        let check = self.check;
        self.wanted.lasting.unwrap_or(match check.mode {
            // Events have no patience that is written: that of a check which says nothing is theirs.
            _ if check.events.is_some() => check.interval * (crate::policy::gate::MAX_FAILURES - 1),
            Mode::Sustained => check.interval.saturating_mul(check.max_failures - 1),
            Mode::UntilHealthy { stable_for } => stable_for,
        })
    }

    const fn severity(&self) -> &'static str {
        match self.check.failure_action {
            FailureAction::Rollback => "critical",
            FailureAction::Alert => "warning",
        }
    }

    /// What it is that is watched: `checkout`, or the policy.
    fn subject(&self) -> &str {
        self.wanted.service.as_deref().unwrap_or(&self.policy.name)
    }

    fn breach(&self, made: Made) -> Result<Rule, String> {
        let summary = format!("{}: {} breaches {}", self.subject(), self.check.name, made.limit);
        let means = match self.check.failure_action {
            FailureAction::Rollback => "a deployment is rolled back",
            FailureAction::Alert => "the gate alerts after a deployment",
        };
        let told =
            format!("The value is {{{{ $value }}}}, the limit {}. For this, {means}.", literal(&made.limit));
        let mut rule = self.rule("", self.severity(), self.lasting(), &made.expr, (&summary, told))?;
        rule.notes = made.notes;
        Ok(rule)
    }

    fn no_data(&self, expr: String, lacks: &str) -> Result<Rule, String> {
        let severity = if self.check.on.no_data == On::Fail { self.severity() } else { "warning" };
        let summary = format!("{}: nobody can say how {} is", self.subject(), self.check.name);
        let told = format!("{}: nothing is watched until it is back.", literal(lacks));
        self.rule("NoData", severity, self.lasting().max(ABSENT_FOR), &expr, (&summary, told))
    }

    fn no_traffic(&self, expr: String) -> Result<Rule, String> {
        let summary = format!("{}: there is no traffic to judge {} by", self.subject(), self.check.name);
        let told = "The policy has `on_no_traffic: fail`.".to_owned();
        self.rule("NoTraffic", self.severity(), self.lasting(), &expr, (&summary, told))
    }

    fn rule(
        &self,
        more: &str,
        severity: &str,
        lasting: Duration,
        expr: &str,
        (summary, told): (&str, String),
    ) -> Result<Rule, String> {
        let check = self.check;
        let own = [
            ("severity", Some(severity)),
            ("service", self.wanted.service.as_deref()),
            ("environment", self.wanted.environment.as_deref()),
            ("policy", Some(self.policy.name.as_str())),
            ("check", Some(check.name.as_str())),
        ];
        let written = &self.wanted.labels;
        let own = own.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let own = own.filter(|(name, _)| !written.iter().any(|(other, _)| other == name));
        let labels = own.chain(written.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let description = check.description.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let description = description.map(|text| {
            let end = if text.ends_with(['.', '!', '?', '。']) { "" } else { "." };
            format!("{}{end} ", literal(text))
        });
        let texts = [
            ("summary", Some(literal(summary))),
            ("description", Some(format!("{}{told}", description.unwrap_or_default()))),
            ("runbook_url", check.runbook_url.as_deref().map(literal)),
            ("dashboard_url", check.dashboard_url.as_deref().map(literal)),
        ];
        Ok(Rule {
            alert: format!("{}{more}", names::alert(&check.name)),
            expr: sound(expr)?,
            lasting,
            labels: labels.map(|(name, value)| (name.to_owned(), literal(value))).collect(),
            annotations: texts.into_iter().filter_map(|(name, text)| Some((name, text?))).collect(),
            notes: Vec::new(),
        })
    }
}

/// `expr` as our own PromQL prints it, once it has read it.
fn sound(expr: &str) -> Result<String, String> {
    let read = promql::parse(expr, Options { dialect: Dialect::PromQl, holes: false }).sound();
    read.map(|expr| expr.to_string()).map_err(|errors| {
        let why = errors.first().map(|error| error.message.to_string()).unwrap_or_default();
        format!("as a rule it would not be PromQL: {why}")
    })
}
