//! Line-by-line differences between a recorded message (`-`) and another one (`+`).

use drillmaster_models::wire;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use crate::request::{Response, line};

/// How many lines of a message are compared. The time is quadratic in this at worst.
const LINES_COMPARED: usize = 1_000;

/// How many lines of a difference are shown.
const LINES_SHOWN: usize = 40;

/// How many characters of a line are shown.
const CHARACTERS_SHOWN: usize = 400;

/// How many equal lines are shown around a difference.
const CONTEXT: usize = 2;

/// A request in lines: method and path, the query's pairs, the content type, the body. If its values must not be shown,
/// only the names in its query are.
pub(crate) fn request_lines(request: &wire::Request, open: bool) -> Vec<String> {
    let shown = line(request.method.as_str(), &request.target, open);
    let (path, query) = shown.split_once('?').unwrap_or((&shown, ""));
    let mut lines = vec![path.to_owned()];
    lines.extend(pairs(query).map(|pair| format!("?{pair}")));
    message_lines(&mut lines, request.header("content-type"), &request.body, open);
    lines
}

/// A response in lines: status, content type, and the body if it may be shown.
pub(crate) fn answer_lines(answer: &Response, open: bool) -> Vec<String> {
    let mut lines = vec![format!("status: {}", answer.status)];
    message_lines(&mut lines, answer.header("content-type"), &answer.body, open);
    lines
}

fn message_lines(lines: &mut Vec<String>, kind: Option<&str>, body: &[u8], open: bool) {
    lines.extend(kind.map(|kind| format!("content-type: {kind}")));
    if body.is_empty() {
        return;
    }
    if !open {
        lines.push("(body not shown: it may contain secrets)".to_owned());
        return;
    }
    let room = LINES_COMPARED.saturating_sub(lines.len());
    let text = String::from_utf8_lossy(body);
    if kind == Some("application/x-www-form-urlencoded") {
        lines.extend(pairs(&text).take(room));
    } else if let Ok(mut json) = serde_json::from_slice::<Value>(body) {
        json.sort_all_objects();
        let pretty = format!("{json:#}");
        lines.extend(pretty.lines().take(room).map(str::to_owned));
    } else {
        lines.extend(text.lines().take(room).map(str::to_owned));
    }
}

/// The pairs of a query or a form, sorted.
fn pairs(text: &str) -> impl Iterator<Item = String> {
    let mut pairs: Vec<_> = text.split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_unstable();
    pairs.into_iter().map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// The lines that differ, with some context: `- ` is recorded, `+ ` is new. Empty if nothing differs.
pub(crate) fn diff(recorded: &[String], other: &[String]) -> Vec<String> {
    let recorded: Vec<_> = recorded.iter().map(String::as_str).collect();
    let other: Vec<_> = other.iter().map(String::as_str).collect();
    let diff = TextDiff::from_slices(&recorded, &other);
    let mut lines = Vec::new();
    let mut end = 0;
    for group in diff.grouped_ops(CONTEXT) {
        if group.first().is_some_and(|first| first.old_range().start > end) {
            lines.push("  \u{2026}".to_owned());
        }
        for op in &group {
            for change in diff.iter_changes(op) {
                let sign = match change.tag() {
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                    ChangeTag::Equal => ' ',
                };
                lines.push(clipped(&format!("{sign} {}", change.value())));
            }
            end = op.old_range().end;
        }
    }
    if !lines.is_empty() && end < recorded.len() {
        lines.push("  \u{2026}".to_owned());
    }
    if lines.len() > LINES_SHOWN {
        let more = lines.len() - LINES_SHOWN;
        lines.truncate(LINES_SHOWN);
        lines.push(format!("  and {more} more lines"));
    }
    lines
}

/// Without what a terminal would obey, and with an end.
fn clipped(line: &str) -> String {
    let shown = |character: char| if character.is_control() { '\u{fffd}' } else { character };
    let mut clipped: String = line.chars().take(CHARACTERS_SHOWN).map(shown).collect();
    if clipped.len() < line.len() {
        clipped.push('\u{2026}');
    }
    clipped
}

/// How far two messages are apart; the least is the nearest.
pub(crate) fn distance(a: &[String], b: &[String]) -> (usize, std::cmp::Reverse<usize>) {
    let (mut left, mut right): (Vec<_>, Vec<_>) = (a.iter().collect(), b.iter().collect());
    left.sort_unstable();
    right.sort_unstable();
    let (mut i, mut j, mut common) = (0, 0, 0);
    while let (Some(one), Some(other)) = (left.get(i), right.get(j)) {
        let order = one.cmp(other);
        common += usize::from(order.is_eq());
        i += usize::from(order.is_le());
        j += usize::from(order.is_ge());
    }
    // Among those with as many lines that differ, the one that begins alike for longer.
    let bytes = |lines: &[String]| lines.join("\n").into_bytes();
    let prefix = bytes(a).iter().zip(&bytes(b)).take_while(|(a, b)| a == b).count();
    (a.len() + b.len() - 2 * common, std::cmp::Reverse(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn what_differs_is_shown_with_a_little_around_it() {
        let shown = diff(&lines("a b c d e f g h"), &lines("a b c d X f g h"));
        assert_eq!(shown, ["  …", "  c", "  d", "- e", "+ X", "  f", "  g", "  …"]);
        assert_eq!(diff(&lines("a b"), &lines("a b")), Vec::<String>::new());
    }

    #[test]
    fn a_long_difference_has_an_end() {
        let long = |word: &str| vec![word.repeat(1_000); 1_000];
        let shown = diff(&long("a"), &long("b"));
        assert_eq!(shown.len(), LINES_SHOWN + 1);
        assert!(shown.iter().all(|line| line.chars().count() <= CHARACTERS_SHOWN + 1));
        assert_eq!(shown[LINES_SHOWN], "  and 1960 more lines");
    }

    #[test]
    fn a_terminal_has_nothing_to_obey() {
        let shown = diff(&lines("a"), &lines("\u{1b}[2J"));
        assert_eq!(shown, ["- a", "+ \u{fffd}[2J"]);
    }

    #[test]
    fn fewer_lines_apart_is_nearer_and_then_the_longer_beginning() {
        let asked = lines("GET ?room=linux1 x");
        let distances = ["GET ?room=linux1 x", "GET ?room=linux7 x", "GET ?room=sqli x", "PUT x"]
            .map(|recorded| distance(&asked, &lines(recorded)));
        assert!(distances.is_sorted() && distances[1] < distances[2], "{distances:?}");
    }
}
