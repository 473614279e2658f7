//! Any text as a template and any value in it: no panic in any context, and a query stays the query it is.

use rollgate::policy::problem::Place;
use rollgate::policy::template::{Context, Scope, Template};
use rollgate::promql::structure;

pub fn survive(input: (&str, &str)) {
    let (text, value) = input;
    let place = Place { source: 0, start: 0, end: 0 };
    let mut scope = Scope::default();
    scope.set("v", value);
    for context in [Context::Text, Context::Query, Context::Url, Context::Header, Context::Json] {
        let Ok(template) = Template::compile(text, place, context) else { continue };
        for holds in [true, false] {
            let skeleton = template.skeleton(holds);
            for end in 0..=skeleton.text.len().min(64) {
                let _ = skeleton.origin(0..u32::try_from(end).unwrap_or_default());
            }
        }
        let Ok(rendered) = template.render(&scope) else { continue };
        if context == Context::Query && !template.has_blocks() {
            assert_eq!(structure::filled(&template.skeleton(true).text, &rendered), Ok(()), "{rendered:?}");
        }
        if context == Context::Header && !text.contains(char::is_control) {
            assert!(!rendered.contains(char::is_control), "{rendered:?}");
        }
    }
}
