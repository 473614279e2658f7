//! Hostile values in every context a template can stand in: a value is refused, or it changes nothing but itself.

use rollgate::policy::problem::Place;
use rollgate::policy::template::{Context, Scope, Template};
use rollgate::promql::ast::{Expr, Node};
use rollgate::promql::{Options, parse, structure};

/// What people and machines put into variables, and what attackers would.
const HOSTILE: &[&str] = &[
    "",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\0",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\u{202e}txet",
    "e\u{301}",
    "日本語",
    "🚀",
    "\u{e000}",
    "\u{f8ff}",
    "\u{10ffff}",
    "x\"} or vector(1) #",
    "x\"} or up{job=\"y",
    "x'} or up{job='y",
    "x`} or up{job=`y",
    "\"",
    "'",
    "`",
    "\\",
    "\\\\",
    "\\\"",
    "\\'",
    "\\\\\"",
    "x\\",
    "\\n",
    "\\u0022",
    "\\x22} or vector(1) #",
    "\\042",
    "{{job}}",
    "{{{job}}}",
    "{{#if x}}y{{/if}}",
    "${HOME}",
    "$HOME",
    "$(id)",
    "`id`",
    "; rm -rf /",
    "| cat /etc/passwd",
    "# comment",
    "a # b",
    "a\n# b",
    "5m]) or vector(1) #",
    "5m:1m",
    "5m] offset 1w",
    "1h",
    "-1",
    "0x10",
    "1e9",
    "NaN",
    "Inf",
    "1 or 1",
    "(1)",
    "a, b",
    "or",
    "bool",
    "group_left",
    "sum",
    "le) (x) or sum by (",
    ".*",
    ".+|",
    "a|b",
    "(?i)x",
    "[a-z",
    "^x$",
    "http://evil.example/",
    "//evil.example",
    "evil.example/#",
    "evil.example?",
    "user:pass@evil.example",
    "@evil.example",
    "evil.example\\@good",
    "a:80:90",
    ":80",
    "[::1]",
    "[::1]:80",
    "[::1%25eth0]",
    "127.0.0.1:99999",
    "..",
    ".",
    "../../etc/passwd",
    "%2e%2e%2f",
    "%00",
    "%0d%0aX-Evil: 1",
    "a?b=c&d=e#f",
    "a/b",
    "a\\b",
    "javascript:alert(1)",
    "x\r\nX-Evil: 1",
    "x\nSet-Cookie: a=b",
    "x\u{0}y",
    "\", \"admin\": true, \"x\": \"",
    "\"}, {\"a\": \"",
    "null",
    "true",
    "[]",
    "{}",
    "1], [2",
    "<script>alert(1)</script>",
    "&lt;",
    "]]>",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
];

/// `text` rendered with `value` for `v`; `None` where that is refused.
fn rendered(context: Context, text: &str, value: &str) -> Option<String> {
    let template = Template::compile(text, Place { source: 0, start: 0, end: 0 }, context).unwrap();
    let mut scope = Scope::default();
    scope.set("v", value);
    template.render(&scope).ok()
}

/// The values of the string literals of a tree, matchers included.
fn strings(expr: &Expr, found: &mut Vec<String>) {
    match &expr.node {
        Node::Text(text) => found.push(text.to_string()),
        Node::Selector(selector) => found.extend(selector.matchers.iter().map(|m| m.value.text.to_string())),
        Node::Range(range) => strings(&range.selector, found),
        Node::Subquery(subquery) => strings(&subquery.expr, found),
        Node::Call(call) => call.args.iter().for_each(|arg| strings(arg, found)),
        Node::Aggregation(aggregation) => strings(&aggregation.expr, found),
        Node::Binary(binary) => {
            strings(&binary.left, found);
            strings(&binary.right, found);
        }
        Node::Unary(unary) => strings(&unary.expr, found),
        Node::Paren(inner) => strings(inner, found),
        Node::Number(_) | Node::Hole => {}
    }
}

#[test]
fn there_are_enough_of_them() {
    assert!(HOSTILE.len() >= 100, "{}", HOSTILE.len());
}

#[test]
fn a_value_in_a_string_of_a_query_is_that_value() {
    for text in [
        "up{job=\"{{v}}\"}",
        "up{job='{{v}}'}",
        "up{job=`{{v}}`}",
        "sum(rate(x{a=\"b\", job=\"{{v}}\", c!=\"d\"}[5m])) / sum(rate(x{job=\"{{v}}\"}[5m])) # {{v}}\n",
        "label_replace(up, \"a\", \"{{v}}\", \"b\", \"(.*)\")",
    ] {
        let mut kept = 0;
        for value in HOSTILE {
            let Some(query) = rendered(Context::Query, text, value) else { continue };
            kept += 1;
            let plain = parse(&query, Options::default()).sound();
            // An empty value may select nothing or everything: the query says so, and stays what it is.
            let Ok(tree) = plain else {
                assert!(value.is_empty(), "{text} with {value:?}: {query}");
                continue;
            };
            let reference = rendered(Context::Query, text, "REFERENCE").unwrap();
            let reference = parse(&reference, Options::default()).sound().unwrap();
            let (mut found, mut wanted) = (Vec::new(), Vec::new());
            strings(&tree, &mut found);
            strings(&reference, &mut wanted);
            let wanted: Vec<String> = wanted.iter().map(|text| text.replace("REFERENCE", value)).collect();
            assert_eq!(found, wanted, "{text} with {value:?}: {query}");
            assert_eq!(shape(&tree), shape(&reference), "{text} with {value:?}: {query}");
        }
        let least = if text.contains('`') || text.contains('#') { 80 } else { HOSTILE.len() };
        assert!(kept >= least, "{text} takes only {kept} values");
    }
}

/// The tree with every string blanked.
fn shape(expr: &Expr) -> String {
    let text = expr.to_string();
    let (mut shape, mut inside, mut characters) = (String::new(), false, text.chars());
    while let Some(c) = characters.next() {
        match c {
            '"' => {
                inside = !inside;
                shape.push('"');
            }
            '\\' if inside => {
                characters.next();
            }
            c if !inside => shape.push(c),
            _ => {}
        }
    }
    shape
}

#[test]
fn a_value_in_a_regular_expression_matches_itself_alone() {
    for value in HOSTILE {
        let Some(query) = rendered(Context::Query, "up{job=~\"a-{{regex v}}-.*\"}", value) else { continue };
        let tree = parse(&query, Options::default()).sound().unwrap_or_else(|e| panic!("{query}: {e:?}"));
        let Node::Selector(selector) = &tree.node else { panic!("{query}") };
        let pattern = format!("^(?s:{})$", selector.matchers[0].value.text);
        let pattern = regex::Regex::new(&pattern).unwrap_or_else(|e| panic!("{query}: {e}"));
        assert!(pattern.is_match(&format!("a-{value}-x")), "{query}");
        assert!(!pattern.is_match("a-other-x"), "{query}");
    }
}

#[test]
fn a_value_outside_of_strings_is_one_word() {
    for text in [
        "rate(x[{{v}}])",
        "{{v}}{job=\"a\"}",
        "x > {{v}}",
        "sum by ({{v}}) (x)",
        "x offset {{v}}",
        "quantile_over_time({{v}}, x[5m])",
        "x{ {{v}}=\"a\" }",
        "max_over_time(x[1h:{{v}}])",
        "rate(x[{{v}}m])",
    ] {
        let holes = text.replace("{{v}}", "\u{e000}");
        for value in HOSTILE {
            let Some(query) = rendered(Context::Query, text, value) else { continue };
            assert!(structure::filled(&holes, &query).is_ok(), "{text} with {value:?}: {query}");
            let word = value.trim_start_matches('-');
            let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.'));
            assert!(plain && !word.is_empty(), "{text} with {value:?}: {query}");
        }
        assert!(rendered(Context::Query, text, "5m").is_some(), "{text}");
    }
}

#[test]
fn a_value_in_a_url_changes_no_host() {
    for text in [
        "http://shop.example/{{v}}/health",
        "http://shop.example/health?service={{v}}&x=1",
        "http://shop.example/{{v}}",
        "http://shop.example/a#{{v}}",
    ] {
        for value in HOSTILE {
            let Some(rendered) = rendered(Context::Url, text, value) else { continue };
            let url = url::Url::parse(&rendered).unwrap_or_else(|e| panic!("{rendered}: {e}"));
            assert_eq!(url.host_str(), Some("shop.example"), "{rendered}");
            assert_eq!((url.username(), url.password(), url.port()), ("", None, None), "{rendered}");
            let reference = url::Url::parse(&text.replace("{{v}}", "x")).unwrap();
            let parts = |url: &url::Url| url.path_segments().map(Iterator::count);
            assert_eq!(parts(&url), parts(&reference), "{rendered}");
            assert_eq!(url.query().is_some(), reference.query().is_some(), "{rendered}");
            assert_eq!(url.query_pairs().count(), reference.query_pairs().count(), "{rendered}");
            assert_eq!(url.fragment().is_some(), reference.fragment().is_some(), "{rendered}");
        }
    }
    // A tag that is the authority, or a part of it, names a host and nothing else.
    for text in ["http://{{v}}/health", "http://{{v}}.local:8080/health", "http://a.{{v}}/health"] {
        for value in HOSTILE {
            let Some(rendered) = rendered(Context::Url, text, value) else { continue };
            // What no URL can hold is refused by whoever reads the URL.
            let Ok(url) = url::Url::parse(&rendered) else { continue };
            assert_eq!((url.scheme(), url.path(), url.query()), ("http", "/health", None), "{rendered}");
            assert_eq!((url.username(), url.password(), url.fragment()), ("", None, None), "{rendered}");
        }
        let fine = if text.contains("://{{v}}/") { "shop:8080" } else { "shop" };
        assert!(rendered(Context::Url, text, fine).is_some(), "{text}");
    }
}

#[test]
fn a_value_in_a_header_stays_on_its_line() {
    let mut kept = 0;
    for text in ["{{v}}", "Bearer {{v}}", "a={{v}}; b=c"] {
        for value in HOSTILE {
            let Some(rendered) = rendered(Context::Header, text, value) else { continue };
            kept += 1;
            assert_eq!(rendered, text.replace("{{v}}", value));
            assert!(!rendered.contains(['\r', '\n', '\0']), "{rendered:?}");
            assert!(http::HeaderValue::from_str(&rendered).is_ok() || !rendered.is_ascii(), "{rendered:?}");
        }
    }
    assert!(kept >= 180, "only {kept} were taken");
}

#[test]
fn a_value_in_json_is_a_value_in_json() {
    use serde_json::{Value, json};
    for value in HOSTILE {
        let text = r#"{"service": "{{v}}", "note": "a {{v}} b", "tags": ["{{v}}"], "raw": {{json v}}}"#;
        let rendered = rendered(Context::Json, text, value).unwrap_or_else(|| panic!("{value:?} is refused"));
        let read: Value = serde_json::from_str(&rendered).unwrap_or_else(|e| panic!("{rendered}: {e}"));
        let wanted = json!({"service": value, "note": format!("a {value} b"), "tags": [value], "raw": value});
        assert_eq!(read, wanted, "{rendered}");
    }
    // Outside of strings only what is one value.
    for value in HOSTILE {
        let text = r#"{"count": {{v}}, "list": [{{v}}]}"#;
        let Some(rendered) = rendered(Context::Json, text, value) else { continue };
        let read: Value = serde_json::from_str(&rendered).unwrap_or_else(|e| panic!("{rendered}: {e}"));
        assert!(
            read["count"].is_number() || read["count"].is_boolean() || read["count"].is_null(),
            "{rendered}"
        );
        assert_eq!(
            (read.as_object().unwrap().len(), read["list"].as_array().unwrap().len()),
            (2, 1),
            "{rendered}"
        );
    }
}

#[test]
fn a_value_in_text_is_that_text() {
    for value in HOSTILE {
        assert_eq!(rendered(Context::Text, "a {{v}} b", value).unwrap(), format!("a {value} b"));
    }
}

mod any {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn value_in_a_query_is_itself(value in any::<String>()) {
            if let Some(query) = rendered(Context::Query, "up{job=\"x{{v}}\"}", &value) {
                let tree = parse(&query, Options::default()).sound().map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
                let mut found = Vec::new();
                strings(&tree, &mut found);
                prop_assert_eq!(found, vec![format!("x{value}")]);
            }
        }

        #[test]
        fn text_makes_no_template_panic(text in "[{}#/a-z \"'~()!\\\\.-]{0,60}", value in any::<String>()) {
            let place = Place { source: 0, start: 0, end: 0 };
            for context in [Context::Text, Context::Query, Context::Url, Context::Header, Context::Json] {
                if let Ok(template) = Template::compile(&text, place, context) {
                    let mut scope = Scope::default();
                    scope.set("a", &value);
                    let _ = template.render(&scope);
                    let skeleton = template.skeleton(true);
                    for end in 0..=skeleton.text.len() {
                        let _ = skeleton.origin(0..u32::try_from(end).unwrap());
                    }
                }
            }
        }

        #[test]
        fn text_makes_no_query_panic(text in any::<String>()) {
            let _ = parse(&text, Options { holes: true, ..Options::default() });
        }
    }
}
