//! Replacing values wherever they are, plain or encoded.
//!
//! A text is searched as it is, with its percent escapes decoded, its JSON escapes, its HTML references and its base64,
//! and the results are searched in the same way. A match in decoded text is mapped back to its source, and the
//! replacement is written there in the same encoding.

use std::ops::Range;

use ::base64::Engine;

use crate::base64::{self, OFFSETS, decode, left_over, parts, runs};
use crate::decode::{Decoded, escaped_byte, fold_case, has_references, to_text};
use crate::search::Search;

/// How many encodings may be nested.
pub(crate) const DEEPEST: usize = 4;

/// Shorter values are found by chance in decoded text that never was base64.
pub(crate) const SHORTEST_IN_NOISE: usize = 6;

/// What is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Text that a person or a program wrote.
    Text,
    /// The result of decoding what may never have been encoded.
    Noise,
}

impl Origin {
    /// The length of the shortest value that counts.
    fn shortest(self) -> usize {
        match self {
            Self::Text => 0,
            Self::Noise => SHORTEST_IN_NOISE,
        }
    }

    /// Whether the case of bytes outside ASCII matters.
    fn has_wide_text(self, bytes: &[u8]) -> bool {
        !bytes.is_ascii() && (self == Self::Text || std::str::from_utf8(bytes).is_ok())
    }
}

/// Where a value is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Anywhere, even within words.
    Anywhere,
    /// Where it is a whole word, or several.
    Words,
    /// Only in fields that are known to have such values. Elsewhere it would be found by chance.
    Fields,
}

/// Values and their replacements.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    search: Search,
    /// By the number of the value: where it is replaced, and by what.
    replacements: Vec<(Reach, Box<str>)>,
}

/// A value and its replacement.
#[derive(Debug)]
pub(crate) struct Pattern {
    pub(crate) value: String,
    pub(crate) reach: Reach,
    pub(crate) replacement: String,
}

/// A part of a text and its replacement.
#[derive(Debug, Clone)]
struct Edit {
    span: Range<usize>,
    with: Vec<u8>,
}

impl Patterns {
    pub(crate) fn new(patterns: impl Iterator<Item = Pattern>) -> Self {
        let mut all = Self::default();
        all.add(patterns);
        all
    }

    pub(crate) fn add(&mut self, patterns: impl Iterator<Item = Pattern>) {
        let replacements = &mut self.replacements;
        let patterns = patterns.filter(|pattern| pattern.reach != Reach::Fields);
        self.search.add(patterns.map(|pattern| {
            replacements.push((pattern.reach, pattern.replacement.into()));
            fold_case(&pattern.value)
        }));
    }

    /// The text with its values replaced, or `None` if it has none.
    pub(crate) fn replace(&self, text: &str) -> Option<String> {
        let bytes = self.replace_bytes(text.as_bytes())?;
        Some(to_text(&bytes).into_owned())
    }

    pub(crate) fn replace_bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if !self.may_contain(bytes) {
            return None;
        }
        let edits = self.edits(bytes, DEEPEST, Origin::Text);
        (!edits.is_empty()).then(|| apply(bytes, &edits))
    }

    /// Whether a text may contain a value, in any encoding. This is far faster than replacing.
    pub(crate) fn may_contain(&self, bytes: &[u8]) -> bool {
        !self.search.is_empty() && self.may_contain_at(bytes, DEEPEST, Origin::Text)
    }

    /// Whether the text consists of values and of what separates words.
    pub(crate) fn consist_of(&self, text: &str) -> bool {
        let edits = without_overlaps(self.matches(text.as_bytes(), Origin::Text));
        let mut rest = text.as_bytes().to_vec();
        for edit in edits.iter().rev() {
            rest.drain(edit.span.clone());
        }
        !edits.is_empty() && !to_text(&rest).chars().any(char::is_alphanumeric)
    }

    fn may_contain_at(&self, bytes: &[u8], depth: usize, origin: Origin) -> bool {
        self.search.may_contain(bytes)
            || origin.has_wide_text(bytes)
            || (depth > 0
                && (bytes.iter().any(|byte| b"+%\\".contains(byte))
                    || has_references(bytes)
                    || runs(bytes, 0..bytes.len())
                        .any(|run| self.run_may_contain(bytes, run, depth))))
    }

    fn run_may_contain(&self, bytes: &[u8], run: Range<usize>, depth: usize) -> bool {
        let mut plain = Vec::new();
        let mut may_contain = |run: Range<usize>| {
            let run = &bytes[run];
            OFFSETS.into_iter().any(|offset| {
                plain.clear();
                let decoded = decode(run, offset, &mut plain);
                decoded.is_some() && self.may_contain_at(&plain, depth - 1, Origin::Noise)
            })
        };
        parts(bytes, &run).any(&mut may_contain) || may_contain(run)
    }

    fn edits(&self, bytes: &[u8], depth: usize, origin: Origin) -> Vec<Edit> {
        // Plain matches come first: of equal spans, the first one stays.
        let mut edits = self.matches(bytes, origin);
        if depth > 0 {
            // As a form, and then as a URL: where a match is both, it is a form's.
            if bytes.contains(&b'+') {
                edits.extend(self.in_decoded(&Decoded::form(bytes), depth, origin));
            }
            if bytes.contains(&b'%') {
                edits.extend(self.in_decoded(&Decoded::percent(bytes), depth, origin));
            }
            if bytes.contains(&b'\\') {
                edits.extend(self.in_decoded(&Decoded::json(bytes), depth, origin));
            }
            if has_references(bytes) {
                edits.extend(self.in_decoded(&Decoded::html(bytes), depth, origin));
            }
            let edits = without_overlaps(edits);
            let mut all = edits.clone();
            for gap in gaps(bytes.len(), &edits) {
                self.in_base64(bytes, gap, depth, &mut all);
            }
            return without_overlaps(all);
        }
        without_overlaps(edits)
    }

    fn matches(&self, bytes: &[u8], origin: Origin) -> Vec<Edit> {
        // Folding the case can change the length of a character outside ASCII.
        let folded = origin.has_wide_text(bytes).then(|| Decoded::case_folded(bytes));
        let text = folded.as_ref().map_or(bytes, |folded| &folded.plain);
        let found = self.search.find(text).into_iter();
        found
            .filter_map(|(span, number)| {
                let (reach, replacement) = &self.replacements[number];
                let counts = span.len() >= origin.shortest()
                    && (*reach == Reach::Anywhere || is_word(text, span.clone()));
                let span = match &folded {
                    Some(folded) => folded.source_span(&span),
                    None => span,
                };
                counts.then(|| Edit { span, with: replacement.as_bytes().to_vec() })
            })
            .collect()
    }

    fn in_decoded(&self, text: &Decoded, depth: usize, origin: Origin) -> Vec<Edit> {
        let edits = self.edits(&text.plain, depth - 1, origin).into_iter();
        edits
            .map(|edit| Edit { span: text.source_span(&edit.span), with: text.encode(&edit.with) })
            .collect()
    }

    fn in_base64(&self, bytes: &[u8], gap: Range<usize>, depth: usize, edits: &mut Vec<Edit>) {
        for run in runs(bytes, gap) {
            let found: Vec<_> =
                parts(bytes, &run).filter_map(|part| self.in_run(bytes, &part, depth)).collect();
            if found.is_empty() {
                edits.extend(self.in_run(bytes, &run, depth));
            } else {
                edits.extend(found);
            }
        }
    }

    /// The replacement of a run, which may begin anywhere within a group of four letters.
    fn in_run(&self, bytes: &[u8], run: &Range<usize>, depth: usize) -> Option<Edit> {
        OFFSETS.into_iter().find_map(|offset| {
            let mut plain = Vec::new();
            let engine = decode(&bytes[run.clone()], offset, &mut plain)?;
            let origin = if base64::is_readable(&plain) { Origin::Text } else { Origin::Noise };
            let inner = self.edits(&plain, depth - 1, origin);
            if inner.is_empty() {
                return None;
            }
            let mut with = engine.encode(apply(&plain, &inner));
            let padding = bytes[run.end..].iter().take_while(|&&byte| byte == b'=').count().min(2);
            if padding > 0 {
                with.extend(std::iter::repeat_n('=', (4 - with.len() % 4) % 4));
            }
            let mut with = with.into_bytes();
            with.extend_from_slice(&bytes[run.end - left_over(run.len() - offset)..run.end]);
            Some(Edit { span: run.start + offset..run.end + padding, with })
        })
    }
}

/// The edits in order. Of those that overlap, the first and longest stays.
fn without_overlaps(mut edits: Vec<Edit>) -> Vec<Edit> {
    edits.sort_by_key(|edit| (edit.span.start, std::cmp::Reverse(edit.span.end)));
    let mut end = 0;
    edits.retain(|edit| {
        let is_apart = edit.span.start >= end;
        end = if is_apart { edit.span.end } else { end };
        is_apart
    });
    edits
}

fn apply(bytes: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for edit in edits {
        out.extend_from_slice(&bytes[at..edit.span.start]);
        out.extend_from_slice(&edit.with);
        at = edit.span.end;
    }
    out.extend_from_slice(&bytes[at..]);
    out
}

fn gaps(length: usize, edits: &[Edit]) -> Vec<Range<usize>> {
    let starts = std::iter::once(0).chain(edits.iter().map(|edit| edit.span.end));
    let ends = edits.iter().map(|edit| edit.span.start).chain([length]);
    starts.zip(ends).map(|(start, end)| start..end).collect()
}

/// Whether a span begins and ends at the boundaries of words.
pub(crate) fn is_word(bytes: &[u8], span: Range<usize>) -> bool {
    let inside = &bytes[span.clone()];
    let (before, after) = (&bytes[..span.start], &bytes[span.end..]);
    let is_number = inside.iter().all(u8::is_ascii_digit);
    let is_boundary =
        |edge: Option<char>, next: Option<char>, beyond: Option<&u8>| match (edge, next) {
            // A part of a date, a time or a longer number is no word.
            (_, Some('-' | ':' | '.' | '/' | ',')) if is_number => {
                !beyond.is_some_and(u8::is_ascii_digit)
            }
            (Some(edge), Some(next)) => {
                let within = edge.is_alphanumeric() && next.is_alphanumeric();
                !within || is_spaceless(edge) || is_spaceless(next)
            }
            _ => true,
        };
    is_boundary(char_after(inside), char_before(before), before.iter().nth_back(1))
        && is_boundary(char_before(inside), char_after(after), after.get(1))
        && !is_in_escape(bytes, span.start)
}

/// Whether a character is of a script without spaces between words.
fn is_spaceless(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{2e80}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..)
}

/// Whether a position is within a percent escape, in a text that decodes to UTF-8.
fn is_in_escape(bytes: &[u8], at: usize) -> bool {
    let begins =
        |from: Option<usize>| from.is_some_and(|from| escaped_byte(&bytes[from..]).is_some());
    (begins(at.checked_sub(1)) || begins(at.checked_sub(2)))
        && percent_encoding::percent_decode(bytes).decode_utf8().is_ok()
}

fn char_before(bytes: &[u8]) -> Option<char> {
    (1..=bytes.len().min(4)).find_map(|length| {
        std::str::from_utf8(&bytes[bytes.len() - length..]).ok()?.chars().next_back()
    })
}

fn char_after(bytes: &[u8]) -> Option<char> {
    (1..=bytes.len().min(4))
        .find_map(|length| std::str::from_utf8(&bytes[..length]).ok()?.chars().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(values: &[(&str, Reach, &str)]) -> Patterns {
        Patterns::new(values.iter().map(|(value, reach, replacement)| Pattern {
            value: (*value).to_owned(),
            reach: *reach,
            replacement: (*replacement).to_owned(),
        }))
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let patterns = patterns(&[
            ("ada@example.com", Reach::Anywhere, "learner-0001@example.com"),
            ("Ada", Reach::Words, "Learner 0001"),
            ("Zoë O'Neil", Reach::Words, "Learner 0002"),
            ("1234", Reach::Words, "learner-0003"),
        ]);
        assert_eq!(patterns.replace(text).unwrap_or_else(|| text.to_owned()), expected);
    }

    #[test]
    fn a_value_is_found_in_any_case_and_only_as_a_word() {
        check("for ADA@Example.com.", "for learner-0001@example.com.");
        check("Ada, ADA and Adalbert", "Learner 0001, Learner 0001 and Adalbert");
        check("2026-1234 12345 (1234)", "2026-1234 12345 (learner-0003)");
    }

    #[test]
    fn a_value_is_found_percent_encoded_once_and_twice() {
        check("a=ada%40example.com&b", "a=learner-0001%40example.com&b");
        check("ada%2540example.com", "learner-0001%2540example.com");
        check("x%20Ada", "x%20Learner%200001");
        check("Zo%C3%AB+O%27Neil", "Learner%200002");
        check("Zo%C3%ab%20O'Neil", "Learner%200002");
        check("Mar%C3%ADa", "Mar%C3%ADa");
    }

    #[test]
    fn a_value_is_found_with_json_escapes() {
        check(r"\nAda\u0040", r"\nLearner 0001\u0040");
        check(r"Zo\u00eb O'Neil", "Learner 0002");
        check(r"ada\\u0040example.com", "learner-0001@example.com");
    }

    #[test]
    fn a_value_is_found_with_html_references() {
        check("<b>ada&#64;example.com&lt;", "<b>learner-0001@example.com&lt;");
        check("Zo&#xEB; O&#39;Neil &amp; co", "Learner 0002 &amp; co");
        check("a=1&b=ada&commat;example.com&c", "a=1&b=learner-0001@example.com&c");
        check(r#"{"page":"Zo\u00eb O&#x27;Neil;"}"#, r#"{"page":"Learner 0002;"}"#);
    }

    #[test]
    fn a_value_is_found_in_base64_wherever_it_begins() {
        for (before, after) in [("", ""), ("x", "y"), ("to ", " and others"), ("{\"e\":\"", "\"}")]
        {
            let plain = format!("{before}ada@example.com{after}");
            for engine in [base64::PLAIN, base64::URL] {
                let text = format!("k={}", engine.encode(&plain));
                let redacted = format!("{before}learner-0001@example.com{after}");
                check(&text, &format!("k={}", engine.encode(redacted)));
            }
        }
        check("/a/YWRhQGV4YW1wbGUuY29t/b", "/a/bGVhcm5lci0wMDAxQGV4YW1wbGUuY29t/b");
        check("YWRhQGV4YW1wbGUuY29tIQ%3D%3D", "bGVhcm5lci0wMDAxQGV4YW1wbGUuY29tIQ%3D%3D");
    }

    #[test]
    fn no_value_in_base64_is_ruled_out() {
        let patterns = patterns(&[
            ("ada@example.com", Reach::Anywhere, "1"),
            ("xyz123", Reach::Anywhere, "2"),
            ("zoë", Reach::Words, "3"),
        ]);
        let nested = base64::PLAIN.encode("to ada@example.com");
        for plain in ["to ADA@example.com", "....xyz123", "ZOË", "ada%40example.com", &nested] {
            for before in ["", "x", "xx", "xxx", "/"] {
                for engine in [base64::PLAIN, base64::URL] {
                    // A run that is too short is not decoded.
                    let run = format!("{before}{}", engine.encode(format!("{plain}......")));
                    assert!(patterns.may_contain(run.as_bytes()), "{run}");
                }
            }
        }
        assert!(!patterns.may_contain(base64::PLAIN.encode("nothing of that").as_bytes()));
    }

    #[test]
    fn texts_that_consist_of_values_are_recognized() {
        let patterns = patterns(&[("Ada", Reach::Words, "1"), ("Byron", Reach::Words, "2")]);
        assert!(patterns.consist_of("Byron, ada") && !patterns.consist_of("Ada King"));
        assert!(!patterns.consist_of("-"));
    }
}
