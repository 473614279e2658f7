//! Problems and the texts they are about, as carets for people. A place becomes a line and a column only here. Must
//! not find problems or decide what follows from them.

mod sources;

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

pub use self::sources::{Location, Sources};
use crate::policy::problem::{Place, Problem, Problems, Severity};
use crate::policy::scalar;

/// Lines longer than this are shown in part.
const WIDEST_LINE: usize = 400;

/// All `problems` with their places in `sources`, and a last line that counts them; empty where there is none.
pub fn render(problems: &Problems, sources: &Sources, colour: bool) -> String {
    let all = problems.sorted();
    let mut text = carets(&all, sources, colour);
    if !all.is_empty() {
        text.push_str(&count(&all));
        text.push('\n');
    }
    text
}

/// All of `problems` without carets, a line each: for reports.
pub fn lines(problems: &Problems, sources: &Sources) -> Vec<String> {
    let line = |problem: &Problem| match problem.place {
        Some(place) => {
            format!("{}:{}: {}", sources.name(place.source), sources.line_of(place), problem.message)
        }
        None => problem.message.clone(),
    };
    problems.sorted().into_iter().map(line).collect()
}

/// `problems` with their places in `sources`, each with an empty line after it.
pub fn carets(problems: &[&Problem], sources: &Sources, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for problem in problems {
        text.push_str(&renderer.render(&[group(problem, sources)]));
        text.push_str("\n\n");
    }
    text
}

/// How many faults, warnings and notes there are: `1 fault, 2 warnings`.
pub fn count(all: &[&Problem]) -> String {
    let of = |severity| all.iter().filter(|problem| problem.severity == severity).count();
    let counted = |severity, word: &str| match of(severity) {
        0 => None,
        1 => Some(format!("1 {word}")),
        many => Some(format!("{many} {word}s")),
    };
    let parts = [
        counted(Severity::Fault, "fault"),
        counted(Severity::Warning, "warning"),
        counted(Severity::Note, "note"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `text` on one line that no terminal and no log takes for more than text.
fn plain(text: &str) -> String {
    text.replace(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'), " ")
}

fn group<'p>(problem: &'p Problem, sources: &'p Sources) -> Group<'p> {
    let level = match problem.severity {
        Severity::Fault => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(plain(&problem.message));
    let mut group = Group::with_title(match problem.id {
        Some(id) => title.id(id),
        None => title,
    });
    let stretches = stretches(problem, sources);
    if stretches.is_empty()
        && let Some(place) = problem.place
    {
        // The text of this place is not at hand; its name may still be.
        group = group.element(Origin::path(plain(sources.name(place.source))));
    }
    for shown in Shown::lines(stretches, sources) {
        group = shown.add_to(group, AnnotationKind::Primary, None);
    }
    if let Some((place, label)) = problem.also.as_deref() {
        for shown in Shown::lines(vec![*place], sources) {
            group = shown.add_to(group, AnnotationKind::Context, Some(label));
        }
    }
    match &problem.help {
        // Titles are cleaned by the library, messages are not.
        Some(help) => group.element(Level::HELP.message(plain(help))),
        None => group,
    }
}

/// What the carets of `problem` are on, each a stretch of a text that is at hand; the main one first.
fn stretches(problem: &Problem, sources: &Sources) -> Vec<Place> {
    let Some(place) = problem.place else { return Vec::new() };
    let Some(whole) = sources.stretch(place) else {
        return Vec::new();
    };
    let part = |range: Range<usize>| {
        let byte = |offset: usize| place.start.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX));
        Place { source: place.source, start: byte(range.start), end: byte(range.end) }
    };
    let located = problem.inside.as_deref().map(|inside| {
        let locate = |s: &Range<u32>| {
            scalar::locate(whole, &inside.decoded, s.start as usize..s.end as usize).map(part)
        };
        inside.stretches.iter().filter_map(locate).collect::<Vec<_>>()
    });
    if let Some(located) = located.filter(|located| !located.is_empty()) {
        return located;
    }
    let needle = problem.needle.as_deref().filter(|needle| !needle.is_empty());
    let narrowed = needle.and_then(|needle| Some(part(whole.find(needle).map(|at| at..at + needle.len())?)));
    vec![narrowed.unwrap_or(place)]
}

/// Where the main caret of `problem` is; `None` where no text is at hand.
pub fn location(problem: &Problem, sources: &Sources) -> Option<Location> {
    sources.location(stretches(problem, sources).into_iter().next()?)
}

/// One line of a text and the stretches of it that carets are on.
struct Shown<'s> {
    name: &'s str,
    number: usize,
    line: String,
    marks: Vec<Range<usize>>,
}

impl<'s> Shown<'s> {
    /// The lines of `places`, each once.
    fn lines(places: Vec<Place>, sources: &'s Sources) -> Vec<Self> {
        let mut lines: Vec<Self> = Vec::new();
        for place in places {
            let Some(shown) = Self::of(place, sources) else { continue };
            match lines.iter_mut().find(|line| (line.name, line.number) == (shown.name, shown.number)) {
                // Of a huge line only a part is shown, which need not hold the other mark.
                Some(line) if shown.line.len() <= WIDEST_LINE && line.line == shown.line => {
                    line.marks.extend(shown.marks);
                }
                Some(_) => {}
                None => lines.push(shown),
            }
        }
        lines
    }

    fn of(place: Place, sources: &'s Sources) -> Option<Self> {
        let length = sources.stretch(place)?.len();
        let (first, number, line) = sources.line(place);
        // A byte order mark is no character of the first line.
        let first = if line.starts_with('\u{feff}') { first + '\u{feff}'.len_utf8() } else { first };
        let line = line.trim_start_matches('\u{feff}');
        let start = (place.start as usize).saturating_sub(first).min(line.len());
        // The caret stays on the first line of what it is about.
        let end = start.saturating_add(length).min(line.len());
        let hidden = sources.hidden(place.source, first..first + line.len());
        let (mut line, start, mut end) = masked(line, &hidden, start..end);
        if line.len() > WIDEST_LINE {
            // What follows a caret can be left out without a wrong column; what stands before it cannot.
            let mut cut = (start + WIDEST_LINE / 2).min(line.len());
            while !line.is_char_boundary(cut) {
                cut += 1;
            }
            line.truncate(cut);
            end = end.min(cut);
        }
        Some(Self {
            name: sources.name(place.source),
            number,
            line,
            marks: std::iter::once(start..end).collect(),
        })
    }

    fn add_to<'g>(self, group: Group<'g>, kind: AnnotationKind, label: Option<&'g str>) -> Group<'g>
    where
        's: 'g,
    {
        let annotations = self.marks.into_iter().map(|mark| kind.span(mark).label(label));
        let annotations: Vec<Annotation<'g>> = annotations.collect();
        let snippet = Snippet::source(self.line).line_start(self.number).path(plain(self.name));
        group.element(snippet.annotations(annotations))
    }
}

/// `line` with three stars for each of the stretches `hidden`, which are in order, and where `mark` is then.
fn masked(line: &str, hidden: &[Range<usize>], mark: Range<usize>) -> (String, usize, usize) {
    let mut shown = String::with_capacity(line.len());
    let mut at = 0;
    let (mut start, mut end) = (mark.start, mark.end);
    for stretch in hidden {
        let Some(before) = line.get(at..stretch.start) else { continue };
        shown.push_str(before);
        let new = shown.len();
        let moved = |old: usize, now: usize| match old {
            old if old >= stretch.end => old + new + MASK.len() - stretch.end,
            old if old > stretch.start => new + MASK.len(),
            old if old == stretch.start => new,
            _ => now,
        };
        (start, end) = (moved(mark.start, start), moved(mark.end, end));
        shown.push_str(MASK);
        at = stretch.end;
    }
    shown.push_str(line.get(at..).unwrap_or_default());
    (shown, start, end)
}

/// What is shown for a secret.
const MASK: &str = "***";

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, problem: Problem) -> String {
        let mut sources = Sources::default();
        sources.add("p.yaml", text.as_bytes().to_vec()).unwrap();
        let mut problems = Problems::default();
        problems.push(problem);
        render(&problems, &sources, false)
    }

    fn place(start: u32, end: u32) -> Place {
        Place { source: 0, start, end }
    }

    #[test]
    fn the_caret_is_on_the_needle_and_stays_on_one_line() {
        let text = "a: |\n  sum(\n    rate(x)\n  )\n";
        let whole = place(7, 25);
        let expected = "\
warning: odd
 --> p.yaml:2:3
  |
2 |   sum(
  |   ^^^^
  |
  = help: mend it

1 warning
";
        assert_eq!(shown(text, Problem::at(whole, "odd").help("mend it").warning()), expected);
        let expected = "\
error: odd
 --> p.yaml:3:5
  |
3 |     rate(x)
  |     ^^^^

1 fault
";
        assert_eq!(shown(text, Problem::at(whole, "odd").needle("rate")), expected);
        // What the source does not show leaves the caret where it was.
        assert!(shown(text, Problem::at(whole, "odd").needle("nowhere")).contains("p.yaml:2:3"));
    }

    #[test]
    fn a_huge_line_stays_readable_and_keeps_its_column() {
        let text = format!("a: \"{}é{{{{x}}}}{}\"\n", "é".repeat(50_000), "y".repeat(50_000));
        let end = u32::try_from(text.len()).unwrap() - 1;
        let shown = shown(&text, Problem::at(place(3, end), "odd").needle("{{x}}"));
        assert!(shown.contains("p.yaml:1:50006"), "{shown}");
        assert!(shown.chars().count() < 1_000, "{} characters", shown.chars().count());
        assert!(shown.contains("{{x}}") && shown.contains("^^^^^"), "{shown}");
    }

    #[test]
    fn what_is_hidden_is_stars_and_carets_stay_where_they_belong() {
        let text = "a: {b: hunter2, c: xyz, d: 1}\n";
        let mut sources = Sources::default();
        sources.add("p.yaml", text.as_bytes().to_vec()).unwrap();
        sources.hide(place(7, 14));
        sources.hide(place(19, 22));
        let shown = |from, to| {
            let mut problems = Problems::default();
            problems.push(Problem::at(place(from, to), "odd"));
            let shown = render(&problems, &sources, false);
            shown
                .lines()
                .skip(1)
                .map(|line| line.trim_end().to_owned())
                .take(4)
                .collect::<Vec<_>>()
                .join("\n")
        };
        let line = "1 | a: {b: ***, c: ***, d: 1}";
        assert_eq!(shown(4, 5), format!(" --> p.yaml:1:5\n  |\n{line}\n  |     ^"));
        assert_eq!(shown(7, 14), format!(" --> p.yaml:1:8\n  |\n{line}\n  |        ^^^"));
        assert_eq!(shown(16, 17), format!(" --> p.yaml:1:13\n  |\n{line}\n  |             ^"));
        assert_eq!(shown(27, 28), format!(" --> p.yaml:1:24\n  |\n{line}\n  |                        ^"));
        assert_eq!(shown(3, 29), format!(" --> p.yaml:1:4\n  |\n{line}\n  |    ^^^^^^^^^^^^^^^^^^^^^^"));
    }

    #[test]
    fn a_problem_without_place_and_a_place_without_text_are_shown() {
        assert_eq!(shown("", Problem::nowhere("odd")), "error: odd\n\n1 fault\n");
        let shown = shown("a: 1\n", Problem::at(place(90, 99), "odd"));
        assert!(shown.starts_with("error: odd\n--> p.yaml"), "{shown}");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let shown = shown("a\u{1b}[31m: 1\n", Problem::at(place(0, 1), "odd `\u{1b}[31m`").help("\u{7}"));
        assert!(!shown.contains(['\u{1b}', '\u{7}']), "{shown:?}");
    }

    #[test]
    fn a_byte_order_mark_moves_no_column() {
        assert!(shown("\u{feff}a: 1\n", Problem::at(place(3, 4), "odd")).contains("p.yaml:1:1\n"));
        assert!(shown("\u{feff}a: 1\n", Problem::at(place(0, 0), "odd")).contains("p.yaml:1:1\n"));
    }

    #[test]
    fn lines_are_counted_from_one() {
        let mut sources = Sources::default();
        sources.add("p.yaml", b"a\r\nb\nc".to_vec()).unwrap();
        let lines: Vec<u32> = (0..6).map(|at| sources.line_of(place(at, at))).collect();
        assert_eq!(lines, [1, 1, 1, 2, 2, 3]);
        assert_eq!(sources.line_of(Place { source: 9, start: 0, end: 0 }), 1);
    }
}
