//! What came back from outside, as it may be kept: masked, on one line, and cut. Must mask before it cuts: half a
//! secret would no longer be recognised.

use crate::host::secret::Redactor;

/// Bytes of an answer or an output that are kept.
pub(crate) const KEPT: usize = 2048;

/// Which end of a long text says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// An answer says first what it is about.
    First,
    /// A program says last what went wrong.
    Last,
}

/// `text` without secrets and control characters, at most [`KEPT`] bytes of it; `None` when nothing is left.
pub(crate) fn keep(redactor: &Redactor, text: &str, end: End) -> Option<String> {
    let masked = redactor.redact(text);
    let flat: String = masked
        .trim()
        .chars()
        .map(|c| match c {
            c if c.is_whitespace() => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect();
    let kept = match end {
        End::First => cut(&flat, KEPT).to_owned(),
        End::Last => {
            let mut from = flat.len().saturating_sub(KEPT);
            while !flat.is_char_boundary(from) {
                from += 1;
            }
            flat[from..].to_owned()
        }
    };
    (!kept.is_empty()).then_some(kept)
}

/// At most `limit` bytes of `text`, ending on a character.
pub(crate) fn cut(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_masked_flat_and_cut_on_a_character() {
        let redactor = Redactor::default();
        redactor.secret("a-long-secret").unwrap();
        // The secret lies across the cut: cutting first would leave half of it.
        let text = format!("{}a-long-secret and more", "é".repeat(1020));
        let kept = keep(&redactor, &text, End::First).unwrap();
        assert!(kept.len() <= KEPT && !kept.contains("a-long"), "{kept}");
        assert!(kept.contains("*** a"), "{kept}");
        assert_eq!(keep(&redactor, "a\r\n::set\x1b[31m", End::First).unwrap(), "a  ::set\u{fffd}[31m");
        assert_eq!(keep(&redactor, " \n", End::First), None);
        let last = keep(&redactor, &format!("{}the end", "é".repeat(2000)), End::Last).unwrap();
        assert!(last.len() <= KEPT && last.ends_with("the end"), "{last}");
    }
}
