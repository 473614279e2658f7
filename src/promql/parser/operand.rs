//! Operands: literals, calls, aggregations, parentheses. Must not know operators; they are climbed outside.

use super::{Parser, Read};
use crate::promql::ast::{Aggregation, AggregationOp, Call, Expr, Grouping, Name, Node};
use crate::promql::functions::{EXPERIMENTAL, function};
use crate::promql::mistakes;
use crate::promql::token::{Keyword, Kind, Token};

impl Parser<'_> {
    /// An operand and what follows it: brackets, `offset`, `@`.
    pub(super) fn operand(&mut self) -> Read<Expr> {
        let (token, next) = (self.peek(), self.ahead(1));
        let expr = match token.kind {
            Kind::Number | Kind::Duration => {
                let value = self.number(token)?.unwrap_or_default();
                self.next();
                self.node(token.span, Node::Number(value))?
            }
            Kind::Text => {
                let text = self.string(token)?;
                self.next();
                self.node(token.span, Node::Text(text))?
            }
            Kind::LeftParen => {
                self.next();
                let inner = self.expression(0)?;
                let close = self.closing("paren")?;
                self.node(token.span.to(close.span), Node::Paren(Box::new(inner)))?
            }
            Kind::Hole if next.kind == Kind::LeftParen => {
                let error = self.unexpected(token, "", "the name of a function");
                return self.stop(error.help("which function is called cannot be left to a variable"));
            }
            Kind::Hole if next.kind != Kind::LeftBrace => {
                self.next();
                self.node(token.span, Node::Hole)?
            }
            Kind::Word | Kind::Keyword(Keyword::Start | Keyword::End) if next.kind == Kind::LeftParen => {
                self.call(token)?
            }
            Kind::Keyword(Keyword::Aggregation(op)) if starts_aggregation(next) => self.aggregation(op)?,
            Kind::Keyword(Keyword::By | Keyword::Without)
                if next.kind == Kind::LeftParen && self.grouping_before_its_operator() =>
            {
                self.grouping_first()?
            }
            Kind::Keyword(keyword) if keyword.names_a_metric() && next.kind != Kind::LeftParen => {
                self.selector()?
            }
            Kind::Word | Kind::MetricWord | Kind::LeftBrace | Kind::Hole => self.selector()?,
            _ => {
                let error = self.unexpected(token, "", "");
                return self.stop(error);
            }
        };
        self.modified(expr)
    }

    /// The parenthesis that closes.
    fn closing(&mut self, place: &str) -> Read<Token> {
        match self.eat(Kind::RightParen) {
            Some(token) => Ok(token),
            None => {
                let token = self.peek();
                let place = if token.kind == Kind::End { "" } else { place };
                let error = self.unexpected(token, place, "");
                let error = mistakes::unclosed_paren(self.text, &self.tokens, token, error);
                self.stop(error)
            }
        }
    }

    fn call(&mut self, token: Token) -> Read<Expr> {
        self.next();
        let name = Name { text: self.text_of(token.span).into(), span: token.span };
        let found = function(&name.text);
        match found {
            Some(function) => {
                if let Some(since) = function.experimental {
                    self.experiment(token.span, function.name, function.flag(), since);
                }
            }
            None => self.errors.push(mistakes::unknown_function(&name.text, token.span)),
        }
        self.next();
        let args = self.arguments()?;
        let close = self.closing("function call")?;
        let span = token.span.to(close.span);
        if self.options.dialect == crate::promql::Dialect::MetricsQl
            && self.text_of(self.peek().span) == "keep_metric_names"
        {
            self.next();
        }
        self.node(span, Node::Call(Box::new(Call { name, function: found, args })))
    }

    /// The arguments between parentheses, up to the closing one or whatever is no argument.
    fn arguments(&mut self) -> Read<Vec<Expr>> {
        let mut args = Vec::new();
        if self.peek().kind == Kind::RightParen {
            return Ok(args);
        }
        loop {
            let arg = self.expression(0)?;
            args.push(arg);
            let Some(comma) = self.eat(Kind::Comma) else { return Ok(args) };
            if self.peek().kind == Kind::RightParen {
                self.errors.push(mistakes::trailing_comma(comma.span));
                return Ok(args);
            }
        }
    }

    fn aggregation(&mut self, op: AggregationOp) -> Read<Expr> {
        let op_span = self.next().span;
        if op.is_experimental() {
            self.experiment(op_span, op.word(), EXPERIMENTAL, "2.54");
        }
        let mut grouping = self.grouping()?;
        let open = self.expect(Kind::LeftParen, "aggregation", "\"(\"")?;
        let mut args = self.arguments()?;
        let inside = self.peek();
        let swallowed =
            matches!(inside.kind, Kind::Keyword(Keyword::By | Keyword::Without)) && grouping.is_none();
        if swallowed {
            grouping = self.grouping()?;
        }
        let close = self.closing("aggregation")?;
        let body = open.span.to(close.span);
        if let Some(grouping) = grouping.as_ref().filter(|_| swallowed) {
            let error = mistakes::grouping_inside(self.text, inside, grouping.span, close.span);
            self.errors.push(error);
        }
        let mut span = op_span.to(close.span);
        if grouping.is_none() {
            grouping = self.grouping()?;
            if let Some(grouping) = &grouping {
                span = span.to(grouping.span);
            }
        }
        let wanted = 1 + usize::from(op.param().is_some());
        if args.len() != wanted {
            let error = mistakes::aggregation_arguments(op, wanted, args.len(), span);
            return self.stop(error);
        }
        let Some(expr) = args.pop() else { return Err(super::Stop) };
        let aggregation = Aggregation { op, op_span, grouping, param: args.pop(), expr, body };
        self.node(span, Node::Aggregation(Box::new(aggregation)))
    }

    fn grouping(&mut self) -> Read<Option<Grouping>> {
        let word = self.peek();
        let without = match word.kind {
            Kind::Keyword(Keyword::By) => false,
            Kind::Keyword(Keyword::Without) => true,
            _ => return Ok(None),
        };
        self.next();
        // `by le`: one label, and the parentheses forgotten.
        let label = self.peek();
        if label.kind == Kind::Word && self.ahead(1).kind != Kind::LeftBrace {
            self.next();
            let error = self.unexpected(label, "grouping opts", "\"(\"");
            self.errors.push(mistakes::grouping_without_parentheses(label.span, error));
            let labels = vec![Name { text: self.text_of(label.span).into(), span: label.span }];
            return Ok(Some(Grouping { without, labels, span: word.span.to(label.span) }));
        }
        let labels = self.labels("grouping opts")?;
        let span = word.span.to(self.end_of_last());
        Ok(Some(Grouping { without, labels, span }))
    }

    /// Whether what begins here is `by (…) sum(…)`.
    fn grouping_before_its_operator(&self) -> bool {
        let close = self.tokens[self.at..].iter().position(|token| token.kind == Kind::RightParen);
        close
            .is_some_and(|close| matches!(self.ahead(close + 1).kind, Kind::Keyword(Keyword::Aggregation(_))))
    }

    /// `by (…) sum(…)`, read as `sum by (…) (…)`.
    fn grouping_first(&mut self) -> Read<Expr> {
        let word = self.peek();
        let error = self.unexpected(word, "", "");
        let grouping = self.grouping()?;
        let operator = self.peek();
        let Kind::Keyword(Keyword::Aggregation(op)) = operator.kind else { return self.stop(error) };
        let expr = self.aggregation(op)?;
        let Some(written) = grouping else { return Ok(expr) };
        self.errors.push(mistakes::grouping_before(self.text, written.span, operator.span, error));
        let Node::Aggregation(mut aggregation) = expr.node else { return Err(super::Stop) };
        let span = written.span.to(expr.span);
        aggregation.grouping.get_or_insert(written);
        self.node(span, Node::Aggregation(aggregation))
    }
}

/// Whether an aggregation's word is followed by what makes it one.
const fn starts_aggregation(next: Token) -> bool {
    matches!(next.kind, Kind::LeftParen | Kind::Keyword(Keyword::By | Keyword::Without))
}
