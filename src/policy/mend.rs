//! Fixes as changes of the texts they are about: every byte that no fix names stays as it is. Must not decide whether
//! a fix is wanted, and must not write files.

use std::ops::Range;

use super::node::{Data, Node};
use super::problem::{Fix, Problem};
use super::scalar;

/// A change of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The bytes that are replaced.
    pub range: Range<usize>,
    /// What stands there then, as it is written.
    pub text: String,
}

/// What `fix` changes in `text`, the text it is about, in order; `None` where that cannot be written there.
pub fn edits(fix: &Fix, text: &str) -> Option<Vec<Edit>> {
    let raw = text.get(fix.place.range())?;
    let start = fix.place.start as usize;
    let edit = |(range, new): &(Range<u32>, String)| {
        let range = range.start as usize..range.end as usize;
        let (range, new) = match &fix.decoded {
            Some(decoded) => (scalar::locate(raw, decoded, range)?, scalar::encode(raw, decoded, new)?),
            None => (raw.get(range.clone()).map(|_| range)?, new.clone()),
        };
        Some(Edit { range: start + range.start..start + range.end, text: new })
    };
    let mut edits: Vec<Edit> = fix.edits.iter().map(edit).collect::<Option<_>>()?;
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    Some(edits)
}

/// `text`, numbered `source`, with the sure fixes of `problems`, and which of them were made: one that overlaps an
/// earlier one is left for the next time.
pub fn apply<'p>(text: &str, source: u16, problems: &[&'p Problem]) -> (String, Vec<&'p Problem>) {
    let mut all: Vec<Edit> = Vec::new();
    let mut made = Vec::new();
    for problem in problems {
        let Some(fix) = problem.fix.as_deref().filter(|fix| fix.sure && fix.place.source == source) else {
            continue;
        };
        let Some(edits) = edits(fix, text).filter(|edits| !edits.is_empty()) else { continue };
        let clash = |one: &Edit| {
            let touches = |other: &Edit| {
                one.range.start <= other.range.end && other.range.start <= one.range.end && one != other
            };
            all.iter().any(touches)
        };
        if edits.iter().any(clash) {
            continue;
        }
        made.push(*problem);
        for edit in edits {
            if !all.contains(&edit) {
                all.push(edit);
            }
        }
    }
    all.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut mended = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for edit in all {
        mended.push_str(text.get(at..edit.range.start).unwrap_or_default());
        mended.push_str(&edit.text);
        at = edit.range.end;
    }
    mended.push_str(text.get(at..).unwrap_or_default());
    (mended, made)
}

/// Whether `after` is what `before` becomes by `made`: the same keys and values, but those that a fix changes read as
/// it says. A fix of the text as it is written may change anything.
pub fn is_as_meant(before: &Node, after: &Node, made: &[&Problem]) -> bool {
    let fixes = || made.iter().filter_map(|problem| problem.fix.as_deref());
    if fixes().any(|fix| fix.decoded.is_none()) {
        return true;
    }
    same(before, after, &|node, text| {
        let mut edits: Vec<&(Range<u32>, String)> =
            fixes().filter(|fix| fix.place == node.place).flat_map(|fix| &fix.edits).collect();
        edits.sort_by_key(|(range, _)| (range.start, range.end));
        edits.dedup();
        let mut meant = text.to_owned();
        for (range, new) in edits.into_iter().rev() {
            let range = range.start as usize..range.end as usize;
            meant.get(range.clone())?;
            meant.replace_range(range, new);
        }
        Some(meant)
    })
}

fn same(before: &Node, after: &Node, meant: &dyn Fn(&Node, &str) -> Option<String>) -> bool {
    match (&before.data, &after.data) {
        (Data::List(a), Data::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, meant))
        }
        (Data::Map(a), Data::Map(b)) => {
            let entry = |((a, x), (b, y)): (&(_, Node), &(_, Node))| {
                let (a, b): (&super::node::Key, &super::node::Key) = (a, b);
                a.name == b.name && same(x, y, meant)
            };
            a.len() == b.len() && a.iter().zip(b).all(entry)
        }
        (Data::Text(a), Data::Text(b)) => meant(before, a).as_ref() == Some(b),
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::node::parse;
    use crate::policy::problem::Place;

    /// A fix of the scalar `a` of `text`: each stretch of its decoded text, and what stands there then.
    fn problem(text: &str, sure: bool, changes: &[(&str, &str)]) -> Problem {
        let node = parse(0, text).unwrap();
        let node = node.get("a").unwrap();
        let decoded = node.scalar().unwrap().to_owned();
        let narrow = |offset: usize| u32::try_from(offset).unwrap();
        let edit = |(old, new): &(&str, &str)| {
            let at = decoded.find(old).unwrap();
            (narrow(at)..narrow(at + old.len()), (*new).to_owned())
        };
        let edits = changes.iter().map(edit).collect();
        let fix =
            Fix { title: "mend it".into(), place: node.place, decoded: Some(decoded.clone()), edits, sure };
        Problem::at(node.place, "odd").fix(fix)
    }

    fn mended(text: &str, problems: &[Problem]) -> (String, usize) {
        let all: Vec<&Problem> = problems.iter().collect();
        let (mended, made) = apply(text, 0, &all);
        if let Ok(after) = parse(0, &mended) {
            assert!(is_as_meant(&parse(0, text).unwrap(), &after, &made), "{mended}");
        }
        (mended, made.len())
    }

    #[test]
    fn nothing_else_changes() {
        for (before, after) in [
            ("\u{feff}a: 'one'\r\nb: 1 # é\r\n", "\u{feff}a: 'zwei'\r\nb: 1 # é\r\n"),
            ("a: \"\\u00e9 one\"   # c\nb: >-\n  x\n\n", "a: \"\\u00e9 zwei\"   # c\nb: >-\n  x\n\n"),
            ("a: >-\n  é\n\n  one two\nb: 1", "a: >-\n  é\n\n  zwei two\nb: 1"),
            ("{a: one, b: {}}", "{a: zwei, b: {}}"),
        ] {
            assert_eq!(mended(before, &[problem(before, true, &[("one", "zwei")])]), (after.to_owned(), 1));
        }
    }

    #[test]
    fn what_overlaps_waits_and_what_is_not_sure_is_not_made() {
        let text = "a: 'one two three'\n";
        let fix = |sure, changes: &[(&str, &str)]| problem(text, sure, changes);
        let all = [
            fix(true, &[("three", "3"), ("one", "1")]),
            fix(true, &[("one two", "12")]),
            fix(true, &[("one", "1")]),
            fix(false, &[("two", "2")]),
        ];
        // The third says what the first has said already.
        assert_eq!(mended(text, &all), ("a: '1 two 3'\n".to_owned(), 2));
        assert_eq!(mended(text, &[fix(true, &[("two", "it's")])]), ("a: 'one it''s three'\n".to_owned(), 1));
        assert_eq!(mended(text, &[fix(true, &[("two", "\n")])]), (text.to_owned(), 0));
        let elsewhere =
            Fix { place: Place { source: 1, start: 0, end: 1 }, ..*fix(true, &[("one", "1")]).fix.unwrap() };
        assert_eq!(mended(text, &[Problem::nowhere("odd").fix(elsewhere)]), (text.to_owned(), 0));
    }

    #[test]
    fn what_became_something_else_is_noticed() {
        let text = "a: one\nb: 2\n";
        let odd = problem(text, true, &[("one", "zwei")]);
        let before = parse(0, text).unwrap();
        let holds = |after: &str| is_as_meant(&before, &parse(0, after).unwrap(), &[&odd]);
        assert!(holds("a: zwei\nb: 2\n"));
        for after in
            ["a: one\nb: 2\n", "a: zwei\nb: 3\n", "a: zwei\n", "a: zwei\nc: 2\n", "a: [zwei]\nb: 2\n"]
        {
            assert!(!holds(after), "{after}");
        }
    }
}
