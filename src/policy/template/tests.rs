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

fn with(context: Context, text: &str, values: &[(&str, &str)]) -> Result<String, String> {
    let mut scope = Scope::default();
    for (name, value) in values {
        scope.set(name, value);
    }
    let template =
        Template::compile(text, Place { source: 0, start: 0, end: 0 }, context).map_err(|p| p.message)?;
    template.render(&scope).map_err(|p| p.message)
}

#[test]
fn helpers_make_of_a_value_what_they_say() {
    for (text, value, expected) in [
        ("{{upper v}}", "shop", "SHOP"),
        ("{{lower v}}", "Shop", "shop"),
        ("{{trim v}}", " shop\n", "shop"),
        ("{{json v}}", "a\"b", "\"a\\\"b\""),
        ("{{duration v}}", "1h 30m", "1h30m"),
        ("{{duration v}}", "36h", "1d12h"),
        ("{{duration v}}", "1500ms", "1s500ms"),
        ("{{duration v}}", "90d", "90d"),
        ("{{duration v}}", "400 days", "400d"),
        ("{{duration v}}", "2h 5s", "2h5s"),
        ("{{duration v}}", "0s", "0s"),
        ("{{default v \"other\"}}", "shop", "shop"),
        ("{{default v \"other\"}}", "", "other"),
        ("{{default w \"other\"}}", "", "other"),
        ("{{default w v}}", "shop", "shop"),
        ("{{upper (trim (default w \" a }} b \"))}}", "", "A }} B"),
        ("{{regex (lower v)}}", "A.B", "a\\.b"),
        ("{{~v~}} x", "shop", "shopx"),
        ("\\{{v}}", "shop", "{{v}}"),
    ] {
        assert_eq!(with(Context::Text, text, &[("v", value)]).unwrap(), expected, "{text}");
    }
    for (text, told) in [
        ("{{upper w}}", "the variable `w` is not defined"),
        ("{{duration v}}", "expected a duration"),
        ("{{uper v}}", "there is no helper `uper`"),
        ("{{default v}}", "expected 2 arguments for `default`, found 1"),
        ("{{default}}", "is not defined"),
        ("{{upper v v}}", "expected 1 argument for `upper`, found 2"),
        ("{{upper v=1}}", "expected a tag without `key=value`"),
        ("{{lookup v 1}}", "there is no helper `lookup`"),
    ] {
        let found = with(Context::Text, text, &[("v", "shop")]).unwrap_err();
        assert!(found.contains(told), "{text}: {found}");
    }
}

#[test]
fn a_condition_chooses_and_must_be_defined() {
    let text = "up{job=\"a\"{{#if zone}}, zone=\"{{zone}}\"{{else}}, zone=\"\"{{/if}}}";
    let shown = |zone: &str| with(Context::Query, text, &[("zone", zone)]).unwrap();
    assert_eq!(shown("eu"), "up{job=\"a\", zone=\"eu\"}");
    for falsy in ["", "false", "0", " "] {
        assert_eq!(shown(falsy), "up{job=\"a\", zone=\"\"}", "{falsy:?}");
    }
    assert!(with(Context::Query, text, &[]).unwrap_err().contains("`zone` is not defined"));
    let unless = "{{#unless quiet}}loud{{/unless}}";
    assert_eq!(with(Context::Text, unless, &[("quiet", "0")]).unwrap(), "loud");
    assert_eq!(with(Context::Text, unless, &[("quiet", "1")]).unwrap(), "");
    let chain = "{{#if a}}A{{else if b}}B{{v}}{{else}}C{{/if}}{{v}}";
    for (a, b, expected) in [("1", "1", "Ax"), ("0", "1", "Bxx"), ("0", "0", "Cx")] {
        assert_eq!(with(Context::Text, chain, &[("a", a), ("b", b), ("v", "x")]).unwrap(), expected);
    }
}

#[test]
fn a_skeleton_knows_where_its_stretches_come_from() {
    let text = "a{{! note }}{ {{b}}=\"{{#if c}}{{upper d}}{{else}}-{{/if}}\" } {{default e \"}}\"}}!";
    let template = Template::compile(text, Place { source: 0, start: 0, end: 0 }, Context::Text).unwrap();
    let skeleton = template.skeleton(true);
    let written = |part: &str| {
        let at = u32::try_from(skeleton.text.find(part).unwrap()).unwrap();
        let origin = skeleton.origin(at..at + u32::try_from(part.len()).unwrap()).unwrap();
        &text[origin.start as usize..origin.end as usize]
    };
    assert_eq!(written("a"), "a");
    assert_eq!(written("\u{e000}=\""), "{{b}}=\"");
    assert_eq!(written("\"\u{e001}\""), "\"{{#if c}}{{upper d}}{{else}}-{{/if}}\"");
    assert_eq!(written("\u{e002}!"), "{{default e \"}}\"}}!");
    assert_eq!(skeleton.with_tags("x \u{e001} y", text), "x {{upper d}} y");
    assert_eq!(template.skeleton(false).text.matches('-').count(), 1);
}

#[test]
fn a_negative_number_is_no_base_of_a_power() {
    let query = |text: &str, value: &str| with(Context::Query, text, &[("v", value)]);
    assert_eq!(query("x > {{v}}", "-0.5").unwrap(), "x > -0.5");
    assert!(query("{{v}} ^ 2 + x", "-5").unwrap_err().contains("leave the query as it is"));
    assert!(query("x{{v}}", "-5").is_err());
}

#[test]
fn backslashes_before_tags_keep_places_inside_the_text() {
    for text in
        ["\\{{v}}nges(process_\\\\\\\\\\\\\\`", "\\\\{{v}}", "\\\\\\{{v}}{{v}}\\", "a\\{{v}}\\{{v}}{{v}}"]
    {
        let Ok(template) = Template::compile(text, Place { source: 0, start: 0, end: 0 }, Context::Text)
        else {
            continue;
        };
        let skeleton = template.skeleton(true);
        let end = u32::try_from(skeleton.text.len()).unwrap();
        assert!(skeleton.origin(0..end).is_none_or(|origin| origin.end as usize <= text.len()), "{text}");
    }
}

#[test]
fn deep_templates_are_refused_and_not_followed() {
    let blocks = "{{#if v}}".repeat(20_000);
    assert!(with(Context::Text, &blocks, &[("v", "1")]).is_err());
    let calls = format!("{{{{upper {} v {}}}}}", "(upper ".repeat(20_000), ")".repeat(20_000));
    assert!(with(Context::Text, &calls, &[("v", "1")]).is_err());
}

#[test]
fn tags_that_say_the_same_are_the_same_hole() {
    let place = Place { source: 0, start: 0, end: 0 };
    let text = r#"a{b="{{x}}", c="{{upper x}}"} / a{b="{{ x }}", c="{{y}}"}"#;
    let template = Template::compile(text, place, Context::Query).unwrap();
    let skeleton = template.skeleton(true);
    let holes: Vec<char> = skeleton.text.chars().filter(|c| !c.is_ascii()).collect();
    assert_eq!(holes, ['\u{e000}', '\u{e001}', '\u{e000}', '\u{e002}']);
    assert_eq!(skeleton.with_tags(&skeleton.text, text), text.replace("{{ x }}", "{{x}}"));
}

#[test]
fn a_skeleton_knows_where_it_comes_from() {
    let place = Place { source: 0, start: 0, end: 0 };
    let text = "a{{b}}{{#if c}}, d{{else}}, e{{/if}} f{{g}}";
    let template = Template::compile(text, place, Context::Query).unwrap();
    let skeleton = template.skeleton(true);
    let hole = |index: u32| char::from_u32(0xe000 + index).unwrap();
    assert_eq!(skeleton.text, format!("a{}, d f{}", hole(0), hole(1)));
    let whole = |from: u32, to: u32| skeleton.is_whole(from..to);
    let written = |from: u32, to: u32| {
        &text[skeleton.origin(from..to).map(|o| o.start as usize..o.end as usize).unwrap()]
    };
    assert_eq!((written(0, 4), whole(0, 4)), ("a{{b}}", true));
    assert_eq!((written(4, 7), whole(4, 7)), (", d", true));
    assert!(!whole(1, 7) && !whole(6, 8) && whole(7, 12));
    let end = u32::try_from(skeleton.text.len()).unwrap();
    assert_eq!(skeleton.origin(end..end), Some(43..43));
    assert_eq!(skeleton.origin(1..1), Some(1..1));

    let mut scope = Scope::default();
    for (name, value) in [("b", "long value"), ("c", ""), ("g", "-5")] {
        scope.set(name, value);
    }
    let text = "x{a=\"{{b}}\"{{#if c}}, d=\"\"{{/if}}} > {{g}}";
    let traced = Template::compile(text, place, Context::Query).unwrap().traced(&scope).unwrap();
    assert_eq!(traced.text, "x{a=\"long value\"} > -5");
    let written = |part: &str| {
        let at = u32::try_from(traced.text.find(part).unwrap()).unwrap();
        let origin = traced.origin(at..at + u32::try_from(part.len()).unwrap()).unwrap();
        &text[origin.start as usize..origin.end as usize]
    };
    assert_eq!(written("\"long value\""), "\"{{b}}\"");
    assert_eq!(written("-5"), "{{g}}");
    assert_eq!(written("5"), "{{g}}");
    assert_eq!(written("x{a=\"long value\"}"), "x{a=\"{{b}}\"{{#if c}}, d=\"\"{{/if}}}");
}
