//! Every lint of queries by example: what it finds, what its fix makes of the query, and what it leaves alone.

use super::super::{Rule, Subject, look as lint};
use super::{deployment, histograms, matchers, rates, shape, sides, times};
use crate::check::KINDS;
use crate::diagnostic::{self, Sources};
use crate::policy::parse::{Document, parse};
use crate::policy::problem::{Place, Problem, Problems};
use crate::policy::query;
use crate::policy::template::{Context, Template};
use crate::promql::Dialect;

/// The problems of a check with `query` and the lines `more`, and the texts.
fn look(query: &str, more: &str) -> (Vec<Problem>, Sources) {
    let more: String = more.split("; ").map(|line| format!("      {line}\n")).collect();
    let query = serde_json::Value::from(query);
    let text = format!(
        "variables:\n  shard: {{pattern: '[0-9]+'}}\npost_deployment_validation:\n  window: {{duration: 5m}}\n  metrics_validation:\n    - name: c\n      query: {query}\n{more}"
    );
    let mut sources = Sources::default();
    let index = sources.add("policy.yaml", text.into_bytes()).unwrap();
    let documents = [Document::of(&sources, index)];
    let (spec, problems) = parse(&documents, KINDS);
    assert!(problems.is_empty(), "{}", diagnostic::render(&problems, &sources, false));
    let problems = lint(Subject { spec: &spec, documents: &documents, triggers: &[], complete: true })
        .sorted()
        .into_iter()
        .filter(|problem| rules().any(|rule| Some(rule.id) == problem.id))
        .cloned()
        .collect();
    (problems, sources)
}

/// The query after the fix of `problem`, and whether it is sure.
fn mended(problem: &Problem) -> Option<(String, bool)> {
    let fix = problem.fix.as_deref()?;
    let mut text = fix.decoded.clone()?;
    let mut edits = fix.edits.clone();
    edits.sort_by_key(|(range, _)| range.start);
    for (range, new) in edits.into_iter().rev() {
        text.replace_range(range.start as usize..range.end as usize, &new);
    }
    Some((text, fix.sure))
}

const MAX: &str = "max_value: 1; on_no_traffic: pass";

/// What is found: the lint, the query, the check's other lines, and the query after the fix with `!` where it is sure.
const FOUND: &[(&str, &str, &str, &str)] = &[
    ("range-too-short", "rate(x_total[30s])", MAX, "rate(x_total[1m])"),
    ("range-too-short", "deriv(heap_bytes[59])", MAX, "deriv(heap_bytes[1m])"),
    ("range-too-short", "rate(x_total[10s])", "max_value: 1; interval: 5s", "rate(x_total[20s])"),
    ("reaches-before-deployment", "increase(x_total[10m])", MAX, ""),
    ("reaches-before-deployment", "max_over_time(rate(x_total[5m])[5m:1m])", MAX, ""),
    ("reaches-before-deployment", "rate(x_total[5m])", "max_value: 1; duration: 2m; old_data: wait", ""),
    ("reaches-before-deployment", "rate(x_total[5m])", "max_value: 1; min_range: 6m; duration: 4m", ""),
    ("reaches-before-deployment", "rate(x_total[5m])", "max_value: 1; old_data: allow", ""),
    (
        "reaches-before-deployment",
        "increase(x_total[10m])",
        "max_value: 1; duration: 20m; old_data: allow",
        "",
    ),
    ("few-due-ticks", "increase(x_total[5m])", "max_value: 1; duration: 5m", ""),
    ("few-due-ticks", "rate(x_total[5m])", "max_value: 1; duration: 1m", ""),
    ("few-due-ticks", "increase(x_total[5m])", "max_value: 1; duration: 6m; max_failures: 6", ""),
    ("recorded-range", "job:errors:ratio", MAX, ""),
    ("recorded-range", "sum(job:errors:ratio / job:errors:rate5m)", "max_value: 1; duration: 10m", ""),
    (
        "fine-subquery",
        "max_over_time(rate(x_total[2m])[3m:1s])",
        MAX,
        "max_over_time(rate(x_total[2m])[3m:15s])",
    ),
    ("looks-ahead", "rate(x_total[2m] offset -1m)", MAX, ""),
    ("looks-ahead", "queue offset -30s", MAX, ""),
    ("fixed-time", "queue @ 1700000000", MAX, ""),
    ("fixed-time", "max_over_time(queue[3m:1m] @ 1700000000)", MAX, ""),
    (
        "rate-of-gauge",
        "rate(process_resident_memory_bytes[5m])",
        MAX,
        "deriv(process_resident_memory_bytes[5m])",
    ),
    ("rate-of-gauge", "sum(increase(up{job=\"a\"}[5m]))", MAX, "sum(delta(up{job=\"a\"}[5m]))"),
    ("rate-of-gauge", "irate(kafka_consumergroup_lag[5m])", MAX, "idelta(kafka_consumergroup_lag[5m])"),
    (
        "counter-without-rate",
        "http_requests_total{code=\"500\"}",
        MAX,
        "rate(http_requests_total{code=\"500\"}[5m])",
    ),
    (
        "counter-without-rate",
        "sum(a_errors_total) / sum(a_requests_total)",
        MAX,
        "sum(rate(a_errors_total[5m])) / sum(a_requests_total)",
    ),
    (
        "counter-without-rate",
        "x_seconds_sum / x_seconds_count",
        MAX,
        "rate(x_seconds_sum[5m]) / x_seconds_count",
    ),
    (
        "counter-without-rate",
        "histogram_quantile(0.9, x_bucket)",
        MAX,
        "histogram_quantile(0.9, rate(x_bucket[5m]))",
    ),
    ("counter-without-rate", "{{app}}_errors_total{a=\"b\"}", MAX, "rate({{app}}_errors_total{a=\"b\"}[5m])"),
    ("counter-without-rate", "delta(x_total[5m])", MAX, "increase(x_total[5m])"),
    ("counter-without-rate", "deriv(x_total[5m])", MAX, "rate(x_total[5m])"),
    ("counter-without-rate", "x_total offset 5m", MAX, ""),
    ("rate-after-aggregation", "rate(sum(x_total)[5m:])", MAX, "sum(rate(x_total[5m]))"),
    (
        "rate-after-aggregation",
        "increase(sum by (a) (x_total{b=\"{{b}}\"})[5m:15s])",
        MAX,
        "sum by (a) (increase(x_total{b=\"{{b}}\"}[5m]))",
    ),
    (
        "rate-after-aggregation",
        "rate(max without (pod) (x_total)[5m:1m])",
        MAX,
        "max without (pod) (rate(x_total[5m]))",
    ),
    ("rate-after-aggregation", "rate(rate(x_total[1m])[4m:])", MAX, ""),
    ("rate-after-aggregation", "rate(job:http_requests:sum[5m])", MAX, ""),
    ("rate-after-aggregation", "irate(job:http_requests:rate5m[5m])", MAX, ""),
    (
        "quantile-without-le",
        "histogram_quantile(0.95, sum(rate(x_bucket{a=\"b\"}[5m])))",
        MAX,
        "!histogram_quantile(0.95, sum(rate(x_bucket{a=\"b\"}[5m])) by (le))",
    ),
    (
        "quantile-without-le",
        "histogram_quantile(0.95, sum by (job) (rate(x_bucket[5m])))",
        MAX,
        "!histogram_quantile(0.95, sum by (job, le) (rate(x_bucket[5m])))",
    ),
    (
        "quantile-without-le",
        "histogram_quantile(0.95, sum(rate(x_bucket[5m])) by ())",
        MAX,
        "!histogram_quantile(0.95, sum(rate(x_bucket[5m])) by (le))",
    ),
    (
        "quantile-without-le",
        "histogram_quantile(0.95, sum without (pod, le) (rate(x_bucket[5m])))",
        MAX,
        "!histogram_quantile(0.95, sum without (pod) (rate(x_bucket[5m])))",
    ),
    (
        "quantile-without-le",
        "histogram_quantile(0.95, sum without (le, pod) (rate(x_bucket[5m])))",
        MAX,
        "!histogram_quantile(0.95, sum without (pod) (rate(x_bucket[5m])))",
    ),
    ("quantile-without-le", "histogram_quantile(0.95, sum without (le) (rate(x_bucket[5m])))", MAX, ""),
    (
        "quantile-without-le",
        "histogram_quantile(0.95, (avg(rate({{app}}_bucket[5m]))))",
        MAX,
        "!histogram_quantile(0.95, (avg(rate({{app}}_bucket[5m])) by (le)))",
    ),
    (
        "quantile-without-le",
        "histogram_quantile(0.95, sum(job:x_bucket:rate5m))",
        MAX,
        "!histogram_quantile(0.95, sum(job:x_bucket:rate5m) by (le))",
    ),
    (
        "quantile-without-le",
        "histogram_quantile(0.95, 2 * sum(sum by (le) (rate(x_bucket[5m]))))",
        MAX,
        "histogram_quantile(0.95, 2 * sum(sum by (le) (rate(x_bucket[5m]))) by (le))",
    ),
    (
        "quantile-without-le",
        "histogram_fraction(0, 0.3, sum(rate(x_bucket[5m])))",
        MAX,
        "!histogram_fraction(0, 0.3, sum(rate(x_bucket[5m])) by (le))",
    ),
    (
        "quantile-out-of-range",
        "histogram_quantile(95, sum by (le) (rate(x_bucket[5m])))",
        MAX,
        "!histogram_quantile(0.95, sum by (le) (rate(x_bucket[5m])))",
    ),
    ("quantile-out-of-range", "quantile(99.9, queue)", MAX, "!quantile(0.999, queue)"),
    ("quantile-out-of-range", "quantile_over_time(-0.5, queue[5m])", MAX, ""),
    (
        "quantile-of-no-buckets",
        "histogram_quantile(0.9, sum by (le) (rate(x_seconds_count[5m])))",
        MAX,
        "histogram_quantile(0.9, sum by (le) (rate(x_seconds_bucket[5m])))",
    ),
    ("quantile-of-no-buckets", "histogram_quantile(0.9, rate(x_total[5m]))", MAX, ""),
    ("mean-of-quantiles", "avg(histogram_quantile(0.9, sum by (le, pod) (rate(x_bucket[5m]))))", MAX, ""),
    ("mean-of-quantiles", "avg by (job) (x_seconds{quantile=\"0.99\"})", MAX, ""),
    (
        "mean-of-quantiles",
        "avg_over_time(histogram_quantile(0.9, sum by (le) (rate(x_bucket[2m])))[3m:1m])",
        MAX,
        "",
    ),
    ("match-everything", "x{a=~\".*\"}", MAX, "x"),
    ("match-everything", "x{b=\"c\", a=~\".*\"}", MAX, "x{b=\"c\"}"),
    ("match-everything", "x{a=~\"(.*)\", b=\"c\"}", MAX, "x{b=\"c\"}"),
    ("match-nothing", "x{a!~\".*\"}", MAX, ""),
    ("match-nothing", "x{a=\"b\", a=\"c\"}", MAX, ""),
    ("match-nothing", "x{a!=\"b\", c=\"d\", a=\"b\"}", MAX, ""),
    ("variable-in-regex", "x{a=~\"{{v}}\"}", MAX, "x{a=~\"{{regex v}}\"}"),
    ("variable-in-regex", "x{a=~\"{{v}}-.*\"}", MAX, "x{a=~\"{{regex v}}-.*\"}"),
    ("variable-in-regex", "x{a!~\"{{w}}|{{v}}\"}", MAX, "x{a!~\"{{regex w}}|{{v}}\"}"),
    ("variable-in-regex", "x{a=~\"{{lower v}}\"}", MAX, ""),
    ("plain-regex", "x{a=~\"b-c\"}", MAX, "!x{a=\"b-c\"}"),
    ("plain-regex", "x{a!~'5'}", MAX, "!x{a!='5'}"),
    ("regex-under-equal", "x{a=\"5..\"}", MAX, "x{a=~\"5..\"}"),
    ("regex-under-equal", "x{a!=\"500|503\"}", MAX, "x{a!~\"500|503\"}"),
    ("regex-under-equal", "x{a=\"b-.*\"}", MAX, "x{a=~\"b-.*\"}"),
    ("anchored-regex", "x{a=~\"^b.*$\"}", MAX, "!x{a=~\"b.*\"}"),
    ("anchored-regex", "x{a=~`^5..`}", MAX, "!x{a=~`5..`}"),
    ("anchored-regex", "x{a=~\"b.*$\"}", MAX, "!x{a=~\"b.*\"}"),
    (
        "unescaped-dot",
        "x{instance=~\"node-.*.example.com:9100\"}",
        MAX,
        "x{instance=~\"node-.*\\\\.example\\\\.com:9100\"}",
    ),
    ("unescaped-dot", "x{instance=~`10.0.0.1:.+`}", MAX, "x{instance=~`10\\.0\\.0\\.1:.+`}"),
    (
        "unescaped-dot",
        "x{url=~\"https://shop.example.com/.*\"}",
        MAX,
        "x{url=~\"https://shop\\\\.example\\\\.com/.*\"}",
    ),
    ("sides-never-match", "sum by (a) (x) / sum by (b) (y)", MAX, ""),
    ("sides-never-match", "sum(x) / sum by (job) (y)", MAX, ""),
    ("sides-never-match", "queue / sum(queue)", MAX, ""),
    ("sides-never-match", "sum by (job) (rate(x_total[5m])) > vector(1)", "expect_empty: true", ""),
    ("sides-never-match", "sum by (a, b) (x) / ignoring (a) sum by (a) (y)", MAX, ""),
    ("sides-never-match", "sum by (a) (x) * on (b) group_left () sum by (b) (y)", MAX, ""),
    ("sides-never-match", "histogram_quantile(0.9, sum by (le, pod) (rate(x_bucket[5m]))) / sum(y)", MAX, ""),
    ("comparison-drops-series", "up{job=\"a\"} == 1", "expected_value: 1", ""),
    ("comparison-drops-series", "(sum(rate(x_total[5m])) > 0.5)", MAX, ""),
    ("comparison-drops-series", "count(up == 0)", "max_value: 0", ""),
    ("never-empty", "sum(rate(x_total[5m]))", "expect_empty: true", ""),
    ("never-empty", "sum(rate(x_total{a=\"b\"}[5m]))", "expect_empty: true", ""),
    ("never-empty", "up", "expect_empty: true", ""),
    ("never-empty", "up{job=\"a\"}", "expect_empty: true", ""),
    ("never-empty", "(queue > 5) or vector(0)", "expect_empty: true", ""),
    ("absent-with-limit", "absent(up{job=\"a\"})", "expected_value: 0", ""),
    ("absent-with-limit", "absent_over_time(up{job=\"a\"}[5m])", "max_value: 0", ""),
    ("unstable-series", "topk(5, queue)", MAX, ""),
    ("unstable-series", "bottomk by (job) (1, queue) * 2", MAX, ""),
    ("exact-fraction", "sum(rate(x_total[5m]))", "expected_value: 5", ""),
    ("exact-fraction", "a / b", "expected_value: 0.5", ""),
    ("nan-without-traffic", "sum(rate(a_total{c=\"d\"}[5m])) / sum(rate(a_total[5m]))", "max_value: 1", ""),
    ("nan-without-traffic", "1 - rate(a_total{c=\"d\"}[5m]) / rate(a_total[5m])", "max_value: 1", ""),
    ("nan-without-traffic", "histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))", "max_value: 1", ""),
    (
        "nan-without-traffic",
        "sum(rate(a_total[5m])) / (sum(rate(a_total[5m])) + sum(rate(b_total[5m])))",
        "max_value: 1",
        "",
    ),
    ("experimental-promql", "limitk(2, queue)", MAX, ""),
];

/// What is left alone.
const LEFT_ALONE: &[(&str, &str, &str)] = &[
    ("range-too-short", "rate(x_total[1m]) + max_over_time(queue[10s])", MAX),
    ("range-too-short", "rate(x_total[{{range}}]) + rate(x_total[{{n}}s])", MAX),
    ("range-too-short", "rate(x_total[1m])", "max_value: 1; interval: 1m"),
    ("reaches-before-deployment", "rate(x_total[5m]) / rate(x_total[5m] offset 1w)", MAX),
    ("reaches-before-deployment", "rate(x_total[10m])", MAX),
    ("reaches-before-deployment", "rate(x_total[30s])", "max_value: 1; old_data: allow"),
    ("reaches-before-deployment", "rate(x_total[1h])", "max_value: 1; old_data: '{{how}}'"),
    ("reaches-before-deployment", "rate(x_total[{{elapsed}}])", MAX),
    ("few-due-ticks", "increase(x_total[5m])", "max_value: 1; duration: 6m"),
    ("few-due-ticks", "increase(x_total[5m])", "max_value: 1; duration: 5m; max_failures: 1"),
    ("recorded-range", "job:errors:rate5m + job:errors:{{range}}", "max_value: 1; duration: 10m"),
    ("recorded-range", "job:errors:ratio", "max_value: 1; duration: 10m; lookback: 5m"),
    ("recorded-range", "job:errors:ratio", "max_value: 1; old_data: allow"),
    ("reaches-before-deployment", "rate(x_total[1h])", "max_value: 1; duration: '{{soak}}'"),
    ("reaches-before-deployment", "rate(x_total[1h])", "max_value: 1; duration: 0s"),
    ("fine-subquery", "max_over_time(rate(x_total[2m])[3m:]) + max_over_time(queue[3m:15s])", MAX),
    ("looks-ahead", "queue offset 5m", MAX),
    ("fixed-time", "queue / queue @ {{deployed_at}} + queue @ start()", MAX),
    ("rate-of-gauge", "rate(node_cpu_seconds_total[5m]) + rate(mysql_global_status_slow_queries[5m])", MAX),
    ("rate-of-gauge", "histogram_quantile(0.9, sum(rate(http_response_used_bytes[5m])))", MAX),
    ("rate-of-gauge", "deriv(process_resident_memory_bytes[5m])", MAX),
    ("counter-without-rate", "min(a_healthy / a_total) + envoy_cluster_membership_total", MAX),
    ("counter-without-rate", "count(x_total) + changes(x_total[5m]) + (x_total - x_total offset 5m)", MAX),
    ("counter-without-rate", "queue and on (job) x_total > 5", MAX),
    ("counter-without-rate", "celery_active_worker_count + job:x_total:sum + x_sum", MAX),
    ("counter-without-rate", "x_errors_total{code=\"oom\"}", "expect_empty: true"),
    ("counter-without-rate", "absent(x_total) + time() - timestamp(x_total)", MAX),
    ("rate-after-aggregation", "sum(rate(x_total[5m])) + rate(x_total[5m:1m]) + deriv(job:x:sum[5m])", MAX),
    ("rate-after-aggregation", "rate(job:x_total:summary[5m])", MAX),
    ("quantile-without-le", "histogram_quantile(0.9, sum by (le, job) (rate(x_bucket[5m])))", MAX),
    ("quantile-without-le", "histogram_quantile(0.9, sum without (pod) (rate(x_bucket[5m])))", MAX),
    ("quantile-without-le", "histogram_quantile(0.9, sum(rate(x_seconds[5m])))", MAX),
    ("quantile-without-le", "histogram_quantile(0.9, sum by ({{labels}}) (rate(x_bucket[5m])))", MAX),
    ("quantile-without-le", "sum(histogram_quantile(0.9, rate(x_bucket[5m])) > 1)", MAX),
    ("quantile-out-of-range", "quantile(0, queue) + quantile(1, queue) + quantile({{q}}, queue)", MAX),
    ("quantile-of-no-buckets", "histogram_quantile(0.9, rate(x_seconds[5m]))", MAX),
    ("mean-of-quantiles", "max(x_seconds{quantile=\"0.9\"}) + avg(x_seconds_sum)", MAX),
    ("match-everything", "x{a=~\".+\", b=~\"c.*\"}", MAX),
    ("match-nothing", "x{a!~\".+\", b=\"1\", c=\"2\", d=~\"1\", d=\"1\", e=\"{{a}}\", e=\"{{b}}\"}", MAX),
    (
        "variable-in-regex",
        "x{a=~\"{{regex v}}\", b=~\"{{pod_pattern}}\", c=~\"{{shard}}\", d=\"{{v}}\"}",
        MAX,
    ),
    ("regex-under-equal", "x{a=\"a.b\", b=\"5xx\", c=\"a | b\", d=\"/x|y\", e=\"{{v}}.*\", f=\"..\"}", MAX),
    ("plain-regex", "x{a=~\"b|c\", b=~\"5..\", c=~\"{{regex v}}\", d=~\"\", e=~\"a\\\\.b\"}", MAX),
    ("anchored-regex", "x{a=~\"a|b\", b=~\"a\\\\$\", c=~\"^*\", d=~\"(?m)^a$\"}", MAX),
    (
        "unescaped-dot",
        "x{instance=~\"a\\\\.example\\\\.com.*\", code=~\"5..\", v=~\"1.2.*\", h=~\"com.example.Main\"}",
        MAX,
    ),
    (
        "sides-never-match",
        "sum by (a) (x) / sum by (a) (y) or sum(rate(x_total[5m])) / (sum(y) or vector(0))",
        MAX,
    ),
    ("sides-never-match", "sum by (a, b) (x) / on (a) group_left () sum by (a) (y)", MAX),
    ("sides-never-match", "sum by (a) (x) / ignoring (a) group_left () sum(y)", MAX),
    ("sides-never-match", "job:x:rate5m / sum(y) + sum by (a) (x) / {{other}} + a / b", MAX),
    ("sides-never-match", "sum by (a) (x) or sum by (b) (y) or vector(0)", MAX),
    ("comparison-drops-series", "up == bool 1", "expected_value: 1"),
    ("comparison-drops-series", "up == 0", "expect_empty: true"),
    ("comparison-drops-series", "queue > 5", "max_value: 10; on_no_data: pass"),
    ("comparison-drops-series", "sum(up == bool 0) + (count(up == 0) or vector(0))", MAX),
    ("never-empty", "sum(rate(x_total[5m])) > 5", "expect_empty: true"),
    ("never-empty", "ALERTS{alertname=\"x\"}", "expect_empty: true"),
    ("never-empty", "kube_pod_container_status_waiting_reason{reason=~\"Crash.*\"}", "expect_empty: true"),
    ("never-empty", "absent(up)", "expect_empty: true"),
    ("never-empty", "queue unless on (job) up", "expect_empty: true"),
    ("absent-with-limit", "absent(up)", "max_value: 0; on_no_data: pass"),
    ("absent-with-limit", "absent(up)", "expect_empty: true"),
    ("unstable-series", "max(topk(5, queue)) + max(a * on (pod) group_left () topk by (pod) (1, b))", MAX),
    ("exact-fraction", "sum(up) / count(up)", "expected_value: 1"),
    ("exact-fraction", "sum(rate(x_total[5m]))", "expected_value: 0"),
    ("exact-fraction", "a / b", "expected_value: 0.5; tolerance: 0.1"),
    ("exact-fraction", "up", "expected_value: 1"),
    ("nan-without-traffic", "rate(a_total[5m]) / rate(b_total[5m])", "max_value: 1; on_no_traffic: pass"),
    (
        "nan-without-traffic",
        "rate(a_total[5m]) / rate(b_total[5m])",
        "max_value: 1; evidence: {query: 'rate(b_total[5m])', min_value: 1}",
    ),
    ("nan-without-traffic", "rate(a_total[5m]) / (rate(b_total[5m]) > 0)", "max_value: 1"),
    ("nan-without-traffic", "rate(a_total[5m]) / clamp_min(rate(b_total[5m]), 1)", "max_value: 1"),
    ("nan-without-traffic", "rate(a_total[5m]) / 5 + a / b", "max_value: 1"),
    ("nan-without-traffic", "rate(a_total[5m]) / rate(b_total[5m]) > 5", "expect_empty: true"),
    ("experimental-promql", "sum(rate(x_total[5m]))", MAX),
];

/// What platform engineers write every day: no lint has anything to say.
const SANE: &[(&str, &str)] = &[
    ("up{job=\"{{service_name}}\"}", "expected_value: 1; tolerance: 0"),
    ("min(probe_success{instance=\"{{target}}\"})", "expected_value: 1"),
    ("(min(probe_ssl_earliest_cert_expiry{instance=\"{{target}}\"}) - time()) / 86400", "min_value: 7"),
    ("sum(changes(process_start_time_seconds{job=\"{{job}}\"}[5m]))", "max_value: 0; duration: 10m"),
    ("max(process_open_fds{job=\"{{job}}\"} / process_max_fds{job=\"{{job}}\"})", "max_value: 0.9"),
    ("max(rate(go_gc_duration_seconds_sum{job=\"{{job}}\"}[5m]))", "max_value: 0.1"),
    (
        "sum by (instance) (jvm_memory_used_bytes{area=\"heap\"}) / sum by (instance) (jvm_memory_max_bytes{area=\"heap\"})",
        "max_value: 0.9",
    ),
    ("1 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[5m]))", "max_value: 0.9"),
    (
        "min by (instance) (node_filesystem_avail_bytes{fstype!~\"tmpfs|ramfs\"} / node_filesystem_size_bytes{fstype!~\"tmpfs|ramfs\"})",
        "min_value: 0.1",
    ),
    ("sum(deriv(kafka_consumergroup_lag{topic=\"{{topic}}\"}[5m]))", "max_value: 5"),
    (
        "sum(increase(kube_pod_container_status_restarts_total{namespace=\"{{ns}}\"}[5m]))",
        "max_value: 0; duration: 10m",
    ),
    (
        "kube_pod_container_status_waiting_reason{reason=~\"CrashLoopBackOff|ErrImagePull\"}",
        "expect_empty: true",
    ),
    ("ALERTS{alertstate=\"firing\", severity=\"critical\"}", "expect_empty: true"),
    ("sum(pg_stat_database_numbackends) / max(pg_settings_max_connections)", "max_value: 0.9"),
    ("(sum(rate(x_total{code=~\"5..\"}[5m])) or vector(0)) / sum(rate(x_total[5m])) ", MAX),
    ("histogram_quantile(0.95, sum by (le) (rate(x_seconds_bucket{job=\"{{job}}\"}[{{range}}])))", MAX),
    ("rate(x_total[5m]) / rate(x_total[5m] offset 1w)", MAX),
    ("sum(x{job=\"a\"}) * on () group_left () max(y)", MAX),
    ("avg_over_time(up{job=\"a\"}[5m])", "min_value: 0.99"),
    (
        "max by (pod) (container_memory_working_set_bytes) / on (pod) max by (pod) (kube_pod_container_resource_limits)",
        MAX,
    ),
    ("rate(x_seconds_sum[5m]) / rate(x_seconds_count[5m])", MAX),
    ("sum(rate(a_total[5m])) by (job) / ignoring (code) group_left sum(rate(a_total[5m])) by (job)", MAX),
];

#[test]
fn what_nobody_means_is_found_and_mended() {
    let mut wrong = Vec::new();
    for (id, query, more, wanted) in FOUND {
        let (problems, _) = look(query, more);
        let Some(problem) = problems.iter().find(|problem| problem.id == Some(id)) else {
            let ids: Vec<_> = problems.iter().filter_map(|problem| problem.id).collect();
            wrong.push(format!("{id}: {query}: not found among {ids:?}"));
            continue;
        };
        let fixed = mended(problem).map(|(text, sure)| format!("{}{text}", if sure { "!" } else { "" }));
        if fixed.as_deref().unwrap_or_default() != *wanted {
            wrong.push(format!("{id}: {query}: mended to {fixed:?}"));
        }
        if problem.inside.is_none() || problem.help.is_none() {
            wrong.push(format!("{id}: {query}: without a place in the query, or without help"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_sure_fix_leaves_nothing_to_find() {
    for (id, query, more, wanted) in FOUND {
        let Some(fixed) = wanted.strip_prefix('!') else { continue };
        let (problems, _) = look(fixed, more);
        assert!(!problems.iter().any(|problem| problem.id == Some(id)), "{query} became {fixed}");
    }
}

#[test]
fn what_is_meant_is_left_alone() {
    let mut wrong = Vec::new();
    for (id, query, more) in LEFT_ALONE {
        let (problems, sources) = look(query, more);
        let mut found = Problems::default();
        problems.into_iter().filter(|problem| problem.id == Some(id)).for_each(|problem| found.push(problem));
        if !found.is_empty() {
            wrong.push(diagnostic::render(&found, &sources, false));
        }
    }
    for (query, more) in SANE {
        let (problems, sources) = look(query, more);
        let mut found = Problems::default();
        problems.into_iter().for_each(|problem| found.push(problem));
        if !found.is_empty() {
            wrong.push(diagnostic::render(&found, &sources, false));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The lints of queries.
fn rules() -> impl Iterator<Item = &'static Rule> {
    let all = [
        times::RULES,
        deployment::RULES,
        rates::RULES,
        histograms::RULES,
        matchers::RULES,
        sides::RULES,
        shape::RULES,
    ];
    all.into_iter().flatten()
}

#[test]
fn every_lint_has_an_example_of_both() {
    for rule in rules() {
        assert!(FOUND.iter().any(|(id, ..)| *id == rule.id), "{} is never found", rule.id);
        assert!(LEFT_ALONE.iter().any(|(id, ..)| *id == rule.id), "{} is never left alone", rule.id);
    }
}

#[test]
fn every_fix_of_a_sound_query_is_a_sound_query() {
    #[derive(serde::Deserialize)]
    struct Known {
        query: String,
    }
    let corpus: Vec<Known> =
        serde_yaml::from_str(include_str!("../../../../tests/promql/valid.yaml")).unwrap();
    let corpus: Vec<String> = corpus.into_iter().map(|known| known.query).collect();
    let examples = FOUND.iter().map(|(_, query, ..)| (*query).to_owned());
    let sound = |text: &str| {
        let place = Place { source: 0, start: 0, end: 0 };
        let template = Template::compile(text, place, Context::Query).ok()?;
        let mut problems = Problems::default();
        query::check(&template, Dialect::PromQl, &mut problems);
        Some(problems.is_empty())
    };
    let (mut fixes, mut wrong) = (0, Vec::new());
    for query in corpus.into_iter().chain(examples) {
        // Not what YAML takes, or what rollgate refuses for reasons of its own.
        if query.contains(char::is_control) || sound(&query) != Some(true) {
            continue;
        }
        let (problems, _) = look(&query, MAX);
        for (fixed, _) in problems.iter().filter_map(mended) {
            fixes += 1;
            if sound(&fixed) != Some(true) {
                wrong.push(format!("{query} became {fixed}"));
            }
        }
    }
    assert!(wrong.is_empty() && fixes > 50, "{fixes}\n{}", wrong.join("\n"));
}

#[test]
fn both_ways_of_a_block_tell_what_they_share_once() {
    let (problems, _) = look("x{a=~\".*\"{{#if v}}, b=\"{{v}}\"{{else}}, c=~\".*\"{{/if}}}", MAX);
    let places: Vec<_> =
        problems.iter().map(|problem| problem.inside.as_ref().unwrap().stretches.clone()).collect();
    assert_eq!(places.len(), 2, "{problems:?}");
    assert_ne!(places[0], places[1]);
}

#[test]
fn carets_and_help_are_where_they_belong() {
    let (problems, sources) =
        look("histogram_quantile(95, sum(rate({{app}}_seconds_bucket{job=~\"{{job}}\"}[30s])))", MAX);
    let mut found = Problems::default();
    problems.into_iter().for_each(|problem| found.push(problem));
    let shown = diagnostic::render(&found, &sources, false);
    assert_eq!(shown, CARETS, "{shown}");
}

const CARETS: &str = r#"warning[quantile-out-of-range]: expected a quantile from 0 to 1, found `95`: the result is always `+Inf`
 --> policy.yaml:7:34
  |
7 |       query: "histogram_quantile(95, sum(rate({{app}}_seconds_bucket{job=~\"{{job}}\"}[30s])))"
  |                                  ^^
  |
  = help: the percentile 95 is the quantile `0.95`

warning[quantile-without-le]: `histogram_quantile` needs the label `le`, and this `sum` drops it
 --> policy.yaml:7:38
  |
7 |       query: "histogram_quantile(95, sum(rate({{app}}_seconds_bucket{job=~\"{{job}}\"}[30s])))"
  |                                      ^^^
  |
  = help: without buckets there is no quantile: keep them apart `by (le)`

warning[variable-in-regex]: the value of `job` is taken for a regular expression here
 --> policy.yaml:7:70
  |
7 |       query: "histogram_quantile(95, sum(rate({{app}}_seconds_bucket{job=~\"{{job}}\"}[30s])))"
  |                                                                      ^^^^^^^^^^^^^^^^
  |
  = help: write `{{regex job}}`, so that a dot in it is only a dot; or match with `=`

warning[range-too-short]: `rate` over `30s` is less than four intervals of `15s`
 --> policy.yaml:7:87
  |
7 |       query: "histogram_quantile(95, sum(rate({{app}}_seconds_bucket{job=~\"{{job}}\"}[30s])))"
  |                                                                                       ^^^^^
  |
  = help: one missed scrape leaves it without a value: look back `1m` or more

4 warnings
"#;
