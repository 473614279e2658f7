//! What the reading of queries says about mistakes, and what it makes of them. The corpus in `tests/promql` tests what
//! is right and what is wrong against Prometheus itself.

use super::*;

fn plain(text: &str) -> Query {
    parse(text, Options::default())
}

/// The first message, and the query with all fixes.
fn told(text: &str) -> (String, String) {
    let query = plain(text);
    let first = query.errors.first().unwrap_or_else(|| panic!("{text} is fine"));
    (first.message.clone(), apply(text, query.errors.iter().filter_map(|error| error.fix.as_ref())))
}

#[test]
fn what_people_write_instead_is_mended() {
    for (written, message, mended) in [
        ("rate(x{a=\"b\"})[5m]", "ranges only allowed for vector selectors", "rate(x{a=\"b\"}[5m])"),
        ("sum(rate(x)) [5m]", "ranges only allowed for vector selectors", "sum(rate(x[5m]))"),
        (
            "sum(rate(a)[5m]) / sum(rate(b)[5m])",
            "ranges only allowed for vector selectors",
            "sum(rate(a[5m])) / sum(rate(b[5m]))",
        ),
        (
            "(rate(a) + rate(b))[5m]",
            "ranges only allowed for vector selectors",
            "(rate(a[5m]) + rate(b[5m]))",
        ),
        ("rate(x offset 1d)[5m]", "ranges only allowed for vector selectors", "rate(x[5m] offset 1d)"),
        ("sum(x)[5m]", "ranges only allowed for vector selectors", "sum(x)[5m:]"),
        ("x offset 1h[5m]", "no offset modifiers allowed before range", "x[5m] offset 1h"),
        (
            "rate(x)",
            "expected type range vector in call to function \"rate\", got instant vector",
            "rate(x[5m])",
        ),
        (
            "rate(sum by (a) (x))",
            "expected type range vector in call to function \"rate\", got instant vector",
            "sum by (a) (rate(x[5m]))",
        ),
        (
            "abs(x[5m])",
            "expected type instant vector in call to function \"abs\", got range vector",
            "abs(x)",
        ),
        ("x{a~\"b\"}", "unexpected character inside braces: '~'", "x{a=~\"b\"}"),
        ("x{a==\"b\"}", "unexpected \"=\" in label matching, expected string", "x{a=\"b\"}"),
        ("x{a=b}", "unexpected identifier \"b\" in label matching, expected string", "x{a=\"b\"}"),
        ("x{a=\"b}", "unterminated quoted string", "x{a=\"b\"}"),
        (
            "x{a=\"b\" c=\"d\"}",
            "unexpected identifier \"c\" in label matching, expected \",\" or \"}\"",
            "x{a=\"b\" , c=\"d\"}",
        ),
        ("x = 1", "unexpected \"=\"", "x == 1"),
        ("x => 1", "unexpected \"=\"", "x >= 1"),
        ("x && y", "unexpected character: '&'", "x and y"),
        ("x || y", "unexpected character: '|'", "x or y"),
        ("x <> y", "unexpected <op:>>", "x != y"),
        ("rat(x[5m])", "unknown function with name \"rat\"", "rate(x[5m])"),
        ("raet(x[5m])", "unknown function with name \"raet\"", "rate(x[5m])"),
        (
            "holt_winters(x[5m], 0.1, 0.1)",
            "unknown function with name \"holt_winters\"",
            "double_exponential_smoothing(x[5m], 0.1, 0.1)",
        ),
        ("RATE(x[5m])", "unknown function with name \"RATE\"", "rate(x[5m])"),
        ("sum(x by (a))", "unexpected <by> in aggregation", "sum(x) by (a)"),
        ("by (a) sum(x)", "unexpected <by>", "sum by (a) (x)"),
        ("sum(x) by a", "unexpected identifier \"a\" in grouping opts, expected \"(\"", "sum(x) by (a)"),
        ("rate(x[5m]) by (a)", "unexpected <by>", "sum(rate(x[5m])) by (a)"),
        ("topk(x, 3)", "expected type scalar in aggregation parameter, got instant vector", "topk(3, x)"),
        (
            "histogram_quantile(x, 0.9)",
            "expected type scalar in call to function \"histogram_quantile\", got instant vector",
            "histogram_quantile(0.9, x)",
        ),
        (
            "sum(rate(x[5m])) offset 1d",
            "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            "sum(rate(x[5m] offset 1d))",
        ),
        ("rate(x[5m],)", "trailing commas not allowed in function call args", "rate(x[5m])"),
        ("sum(x", "unclosed left parenthesis", "sum(x)"),
        ("sum(x))", "unexpected right parenthesis ')'", "sum(x)"),
        ("x[5M]", "bad number or duration syntax: \"5M\"", "x[5m]"),
        (
            "x[1h 30m]",
            "unexpected duration \"30m\" in range or subquery, expected \":\" or \"]\"",
            "x[1h30m]",
        ),
        ("1 > 0", "comparisons between scalars must use BOOL modifier", "1 > bool 0"),
        ("x{a=~\"\\d\"}", "unknown escape sequence `\\d`", "x{a=~`\\d`}"),
        ("ln(2)", "expected type instant vector in call to function \"ln\", got scalar", "ln(vector(2))"),
        (
            "sum(x[5m])",
            "expected type instant vector in aggregation expression, got range vector",
            "sum(rate(x[5m]))",
        ),
    ] {
        let (found, corrected) = told(written);
        assert_eq!(found, message, "{written}");
        let again = plain(&corrected);
        assert!(again.errors.is_empty(), "{written} is mended to {corrected}: {:?}", again.errors);
        let (corrected, mended) = (corrected.replace(" ,", ","), mended.replace(" ,", ","));
        assert_eq!(corrected, mended, "{written}");
    }
}

#[test]
fn a_query_goes_on_one_line_without_its_comments() {
    let text = "sum(\n  rate(x{a=\"b # c\"}[5m]) # note\n  /\n y[ 5m ]\n)\n# end";
    assert_eq!(lexer::one_line(text, false), "sum(rate(x{a=\"b # c\"}[5m]) / y[5m])");
    assert_eq!(lexer::one_line("x  +  y # note", false), "x  +  y # note");
}

#[test]
fn fixes_are_made_upon_fixes() {
    let whole = |text: &str| corrected(text, Options::default());
    assert_eq!(whole("topk(rate(x{a~b})[5m], 3)").unwrap(), "topk(3, rate(x{a=~\"b\"}[5m]))");
    assert_eq!(whole("sum(raet(x{a~\"b\"}))").unwrap(), "sum(rate(x{a=~\"b\"}[5m]))");
    assert_eq!(whole("sum(x)"), None);
    assert_eq!(whole("sum(x) + foobar(y) && z"), None);
}

#[test]
fn what_cannot_be_mended_is_explained() {
    for (written, told) in [
        ("rate(x[$__interval])", "dashboards"),
        ("rate(x[${range}])", "dashboards"),
        ("x + “a”", "straight quotes"),
        ("x * group_left y", "`on (…)`"),
        ("x\u{a0}+ y", "type it anew"),
        ("sum()", ""),
        ("x[5m:0s]", ""),
    ] {
        let query = plain(written);
        let error = query.errors.first().unwrap_or_else(|| panic!("{written} is fine"));
        assert!(error.help.clone().unwrap_or_default().contains(told), "{written}: {error:?}");
        assert!(error.span.end as usize <= written.len(), "{written}: {error:?}");
    }
}

#[test]
fn depth_is_capped_and_no_stack_overflows() {
    for (open, close) in
        [("(", ")"), ("-", ""), ("abs(", ")"), ("sum(", ")"), ("x[", "]"), ("x{", "}"), ("2^", "2")]
    {
        let text = format!("{}x{}", open.repeat(100_000), close.repeat(100_000));
        let query = parse(&text, Options::default());
        assert!(!query.errors.is_empty(), "{open}");
    }
    assert!(plain(&format!("{}x{}", "(".repeat(80), ")".repeat(80))).errors.is_empty());
    let chain = |count: usize| vec!["x"; count].join(" or ");
    assert!(plain(&chain(500)).errors.is_empty());
    assert!(plain(&chain(100_000)).errors[0].message.contains("chain of more than"));
    assert!(plain(&"x".repeat(MAX_LENGTH + 1)).errors[0].message.contains("at most"));
    assert!(plain(&format!("x[{}5m{}]", "(".repeat(50_000), ")".repeat(50_000))).errors.len() == 1);
}

#[test]
fn other_dialects_are_left_to_their_servers() {
    let metricsql = |text: &str| parse(text, Options { dialect: Dialect::MetricsQl, holes: false });
    for text in [
        "rate(x)",
        "range_quantile(0.5, x)",
        "x default 0",
        "rate(x[5m]) keep_metric_names",
        "WITH (a = b) a + c",
        "x{a=\"b\" or c=\"d\"}",
        "sum(x) limit 5",
        "5Ki + x",
        "rate(x[5i])",
    ] {
        assert!(metricsql(text).errors.is_empty(), "{text}: {:?}", metricsql(text).errors);
    }
    assert!(metricsql("rate(x[5m]) keep_metric_names").expr.is_some());
    assert!(metricsql("5Ki + x").expr.is_none());
    for text in ["sum(x", "x{a=\"b}", "x]", "sum(x}"] {
        assert_eq!(metricsql(text).errors.len(), 1, "{text}");
    }
    assert!(parse("((", Options { dialect: Dialect::None, holes: false }).errors.is_empty());
}

#[test]
fn experimental_parts_are_named() {
    let named = |text: &str| plain(text).experimental.iter().map(|one| one.what.clone()).collect::<Vec<_>>();
    assert_eq!(named("limitk(5, x)"), ["limitk"]);
    assert_eq!(named("info(mad_over_time(x[5m]))"), ["info", "mad_over_time"]);
    assert_eq!(named("rate(x[5m + step()])"), ["step()", "duration arithmetic"]);
    assert_eq!(named("rate(x[5m] smoothed)"), ["smoothed"]);
    assert!(named("sum(rate(x[5m]))").is_empty());
}
