//! Any text as a query: it is read or refused without a panic, errors lie inside it, and what is printed of a tree is
//! read as the same tree.

use rollgate::promql::{Dialect, Options, analysis, apply, fitting, parse};

pub fn survive(text: &str) {
    for dialect in [Dialect::PromQl, Dialect::MetricsQl] {
        for holes in [false, true] {
            let query = parse(text, Options { dialect, holes });
            for error in &query.errors {
                assert!(
                    error.span.start <= error.span.end && error.span.end as usize <= text.len(),
                    "{error:?}"
                );
                assert!(text.is_char_boundary(error.span.start as usize), "{error:?}");
                assert!(text.is_char_boundary(error.span.end as usize), "{error:?}");
            }
            let _ = apply(text, query.errors.iter().filter_map(|error| error.fix.as_ref()));
            let Some(expr) = &query.expr else { continue };
            let _ = (analysis::analyse(expr).lookback(), fitting::fitting(expr));
            // A hole's name is not printed.
            if holes || dialect != Dialect::PromQl || !query.errors.is_empty() {
                continue;
            }
            let printed = expr.to_string();
            let again = parse(&printed, Options { dialect, holes });
            assert!(again.errors.is_empty(), "{text:?} is printed as {printed:?}: {:?}", again.errors);
            let again = again.expr.map(|expr| expr.to_string());
            assert_eq!(again.as_deref(), Some(printed.as_str()), "{text:?}");
        }
    }
}
