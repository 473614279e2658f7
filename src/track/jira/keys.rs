//! Which issues a text of people mentions, and what Jira calls them. Must not take what only looks like a key, such as
//! `UTF-8`, for one.

use std::sync::LazyLock;

use regex::Regex;

/// What looks like a key and is a standard's name.
const NO_PROJECTS: &[&str] = &[
    "AES", "ANSI", "ASCII", "BCP", "CVE", "CWE", "ECMA", "FIPS", "GHSA", "GMT", "HMAC", "HTTP", "HTTPS",
    "IEC", "IEEE", "IPV", "ISO", "KOI8", "MD", "NIST", "PEP", "PKCS", "RFC", "RSA", "SHA", "SHA1", "SHA2",
    "SHA3", "SSL", "TLS", "UCS", "UTC", "UTF", "WCAG", "WINDOWS", "XEP",
];

static KEY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"([A-Z][A-Z0-9_]+)-([1-9][0-9]{0,9})").ok());

/// How projects are called by people, and what Jira calls them.
#[derive(Debug, Clone, Default)]
pub(super) struct Projects {
    /// In texts, and in Jira.
    pub(super) mapping: Vec<(String, String)>,
}

impl Projects {
    /// The issue that `text` names, as Jira calls it.
    pub(super) fn issue(&self, text: &str) -> Result<String, String> {
        let text = text.trim();
        let (project, number) = text.rsplit_once('-').unwrap_or_default();
        let plain = project.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        let begins = project.starts_with(|c: char| c.is_ascii_alphabetic());
        let numbered = !number.is_empty() && number.len() <= 10 && number.bytes().all(|b| b.is_ascii_digit());
        if !plain || !begins || !numbered {
            let shown = crate::policy::node::shorten(text);
            return Err(format!("expected the key of an issue such as `PROJ-7`, found `{shown}`"));
        }
        Ok(format!("{}-{number}", self.real(project)))
    }

    /// The issues that `text` mentions, as Jira calls them, in their order, each once.
    pub(super) fn mentioned(&self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        let Some(pattern) = &*KEY else { return found };
        for key in pattern.captures_iter(text) {
            let Some(whole) = key.get(0) else { continue };
            let (project, number) = (&key[1], &key[2]);
            let inside = |c: char| c.is_alphanumeric() || c == '_';
            let before = text[..whole.start()].chars().next_back();
            let after = text[whole.end()..].chars().next();
            let alone = !before.is_some_and(|c| inside(c) || c == '-') && !after.is_some_and(inside);
            if !alone || !self.known(project) {
                continue;
            }
            let issue = format!("{}-{number}", self.real(project));
            if !found.contains(&issue) {
                found.push(issue);
            }
        }
        found
    }

    /// Whether `project` can be one: with a mapping, those that it names.
    fn known(&self, project: &str) -> bool {
        if self.mapping.is_empty() {
            return !NO_PROJECTS.contains(&project);
        }
        self.mapping.iter().any(|(written, real)| written == project || real == project)
    }

    fn real<'a>(&'a self, project: &'a str) -> &'a str {
        let mapped = self.mapping.iter().find(|(written, _)| written == project);
        mapped.map_or(project, |(_, real)| real)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_on_their_borders() {
        let all = Projects::default();
        for (text, expected) in [
            ("PROJ-7: fix it (#12), see AB_2-30 and PROJ-7", &["PROJ-7", "AB_2-30"][..]),
            ("feature/PROJ-123-login", &["PROJ-123"]),
            ("feature/xPROJ-1 PROJ-1a PROJ-0 P-1 proj-1 A-PROJ-1", &[]),
            ("UTF-8, SHA-256, ISO-8601, CVE-2024-1234, TLS-1", &[]),
            ("PROJ-12345678901", &[]),
            ("[SHOP-1][SHOP-2] éSHOP-3 \u{202e}SHOP-4", &["SHOP-1", "SHOP-2", "SHOP-4"]),
            ("", &[]),
        ] {
            assert_eq!(all.mentioned(text), expected, "{text}");
        }
    }

    #[test]
    fn a_mapping_restricts_and_renames() {
        let mapping = [("PROJ1", "project-key-1"), ("PROJ2", "SHOP")];
        let mapping = mapping.map(|(written, real)| (written.to_owned(), real.to_owned())).to_vec();
        let projects = Projects { mapping };
        assert_eq!(
            projects.mentioned("PROJ1-4 UTF-8 OTHER-1 PROJ2-5 SHOP-6"),
            ["project-key-1-4", "SHOP-5", "SHOP-6"]
        );
        assert_eq!(projects.issue("PROJ1-4").unwrap(), "project-key-1-4");
        assert_eq!(projects.issue(" OTHER-4 ").unwrap(), "OTHER-4");
        for wrong in ["", "PROJ", "PROJ-", "-7", "PROJ-x", "a/b-7", "../x-1", "7-7", "PROJ-99999999999"] {
            assert!(projects.issue(wrong).is_err(), "{wrong}");
        }
    }
}
