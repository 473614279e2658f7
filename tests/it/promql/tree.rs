//! Our trees in the notation of `tests/promql/record.py`, so that they can be compared with Prometheus' and with each
//! other. Must not parse.

use rollgate::promql::ast::{
    Aggregation, AtTime, Binary, Expr, Extended, Length, LengthNode, Modifiers, Name, Node, RangeSelector,
    Selector, Side, Subquery, ValueType,
};

/// How much of a tree is told.
#[derive(Debug, Clone, Copy)]
pub enum Detail {
    /// What Prometheus tells of its own, in its order: a metric's name in quotes is a matcher, no value of a computed
    /// length is known.
    Recorded,
    /// What the query means: matchers in any order, a metric's name as one of them.
    Meant,
    /// All, but whether a metric's name stands in the braces.
    Whole,
}

/// The tree of `expr`.
pub fn tree(expr: &Expr, detail: Detail) -> String {
    match &expr.node {
        Node::Number(value) => number(*value),
        Node::Text(text) => quoted(text),
        Node::Selector(of) => selector(of, detail, &modifiers(&of.modifiers, detail)),
        Node::Range(range) => self::range(range, detail),
        Node::Subquery(subquery) => self::subquery(subquery, detail),
        Node::Call(call) => {
            let args = call.args.iter().map(|arg| tree(arg, detail));
            joined(["call".to_owned(), call.name.text.to_string()].into_iter().chain(args))
        }
        Node::Aggregation(aggregation) => self::aggregation(aggregation, detail),
        Node::Binary(binary) => self::binary(binary, detail),
        Node::Unary(unary) => {
            let sign = if unary.negative { "-" } else { "+" };
            joined(["unary".to_owned(), sign.to_owned(), tree(&unary.expr, detail)])
        }
        Node::Paren(inner) => joined(["paren".to_owned(), tree(inner, detail)]),
        Node::Hole => "hole".to_owned(),
    }
}

fn joined(parts: impl IntoIterator<Item = String>) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("({})", parts.join(" "))
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn number(value: f64) -> String {
    if value.is_infinite() { if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned() } else { value.to_string() }
}

/// A label, in quotes unless it is a word.
fn label(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let word = !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(fits);
    if word { text.to_owned() } else { quoted(text) }
}

fn labels(names: &[Name]) -> String {
    let names: Vec<String> = names.iter().map(|name| label(&name.text)).collect();
    format!("({})", names.join(" "))
}

fn selector(selector: &Selector, detail: Detail, modifiers: &str) -> String {
    let mut matchers: Vec<(u32, String)> = selector
        .matchers
        .iter()
        .map(|m| (m.span.start, format!("{}{}{}", label(&m.label.text), m.op.word(), quoted(&m.value.text))))
        .collect();
    let inside = |name: &Name| selector.braces.is_some_and(|braces| name.span.start >= braces.start);
    let matches = |name: &Name| match detail {
        Detail::Recorded => inside(name),
        Detail::Meant => true,
        Detail::Whole => false,
    };
    let mut before = String::new();
    match &selector.name {
        Some(name) if matches(name) => {
            matchers.push((name.span.start, format!("__name__={}", quoted(&name.text))))
        }
        Some(name) => before = name.text.to_string(),
        None => {}
    }
    match detail {
        Detail::Meant => matchers.sort_by(|a, b| a.1.cmp(&b.1)),
        Detail::Recorded | Detail::Whole => matchers.sort_by_key(|matcher| matcher.0),
    }
    let matchers: Vec<String> = matchers.into_iter().map(|matcher| matcher.1).collect();
    let braces = if matchers.is_empty() { String::new() } else { format!("{{{}}}", matchers.join(",")) };
    joined(["sel".to_owned(), before, braces, modifiers.to_owned()])
}

fn range(range: &RangeSelector, detail: Detail) -> String {
    let inner = tree(&range.selector, detail);
    joined([
        "range".to_owned(),
        inner,
        length(Some(&range.range), detail),
        modifiers(&range.modifiers, detail),
    ])
}

fn subquery(subquery: &Subquery, detail: Detail) -> String {
    joined([
        "subquery".to_owned(),
        tree(&subquery.expr, detail),
        length(Some(&subquery.range), detail),
        length(subquery.step.as_ref(), detail),
        modifiers(&subquery.modifiers, detail),
    ])
}

fn modifiers(modifiers: &Modifiers, detail: Detail) -> String {
    let mut parts = Vec::new();
    if let Some(at) = &modifiers.at {
        parts.push(match at.time {
            AtTime::Seconds(seconds) => format!("@ {}", millis(seconds, f64::round)),
            AtTime::Start => "@ start".to_owned(),
            AtTime::End => "@ end".to_owned(),
            AtTime::Hole => "@ hole".to_owned(),
        });
    }
    if let Some(offset) = &modifiers.offset {
        let offset = length(Some(offset), detail);
        if offset != "?" && offset != "0" {
            parts.push(format!("offset {offset}"));
        }
    }
    if let Some(extended) = modifiers.extended {
        parts.push(match extended {
            Extended::Anchored => "anchored".to_owned(),
            Extended::Smoothed => "smoothed".to_owned(),
        });
    }
    parts.join(" ")
}

#[expect(clippy::cast_possible_truncation, reason = "as Prometheus does")]
fn millis(seconds: f64, whole: fn(f64) -> f64) -> i64 {
    whole(seconds * 1e3) as i64
}

/// The seconds of a length that is not computed. Prometheus forgets its parentheses.
fn constant(length: &Length) -> Option<f64> {
    match &length.node {
        LengthNode::Seconds(seconds) => Some(*seconds),
        LengthNode::Signed(negative, of) => {
            constant(of).map(|seconds| if *negative { -seconds } else { seconds })
        }
        LengthNode::Paren(inner) => constant(inner),
        LengthNode::Binary(..) | LengthNode::Call(..) | LengthNode::Hole => None,
    }
}

/// A length in milliseconds, `?` where there is none.
fn length(length: Option<&Length>, detail: Detail) -> String {
    let Some(length) = length else { return "?".to_owned() };
    match (constant(length), detail) {
        (Some(seconds), Detail::Recorded) => {
            let millis = millis(seconds, f64::trunc);
            if millis == 0 { "?".to_owned() } else { millis.to_string() }
        }
        (None, Detail::Recorded) => "?".to_owned(),
        (_, Detail::Meant | Detail::Whole) => computed(length),
    }
}

fn computed(length: &Length) -> String {
    if let Some(seconds) = constant(length) {
        return millis(seconds, f64::trunc).to_string();
    }
    match &length.node {
        LengthNode::Seconds(seconds) => number(*seconds),
        LengthNode::Signed(negative, of) => {
            joined([if *negative { "-" } else { "+" }.to_owned(), computed(of)])
        }
        LengthNode::Paren(inner) => computed(inner),
        LengthNode::Binary(op, left, right) => {
            joined([op.word().to_owned(), computed(left), computed(right)])
        }
        LengthNode::Call(name, args) => {
            joined([name.to_string()].into_iter().chain(args.iter().map(computed)))
        }
        LengthNode::Hole => "hole".to_owned(),
    }
}

fn aggregation(aggregation: &Aggregation, detail: Detail) -> String {
    let grouping = aggregation.grouping.as_ref().map_or_else(String::new, |grouping| match grouping {
        by if !by.without && by.labels.is_empty() => String::new(),
        by => format!("{} {}", if by.without { "without" } else { "by" }, labels(&by.labels)),
    });
    let param = aggregation.param.as_ref().map_or_else(String::new, |param| tree(param, detail));
    let expr = tree(&aggregation.expr, detail);
    joined(["agg".to_owned(), aggregation.op.word().to_owned(), grouping, param, expr])
}

fn binary(binary: &Binary, detail: Detail) -> String {
    let mut parts = vec!["bin".to_owned(), binary.op.word().to_owned()];
    parts.push(tree(&binary.left, detail));
    parts.push(tree(&binary.right, detail));
    if binary.returns_bool {
        parts.push("bool".to_owned());
    }
    // A scalar has no series to pair, and Prometheus forgets what is said of them.
    let series =
        [&binary.left, &binary.right].iter().all(|side| side.value_type() == Some(ValueType::Vector));
    if let Some(matching) = binary.matching.as_ref().filter(|_| series) {
        if matching.on || !matching.labels.is_empty() || matching.group.is_some() {
            parts.push(format!(
                "{} {}",
                if matching.on { "on" } else { "ignoring" },
                labels(&matching.labels)
            ));
        }
        if let Some(group) = &matching.group {
            let side = if group.many == Side::Left { "left" } else { "right" };
            parts.push(format!("group_{side} {}", labels(&group.labels)));
        }
        for (side, value) in &matching.fill {
            parts.push(format!("fill {side:?} {}", number(*value)));
        }
    }
    joined(parts)
}
