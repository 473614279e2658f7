//! What values may and may not do in each context.

use super::*;

fn render(context: Context, text: &str, value: &str) -> Result<String, String> {
    let place = Place { source: 0, start: 0, end: 0 };
    let mut scope = Scope::default();
    scope.set("v", value);
    let template = Template::compile(text, place, context).map_err(|p| p.message)?;
    template.render(&scope).map_err(|p| p.message)
}

#[test]
fn a_value_in_a_query_cannot_leave_its_string() {
    let odd = "x\"} or vector(1) #";
    let rendered = render(Context::Query, "up{job=\"{{v}}\"}", odd).unwrap();
    assert_eq!(rendered, "up{job=\"x\\\"} or vector(1) #\"}");
    assert_eq!(render(Context::Query, "up{job='{{v}}'}", "it's").unwrap(), "up{job='it\\'s'}");
    assert!(render(Context::Query, "up{job=`{{v}}`}", "a`b").is_err());
    assert_eq!(render(Context::Query, "rate(x[{{v}}])", "5m").unwrap(), "rate(x[5m])");
    for value in ["5m]) or vector(1) #", "or", "a b", ""] {
        assert!(render(Context::Query, "rate(x[{{v}}])", value).is_err(), "{value}");
    }
}

#[test]
fn a_value_in_a_url_stays_in_its_part() {
    let url = |text, value| render(Context::Url, text, value);
    assert_eq!(url("http://{{v}}/health", "h:80").unwrap(), "http://h:80/health");
    assert_eq!(url("http://{{v}}/health", "[::1]:80").unwrap(), "http://[::1]:80/health");
    assert_eq!(url("http://{{v}}.local:8080/x", "shop").unwrap(), "http://shop.local:8080/x");
    assert_eq!(url("http://h/{{v}}/x", "a/b?c").unwrap(), "http://h/a%2Fb%3Fc/x");
    assert_eq!(url("http://h/x?q={{v}}", "a&b=c").unwrap(), "http://h/x?q=a%26b%3Dc");
    assert_eq!(url("{{v}}/health", "https://h:1/base/").unwrap(), "https://h:1/base/health");
    for (text, value) in [
        ("http://{{v}}/health", "evil.example/x#"),
        ("http://{{v}}/health", "user:pass@h"),
        ("http://{{v}}.local/", "a@b"),
        ("http://h/{{v}}/x", ".."),
        ("{{v}}/health", "javascript:alert(1)"),
        ("{{v}}/health", "http://h/?x"),
    ] {
        assert!(url(text, value).is_err(), "{text} with {value}");
    }
}

#[test]
fn a_value_in_json_or_a_header_stays_inside() {
    assert_eq!(render(Context::Json, "{\"a\":\"{{v}}\"}", "x\"y\n").unwrap(), "{\"a\":\"x\\\"y\\n\"}");
    assert!(render(Context::Header, "{{v}}", "a\r\nX: y").is_err());
}

#[test]
fn what_is_not_a_plain_variable_is_refused() {
    for text in
        ["{{{v}}}", "{{#each v}}x{{/each}}", "{{nope v}}", "{{v", "{{> p}}", "{{upper}", "{{upper v w}}"]
    {
        assert!(render(Context::Text, text, "x").is_err(), "{text}");
    }
    assert_eq!(render(Context::Text, "a{{! note }}b", "x").unwrap(), "ab");
    assert!(render(Context::Text, "{{w}}", "x").unwrap_err().contains("`w` is not defined"));
}
