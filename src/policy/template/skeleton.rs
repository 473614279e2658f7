//! A template's text with a hole for each tag, and where its stretches come from, so that what is said of the skeleton
//! can be shown in the template. Must not know what the text is.

use std::collections::HashMap;
use std::ops::Range;

use super::helper::Helper;
use super::read::{Expression, Part};
use crate::promql::lexer::HOLES;

/// A template's text with holes.
#[derive(Debug, Clone, Default)]
pub struct Skeleton {
    /// The text; a character of [`HOLES`] stands for each tag, the same one for tags that say the same.
    pub text: String,
    pieces: Vec<Piece>,
    /// Where a tag is written that each of the characters stands for, in their order.
    holes: Vec<Range<u32>>,
}

/// A stretch of the skeleton's text.
#[derive(Debug, Clone)]
struct Piece {
    /// Where it begins in the skeleton.
    at: u32,
    /// The bytes of the template that it comes from, where that is known.
    origin: Option<Range<u32>>,
    /// The tag that it stands for.
    tag: Option<Tag>,
}

/// What a hole stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The variable it names, if it is one and nothing more, or the first argument of a helper.
    pub variable: Option<String>,
    /// Whether its value is escaped for a regular expression.
    pub is_regex: bool,
}

impl Skeleton {
    pub(super) fn of(parts: &[&Part]) -> Self {
        let mut skeleton = Self::default();
        let mut known: HashMap<&Expression, usize> = HashMap::new();
        for part in parts {
            let at = narrow(skeleton.text.len());
            match part {
                Part::Literal(text, start) => {
                    skeleton.text.push_str(text);
                    let origin = start.map(|start| start..start + narrow(text.len()));
                    skeleton.pieces.push(Piece { at, origin, tag: None });
                }
                Part::Tag(expression, place) => {
                    let index = *known.entry(expression).or_insert_with(|| {
                        skeleton.holes.push(place.clone());
                        skeleton.holes.len() - 1
                    });
                    // More tags than there are characters share the last one.
                    let hole = HOLES.clone().nth(index).unwrap_or(*HOLES.end());
                    skeleton.text.push(hole);
                    let tag = Some(tag(expression));
                    skeleton.pieces.push(Piece { at, origin: Some(place.clone()), tag });
                }
                Part::If { .. } => {}
            }
        }
        skeleton
    }

    /// A text without holes: `parts` with values in place of their tags, each with the byte at which it begins.
    pub(super) fn traced(text: String, parts: &[(usize, &Part)]) -> Self {
        let piece = |(at, part): &(usize, &Part)| {
            let (origin, tag) = match part {
                Part::Literal(text, start) => (start.map(|start| start..start + narrow(text.len())), None),
                Part::Tag(expression, place) => (Some(place.clone()), Some(tag(expression))),
                Part::If { .. } => return None,
            };
            Some(Piece { at: narrow(*at), origin, tag })
        };
        Self { text, pieces: parts.iter().filter_map(piece).collect(), holes: Vec::new() }
    }

    /// The bytes of the template that the stretch `span` of the skeleton comes from.
    pub fn origin(&self, span: Range<u32>) -> Option<Range<u32>> {
        let start = self.piece(span.start)?;
        let from = match start.tag {
            None => start.origin.as_ref()?.start + (span.start - start.at),
            // What ends with a tag ends behind it.
            Some(_) if span.is_empty() && span.start > start.at => start.origin.as_ref()?.end,
            Some(_) => start.origin.as_ref()?.start,
        };
        if span.is_empty() {
            return Some(from..from);
        }
        let last = self.piece(span.end - 1)?;
        let to = match last.tag {
            None => last.origin.as_ref()?.start + (span.end - last.at),
            Some(_) => last.origin.as_ref()?.end,
        };
        Some(from..to.max(from))
    }

    /// Whether the stretch `span` is written in one piece, with no block's tag inside it.
    pub fn is_whole(&self, span: Range<u32>) -> bool {
        let pieces = self.pieces.iter().zip(self.pieces.iter().skip(1));
        let mut inside = pieces.filter(|(_, next)| (span.start + 1..span.end).contains(&next.at));
        inside.all(|(one, next)| {
            let (Some(one), Some(next)) = (&one.origin, &next.origin) else { return false };
            one.end == next.start
        })
    }

    /// The tags that stand in the stretch `span`.
    pub fn tags(&self, span: Range<u32>) -> impl Iterator<Item = &Tag> {
        let inside = move |piece: &&Piece| (span.start..span.end).contains(&piece.at);
        self.pieces.iter().filter(inside).filter_map(|piece| piece.tag.as_ref())
    }

    /// `text`, a part of the skeleton or made of such parts, with the tags of `template` for its holes.
    pub fn with_tags(&self, text: &str, template: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        for c in text.chars() {
            let index = HOLES.contains(&c).then(|| u32::from(c) - u32::from(*HOLES.start()));
            match index.and_then(|index| self.holes.get(index as usize)) {
                Some(origin) => {
                    filled.push_str(
                        template.get(origin.start as usize..origin.end as usize).unwrap_or_default(),
                    );
                }
                None => filled.push(c),
            }
        }
        filled
    }

    fn piece(&self, at: u32) -> Option<&Piece> {
        let after = self.pieces.partition_point(|piece| piece.at <= at);
        self.pieces.get(after.checked_sub(1)?)
    }
}

fn tag(expression: &Expression) -> Tag {
    match expression {
        Expression::Variable(name) => Tag { variable: Some(name.clone()), is_regex: false },
        Expression::Literal(_) => Tag { variable: None, is_regex: false },
        Expression::Call(helper, args) => {
            let inner = args.first().map(tag);
            let variable = inner.as_ref().and_then(|inner| inner.variable.clone());
            Tag { variable, is_regex: *helper == Helper::Regex || inner.is_some_and(|inner| inner.is_regex) }
        }
    }
}

fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
