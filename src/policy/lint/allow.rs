//! `# rollgate: allow(ID)`: comments of a policy that silence lints where they stand. Must not take a text that only
//! looks like a comment for one, and must not silence faults.

use std::ops::Range;

use super::online::is_online;
use super::{Cx, Rule, is_lint};
use crate::policy::node::{Data, Node};
use crate::policy::parse::Document;
use crate::policy::problem::{Fix, Place, Problem, Severity, did_you_mean};
use crate::policy::{query, scalar};

/// The lints of this file.
pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "unknown-lint",
        severity: Severity::Warning,
        summary: "a comment that allows what is no lint",
        check: unknown,
    },
    Rule {
        id: UNUSED,
        severity: Severity::Warning,
        summary: "a comment that allows what is not found where it stands",
        // Known only when all others have spoken.
        check: |_, _| (),
    },
];

/// The id of comments that silence nothing.
pub(super) const UNUSED: &str = "unused-allow";

/// A comment for rollgate.
#[derive(Debug)]
pub(super) struct Allow {
    /// The ids it names and where each stands; `None` where it cannot be read.
    ids: Option<Vec<(String, Place)>>,
    place: Place,
    /// The bytes of the text that it speaks for.
    reach: Range<u32>,
}

/// The comments of `document` that speak to rollgate; `tree` is what it holds.
pub(super) fn read(document: &Document<'_>, tree: &Node) -> Vec<Allow> {
    let text = document.text;
    let mut marks = text.match_indices(MARK).map(|(at, _)| at).peekable();
    if marks.peek().is_none() {
        return Vec::new();
    }
    let mut things = Things::default();
    things.collect(tree);
    things.scalars.sort_unstable_by_key(|span| span.start);
    things.begun.sort_unstable_by_key(|span| span.start);
    let read = |at: usize| {
        let hash = text[..at].trim_end_matches([' ', '\t']).strip_suffix('#')?.len();
        let before = text[..hash].chars().next_back();
        let opens = before.is_none_or(|c| c.is_whitespace() || c == '\u{feff}' || c == '#');
        (opens && !things.in_scalar(hash)).then(|| one(document, &things, hash, at))?
    };
    marks.filter_map(read).collect()
}

const MARK: &str = "rollgate:";

fn one(document: &Document<'_>, things: &Things, hash: usize, mark: usize) -> Option<Allow> {
    let text = document.text;
    let end = text[mark..].find(['\n', '\r']).map_or(text.len(), |length| mark + length);
    let place = |range: Range<usize>| Place {
        source: document.source,
        start: narrow(range.start),
        end: narrow(range.end),
    };
    let words = &text[mark + MARK.len()..end];
    let word: String = words.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    // Other comments may begin with our name, and mean people.
    did_you_mean(&word, ["allow"])?;
    let list = words.trim_start().strip_prefix("allow").map(str::trim_start);
    let list = list.and_then(|list| Some(list.strip_prefix('(')?.split_once(')')?.0));
    let ids = list.map(|list| {
        let begin = list.as_ptr() as usize - text.as_ptr() as usize;
        let id = |part: &str| {
            let at = begin + (part.as_ptr() as usize - list.as_ptr() as usize);
            let at = at + (part.len() - part.trim_start().len());
            (part.trim().to_owned(), place(at..at + part.trim().len()))
        };
        list.split(',').map(id).collect()
    });
    let line = text[..hash].rfind('\n').map_or(0, |newline| newline + 1);
    let alone = text[line..hash].trim_start_matches('\u{feff}').trim().is_empty();
    let line = if alone { things.line_after(text, end)? } else { line..end };
    Some(Allow { ids, place: place(hash..end), reach: things.reach(line) })
}

/// What stands in a document, by its bytes.
#[derive(Default)]
struct Things {
    /// Keys and values.
    scalars: Vec<Range<usize>>,
    /// Entries of mappings and items of lists, each with all that belongs to it.
    begun: Vec<Range<usize>>,
}

impl Things {
    /// Adds what is in `node`, and says where it ends.
    fn collect(&mut self, node: &Node) -> usize {
        let own = node.place.range();
        match &node.data {
            Data::Map(entries) => entries.iter().fold(own.end, |end, (key, value)| {
                self.scalars.push(key.place.range());
                let start = key.place.range().start;
                let last = self.collect(value).max(key.place.range().end);
                self.begun.push(start..last);
                end.max(last)
            }),
            Data::List(items) => items.iter().fold(own.end, |end, item| {
                let last = self.collect(item);
                self.begun.push(item.place.range().start..last);
                end.max(last)
            }),
            _ => {
                let end = own.end;
                self.scalars.push(own);
                end
            }
        }
    }

    fn in_scalar(&self, at: usize) -> bool {
        let next = self.scalars.partition_point(|span| span.start <= at);
        // Scalars do not lie within each other; those of an alias share its place.
        self.scalars[..next].last().is_some_and(|span| span.contains(&at))
    }

    /// The line after `at` on which something begins.
    fn line_after(&self, text: &str, at: usize) -> Option<Range<usize>> {
        let next = self.begun.get(self.begun.partition_point(|span| span.start < at))?.start;
        let start = text[..next].rfind('\n').map_or(0, |newline| newline + 1);
        Some(start..text[next..].find('\n').map_or(text.len(), |length| next + length))
    }

    /// `line` and all that begins on it, whole; what ends on it belongs to it as well.
    fn reach(&self, line: Range<usize>) -> Range<u32> {
        let on = |at: usize| self.begun.partition_point(|span| span.start < at);
        let end = self.begun[on(line.start)..on(line.end)].iter().map(|span| span.end).max();
        let before = self.scalars.partition_point(|span| span.start < line.start);
        let over = self.scalars[..before].last().filter(|span| span.end > line.start);
        let start = over.map_or(line.start, |span| span.start);
        narrow(start)..narrow(end.unwrap_or(line.end).max(line.end))
    }
}

fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

fn ids() -> impl Iterator<Item = &'static str> {
    super::RULES.iter().copied().flatten().map(|rule| rule.id)
}

fn unknown(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    for allow in &cx.allows {
        let Some(written) = &allow.ids else {
            let message = "expected `# rollgate: allow(ID)`, found another comment for rollgate";
            found.push(
                Problem::at(allow.place, message).help("name the lints: `# rollgate: allow(alert-only)`"),
            );
            continue;
        };
        for (id, place) in written.iter().filter(|(id, _)| !is_lint(id)) {
            let place = if id.is_empty() { allow.place } else { *place };
            found.push(if id == query::FAULT {
                let message = format!("`{id}` is a fault, and faults cannot be allowed");
                Problem::at(place, message).help("mend what it says")
            } else {
                let problem = Problem::at(place, format!("there is no lint `{id}` to allow"));
                let near = did_you_mean(id, ids());
                let meant = ids()
                    .find(|known| near.as_ref().is_some_and(|near| near.contains(&format!("`{known}`"))));
                match meant {
                    Some(meant) => {
                        problem.maybe_help(near).fix(Fix::guess(format!("write `{meant}`"), place, meant))
                    }
                    None => problem.help("each lint is a section of docs/lint.md"),
                }
            });
        }
    }
}

/// Takes out of `found` what comments allow, and adds what they allow in vain where all could be read.
pub(super) fn apply(cx: &Cx<'_>, found: &mut Vec<Problem>) {
    let mut used: Vec<Vec<bool>> =
        cx.allows.iter().map(|allow| vec![false; allow.ids.as_ref().map_or(0, Vec::len)]).collect();
    found.retain(|problem| {
        let mut kept = true;
        let Some(carets) = carets(cx, problem) else { return true };
        for (allow, used) in cx.allows.iter().zip(&mut used) {
            let here = carets.iter().any(|at| allow.reach.contains(at));
            let source = problem.place.is_some_and(|place| place.source == allow.place.source);
            for ((id, _), used) in allow.ids.iter().flatten().zip(used) {
                if here && source && Some(id.as_str()) == problem.id {
                    (*used, kept) = (true, false);
                }
            }
        }
        kept
    });
    if !cx.complete {
        return;
    }
    for (allow, used) in cx.allows.iter().zip(used) {
        for ((id, place), used) in allow.ids.iter().flatten().zip(used) {
            // What only a source can tell is found on some days and not on others.
            if !used && is_lint(id) && !is_online(id) {
                let message = format!("`allow({id})` silences nothing");
                let help = "take it out, or put it on the line that the lint names or alone above it";
                found.push(
                    Problem { severity: Severity::Warning, ..Problem::at(*place, message) }
                        .help(help)
                        .id(UNUSED),
                );
            }
        }
    }
}

/// Where `problem` is: the beginning of its place, and its main caret.
fn carets(cx: &Cx<'_>, problem: &Problem) -> Option<Vec<u32>> {
    let place = problem.place?;
    let mut all = vec![place.start];
    let text = cx.documents.iter().find(|document| document.source == place.source)?.text;
    if let (Some(inside), Some(raw)) = (&problem.inside, text.get(place.range()))
        && let Some(stretch) = inside.stretches.first()
        && let Some(at) = scalar::locate(raw, &inside.decoded, stretch.start as usize..stretch.end as usize)
    {
        all.push(place.start.saturating_add(narrow(at.start)));
    }
    Some(all)
}
