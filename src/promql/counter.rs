//! A counter whose events are counted: a plain selector, of which everything else is made. Must not ask whether there is
//! such a series, or whether it counts.

use super::ast::{Expr, MatchOp, Matcher, Name, Node, Selector, Span};
use super::{Error, Options, parse};

/// A plain instant selector.
#[derive(Debug, Clone)]
pub struct Counter {
    /// The selector, on one line.
    pub text: String,
    /// The metric it names; empty where a template decides.
    pub metric: String,
    selector: Selector,
}

impl PartialEq for Counter {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Counter {}

impl Counter {
    /// Whether it says anything of `label`.
    pub fn names(&self, label: &str) -> bool {
        self.selector.matchers.iter().any(|matcher| &*matcher.label.text == label)
    }

    /// The selector of the same series of `metric`, of those whose `label` matches the regular expression `pattern`.
    pub fn of(&self, metric: &str, label: &str, pattern: &str) -> String {
        let named = |text: &str| Name { text: text.into(), span: Span::default() };
        let matcher = |label: &str, op, value: &str| Matcher {
            span: Span::default(),
            label: named(label),
            op,
            op_span: Span::default(),
            value: named(value),
        };
        let mut selector = self.selector.clone();
        selector.matchers.retain(|matcher| &*matcher.label.text != "__name__");
        // A name of other characters does not stand before braces.
        let plain = metric.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':');
        selector.name = plain.then(|| named(metric));
        if !plain {
            selector.matchers.push(matcher("__name__", MatchOp::Equal, metric));
        }
        selector.matchers.push(matcher(label, MatchOp::Regex, pattern));
        selector.to_string()
    }
}

/// Reads `text` as a plain instant selector that names its metric: no range, no `offset` or `@`, no function.
///
/// # Errors
/// Everything that is wrong with the query, by place, or what it has more than a plain selector; never empty.
pub fn counter_selector(text: &str, options: Options) -> Result<Counter, Vec<Error>> {
    let expr = parse(text, options).sound().map_err(|errors| {
        if errors.is_empty() {
            vec![Error::new(Span::default(), "expected a plain selector")]
        } else {
            errors
        }
    })?;
    plain(&expr, options.holes).map_err(|error| vec![error])
}

fn plain(expr: &Expr, holes: bool) -> Result<Counter, Error> {
    let wrong = |span, found: &str| {
        Error::new(span, format!("expected a plain selector, found {found}"))
            .help("name the counter itself, such as `http_requests_total{code=~\"5..\"}`: rollgate counts its events")
    };
    let selector = match &expr.node {
        Node::Paren(inner) => return plain(inner, holes),
        Node::Selector(selector) => selector,
        Node::Range(range) => return Err(wrong(range.brackets, "a range")),
        Node::Subquery(subquery) => return Err(wrong(subquery.brackets, "a subquery")),
        Node::Call(call) => return Err(wrong(call.name.span, &format!("the function `{}`", call.name.text))),
        Node::Aggregation(sum) => {
            return Err(wrong(sum.op_span, &format!("the aggregation `{}`", sum.op.word())));
        }
        Node::Binary(binary) => {
            return Err(wrong(binary.op_span, &format!("the operator `{}`", binary.op.word())));
        }
        Node::Unary(_) => return Err(wrong(expr.span, "a sign")),
        Node::Number(_) | Node::Hole => return Err(wrong(expr.span, "a number")),
        Node::Text(_) => return Err(wrong(expr.span, "a string")),
    };
    if let Some(at) = &selector.modifiers.at {
        return Err(wrong(at.span, "an `@`"));
    }
    if let Some(offset) = &selector.modifiers.offset {
        return Err(wrong(offset.span, "an `offset`"));
    }
    if selector.modifiers.extended.is_some() {
        return Err(wrong(expr.span, "a range"));
    }
    let metric = match selector.metric() {
        Some(metric) => metric.to_owned(),
        None if holes && selector.name.is_some() => String::new(),
        None => return Err(wrong(expr.span, "one without the name of a metric")),
    };
    Ok(Counter { text: selector.to_string(), metric, selector: (**selector).clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_selector_is_a_counter() {
        for (text, canonical, metric) in [
            ("x_total", "x_total", "x_total"),
            (" ( x_total{ b = 'ü' , } # errors\n) ", "x_total{b=\"ü\"}", "x_total"),
            ("{\"x.total\", b=~\"5..\"}", "{\"x.total\", b=~\"5..\"}", "x.total"),
            ("{__name__=\"x\"}", "{__name__=\"x\"}", "x"),
        ] {
            let counter = counter_selector(text, Options::default()).unwrap();
            assert_eq!((&*counter.text, &*counter.metric), (canonical, metric), "{text}");
        }
    }

    #[test]
    fn the_same_series_of_another_metric() {
        for (text, made) in [
            ("x{a=\"b\"}", "y{a=\"b\", le=~\"1|2\"}"),
            ("{__name__=\"x\", a=\"b\"}", "y{a=\"b\", le=~\"1|2\"}"),
            ("{\"x.total\"}", "y{le=~\"1|2\"}"),
        ] {
            let counter = counter_selector(text, Options::default()).unwrap();
            assert_eq!(counter.of("y", "le", "1|2"), made);
            assert_eq!((counter.names("a"), counter.names("le")), (text.contains('b'), false));
        }
    }

    #[test]
    fn what_is_more_than_a_selector_is_pointed_at() {
        for (text, at, found) in [
            ("x[5m]", "[5m]", "a range"),
            ("x[5m:1m]", "[5m:1m]", "a subquery"),
            ("x offset 5m", "5m", "an `offset`"),
            ("x @ 5", "@ 5", "an `@`"),
            ("rate(x[5m])", "rate", "the function `rate`"),
            ("sum by (a) (x)", "sum", "the aggregation `sum`"),
            ("x or y", "or", "the operator `or`"),
            ("x > 5", ">", "the operator `>`"),
            ("-x", "-x", "a sign"),
            ("5", "5", "a number"),
            ("\"x\"", "\"x\"", "a string"),
            ("{__name__=~\"x|y\"}", "{__name__=~\"x|y\"}", "one without the name of a metric"),
            ("{job=\"a\"}", "{job=\"a\"}", "one without the name of a metric"),
        ] {
            let errors = counter_selector(text, Options::default()).unwrap_err();
            assert_eq!(errors.len(), 1, "{text}");
            assert_eq!(&text[errors[0].span.range()], at, "{text}");
            assert_eq!(errors[0].message, format!("expected a plain selector, found {found}"), "{text}");
        }
        assert!(!counter_selector("x{", Options::default()).unwrap_err().is_empty());
        let none = Options { dialect: crate::promql::Dialect::None, holes: false };
        assert_eq!(counter_selector("x", none).unwrap_err().len(), 1);
    }
}
