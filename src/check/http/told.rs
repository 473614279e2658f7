//! An HTTP check in words, before it is rendered. Must not look for secrets: it names their references.

use serde_json::Value as Json;

use super::auth::AuthSpec;
use super::rules::{EqualSpec, JsonSpec, RulesSpec};
use super::spec::HttpSpec;
use crate::check::Told;
use crate::check::target::fields::Span;
use crate::policy::node::shorten;
use crate::policy::problem::Problems;
use crate::policy::spoken::{number, settled, span};
use crate::policy::template::{Scope, Template};

/// A template's text, as far as it is known, short and in backticks.
fn shown(template: &Template, scope: &Scope) -> String {
    format!("`{}`", shorten(&template.settled(scope).text))
}

impl HttpSpec {
    pub(super) fn in_words(&self, scope: &Scope, problems: &mut Problems) -> Told {
        let url = self.url.settled(scope).text;
        let method = self
            .method
            .as_ref()
            .map_or("GET".to_owned(), |m| m.settled(scope).text.trim().to_ascii_uppercase());
        let (pace, budget) = self.pace.told(scope, problems);
        let mut how = Vec::new();
        match &self.auth {
            None | Some(AuthSpec::None) => {}
            Some(AuthSpec::Basic(user, password)) => {
                how.push(format!(
                    "as the user {} with the secret {} as its password",
                    shown(user, scope),
                    shown(password, scope)
                ));
            }
            Some(AuthSpec::Token(token)) => {
                how.push(format!("with the secret {} as token", shown(token, scope)))
            }
            Some(AuthSpec::TokenFile(file)) => {
                how.push(format!("with the token in the file {}", shown(file, scope)))
            }
        }
        how.extend(pace);
        let redirects = settled(self.follow_redirects.as_ref(), scope, problems);
        let redirects = redirects.filter(|limit| limit.known() != Some(&0));
        how.extend(redirects.map(|limit| format!("redirects are followed up to {limit} times")));
        let mut must = self.rules.in_words(scope, problems);
        must.extend(self.tls.as_ref().and_then(|tls| tls.told(scope, problems)));
        how.extend(self.tls.as_ref().and_then(|tls| tls.insecure_told(scope, problems)));
        Told { name: url.clone(), asked: format!("{method} {url}"), how, must, budget, ..Told::default() }
    }
}

impl RulesSpec {
    /// What the answer must do, each read after "must".
    fn in_words(&self, scope: &Scope, problems: &mut Problems) -> Vec<String> {
        let statuses: Vec<String> = self
            .status
            .iter()
            .filter_map(|status| settled(Some(status), scope, problems))
            .map(|status| status.to_string())
            .collect();
        let statuses = if statuses.is_empty() { "2xx".to_owned() } else { statuses.join(" or ") };
        let mut must = vec![format!("answer with status {statuses}")];
        must.extend(self.contains.as_ref().map(|text| format!("have {} in its body", shown(text, scope))));
        must.extend(
            self.matches
                .as_ref()
                .map(|pattern| format!("have a body that matches {}", shown(pattern, scope))),
        );
        must.extend(self.json.iter().map(|rule| rule.in_words(scope, problems)));
        let latency = settled(self.max_latency.as_ref(), scope, problems);
        must.extend(latency.map(|limit| format!("take at most {}", limit.say(|Span(limit)| span(*limit)))));
        must
    }
}

impl JsonSpec {
    fn in_words(&self, scope: &Scope, problems: &mut Problems) -> String {
        let equals = self.equals.as_ref().map(|equals| match equals {
            // Quotes only where it would be read as something else without them.
            EqualSpec::Known(Json::String(text)) if serde_json::from_str::<Json>(text).is_err() => {
                format!("`{}`", shorten(text))
            }
            EqualSpec::Known(value) => format!("`{}`", shorten(&value.to_string())),
            EqualSpec::Later(text) => shown(text, scope),
        });
        let mut limit = |word: &str, value| {
            let value = settled(value, scope, problems)?;
            Some(format!("{word} {}", value.say(|value: &f64| number(*value))))
        };
        let limits = [equals, limit("at least", self.min.as_ref()), limit("at most", self.max.as_ref())];
        let limits: Vec<String> = limits.into_iter().flatten().collect();
        format!("have {} at {} of its JSON", limits.join(" and "), shown(&self.path, scope))
    }
}
