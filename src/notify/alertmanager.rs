//! The `alertmanager` channel: an alert for each policy, service and environment, which a later pass resolves. Must keep what
//! changes from run to run out of the labels: they are what the alert is known by.

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::address::{nobody_by_name, only_one_place};
use super::markdown::{Unmarked, Writer, fitted};
use super::message::{Fact, LinkTo, Message, Tone};
use super::{Addressee, Channel, ChannelKind};
use crate::api::remote::Hints;
use crate::api::words::address;
use crate::api::{Allowance, Effect, Question, Remote};
use crate::host::Host;
use crate::host::clock::later;
use crate::policy::notices::Locale;
use crate::policy::problem::Problem;
use crate::policy::settings::Settings;

/// The name that every alert has.
const NAME: &str = "RollgateVerdict";

/// The labels that are set here; the first three come of facts, as far as they are known.
const LABELS: &[(&str, Fact)] = &[
    ("policy", Fact::Policy),
    ("service", Fact::Service),
    ("environment", Fact::Environment),
    ("project", Fact::Project),
    ("source", Fact::Source),
];

/// How long an alert fires where no pass resolves it.
const FIRES: Duration = Duration::from_secs(4 * 60 * 60);

/// Bytes of the text for people.
const TEXT: usize = 8 * 1024;

const HINTS: Hints<'static> = &[
    (400, "it takes no such alert: check the integration's `labels`"),
    (401, "check the integration's `auth` and its secret"),
    (404, "check the integration's `url`: it may lack a path prefix"),
    (405, "is an Alertmanager of 0.16 or newer at the integration's `url`?"),
];

/// The `alertmanager` channel.
pub struct Alertmanager;

impl ChannelKind for Alertmanager {
    fn name(&self) -> &'static str {
        "alertmanager"
    }

    fn summary(&self) -> &'static str {
        "fires an alert in Alertmanager, and resolves it on the next pass"
    }

    fn example(&self) -> &'static str {
        "integrations:\n  alertmanager:\n    url: http://alertmanager:9093\n    labels: {team: checkout}\n    \
         resolve_after: 12h\nnotifications:\n  - {to: alertmanager}\n"
    }

    fn connect(
        &self,
        settings: &mut Settings<'_>,
        addressee: &Addressee,
        host: &Host,
    ) -> Option<Box<dyn Channel>> {
        only_one_place(settings, addressee, "an Alertmanager");
        nobody_by_name(settings, addressee, "an Alertmanager");
        if !settings.has("url") {
            settings.lacks(
                &["url"],
                "it is where Alertmanager's own page is, such as `http://alertmanager:9093`",
            );
        }
        let labels = labels(settings);
        let fires = settings.typed("resolve_after").unwrap_or(FIRES);
        let url = settings.address("url", false)?;
        let remote = Remote::reach("Alertmanager", &url, settings, host)?;
        let shown = format!("{}{}", address(&url), url.path().trim_end_matches('/'));
        Some(Box::new(Alerts { remote, shown, labels: labels?, fires, locale: addressee.locale }))
    }
}

/// The labels of the integration; `None` after telling the settings what is wrong.
fn labels(settings: &mut Settings<'_>) -> Option<Vec<(String, String)>> {
    let labels = settings.map("labels");
    let mut all_well = true;
    for (name, value) in &labels {
        let mut chars = name.chars();
        let begins = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        let plain = begins && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
        let ours =
            ["alertname", "severity"].contains(&&**name) || LABELS.iter().any(|(label, _)| label == name);
        let problem = match () {
            () if ours => Problem::nowhere(format!("the label `{name}` is set by rollgate itself")),
            () if !plain => {
                Problem::nowhere(format!("expected a label of letters, digits and `_`, found `{name}`"))
            }
            () if value.trim().is_empty() => Problem::nowhere(format!("the label `{name}` has no value")),
            () => continue,
        };
        all_well = false;
        settings.fault(&format!("labels.{name}"), problem);
    }
    all_well.then_some(labels)
}

#[derive(Debug)]
struct Alerts {
    remote: Remote,
    shown: String,
    labels: Vec<(String, String)>,
    fires: Duration,
    locale: Locale,
}

impl Channel for Alerts {
    fn kind(&self) -> &'static str {
        Alertmanager.name()
    }

    fn target(&self) -> String {
        self.shown.clone()
    }

    fn send<'a>(
        &'a self,
        message: &'a Message,
        _earlier: Option<&'a Effect>,
        allowance: &'a Allowance<'a>,
    ) -> BoxFuture<'a, Effect> {
        Box::pin(async move { self.post(message, allowance).await.unwrap_or_else(|effect| effect) })
    }
}

impl Alerts {
    async fn post(&self, message: &Message, allowance: &Allowance<'_>) -> Result<Effect, Effect> {
        let url = self.remote.url(&["api", "v2", "alerts"]);
        let alerts = self.alerts(message, allowance.host.clock.now());
        // The labels are what an alert is known by: the same once more changes nothing.
        let question = Question::json(Method::POST, url, &alerts).harmless();
        let answer = self.remote.ask(&question, allowance).await?;
        self.remote.accepted(&answer, HINTS, &allowance.host.output.redactor)?;
        Ok(Effect::confirmed(answer.status))
    }

    /// An alert for each severity, of which at most one fires: `severity` is a label since routes and inhibitions go by it,
    /// so that one that fired as something else ends.
    fn alerts(&self, message: &Message, now: Timestamp) -> Value {
        let firing = severity(message.status.tone());
        let alert = |of: &str| {
            let mut alert = json!({"labels": self.labelled(message, of)});
            if firing == Some(of) {
                alert["annotations"] = self.annotations(message);
                alert["startsAt"] = message.at.to_string().into();
                alert["endsAt"] = later(now, self.fires).to_string().into();
                if let Some(run) = link(message, LinkTo::Run) {
                    alert["generatorURL"] = run.into();
                }
            } else {
                alert["endsAt"] = now.to_string().into();
            }
            alert
        };
        ["critical", "warning", "info"].into_iter().map(alert).collect()
    }

    fn labelled(&self, message: &Message, severity: &str) -> Map<String, Value> {
        let mut labels = Map::new();
        labels.insert("alertname".to_owned(), NAME.into());
        labels.insert("severity".to_owned(), severity.into());
        for (label, fact) in LABELS {
            if let Some((_, text)) = message.facts.iter().find(|(known, _)| known == fact) {
                labels.insert((*label).to_owned(), text.as_str().into());
            }
        }
        labels.extend(self.labels.iter().map(|(name, value)| (name.clone(), value.as_str().into())));
        labels
    }

    fn annotations(&self, message: &Message) -> Value {
        let locale = self.locale;
        let title = Writer { message, locale, markup: &Unmarked, most: 500 }.title();
        let mut annotations = json!({
            "summary": title,
            "description": fitted(message, locale, &Unmarked, "\n", TEXT),
            "rollgate_id": message.id,
        });
        let facts = [("version", Fact::Version), ("previous_version", Fact::PreviousVersion)];
        for (name, fact) in facts {
            if let Some((_, text)) = message.facts.iter().find(|(known, _)| *known == fact) {
                annotations[name] = text.as_str().into();
            }
        }
        let links = [
            ("run_url", LinkTo::Run),
            ("rollback_url", LinkTo::Rollback),
            ("runbook_url", LinkTo::Runbook),
            ("dashboard_url", LinkTo::Dashboard),
        ];
        for (name, to) in links {
            if let Some(url) = link(message, to) {
                annotations[name] = url.into();
            }
        }
        annotations
    }
}

fn link(message: &Message, to: LinkTo) -> Option<&str> {
    message.links.iter().find(|(leads, _)| *leads == to).map(|(_, url)| url.as_str())
}

/// The severity at which it fires; `None` where all is well.
const fn severity(tone: Tone) -> Option<&'static str> {
    match tone {
        Tone::Good => None,
        Tone::Neutral => Some("info"),
        Tone::Warning => Some("warning"),
        Tone::Bad => Some("critical"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::outcome::ActionStatus;
    use crate::notify::testing::{channel, hostile, hostile_run, message, send, table};
    use crate::policy::notices::On;
    use crate::rollback::testing::{Answer, host};

    const YAML: &str = "{system: alertmanager, url: \"https://am.example/prefix/\", labels: {team: shop}}";

    async fn alerts(message: &Message) -> Vec<Value> {
        let (action, http) = send(YAML, message, &[Answer::Status(200, "")]).await;
        assert_eq!((action.status, action.http_status), (ActionStatus::Confirmed, Some(200)));
        assert_eq!(action.target, "am.example:443/prefix");
        let request = http.seen.lock().unwrap()[0].1.clone();
        assert_eq!(
            (request.method.as_str(), request.url.as_str()),
            ("POST", "https://am.example/prefix/api/v2/alerts")
        );
        serde_json::from_slice(&request.body).unwrap()
    }

    #[tokio::test]
    async fn an_alert_fires_under_labels_that_stay() {
        let sent = alerts(&message(On::Rollback)).await;
        let labels = |severity: &str| {
            json!({"alertname": "RollgateVerdict", "severity": severity, "policy": "post-deployment",
                "service": "checkout", "environment": "production", "team": "shop"})
        };
        assert_eq!(sent.len(), 3);
        assert_eq!(sent[0]["labels"], labels("critical"));
        assert_eq!(sent[0]["startsAt"], "2023-11-14T22:13:20Z");
        assert_eq!(sent[0]["endsAt"], "2023-11-15T02:13:20Z");
        assert_eq!(sent[0]["generatorURL"], "https://ci.example/runs/1");
        let annotations = &sent[0]["annotations"];
        assert_eq!(annotations["version"], "1.4.0");
        assert_eq!(annotations["run_url"], "https://ci.example/runs/1");
        assert_eq!(annotations["summary"], "Verdict rollback: checkout 1.4.0 → production");
        assert!(annotations["description"].as_str().unwrap().contains("\nerror_rate failed: value 0.08"));
        for (other, severity) in [(1, "warning"), (2, "info")] {
            let ended = json!({"labels": labels(severity), "endsAt": "2023-11-14T22:13:20Z"});
            assert_eq!(sent[other], ended);
        }
    }

    #[tokio::test]
    async fn a_pass_resolves_whatever_fired() {
        let fired = alerts(&message(On::Alert)).await;
        let ended = alerts(&message(On::Pass)).await;
        assert_eq!(fired[1]["endsAt"], "2023-11-15T02:13:20Z");
        for (before, after) in fired.iter().zip(&ended) {
            assert_eq!(before["labels"], after["labels"]);
            assert_eq!(after["endsAt"], "2023-11-14T22:13:20Z");
        }
    }

    #[tokio::test]
    async fn hostile_text_is_bounded() {
        for message in [hostile(), hostile_run()] {
            let sent = alerts(&message).await;
            let text = Value::from(sent).to_string();
            assert!(text.len() < 32 * 1024 && text.contains("Verdict rollback"), "{}", text.len());
        }
    }

    #[tokio::test]
    async fn faults_are_told_in_words() {
        use ActionStatus::{Confirmed, Failed, Unknown};
        use Answer::{Broken, Header, Refused, Status};
        let starts = r#""start time must be before end time""#;
        table(
            YAML,
            &[
                (&[Status(400, starts)], Failed, 1, "answered 400 `start time must be before end time`"),
                (
                    &[Status(400, r#"{"code":602,"message":"alerts in body is required"}"#)],
                    Failed,
                    1,
                    "alerts in body",
                ),
                (&[Status(401, "Unauthorized")], Failed, 1, "check the integration's `auth`"),
                (&[Status(404, "404 page not found")], Failed, 1, "may lack a path prefix"),
                (&[Header(429, "retry-after", "1"), Status(200, "")], Confirmed, 2, ""),
                (&[Status(500, r#""no disk""#), Status(200, "")], Confirmed, 2, ""),
                (&[Status(502, "")], Failed, 5, "answered 502"),
                (&[Refused, Status(200, "")], Confirmed, 2, ""),
                (&[Refused], Failed, 5, "Alertmanager at am.example:443: no connection"),
                (&[Broken], Unknown, 5, "the connection broke"),
                (&[Answer::Never], Unknown, 1, "it may have been received"),
                (&[Status(200, "<!doctype html><title>Sign in")], Unknown, 1, "is it a sign-in page"),
                (
                    &[Header(302, "location", "/login")],
                    Failed,
                    1,
                    "it redirects to am.example:443, which is not followed",
                ),
            ],
        )
        .await;
    }

    #[test]
    fn settings_are_refused_in_words() {
        let (host, _) = host(&[]);
        for (fields, expected) in [
            ("enabled: true", "the integration `x` has no `url`"),
            ("url: \"http://a\", labels: {severity: page}", "the label `severity` is set by rollgate itself"),
            (
                "url: \"http://a\", labels: {\"a-b\": x}",
                "expected a label of letters, digits and `_`, found `a-b`",
            ),
            ("url: \"http://a\", resolve_after: soon", "found `soon`"),
        ] {
            let entry = format!("{{system: alertmanager, {fields}}}");
            let problems = channel(&entry, "", &host).unwrap_err();
            assert!(problems.iter().any(|told| told.contains(expected)), "{fields}: {problems:?}");
        }
        let long = YAML.replace("labels", "resolve_after: 12h, labels");
        assert!(format!("{:?}", channel(&long, "", &host).unwrap()).contains("43200s"));
    }
}
