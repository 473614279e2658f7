//! What people see of broken policies and integrations, whole. Must not test what is accepted, but where the two
//! are one step apart.

use super::*;
use crate::policy::value::Delay;

/// Compares what is shown with what is expected, which begins on a line of its own.
#[track_caller]
fn shows(found: &str, expected: &str) {
    assert_eq!(found, expected.strip_prefix('\n').unwrap_or(expected));
}

#[test]
fn an_unknown_key() {
    shows(
        &faults("post_deployment_validation:\n  metrics_validation:\n    - name: a\n      qurey: up\n"),
        r#"
error: `qurey` is not a field of the prometheus check `a`
 --> p.yaml:4:7
  |
4 |       qurey: up
  |       ^^^^^
  |
  = help: did you mean `query`?

1 fault
"#,
    );
}

#[test]
fn a_number_without_end_hides_no_other_fault() {
    shows(
        &faults(
            "bogus: 1\npost_deployment_validation:\n  metrics_validation:\n    - {name: q, query: up, max_value: .nan}\n    - {name: r, query: up, max_value: 1e400}\n",
        ),
        r#"
error: `bogus` is not a field of a policy
 --> p.yaml:1:1
  |
1 | bogus: 1
  | ^^^^^
  |
  = help: known here are `variables`, `integrations`, `integration_configs`, `post_deployment_validation`, `deployment_triggers`, `notifications` and `tracking`

error: expected a number, found `.nan`
 --> p.yaml:4:39
  |
4 |     - {name: q, query: up, max_value: .nan}
  |                                       ^^^^

error: expected a number, found `1e400`
 --> p.yaml:5:39
  |
5 |     - {name: r, query: up, max_value: 1e400}
  |                                       ^^^^^

3 faults
"#,
    );
}

#[test]
fn a_misspelt_key_of_control() {
    shows(
        &faults("post_deployment_validation:\n  control: {ulr: 'http://x/'}\n"),
        r#"
error: `ulr` is not a field of `control`
 --> p.yaml:2:13
  |
2 |   control: {ulr: 'http://x/'}
  |             ^^^
  |
  = help: did you mean `url`?

1 fault
"#,
    );
}

#[test]
fn a_wrong_type() {
    shows(
        &faults(
            "post_deployment_validation:\n  window: {duration: soon}\n  rollback_policy: [a]\n  name: '{{x}}'\n",
        ),
        r#"
error: expected a duration like `30s`, `5m`, `1h30m` or `1d`, found `soon`
 --> p.yaml:2:22
  |
2 |   window: {duration: soon}
  |                      ^^^^

error: expected `rollback_policy` (a mapping), found a list
 --> p.yaml:3:20
  |
3 |   rollback_policy: [a]
  |                    ^

error: expected a plain text for `name`, found a template
 --> p.yaml:4:9
  |
4 |   name: '{{x}}'
  |         ^^^^^^^

3 faults
"#,
    );
}

#[test]
fn a_missing_and_a_doubled_name() {
    let text = "
post_deployment_validation:
  metrics_validation:
    - query: up
    - {name: a, query: up}
    - {name: a, query: up}
";
    shows(
        &faults(text),
        r#"
error: `name` is missing in this prometheus check
 --> p.yaml:4:7
  |
4 |     - query: up
  |       ^
  |
  = help: `name`: what reports call the check; unique in the policy

error: the name `a` is given to two checks
 --> p.yaml:6:14
  |
6 |     - {name: a, query: up}
  |              ^
  |
 ::: p.yaml:5:14
  |
5 |     - {name: a, query: up}
  |              - first given here
  |
  = help: reports tell checks apart by name: make each unique

2 faults
"#,
    );
}

#[test]
fn an_undefined_variable_and_a_number_that_is_none() {
    let text = "
variables: {port: http, service_name: shop}
post_deployment_validation:
  health_check_validation:
    tcp_checks: [{host: \"db.{{servce_name}}.local\", port: \"{{port}}\"}]
";
    shows(
        &refused(text),
        r#"
error: the variable `servce_name` is not defined
 --> p.yaml:5:31
  |
5 |     tcp_checks: [{host: "db.{{servce_name}}.local", port: "{{port}}"}]
  |                               ^^^^^^^^^^^
  |
  = help: did you mean `service_name`? pass `--set servce_name=VALUE`; defined are: `port`, `run_id` and `service_name`

error: expected a number from 0 to 65535, found `http`
 --> p.yaml:5:59
  |
5 |     tcp_checks: [{host: "db.{{servce_name}}.local", port: "{{port}}"}]
  |                                                           ^^^^^^^^^^
  |
  = help: it was rendered from `{{port}}`

2 faults
"#,
    );
}

#[test]
fn words_of_the_format_that_come_later() {
    let text = "
post_deployment_validation:
  metrics_validation: [{name: a, query: up, baseline: {offset: 1w}}]
";
    shows(
        &faults(text),
        r#"
error: `baseline` is not supported yet
 --> p.yaml:3:45
  |
3 |   metrics_validation: [{name: a, query: up, baseline: {offset: 1w}}]
  |                                             ^^^^^^^^
  |
  = help: leave it out for now

1 fault
"#,
    );
}

#[test]
fn questions_beside_the_checks_that_cannot_be_asked() {
    let text = "
post_deployment_validation:
  evidence: {query: 'sum(rate(requests_total)[5m])', min_value: 1}
  expect_version: {query: 'up{version=\"{{version}}\"}', source: thanso, min_shar: 10%}
  pre_existing: alart
  max_data_age: 0s
  metrics_validation: [{name: a, query: up, on_no_traffic: extend}]
integrations: {thanos: {system: prometheus, url: 'http://t'}}
";
    shows(
        &faults(text),
        r#"
error[promql]: ranges only allowed for vector selectors
 --> p.yaml:3:46
  |
3 |   evidence: {query: 'sum(rate(requests_total)[5m])', min_value: 1}
  |                                              ^^^^
  |
  = help: write `sum(rate(requests_total[5m]))`

error: `thanso` is not the name of an integration
 --> p.yaml:4:64
  |
4 |   expect_version: {query: 'up{version="{{version}}"}', source: thanso, min_shar: 10%}
  |                                                                ^^^^^^
  |
  = help: did you mean `thanos`? the integrations are: `prometheus` and `thanos`

error: `min_shar` is not a field of `expect_version`
 --> p.yaml:4:72
  |
4 |   expect_version: {query: 'up{version="{{version}}"}', source: thanso, min_shar: 10%}
  |                                                                        ^^^^^^^^
  |
  = help: did you mean `min_share`?

error: expected `inconclusive`, `alert` or `rollback`, found `alart`
 --> p.yaml:5:17
  |
5 |   pre_existing: alart
  |                 ^^^^^
  |
  = help: did you mean `alert`?

error: expected a duration above zero like `15s` or `1m`, found `0s`
 --> p.yaml:6:17
  |
6 |   max_data_age: 0s
  |                 ^^

error: expected a written `timeout` of the `window` beside `on_no_traffic: extend`, found none
 --> p.yaml:7:60
  |
7 |   metrics_validation: [{name: a, query: up, on_no_traffic: extend}]
  |                                                            ^^^^^^
  |
  = help: say how long the gate may wait for traffic, such as `window: {timeout: 30m}`

6 faults
"#,
    );
}

#[test]
fn limits_that_cannot_be() {
    let text = "
post_deployment_validation:
  window: {interval: 0s}
  metrics_validation:
    - {name: a, query: up, max_failures: 0}
    - {name: b, query: up, within: 2}
    - {name: c, query: up, interval: 0}
    - {name: d, query: up, max_value: , failure_action: rolback}
    - {name: e, query: up, source: promethues}
    - {name: f, query: up, min_coverage: 120%, only: {environment: []}}
";
    shows(
        &faults(text),
        r#"
error: expected a duration above zero like `15s` or `1m`, found `0s`
 --> p.yaml:3:22
  |
3 |   window: {interval: 0s}
  |                      ^^

error: expected a whole number from 1 on, found `0`
 --> p.yaml:5:42
  |
5 |     - {name: a, query: up, max_failures: 0}
  |                                          ^

error: expected `within` of at least 3, found `2`: 3 breaches never fit among 2 samples
 --> p.yaml:6:36
  |
6 |     - {name: b, query: up, within: 2}
  |                                    ^
  |
  = help: `within` is at least `max_failures`, which is 3 for this check

error: expected a duration above zero like `15s` or `1m`, found `0`
 --> p.yaml:7:38
  |
7 |     - {name: c, query: up, interval: 0}
  |                                      ^

error: `max_value` has no value
 --> p.yaml:8:28
  |
8 |     - {name: d, query: up, max_value: , failure_action: rolback}
  |                            ^^^^^^^^^
  |
  = help: write one, or leave the key out

error: expected `rollback` or `alert`, found `rolback`
 --> p.yaml:8:57
  |
8 |     - {name: d, query: up, max_value: , failure_action: rolback}
  |                                                         ^^^^^^^
  |
  = help: did you mean `rollback`?

error: `promethues` is not the name of an integration
 --> p.yaml:9:36
  |
9 |     - {name: e, query: up, source: promethues}
  |                                    ^^^^^^^^^^
  |
  = help: did you mean `prometheus`? the integrations are: `prometheus`

error: expected a share like `50%`, found `120%`
  --> p.yaml:10:42
   |
10 |     - {name: f, query: up, min_coverage: 120%, only: {environment: []}}
   |                                          ^^^^

error: expected at least one environment, found an empty list
  --> p.yaml:10:55
   |
10 |     - {name: f, query: up, min_coverage: 120%, only: {environment: []}}
   |                                                       ^^^^^^^^^^^

9 faults
"#,
    );
}

#[test]
fn texts_that_are_no_policy() {
    shows(
        &faults(
            r#"
error: expected a policy (a mapping), found an empty file
 --> p.yaml:1:1
  |
1 |
  | ^
  |
  = help: a policy begins with `post_deployment_validation:`

1 fault
"#,
        ),
        r#"
error: the text is not valid YAML: simple key expected ':'
 --> p.yaml:5:1
  |
5 | 1 |
  | ^

1 fault
"#,
    );
    shows(
        &faults("- a\n"),
        r#"
error: expected a policy (a mapping), found a list
 --> p.yaml:1:1
  |
1 | - a
  | ^
  |
  = help: a policy begins with `post_deployment_validation:`

1 fault
"#,
    );
    shows(
        &faults("a: 1\n---\nb: 2\n"),
        r#"
error: expected one YAML document, found a second one
 --> p.yaml:3:1
  |
3 | b: 2
  | ^
  |
  = help: put each document into a file of its own; files given together are merged

1 fault
"#,
    );
    shows(
        &faults("post_deployment_validation:\n\tname: a\n"),
        r#"
error: expected spaces, found a tab
 --> p.yaml:2:2
  |
2 |     name: a
  |     ^
  |
  = help: indent with spaces; YAML takes no tabs there

1 fault
"#,
    );
    shows(
        &faults("\u{feff}variables:\r\n  a: 1\r\n  a: 2\r\n"),
        r#"
error: the key `a` is written twice
 --> p.yaml:3:3
  |
3 |   a: 2
  |   ^
  |
 ::: p.yaml:2:3
  |
2 |   a: 1
  |   - first written here
  |
  = help: keep one of the two

1 fault
"#,
    );
    shows(
        &faults("post_deployment_validation:\n  name: {{ name }}\n"),
        r#"
error: expected a value, found a template without quotes
 --> p.yaml:2:10
  |
2 |   name: {{ name }}
  |          ^
  |
  = help: put quotes around a template: `key: "{{name}}"`

1 fault
"#,
    );
    let mut sources = Sources::default();
    let problem = sources.add("p.yaml", b"a: 1\nb: \xff\n".to_vec()).unwrap_err();
    assert_eq!(problem.message, "`p.yaml` is not UTF-8 text: its line 2 has other bytes");
}

#[test]
fn a_policy_without_checks_is_refused_by_a_run_only() {
    let text = "post_deployment_validation:\n  metrics_validation:\n";
    shows(&faults(text), "");
    shows(
        &refused(text),
        r#"
error: the policy has no check
 --> p.yaml:1:1
  |
1 | post_deployment_validation:
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write at least one check below `post_deployment_validation`

1 fault
"#,
    );
    assert!(refused("variables: {a: 1}\n").contains("the policy has no check"));
}

#[test]
fn files_merge_by_top_level_key() {
    let gate = "post_deployment_validation: {health_check_validation: {tcp_checks: [{host: h, port: 1}]}}\n";
    let (_, problems, sources) = read(&[("a.yaml", gate), ("b.yaml", "x-note: 1\nvariables: {a: 1}\n")]);
    shows(&diagnostic::render(&problems, &sources, false), "");
    let (spec, problems, sources) =
        read(&[("a.yaml", "variables: {a: 1}\n"), ("dir/b.yaml", gate), ("c.yaml", gate)]);
    assert_eq!(spec.name, "b");
    shows(
        &diagnostic::render(&problems, &sources, false),
        r#"
error: `post_deployment_validation` is written in two files
 --> c.yaml:1:1
  |
1 | post_deployment_validation: {health_check_validation: {tcp_checks: [{host: h, port: 1}]}}
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
 ::: dir/b.yaml:1:1
  |
1 | post_deployment_validation: {health_check_validation: {tcp_checks: [{host: h, port: 1}]}}
  | -------------------------- first written here
  |
  = help: files are merged by top-level key: keep one of the two

1 fault
"#,
    );
}

#[test]
fn variables_are_declared_given_and_checked() {
    let text = "
variables:
  soak: 5m
  region: {default: eu-1, pattern: '[a-z]+-[0-9]+'}
  tier: {required: true, description: the tier that is deployed}
  version: {pattern: 'v[0-9.]+'}
";
    let (spec, problems, mut sources) = read(&[("p.yaml", text)]);
    assert!(problems.is_empty(), "{problems:?}");
    let file =
        sources.add("values.yaml", b"region: US\nsoak: 1.10\nversion: 2\nlist: [a]\n".to_vec()).unwrap();
    let mut problems = Problems::default();
    let given = Given {
        files: vec![(file, sources.text(file))],
        options: vec![("extra".into(), "1".into()), ("environment".into(), "qa".into())],
        own: Own { version: Some("2.0".into()), run_id: "r1".into(), ..Own::default() },
        ..Given::default()
    };
    let scope = spec.variables.scope(&given, &mut problems);
    assert_eq!(scope.get("soak"), Some("1.10"));
    assert_eq!(scope.get("extra"), Some("1"));
    assert_eq!(scope.get("run_id"), Some("r1"));
    shows(
        &diagnostic::render(&problems, &sources, false),
        r#"
error: the variable `tier` is required and not given
 --> p.yaml:5:3
  |
5 |   tier: {required: true, description: the tier that is deployed}
  |   ^^^^
  |
  = help: pass `--set tier=VALUE`; it is: the tier that is deployed

error: expected `version` to match `v[0-9.]+`, found `2.0`
 --> p.yaml:6:22
  |
6 |   version: {pattern: 'v[0-9.]+'}
  |                      ^^^^^^^^^^

error: expected `region` to match `[a-z]+-[0-9]+`, found `US`
 --> values.yaml:1:9
  |
1 | region: US
  |         ^^

error: `version` in a values file is refused: the gate sets `version`
 --> values.yaml:3:1
  |
3 | version: 2
  | ^^^^^^^
  |
  = help: pass `--version`

error: expected a scalar for `list`, found a list
 --> values.yaml:4:7
  |
4 | list: [a]
  |       ^

error: `--set environment` is refused: the gate sets `environment`
 |
 = help: pass `--environment`

6 faults
"#,
    );
}

fn resolve(
    text: &str,
    environment: &[(&str, &str)],
    options: &[&str],
) -> Result<crate::policy::integration::Resolved, String> {
    let (spec, mut problems, sources) = read(&[("p.yaml", text)]);
    let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
    let overrides = Overrides::read(&options, &spec.integrations, &mut problems);
    let mut scope = Scope::default();
    scope.set("tenant", "shop");
    let resolved = spec.integrations.resolve("prometheus", &scope, &vault(environment), &overrides);
    resolved.map_err(|found| {
        problems.append(found);
        diagnostic::render(&problems, &sources, false)
    })
}

#[test]
fn an_integration_is_resolved_when_it_is_used() {
    let text = "
integrations:
  prometheus:
    base_url: \"${PROM_URL}/{{tenant}}/\"
    type: basic_auth
    username: ci
    password: \"${PROM_PASSWORD}\"
    headers: {X-Scope-OrgID: \"${TENANT}\", X-Cost: \"$5 $$x\"}
    tls: {server_name: prom}
    delay: 10s
    max_body: 1MiB
";
    let environment =
        [("PROM_URL", "https://prom:9090"), ("PROM_PASSWORD", "hunter2hunter2"), ("TENANT", "t1")];
    let resolved = resolve(text, &environment, &[]).unwrap();
    assert_eq!(resolved.url.as_str(), "https://prom:9090/shop");
    assert_eq!((resolved.delay, resolved.max_body), (Delay::After(seconds(10)), 1 << 20));
    assert_eq!(resolved.headers["x-scope-orgid"], "t1");
    assert_eq!(resolved.headers["x-cost"], "$5 $x");
    assert_eq!(resolved.tls.server_name.as_deref(), Some("prom"));
    assert!(matches!(&resolved.auth, Auth::Basic(user, _) if user == "ci"));
    assert!(!format!("{resolved:?}").contains("hunter2"));
    let options = [
        "prometheus.url=http://other:1",
        "prometheus.auth.type=bearer",
        "prometheus.token=abcdefgh",
        "prometheus.headers.X-Scope-OrgID=other",
    ];
    let resolved = resolve(text, &environment, &options).unwrap();
    assert!(matches!(resolved.auth, Auth::Bearer(_)));
    let shown = resolve(text, &environment, &["prometheus.token=abcdefgh"]).unwrap_err();
    assert!(shown.contains("`--integration prometheus.auth.token`: `token` means nothing"), "{shown}");
    let options = [
        "prometheus.url=http://other:1",
        "prometheus.password=abcdefgh",
        "prometheus.headers.X-Scope-OrgID=other",
    ];
    let resolved = resolve(text, &environment, &options).unwrap();
    assert_eq!(resolved.url.as_str(), "http://other:1/");
    assert_eq!(resolved.headers["x-scope-orgid"], "other");
}

#[test]
fn what_an_integration_lacks_is_told_when_it_is_used() {
    shows(
        &resolve(DOCUMENTS[0].1, &[("PROMETHEUS_PASSWORD", "short")], &[]).unwrap_err(),
        r#"
error: the integration `prometheus` has no `url`
  --> p.yaml:14:3
   |
14 |   prometheus:
   |   ^^^^^^^^^^
   |
   = help: write one, or pass `--prometheus URL`

error: the `password` of `prometheus` cannot be used: expected a secret of at least 8 characters, found 5
  --> p.yaml:17:15
   |
17 |     password: "${PROMETHEUS_PASSWORD}"
   |               ^^^^^^^^^^^^^^^^^^^^^^^^

2 faults
"#,
    );
    shows(
        &resolve(DOCUMENTS[1].1, &[], &[]).unwrap_err(),
        r#"
error: the secret `prometheus-password` is not found: the environment variable `PROMETHEUS_PASSWORD` is not set and no `--secrets-dir` is given
  --> p.yaml:26:23
   |
26 |         password_ref: "prometheus-password"
   |                       ^^^^^^^^^^^^^^^^^^^^^

1 fault
"#,
    );
    shows(
        &resolve("x-a: 1\n", &[], &[]).unwrap_err(),
        r#"
error: there is no integration `prometheus` to ask
 |
 = help: pass `--prometheus URL`, or write `integrations: {prometheus: {url: …}}`

1 fault
"#,
    );
    assert!(resolve("x-a: 1\n", &[], &["prometheus.url=http://h:1"]).is_ok());
    let text =
        "integrations: {prometheus: {url: 'http://u:p@h', enabled: no, auth: {type: oauth2}, type: basic}}\n";
    shows(
        &resolve(text, &[], &["promethus.url=x", "prometheus.urll=x", "x"]).unwrap_err(),
        r#"
error: `client_id` is missing for the auth type `oauth2` of `prometheus`
 --> p.yaml:1:16
  |
1 | integrations: {prometheus: {url: 'http://u:p@h', enabled: no, auth: {type: oauth2}, type: basic}}
  |                ^^^^^^^^^^

error: `client_secret` or `client_secret_ref` is missing for the auth type `oauth2` of `prometheus`
 --> p.yaml:1:16
  |
1 | integrations: {prometheus: {url: 'http://u:p@h', enabled: no, auth: {type: oauth2}, type: basic}}
  |                ^^^^^^^^^^

error: `token_url` is missing for the auth type `oauth2` of `prometheus`
 --> p.yaml:1:16
  |
1 | integrations: {prometheus: {url: 'http://u:p@h', enabled: no, auth: {type: oauth2}, type: basic}}
  |                ^^^^^^^^^^

error: expected a URL without user and password, found one with them
 --> p.yaml:1:34
  |
1 | integrations: {prometheus: {url: 'http://u:p@h', enabled: no, auth: {type: oauth2}, type: basic}}
  |                                  ^^^^^^^^^^^^^^
  |
  = help: write them as `auth: {type: basic, username: …, password_ref: …}`

error: expected `true` or `false`, found `no`
 --> p.yaml:1:59
  |
1 | integrations: {prometheus: {url: 'http://u:p@h', enabled: no, auth: {type: oauth2}, type: basic}}
  |                                                           ^^

error: `type` is written twice in other words
 --> p.yaml:1:91
  |
1 | integrations: {prometheus: {url: 'http://u:p@h', enabled: no, auth: {type: oauth2}, type: basic}}
  |                                                                                           ^^^^^
  |
 ::: p.yaml:1:76
  |
1 | integrations: {prometheus: {url: 'http://u:p@h', enabled: no, auth: {type: oauth2}, type: basic}}
  |                                                                            ------ first written here
  |
  = help: `type` and `auth.type` mean the same: keep one of the two

error: `--integration promethus.url`: there is no integration `promethus`
 |
 = help: did you mean `prometheus`?

error: `--integration prometheus.urll`: `urll` is not a setting of an integration
 |
 = help: did you mean `url`?

error: expected `--integration NAME.KEY=VALUE`, found `x`

9 faults
"#,
    );
    let text = "integrations: {prometheus: {url: 'http://h', enabled: false, auth: {type: oauth2}}}\n";
    shows(
        &resolve(text, &[], &[]).unwrap_err(),
        r#"
error: `client_id` is missing for the auth type `oauth2` of `prometheus`
 --> p.yaml:1:16
  |
1 | integrations: {prometheus: {url: 'http://h', enabled: false, auth: {type: oauth2}}}
  |                ^^^^^^^^^^

error: `client_secret` or `client_secret_ref` is missing for the auth type `oauth2` of `prometheus`
 --> p.yaml:1:16
  |
1 | integrations: {prometheus: {url: 'http://h', enabled: false, auth: {type: oauth2}}}
  |                ^^^^^^^^^^

error: `token_url` is missing for the auth type `oauth2` of `prometheus`
 --> p.yaml:1:16
  |
1 | integrations: {prometheus: {url: 'http://h', enabled: false, auth: {type: oauth2}}}
  |                ^^^^^^^^^^

error: the integration `prometheus` is used and is not enabled
 --> p.yaml:1:55
  |
1 | integrations: {prometheus: {url: 'http://h', enabled: false, auth: {type: oauth2}}}
  |                                                       ^^^^^
  |
  = help: enable it, or ask another `source`

4 faults
"#,
    );
}

#[test]
fn an_unset_environment_variable_is_told_when_it_is_used() {
    let text = "integrations: {prometheus: {url: 'http://${HOST}:9090'}}\n";
    shows(
        &resolve(text, &[], &[]).unwrap_err(),
        r#"
error: the environment variable `HOST` is not set
 --> p.yaml:1:42
  |
1 | integrations: {prometheus: {url: 'http://${HOST}:9090'}}
  |                                          ^^^^^^^

1 fault
"#,
    );
    for (url, told) in [
        ("'${1X}'", "expected `${NAME}` with the name of an environment variable"),
        ("'http://h:1/?token=abcdefgh'", "without query and fragment, found one with them\n"),
        ("'ftp://h'", "expected a URL like `http://host:9090`, found `ftp://h`"),
        ("'http://h', delay: soon", "expected `auto` or a duration like `30s`, found `soon`"),
        ("'http://h', dialect: x", "expected `promql`, `metricsql` or `none`, found `x`"),
        ("'http://h', token: a, token_file: b", "`token` and `token_file` are both written"),
        ("'http://h', token_file: /nowhere/at/all", "`/nowhere/at/all` cannot be read"),
        ("'http://h', headers: {'a b': c}", "expected the name of a header, found `a b`"),
        ("'http://h', headers: {Authorization: '${HOST}'}", "`HOST` is not set"),
        ("'http://h', tls: {cert_file: a}", "expected both `cert_file` and `key_file` of `tls`"),
    ] {
        let text = format!("integrations: {{prometheus: {{url: {url}}}}}\n");
        let shown = match resolve(&text, &[], &[]) {
            Err(shown) => shown,
            // What is wrong in itself is told when it is read, and need not stop the use.
            Ok(_) => faults(&text),
        };
        let all = format!("{}{shown}", faults(&text));
        assert!(all.contains(told), "{url}: {all}");
    }
}

#[test]
fn what_starts_deployments_is_checked_for_its_shape() {
    let text = "
deployment_triggers:
  jira:
    label_trigger: {labels: [a], pipeline_maping: {a: b}}
    version_trigger: {enabled: maybe, version_pattern: '(', pipeline_mapping: {'[': x}}
";
    shows(
        &faults(text),
        r#"
error: `pipeline_maping` is not a field of `label_trigger`
 --> p.yaml:4:34
  |
4 |     label_trigger: {labels: [a], pipeline_maping: {a: b}}
  |                                  ^^^^^^^^^^^^^^^
  |
  = help: did you mean `pipeline_mapping`?

error: expected `true` or `false`, found `maybe`
 --> p.yaml:5:32
  |
5 |     version_trigger: {enabled: maybe, version_pattern: '(', pipeline_mapping: {'[': x}}
  |                                ^^^^^

error: expected a regular expression, found `(`
 --> p.yaml:5:56
  |
5 |     version_trigger: {enabled: maybe, version_pattern: '(', pipeline_mapping: {'[': x}}
  |                                                        ^^^

error: expected a regular expression, found `[`
 --> p.yaml:5:80
  |
5 |     version_trigger: {enabled: maybe, version_pattern: '(', pipeline_mapping: {'[': x}}
  |                                                                                ^^^

4 faults
"#,
    );
}

#[test]
fn the_same_system_in_both_forms_is_refused() {
    let text = "
integrations: {prom: {system: prometheus, url: 'http://a'}, other: {system: prometheus, url: 'http://b'}}
integration_configs: {monitoring: {prometheus: {url: 'http://c'}}}
";
    shows(
        &faults(text),
        r#"
error: `prometheus` is written twice
 --> p.yaml:3:36
  |
3 | integration_configs: {monitoring: {prometheus: {url: 'http://c'}}}
  |                                    ^^^^^^^^^^
  |
 ::: p.yaml:2:16
  |
2 | integrations: {prom: {system: prometheus, url: 'http://a'}, other: {system: prometheus, url: 'http://b'}}
  |                ---- first written here
  |
  = help: `integrations` and `integration_configs` mean the same: keep one of the two

1 fault
"#,
    );
}
