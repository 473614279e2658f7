//! What types go where: calls, operators and aggregations take what Prometheus lets them take. Finds all that is
//! wrong, not only the first. Must not look at how things are written; the parser does.

use super::ast::{Aggregation, AggregationOp, Binary, Call, Expr, MatchOp, Node, Selector, Span, ValueType};
use super::error::Error;
use super::functions::Function;
use super::lexer::HOLES;
use super::regex;

/// Adds what is wrong with the types of `expr`, the tree of `text`.
pub(super) fn check(expr: &Expr, text: &str, errors: &mut Vec<Error>) {
    Checker { text, errors }.expr(expr);
}

/// What an expression gives; `None` where a template or an unknown function decides.
pub(super) fn value_type(expr: &Expr) -> Option<ValueType> {
    match &expr.node {
        Node::Number(_) => Some(ValueType::Scalar),
        Node::Text(_) => Some(ValueType::String),
        Node::Selector(_) | Node::Aggregation(_) => Some(ValueType::Vector),
        Node::Range(_) | Node::Subquery(_) => Some(ValueType::Matrix),
        Node::Call(call) => call.function.map(|function| function.returns),
        Node::Binary(binary) => match (value_type(&binary.left), value_type(&binary.right)) {
            (Some(ValueType::Scalar), Some(ValueType::Scalar)) => Some(ValueType::Scalar),
            (Some(ValueType::Vector), _) | (_, Some(ValueType::Vector)) => Some(ValueType::Vector),
            (None, _) | (_, None) => None,
            _ => Some(ValueType::Vector),
        },
        Node::Unary(unary) => value_type(&unary.expr),
        Node::Paren(inner) => value_type(inner),
        Node::Hole => None,
    }
}

impl Expr {
    /// What it gives; `None` where a template or an unknown function decides.
    pub fn value_type(&self) -> Option<ValueType> {
        value_type(self)
    }
}

struct Checker<'c> {
    text: &'c str,
    errors: &'c mut Vec<Error>,
}

impl Checker<'_> {
    fn fault(&mut self, span: Span, message: impl Into<String>) {
        self.errors.push(Error::new(span, message));
    }

    fn expr(&mut self, expr: &Expr) -> Option<ValueType> {
        match &expr.node {
            Node::Number(_) => Some(ValueType::Scalar),
            Node::Text(_) => Some(ValueType::String),
            Node::Hole => None,
            Node::Selector(selector) => {
                self.selector(selector, expr.span, true);
                Some(ValueType::Vector)
            }
            Node::Range(range) => {
                if let Node::Selector(selector) = &range.selector.node {
                    self.selector(selector, range.selector.span, true);
                }
                Some(ValueType::Matrix)
            }
            Node::Subquery(subquery) => {
                let inner = self.expr(&subquery.expr);
                if let Some(other) = inner.filter(|inner| *inner != ValueType::Vector) {
                    let message =
                        format!("subquery is only allowed on instant vector, got {} instead", other.word());
                    self.fault(expr.span, message);
                }
                Some(ValueType::Matrix)
            }
            Node::Call(call) => self.call(call, expr.span),
            Node::Aggregation(aggregation) => {
                self.aggregation(aggregation);
                Some(ValueType::Vector)
            }
            Node::Binary(binary) => self.binary(binary, expr.span),
            Node::Unary(unary) => {
                let inner = self.expr(&unary.expr);
                if let Some(other @ (ValueType::Matrix | ValueType::String)) = inner {
                    let message = format!(
                        "unary expression only allowed on expressions of type scalar or instant vector, got {:?}",
                        other.word()
                    );
                    self.fault(expr.span, message);
                }
                inner
            }
            Node::Paren(inner) => self.expr(inner),
        }
    }

    fn selector(&mut self, selector: &Selector, span: Span, must_select: bool) {
        let outside = selector.name_before_braces();
        for matcher in &selector.matchers {
            let value = &matcher.value;
            if let (Some(name), "__name__") = (outside, &*matcher.label.text) {
                let message =
                    format!("metric name must not be set twice: {:?} or {:?}", name.text, value.text);
                self.errors.push(Error::new(span, message).help("keep one of the two names"));
            }
            // Letters stand in for the tags: what their values are is not known.
            let plain: String;
            let pattern = if value.text.contains(|c| HOLES.contains(&c)) {
                plain = value.text.chars().map(|c| if HOLES.contains(&c) { 'x' } else { c }).collect();
                &plain
            } else {
                &*value.text
            };
            if matcher.op.is_regex()
                && let Err(why) = regex::check(pattern)
            {
                let message = format!("error parsing regexp: {why}");
                self.errors.push(Error::new(matcher.span, message).help("regular expressions are RE2's"));
            }
        }
        let named = selector.name.as_ref().is_some_and(|name| !name.text.is_empty());
        let selects =
            named || selector.matchers.iter().any(|matcher| !matches_empty(matcher.op, &matcher.value.text));
        if must_select && !selects {
            self.fault(span, "vector selector must contain at least one non-empty matcher");
        }
    }

    fn call(&mut self, call: &Call, span: Span) -> Option<ValueType> {
        let Some(function) = call.function else {
            for arg in &call.args {
                self.expr(arg);
            }
            return None;
        };
        let (wanted, found) = (function.args.len(), call.args.len());
        let (least, most) = match function.variadic {
            0 => (wanted, Some(wanted)),
            more => (wanted - 1, usize::try_from(more).ok().map(|more| wanted - 1 + more)),
        };
        let name = function.name;
        let swapped = swapped(function, call, self.text);
        if found < least || most.is_some_and(|most| found > most) {
            let limit = match function.variadic {
                0 => format!("{wanted}"),
                _ if found < least => format!("at least {least}"),
                _ => format!("at most {}", most.unwrap_or_default()),
            };
            let message = format!("expected {limit} argument(s) in call to {name:?}, got {found}");
            self.fault(span, message);
        }
        for (index, arg) in call.args.iter().enumerate() {
            if name == "info" && index == 1 {
                self.info(arg);
                continue;
            }
            let wanted = match function.args.get(index).or(function.args.last()) {
                Some(wanted) if index < function.args.len() || function.variadic != 0 => *wanted,
                _ => {
                    self.expr(arg);
                    continue;
                }
            };
            let found = self.expr(arg);
            if let Some(found) = found.filter(|found| *found != wanted) {
                let message = format!(
                    "expected type {} in call to function {name:?}, got {}",
                    wanted.word(),
                    found.word()
                );
                let error = Error::new(arg.span, message);
                let error = match &swapped {
                    Some(edits) => error.sure("put the arguments in order", edits.clone()),
                    None => fit(error, arg, wanted, found, name, span, self.text),
                };
                self.errors.push(error);
            }
        }
        Some(function.returns)
    }

    /// The second argument of `info`: a selector without a name, which may select everything.
    fn info(&mut self, arg: &Expr) {
        match &arg.node {
            Node::Selector(selector) if selector.name_before_braces().is_none() => {
                self.selector(selector, arg.span, false);
            }
            Node::Selector(_) => {
                self.fault(arg.span, "expected label selectors only, got vector selector instead");
            }
            _ => {
                self.expr(arg);
                self.fault(
                    arg.span,
                    "expected label selectors in call to function \"info\", got another expression",
                );
            }
        }
    }

    fn aggregation(&mut self, aggregation: &Aggregation) {
        let found = self.expr(&aggregation.expr);
        let param = aggregation.param.as_ref().map(|param| (param, self.expr(param)));
        let expected = |wanted: ValueType, what: &str, found: ValueType| {
            format!("expected type {} in aggregation {what}, got {}", wanted.word(), found.word())
        };
        let wanted_param = aggregation.op.param();
        let swapped =
            found.is_some() && found == wanted_param && matches!(param, Some((_, Some(ValueType::Vector))));
        let swap = || {
            let (first, second) = (aggregation.param.as_ref()?.span, aggregation.expr.span);
            let text = |span: Span| self.text.get(span.range()).unwrap_or_default().to_owned();
            Some(vec![(first, text(second)), (second, text(first))])
        };
        let swap = if swapped { swap() } else { None };
        if let Some((param, Some(found))) = param
            && Some(found) != wanted_param
            && let Some(wanted) = wanted_param
        {
            let error = Error::new(param.span, expected(wanted, "parameter", found));
            let help = format!("`{}` takes the {} first", aggregation.op.word(), wanted.word());
            self.errors.push(match swap.clone() {
                Some(edits) => error.help(help).sure("put the arguments in order", edits),
                None => error,
            });
        }
        if let Some(found) = found.filter(|found| *found != ValueType::Vector) {
            let error = Error::new(aggregation.expr.span, expected(ValueType::Vector, "expression", found));
            let rate = found == ValueType::Matrix && aggregation.op != AggregationOp::CountValues;
            self.errors.push(match swap {
                Some(edits) => error.sure("put the arguments in order", edits),
                None if rate => {
                    error.help("an aggregation takes one value a series: is a `rate` missing?").guess(
                        "take the rate",
                        vec![
                            (aggregation.expr.span.before(), "rate(".to_owned()),
                            (aggregation.expr.span.after(), ")".to_owned()),
                        ],
                    )
                }
                None => error,
            });
        }
    }

    fn binary(&mut self, binary: &Binary, span: Span) -> Option<ValueType> {
        let (left, right) = (self.expr(&binary.left), self.expr(&binary.right));
        let scalar = |side| side == Some(ValueType::Scalar);
        let op = binary.op;
        if binary.returns_bool && !op.is_comparison() {
            self.fault(binary.op_span, "bool modifier can only be used on comparison operators");
        }
        if op.is_comparison() && !binary.returns_bool && scalar(left) && scalar(right) {
            let error = Error::new(binary.op_span, "comparisons between scalars must use BOOL modifier");
            self.errors.push(error.sure("add `bool`", vec![(binary.op_span.after(), " bool".to_owned())]));
        }
        for (side, operand) in [(left, &binary.left), (right, &binary.right)] {
            if let Some(ValueType::Matrix | ValueType::String) = side {
                let message = "binary expression must contain only scalar and instant vector types";
                let error = Error::new(operand.span, message);
                self.errors.push(match side {
                    Some(ValueType::Matrix) => {
                        error.help("a function such as `rate` makes one value a series of a range")
                    }
                    _ => error,
                });
            }
        }
        let both_vectors = left == Some(ValueType::Vector) && right == Some(ValueType::Vector);
        let unknown = left.is_none() || right.is_none();
        if let Some(matching) = &binary.matching {
            let group = matching.group.as_ref();
            let taken = group.map_or(&[][..], |group| &group.labels);
            let twice =
                matching.labels.iter().find(|l| matching.on && taken.iter().any(|t| t.text == l.text));
            if let Some(label) = twice {
                let message = format!("label {:?} must not occur in ON and GROUP clause at once", label.text);
                self.fault(binary.op_span, message);
            }
            if !both_vectors && !unknown {
                if !matching.labels.is_empty() {
                    self.fault(span, "vector matching only allowed between instant vectors");
                }
            } else if op.is_set() && group.is_some() {
                self.fault(span, format!("no grouping allowed for {:?} operation", op.word()));
            }
        }
        if op.is_set() && (scalar(left) || scalar(right)) {
            let message = format!("set operator {:?} not allowed in binary scalar expression", op.word());
            self.fault(span, message);
        }
        value_type_of(left, right)
    }
}

fn value_type_of(left: Option<ValueType>, right: Option<ValueType>) -> Option<ValueType> {
    match (left?, right?) {
        (ValueType::Scalar, ValueType::Scalar) => Some(ValueType::Scalar),
        _ => Some(ValueType::Vector),
    }
}

/// Whether a matcher takes a series that has no such label.
pub fn matches_empty(op: MatchOp, value: &str) -> bool {
    if value.contains(|c| HOLES.contains(&c)) {
        // A variable may be anything; one that selects everything is a matter of its value.
        return false;
    }
    let empty = || regex::check(value).is_ok_and(|regex| regex.matches_empty);
    match op {
        MatchOp::Equal => value.is_empty(),
        MatchOp::NotEqual => !value.is_empty(),
        MatchOp::Regex => empty(),
        MatchOp::NotRegex => !empty(),
    }
}

/// The edits that put two arguments in their order, where they would fit then.
fn swapped(function: &Function, call: &Call, text: &str) -> Option<Vec<(Span, String)>> {
    let ([first, second], [wanted_first, wanted_second]) = (&*call.args, function.args) else { return None };
    let fits = value_type(first) == Some(*wanted_second) && value_type(second) == Some(*wanted_first);
    let text = |span: Span| text.get(span.range()).unwrap_or_default().to_owned();
    (fits && wanted_first != wanted_second)
        .then(|| vec![(first.span, text(second.span)), (second.span, text(first.span))])
}

/// `error` with what would make `arg` of the type that is wanted.
fn fit(
    error: Error,
    arg: &Expr,
    wanted: ValueType,
    found: ValueType,
    name: &str,
    call: Span,
    text: &str,
) -> Error {
    match (wanted, found, &arg.node) {
        (ValueType::Matrix, ValueType::Vector, Node::Selector(selector)) => {
            let end = selector.braces.or(selector.name.as_ref().map(|name| name.span)).unwrap_or(arg.span);
            error
                .help(format!("`{name}` looks over a range: say how long it is"))
                .guess("add a range", vec![(end.after(), "[5m]".to_owned())])
        }
        (ValueType::Matrix, ValueType::Vector, Node::Aggregation(aggregation)) => {
            let help = format!("`{name}` takes the series themselves, and is aggregated afterwards");
            let Node::Selector(_) = aggregation.expr.node else { return error.help(help) };
            let of = |span: Span| text.get(span.range()).unwrap_or_default();
            let (before, after) = (
                Span { start: arg.span.start, end: aggregation.expr.span.start },
                Span { start: aggregation.expr.span.end, end: arg.span.end },
            );
            let turned = format!("{}{name}({}[5m]){}", of(before), of(aggregation.expr.span), of(after));
            error.help(help).guess("aggregate the result", vec![(call, turned)])
        }
        (ValueType::Vector, ValueType::Matrix, Node::Range(range)) => error
            .help(format!(
                "`{name}` takes one value a series: leave the range out, or put a function around it"
            ))
            .guess("leave the range out", vec![(range.brackets, String::new())]),
        (ValueType::Vector, ValueType::Scalar, _) => {
            let wrap = vec![(arg.span.before(), "vector(".to_owned()), (arg.span.after(), ")".to_owned())];
            error.guess("make it a vector", wrap)
        }
        (ValueType::String, _, _) => error.help("a string stands in quotes"),
        _ => error,
    }
}
