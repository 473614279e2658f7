//! What makes two texts different, as lines that are gone and lines that are new. Must not try to be small: that they
//! differ, and where, is what is asked.

/// Lines that are shown at most.
const MOST: usize = 40;

/// The lines of `old` that `new` lacks and those that it has instead, between what both begin and end with; `None` where
/// they are the same.
pub(crate) fn difference(old: &str, new: &str) -> Option<Vec<String>> {
    if old == new {
        return None;
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - same;
    let end = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let (gone, come) = (&old[same..old.len() - end], &new[same..new.len() - end]);
    let mut lines = vec![format!("@@ line {} @@", same + 1)];
    lines.extend(gone.iter().map(|line| format!("-{line}")));
    lines.extend(come.iter().map(|line| format!("+{line}")));
    if lines.len() > MOST {
        let more = lines.len() - MOST;
        lines.truncate(MOST);
        lines.push(format!("… and {more} more lines"));
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_between_what_is_the_same() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("a\nb\nc\n", "a\nx\ny\nc\n").unwrap(), ["@@ line 2 @@", "-b", "+x", "+y"]);
        assert_eq!(difference("a\na\n", "a\n").unwrap(), ["@@ line 2 @@", "-a"]);
        assert_eq!(difference("", "a").unwrap(), ["@@ line 1 @@", "-", "+a"]);
        assert_eq!(difference("a", "a\n").unwrap(), ["@@ line 2 @@", "+"]);
    }
}
