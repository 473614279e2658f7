//! Lints by example: what each rule finds in a policy and what it leaves alone. `docs/lint.md` has an example of each;
//! here are the borders.

use super::*;
use crate::check::KINDS;
use crate::diagnostic::Sources;
use crate::policy::parse::parse;
use crate::rollback::parse_triggers;

/// What is found in `text` but for notes: `id@line`, faults without an id as `fault@line`.
fn found(text: &str) -> Vec<String> {
    told(text, |severity| severity != Severity::Note)
}

/// The notes that `text` gets.
fn noted(text: &str) -> Vec<String> {
    told(text, |severity| severity == Severity::Note)
}

fn told(text: &str, which: fn(Severity) -> bool) -> Vec<String> {
    let mut sources = Sources::default();
    let index = sources.add("p.yaml", text.as_bytes().to_vec()).unwrap();
    let documents = [Document::of(&sources, index)];
    let (spec, mut problems) = parse(&documents, KINDS);
    let complete = !problems.any_fault();
    let mut none = Problems::default();
    let triggers =
        spec.rollback.trigger.as_ref().map(|node| parse_triggers(node, &mut none)).unwrap_or_default();
    let sent: Vec<Exposure<'_>> = triggers.iter().filter_map(|trigger| trigger.spec.exposure()).collect();
    problems.append(look(Subject { spec: &spec, documents: &documents, triggers: &sent, complete }));
    let shown = |problem: &&Problem| {
        let line = crate::diagnostic::location(problem, &sources).map_or(0, |at| at.start.0);
        format!("{}@{line}", problem.id.unwrap_or("fault"))
    };
    problems.sorted().iter().filter(|problem| which(problem.severity)).map(shown).collect()
}

#[test]
fn ids_are_unique_and_said_in_a_sentence() {
    let mut ids: Vec<&str> = RULES.iter().copied().flatten().map(|rule| rule.id).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    for rule in RULES.iter().copied().flatten() {
        assert!(rule.id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", rule.id);
        assert!(!rule.summary.ends_with('.') && !rule.summary.is_empty(), "{}", rule.id);
    }
}

/// A policy with a query that `match-everything` finds twice and `alert-only`.
fn policy(check: &str) -> String {
    format!("post_deployment_validation:\n  metrics_validation:\n{check}")
}

const ODD: &str =
    "    - name: a\n      query: 'x{a=~\".*\"}'\n      max_value: 1\n      failure_action: rollback\n";

#[test]
fn a_comment_allows_lints_on_its_line_and_on_what_begins_below_it() {
    for (name, text) in [
        ("on the line", ODD.replace("\"}'", "\"}' # rollgate: allow(match-everything)")),
        (
            "above the line",
            ODD.replace("      query", "      # rollgate: allow(match-everything)\n\n      query"),
        ),
        (
            "above the check",
            ODD.replace("    - name", "    # rollgate: allow(match-everything) on purpose\n    - name"),
        ),
        (
            "beside the check",
            ODD.replace("name: a", "name: a # why not? # rollgate: allow( match-everything )"),
        ),
        (
            "in a fold",
            ODD.replace("'x{a=~\".*\"}'", ">- # rollgate: allow(match-everything)\n        x{a=~\".*\"}"),
        ),
        (
            "after a fold",
            ODD.replace("'x{a=~\".*\"}'", "'x\n        {a=~\".*\"}' # rollgate: allow(match-everything)"),
        ),
        (
            "with windows lines",
            ODD.replace("\"}'", "\"}' # rollgate: allow(match-everything)").replace('\n', "\r\n"),
        ),
    ] {
        assert_eq!(found(&policy(&text)), [] as [&str; 0], "{name}\n{text}");
    }
    let all = format!("\u{feff}# rollgate: allow(match-everything)\n{}", policy(ODD));
    assert_eq!(found(&all), [] as [&str; 0]);
}

#[test]
fn what_only_looks_like_a_comment_allows_nothing() {
    for (text, expected) in [
        (ODD.replace("name: a", "name: 'a # rollgate: allow(match-everything)'"), vec!["match-everything@4"]),
        (ODD.replace("name: a", "name: a#rollgate:allow(match-everything)"), vec!["match-everything@4"]),
        (
            ODD.replace(
                "name: a",
                "name: a\n      description: |\n        # rollgate: allow(match-everything)",
            ),
            vec!["match-everything@6"],
        ),
        // It is about the line below it, not about what stands above.
        (
            format!(
                "{ODD}    # rollgate: allow(match-everything)\n    - {{name: b, query: x, max_value: 1}}\n"
            ),
            vec!["match-everything@4", "unused-allow@7"],
        ),
        (ODD.replace("name: a", "name: a # rollgate: a comment for people"), vec!["match-everything@4"]),
        (
            ODD.replace("max_value: 1", "max_value: 1 # rollgate: allow(match-everything)"),
            vec!["match-everything@4", "unused-allow@5"],
        ),
    ] {
        assert_eq!(found(&policy(&text)), expected, "{text}");
    }
}

#[test]
fn a_comment_that_allows_no_lint_or_nothing_is_told() {
    for (comment, expected) in [
        ("# rollgate: allow(match-evrything)", vec!["match-everything@4", "unknown-lint@4"]),
        ("# rollgate: allow(match-everything, alert-only)", vec!["unused-allow@4"]),
        ("# rollgate: alow(match-everything)", vec!["match-everything@4", "unknown-lint@4"]),
        ("# rollgate: allow match-everything", vec!["match-everything@4", "unknown-lint@4"]),
        ("# rollgate: allow()", vec!["match-everything@4", "unknown-lint@4"]),
        ("# rollgate: allow(promql)", vec!["match-everything@4", "unknown-lint@4"]),
    ] {
        let text = ODD.replace("\"}'", &format!("\"}}' {comment}"));
        assert_eq!(found(&policy(&text)), expected, "{text}");
    }
    // Of what could not be read nobody knows what it would have said.
    let broken = ODD.replace("max_value: 1", "max_value: one # rollgate: allow(alert-only)");
    assert_eq!(found(&policy(&broken)), ["fault@5"]);
    let fault = "# rollgate: allow(promql)\n    - name: b\n      query: 'rate(x)[5m]'\n      max_value: 1\n";
    assert_eq!(found(&policy(&format!("    {fault}"))), ["unknown-lint@3", "promql@5"]);
}

/// A policy of these checks of metrics, each a flow mapping without its braces.
fn checks(all: &[&str]) -> String {
    let items: Vec<String> =
        all.iter().enumerate().map(|(index, one)| format!("    - {{name: c{index}, {one}}}\n")).collect();
    format!("post_deployment_validation:\n  metrics_validation:\n{}", items.concat())
}

/// Each of `cases`, fields of one check, and what is found in it.
fn each(cases: &[(&str, &str)]) {
    for (fields, expected) in cases {
        let found: Vec<String> =
            found(&checks(&[fields])).into_iter().map(|one| one.replace("@3", "")).collect();
        assert_eq!(found.join(" "), *expected, "{fields}");
    }
}

#[test]
fn limits_that_nothing_misses_or_meets_are_told() {
    each(&[
        ("query: up, min_value: 0", "never-fails"),
        ("query: up, min_value: 1", ""),
        ("query: up, max_value: 0.5", "wrong-direction"),
        ("query: up, expected_value: 1, tolerance: 1", "never-fails"),
        ("query: up, expected_value: 2", "always-fails"),
        ("query: 'avg(up) * 100', min_value: 101", "always-fails"),
        ("query: 'rate(a[5m])', min_value: 0", "never-fails"),
        ("query: 'rate(a[5m])', max_value: -1", "always-fails"),
        ("query: 'rate(a[5m])', max_value: 0", ""),
        ("query: 'count(a)', min_value: 1", "never-fails"),
        ("query: 'count(a)', min_value: 1, on_no_data: fail", ""),
        ("query: 'count(a)', min_value: 1, on_no_data: \"{{on}}\"", ""),
        ("query: 'count(a)', min_value: \"{{min}}\"", ""),
        ("query: 'count(a) or vector(0)', min_value: 1", ""),
        ("query: 'sum(rate(a{b=\"1\"}[5m])) / sum(rate(a[5m]))', max_value: 1", "never-fails"),
        ("query: 'sum(rate(a{b=\"1\"}[5m])) / sum(rate(a[5m]))', max_value: 5", "never-fails"),
        ("query: 'sum(rate(a{b=\"1\"}[5m])) / sum(rate(a[5m]))', min_value: 99", "always-fails"),
        ("query: 'sum(rate(a{b=\"1\"}[5m])) / sum(rate(a[5m]))', min_value: 0, max_value: 0.99", ""),
        (
            "query: 'sum(rate(a{j=\"{{x}}\", b=\"1\"}[5m])) / sum(rate(a{j=\"{{x}}\"}[5m]))', max_value: 1",
            "never-fails",
        ),
        ("query: 'sum(rate(a{j=\"{{x}}\", b=\"1\"}[5m])) / sum(rate(a{j=\"{{y}}\"}[5m]))', max_value: 1", ""),
        ("query: '{{#if x}}up{{else}}a{{/if}}', min_value: 0", ""),
        ("query: a, expect_empty: true", ""),
    ]);
    let help = |fields: &str| helps(&checks(&[fields])).join("\n");
    assert!(
        help("query: 'sum(rate(a{b=\"1\"}[5m])) / sum(rate(a[5m]))', max_value: 5")
            .contains("a share of 5 % is written `0.05`")
    );
    assert!(help("query: 'avg(up)', min_value: 99").contains("a share of 99 % is written `0.99`"));
    assert!(help("query: 'count(a)', min_value: 1").contains("`on_no_data: fail`"));
}

/// The help of each warning of `text`.
fn helps(text: &str) -> Vec<String> {
    let mut sources = Sources::default();
    let index = sources.add("p.yaml", text.as_bytes().to_vec()).unwrap();
    let documents = [Document::of(&sources, index)];
    let (spec, _) = parse(&documents, KINDS);
    let looked = look(Subject { spec: &spec, documents: &documents, triggers: &[], complete: true });
    looked.sorted().iter().filter_map(|problem| problem.help.clone()).collect()
}

#[test]
fn a_limit_on_the_wrong_side_is_told_by_names() {
    let named = |name: &str, rest: &str| {
        found(&format!(
            "post_deployment_validation:\n  metrics_validation:\n    - {{name: {name}, {rest}}}\n"
        ))
    };
    for (name, rest, odd) in [
        ("availability", "query: x, max_value: 0.99", true),
        ("availability", "query: x, min_value: 0.99", false),
        ("availability", "query: x, min_value: 0.9, max_value: 1.1", false),
        ("successRate", "query: x, max_value: 0.99", true),
        ("error_rate", "query: x, min_value: 0.01", true),
        ("error_rate", "query: x, max_value: 0.01", false),
        ("error_budget_remaining", "query: x, min_value: 0.1", false),
        ("latency_slo", "query: x, min_value: 0.99", false),
        ("seconds_since_last_success", "query: x, max_value: 60", false),
        ("success_latency", "query: x, max_value: 60", false),
        ("unhealthy_hosts", "query: x, max_value: 1", false),
        ("updates", "query: x, max_value: 1", false),
        ("a", "query: 'sum(rate(http_errors_total[5m]))', min_value: 5", true),
        ("a", "query: 'absent(http_errors_total)', min_value: 2", false),
        ("a", "query: '1 - http_errors', min_value: 0.5", false),
        ("a", "query: 'errors / requests', min_value: 0.5", false),
    ] {
        let told = named(name, rest).iter().any(|one| one.starts_with("wrong-direction"));
        assert_eq!(told, odd, "{name} {rest}");
    }
}

#[test]
fn odd_tolerances_are_told() {
    each(&[
        ("query: x, expected_value: 5, tolerance: 5", "odd-tolerance"),
        ("query: x, expected_value: -5, tolerance: 6", "odd-tolerance"),
        ("query: x, expected_value: 5, tolerance: \"100%\"", "odd-tolerance"),
        ("query: x, expected_value: 5, tolerance: 4", ""),
        ("query: x, expected_value: 0, tolerance: 4", ""),
        ("query: x, expected_value: 0, tolerance: \"5%\"", "odd-tolerance"),
        ("query: x, expected_value: 5, tolerance: \"{{t}}\"", ""),
    ]);
}

#[test]
fn windows_with_too_few_ticks_are_told() {
    each(&[
        ("query: x, max_value: 1, duration: 30s, max_failures: 4", "too-few-ticks"),
        ("query: x, max_value: 1, duration: 45s, max_failures: 4", ""),
        ("query: x, max_value: 1, duration: 45s, interval: 1m", "reaches-before-deployment short-window"),
        ("query: x, max_value: 1, duration: 0s, interval: 1m", ""),
        ("query: x, max_value: 1, duration: \"{{d}}\", max_failures: 4", ""),
        ("query: x, max_value: 1, max_failures: 4", ""),
        ("query: x, max_value: 1, duration: 1m, min_samples: 9", "too-few-ticks"),
        ("query: x, max_value: 1, duration: 0s", ""),
    ]);
    assert!(found("post_deployment_validation:\n  window: {duration: 1m, mode: until_healthy}\n  rollback_policy: {max_failures: 9}\n  metrics_validation: [{name: a, query: x, max_value: 1}]\n").iter().all(|one| !one.starts_with("too-few")));
    let gate = |window: &str, check: &str, policy: &str| {
        found(&format!(
            "post_deployment_validation:\n  window: {{{window}}}\n  rollback_policy: {{{policy}}}\n  \
             health_check_validation:\n    http_checks:\n      - {{url: \"http://a/\", {check}}}\n      - {{url: \"http://b/\"}}\n"
        ))
    };
    assert_eq!(gate("duration: 30s", "retries: 0", "max_failures: 5"), ["too-few-ticks@3"]);
    assert_eq!(gate("duration: 30s", "max_failures: 2", "max_failures: 3"), [] as [&str; 0]);
    assert_eq!(gate("duration: 2s", "retries: 0", "max_failures: 5"), ["short-window@2"]);
    assert_eq!(gate("duration: 30s", "timeout: 20s, retries: 1", ""), ["slow-check@6"]);
    assert_eq!(gate("duration: 41s", "timeout: 20s, retries: 1", ""), [] as [&str; 0]);
    assert_eq!(gate("duration: 0s", "timeout: 20s, retries: 1", ""), [] as [&str; 0]);
    assert_eq!(gate("duration: 5m, timeout: 4m", "retries: 1", ""), ["early-timeout@2"]);
    assert_eq!(gate("duration: 5m, timeout: 6m", "retries: 1", ""), [] as [&str; 0]);
    assert_eq!(gate("timeout: 4m", "duration: 5m", ""), ["early-timeout@2"]);
}

#[test]
fn what_follows_from_checks_is_looked_at() {
    each(&[
        ("query: x, max_value: 1, on_no_data: pass, on_error: pass", "passes-unseen"),
        ("query: x, max_value: 1, on_error: pass", ""),
        ("query: x, max_value: 1, dry_run: true", "nothing-counted@1"),
        ("query: x, max_value: 1, failure_action: alert", "alert-only@1"),
    ]);
    let two = |one: &str, other: &str| found(&checks(&[one, other]));
    let same = "query: x, max_value: 1";
    assert_eq!(
        two(same, "max_value: \"1\", query: 'x', failure_action: alert, description: again"),
        ["duplicate-check@4"]
    );
    assert_eq!(two(same, "query: x, max_value: 2"), [] as [&str; 0]);
    assert_eq!(two(same, "query: x, max_value: 1, max_failures: 1"), [] as [&str; 0]);
    assert_eq!(
        two(
            "query: x, max_value: 1, only: {environment: [a]}",
            "query: x, max_value: 1, only: {environment: [b]}"
        ),
        [] as [&str; 0]
    );
    let policy = |rollback: &str, check: &str| {
        found(&checks(&[check]).replace("  metrics", &format!("  rollback_policy: {rollback}\n  metrics")))
    };
    let hook = "trigger: {kind: webhook, url: \"https://h/\"}";
    assert_eq!(policy("{enabled: true}", same), ["no-trigger@2"]);
    assert_eq!(policy("{rollback_pipeline: p}", same), ["no-trigger@2"]);
    for fine in
        ["{max_failures: 2}", "{enabled: false, rollback_pipeline: p}", &format!("{{enabled: true, {hook}}}")]
    {
        assert_eq!(policy(fine, same), [] as [&str; 0], "{fine}");
    }
    assert_eq!(policy("{enabled: true}", "query: x, max_value: 1, failure_action: alert"), ["alert-only@1"]);
    let control = |control: &str| {
        found(&format!(
            "post_deployment_validation:\n  control: {control}\n  health_check_validation:\n    http_checks:\n      - {{url: \"http://{{{{shop}}}}:80/health\"}}\n    tcp_checks:\n      - {{host: db, port: 5432}}\n"
        ))
    };
    assert_eq!(control("{url: \"http://{{shop}}:80/ready\"}"), ["control-is-checked@2"]);
    assert_eq!(control("{host: db, port: 5432}"), ["control-is-checked@2"]);
    assert_eq!(control("{host: db, port: 80}"), [] as [&str; 0]);
    assert_eq!(control("{url: \"http://other:80/ready\"}"), [] as [&str; 0]);
    assert_eq!(
        noted(&checks(&[same, "query: y, max_value: 1, failure_action: rollback"])),
        ["no-version@1", "implicit-rollback@3"]
    );
}

#[test]
fn variables_are_used_and_declared() {
    let with = |variables: &str, check: &str| {
        let text = format!("variables: {{{variables}}}\n{}", checks(&[check]));
        (found(&text), noted(&text))
    };
    let check = "query: 'x{job=\"{{a}}\", version=\"{{version}}\"}', max_value: 1, failure_action: rollback";
    let none: (Vec<String>, Vec<String>) = Default::default();
    assert_eq!(with("a: 1", check), none);
    assert_eq!(with("a: 1, b: {required: true}", check).0, ["unused-variable@1"]);
    assert_eq!(with("version: {required: true}", check).1, ["undeclared-variable@4"]);
    assert_eq!(with("", check), none);
    for (label, told) in [("app_version", false), ("image_tag", false), ("stage", true), ("shard", true)] {
        let check = format!("query: 'x{{{label}=\"1\"}}', max_value: 1, failure_action: rollback");
        assert_eq!(!noted(&checks(&[&check])).is_empty(), told, "{label}");
    }
    // A file with variables alone belongs to another one.
    assert_eq!(found("variables: {a: 1}\n"), [] as [&str; 0]);
    let block = "query: 'x{v=\"{{#if a}}{{default b c}}{{/if}}\", image_tag=\"1\"}', max_value: 1, failure_action: rollback";
    assert_eq!(with("a: 1, b: 1, c: 1", block), none);
}

#[test]
fn the_environment_is_read_in_integrations_only() {
    let http = |fields: &str| {
        found(&format!(
            "post_deployment_validation:\n  health_check_validation:\n    http_checks:\n      - {{url: \"https://a/\", {fields}}}\n"
        ))
    };
    assert_eq!(http("headers: {X-Team: \"${TEAM}\"}"), ["env-not-read@4"]);
    assert_eq!(http("headers: {X-Team: \"${1} $TEAM ${}\"}"), [] as [&str; 0]);
    assert_eq!(found("integrations: {prometheus: {url: \"${PROMETHEUS_URL}\"}}\n"), [] as [&str; 0]);
}

/// What is hidden in `text`: the secrets that are written in it.
fn secrets_of(text: &str) -> Vec<String> {
    let mut sources = Sources::default();
    let index = sources.add("p.yaml", text.as_bytes().to_vec()).unwrap();
    let documents = [Document::of(&sources, index)];
    let (spec, _) = parse(&documents, KINDS);
    let looked = look(Subject { spec: &spec, documents: &documents, triggers: &[], complete: false });
    let secrets = secrets::places(&documents[0]);
    for problem in looked.sorted() {
        let said = format!("{} {:?} {:?}", problem.message, problem.help, problem.needle);
        for secret in &secrets {
            assert!(!said.contains(sources.stretch(*secret).unwrap()), "{said}");
        }
    }
    secrets.iter().map(|place| sources.stretch(*place).unwrap().to_owned()).collect()
}

#[test]
fn an_encrypted_value_is_hidden_and_nothing_to_warn_of() {
    let token = "a1B2c3D4e5F6g7H8i9J0".repeat(6);
    let text = format!(
        "integrations: {{prometheus: {{url: https://h, username: u, password: \"fernet:{token}==\"}}}}\n"
    );
    assert_eq!(secrets_of(&text), [format!("{token}==")]);
    assert_eq!(found(&text), [] as [&str; 0]);
}

#[test]
fn secrets_are_told_apart_from_references() {
    // Put together here, so that nobody takes this file for one that holds secrets.
    let long = "a1B2c3D4e5F6g7H8i9J0".repeat(3);
    let jwt = format!("ey{}.ey{}.{}", &long[..20], &long[..20], &long[..20]).replace("eya", "eyJ");
    let written = |text: &str, expected: &[&str]| assert_eq!(secrets_of(text), expected, "{text}");
    for (key, value) in [
        ("password", "hunter2"),
        ("token", "'it''s'"),
        ("client_secret", "\"abc\""),
        ("webhook_url", "https://hooks.example/abc"),
        ("api_key", "12345678"),
        ("X-Auth-Token", "abc"),
        ("Authorization", "Bearer abc"),
    ] {
        written(&format!("a:\n  {key}: {value}\n"), &[value.trim_matches(['\'', '"'])]);
    }
    for fine in [
        "password: ${PASSWORD}",
        "password: \"{{password}}\"",
        "password_ref: prometheus-password",
        "token_file: /run/secrets/token",
        "token_url: https://sso.example/token",
        "client_secret: fernet:gAAAAABk",
        "token:",
        "token_bucket_rate: 5",
        "type: bearer",
        "description: bearer tokens and basic authentication",
        "url: \"http://h/?key={{key}}\"",
        "url: \"https://{{user}}:{{password}}@h/\"",
    ] {
        written(&format!("a:\n  {fine}\n"), &[]);
    }
    for secret in [
        format!("gh{}_{}", "p", &long[..36]),
        format!("gl{}-{}", "pat", &long[..20]),
        format!("xo{}-{}", "xb", &long[..24]),
        format!("AK{}{}", "IA", long[..16].to_uppercase()),
        jwt,
    ] {
        written(&format!("# {secret}\na: {{b: [{secret}]}}\n"), &[&secret, &secret]);
        written(&format!("token: \"{secret}\"\n"), &[&secret]);
        written(&format!("a: |\n  curl -H {secret} x\n"), &[&secret]);
        // Also where the text is no YAML.
        written(&format!("a: [\nb: {secret}\n"), &[&secret]);
    }
    written("argv: [curl, -H, 'Authorization: Bearer abcdefgh12345678']\n", &["abcdefgh12345678"]);
    written("a: https://me:hunter2@h/?token=abcdefgh1\n", &["hunter2", "abcdefgh1"]);
    written("x-a: &t {password: hunter2}\nb: *t\n", &["hunter2"]);
}

#[test]
fn credentials_over_plain_http_are_told() {
    let of = |url: &str, fields: &str| {
        found(&format!(
            "post_deployment_validation:\n  health_check_validation:\n    http_checks:\n      - {{url: \"{url}\", {fields}}}\n"
        ))
    };
    let auth = "auth: {type: bearer, token_ref: a}";
    assert_eq!(of("http://shop/", auth), ["plain-http@4"]);
    assert_eq!(of("http://{{host}}/", auth), ["plain-http@4"]);
    assert_eq!(of("http://shop/", "headers: {X-Api-Key: \"{{key}}\"}"), ["plain-http@4"]);
    for fine in
        ["https://shop/", "http://localhost:8080/", "http://127.0.0.1/", "http://[::1]:80/", "{{url}}"]
    {
        assert_eq!(of(fine, auth), [] as [&str; 0], "{fine}");
    }
    assert_eq!(of("http://shop/", "headers: {Accept: text/plain}"), [] as [&str; 0]);
    assert_eq!(of("http://shop/", "auth: {type: none}"), [] as [&str; 0]);
    assert_eq!(of("https://shop/", "tls: {insecure_skip_verify: true}"), ["unverified-tls@4"]);
    assert_eq!(of("https://shop/", "tls: {insecure_skip_verify: false}"), [] as [&str; 0]);
    let integration = |fields: &str| found(&format!("integrations:\n  prometheus: {{{fields}}}\n"));
    assert_eq!(integration("url: \"http://p:9090\", password_ref: a, username: b"), ["plain-http@2"]);
    assert_eq!(integration("url: \"http://p:9090\", headers: {Authorization: \"${A}\"}"), ["plain-http@2"]);
    let oauth = "client_id: a, client_secret_ref: b, token_url:";
    assert_eq!(integration(&format!("url: \"https://p\", {oauth} \"http://sso/t\"")), ["plain-http@2"]);
    assert_eq!(integration(&format!("url: \"https://p\", {oauth} \"https://sso/t\"")), [] as [&str; 0]);
    assert_eq!(integration("url: \"http://p:9090\""), [] as [&str; 0]);
    assert_eq!(integration("url: \"http://p:9090\", type: none, token_ref: a"), [] as [&str; 0]);
    let other = |entry: &str| found(&format!("integrations:\n  it: {{{entry}}}\n"));
    assert_eq!(other("system: jira, url: \"http://jira\", token_ref: a"), ["plain-http@2"]);
    assert_eq!(
        other("system: webhook, url: \"http://log/\", auth: {type: bearer, token_ref: a}"),
        ["plain-http@2"]
    );
    assert_eq!(other("system: pagerduty, url: \"http://pd/\", routing_key_ref: a"), ["plain-http@2"]);
    assert_eq!(other("system: webhook, webhook_url: \"http://log/{{path}}\""), ["plain-http@2"]);
    for fine in [
        "url: \"https://pd\", routing_key_ref: a",
        "url: \"http://[::1]/\", routing_key_ref: a",
        "webhook_url_ref: a",
    ] {
        assert_eq!(other(&format!("system: webhook, {fine}")), [] as [&str; 0], "{fine}");
    }
    let hook = |trigger: &str| {
        found(&checks(&["query: x, max_value: 1"]).replace(
            "  metrics",
            &format!("  rollback_policy:\n    trigger: {{kind: webhook, {trigger}}}\n  metrics"),
        ))
    };
    assert_eq!(hook("url: \"http://h/\", secret_ref: a"), ["plain-http@3"]);
    assert_eq!(hook("url: \"https://h/\", secret_ref: a"), [] as [&str; 0]);
    assert_eq!(hook("url_ref: a, secret_ref: b"), [] as [&str; 0]);
}
