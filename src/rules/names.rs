//! Names and texts of alerts: what Prometheus takes as a name, and texts in which nothing is taken for a template. Must not
//! decide what is said.

use std::collections::BTreeSet;

/// The name of the alert of the check `name`: `error_rate` becomes `ErrorRate`, as alerts are called.
pub(super) fn alert(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let named: String = words
        .flat_map(|word| {
            let mut letters = word.chars();
            let first = letters.next().into_iter().flat_map(char::to_uppercase);
            first.chain(letters).collect::<Vec<char>>()
        })
        .collect();
    if named.is_empty() { "Check".to_owned() } else { named }
}

/// The names that are given already.
#[derive(Debug, Default)]
pub(super) struct Alerts(BTreeSet<String>);

impl Alerts {
    /// `name`, or that with a number where it is given already.
    pub(super) fn unique(&mut self, name: &str) -> String {
        let mut unique = name.to_owned();
        let mut count = 2;
        while !self.0.insert(unique.clone()) {
            unique = format!("{name}{count}");
            count += 1;
        }
        unique
    }
}

/// `text` as a Go template that says just that: `{{` begins an action there, also where our own follows a brace.
pub(super) fn literal(text: &str) -> String {
    let pairs = text.replace("{{", "{{\"{{\"}}");
    match pairs.strip_suffix('{') {
        Some(rest) => format!("{rest}{{{{\"{{\"}}}}"),
        None => pairs,
    }
}

/// What is wrong with `name` as the name of a label that is given to all alerts.
pub(crate) fn label_fault(name: &str) -> Option<String> {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Some(format!("expected the name of a label, such as `team`, found `{name}`"));
    }
    let taken = name.starts_with("__") || name == "alertname";
    taken.then(|| format!("`{name}` is Prometheus' own label"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_called_as_alerts_are() {
        for (name, alerted) in [
            ("error_rate", "ErrorRate"),
            ("p99 latency (checkout)", "P99LatencyCheckout"),
            ("GET http://shop/health", "GETHttpShopHealth"),
            ("错误率", "错误率"),
            ("éclair-count", "ÉclairCount"),
            ("...", "Check"),
        ] {
            assert_eq!(alert(name), alerted);
        }
        let mut alerts = Alerts::default();
        let given: Vec<String> = ["A", "A", "A2", "A"].iter().map(|name| alerts.unique(name)).collect();
        assert_eq!(given, ["A", "A2", "A22", "A3"]);
    }

    #[test]
    fn nothing_of_a_text_is_a_template() {
        for (text, escaped) in [
            ("plain } }}", "plain } }}"),
            ("{{ $value }}", "{{\"{{\"}} $value }}"),
            ("{{{", "{{\"{{\"}}{{\"{\"}}"),
            ("up{", "up{{\"{\"}}"),
            ("{{{{x", "{{\"{{\"}}{{\"{{\"}}x"),
        ] {
            assert_eq!(literal(text), escaped);
        }
    }

    #[test]
    fn labels_have_names_that_prometheus_takes() {
        assert_eq!(label_fault("team_2"), None);
        for name in ["", "2team", "te am", "teäm", "__name__", "alertname"] {
            assert!(label_fault(name).is_some(), "{name}");
        }
    }
}
