//! Replacing values wherever they stand, as they are or in another encoding.
//!
//! A text is looked at as it is, without its percent escapes, without its JSON escapes, without its references of
//! HTML and with its base64 decoded, and what that gives is looked at in the same way. What is found in a view is mapped back to
//! where it stands and written there in that view's encoding, whichever way it was encoded before.

use std::ops::Range;

use base64::Engine;

use super::looks;
use super::runs::{self, SHIFTS, decode, left_over, parts, runs};
use super::search::Search;
use super::view::{View, escaped_byte, folded, has_references, read};

/// How many encodings may lie within each other.
pub(super) const DEEPEST: usize = 4;

/// Shorter values are found by chance in what was never base64.
pub(super) const SHORTEST_IN_NOISE: usize = 6;

/// What something is looked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ground {
    /// What people wrote, or programs.
    Text,
    /// What came of decoding something that may never have been encoded.
    Noise,
}

impl Ground {
    /// How long a value must be.
    fn shortest(self) -> usize {
        match self {
            Self::Text => 0,
            Self::Noise => SHORTEST_IN_NOISE,
        }
    }

    /// Whether bytes have letters that ASCII has not.
    fn has_letters(self, bytes: &[u8]) -> bool {
        !bytes.is_ascii() && (self == Self::Text || std::str::from_utf8(bytes).is_ok())
    }
}

/// Where a value is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Anywhere, within words too.
    Anywhere,
    /// Where it is a word, or several.
    Words,
    /// Only in places that are known to hold such values: elsewhere it would be found by chance.
    Places,
}

/// Values and what stands for them.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    search: Search,
    /// Of each value where it is looked for, and what stands for it.
    found: Vec<(Reach, Box<str>)>,
}

#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) value: String,
    pub(super) reach: Reach,
    pub(super) stands: String,
}

/// A part of a text, and what comes in its place.
#[derive(Debug, Clone)]
struct Edit {
    span: Range<usize>,
    with: Vec<u8>,
}

impl Patterns {
    pub(super) fn of(patterns: impl Iterator<Item = Pattern>) -> Self {
        let mut own = Self::default();
        own.add(patterns);
        own
    }

    /// Looks for more.
    pub(super) fn add(&mut self, patterns: impl Iterator<Item = Pattern>) {
        let found = &mut self.found;
        let patterns = patterns.filter(|pattern| pattern.reach != Reach::Places);
        self.search.add(patterns.map(|pattern| {
            found.push((pattern.reach, pattern.stands.into()));
            folded(&pattern.value)
        }));
    }

    /// The text with what stands for its values, if there are any.
    pub(super) fn replace(&self, text: &str) -> Option<String> {
        let bytes = self.replace_bytes(text.as_bytes())?;
        Some(read(&bytes).into_owned())
    }

    pub(super) fn replace_bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if !self.may_stand_in(bytes) {
            return None;
        }
        let edits = self.edits(bytes, DEEPEST, Ground::Text);
        (!edits.is_empty()).then(|| apply(bytes, &edits))
    }

    /// Whether a value may stand in a text, in any encoding. It takes far less time than to look where.
    pub(super) fn may_stand_in(&self, bytes: &[u8]) -> bool {
        !self.search.is_empty() && self.may_be(bytes, DEEPEST, Ground::Text)
    }

    /// Whether nothing but values and what stands between words is in the text.
    pub(super) fn make_up(&self, text: &str) -> bool {
        let edits = resolved(self.matches(text.as_bytes(), Ground::Text));
        let mut rest = text.as_bytes().to_vec();
        for edit in edits.iter().rev() {
            rest.drain(edit.span.clone());
        }
        !edits.is_empty() && !read(&rest).chars().any(char::is_alphanumeric)
    }

    fn may_be(&self, bytes: &[u8], depth: usize, ground: Ground) -> bool {
        self.search.may_stand_in(bytes)
            || ground.has_letters(bytes)
            || (depth > 0
                && (bytes.iter().any(|byte| b"+%\\".contains(byte))
                    || has_references(bytes)
                    || runs(bytes, 0..bytes.len())
                        .any(|run| self.may_be_in_run(bytes, run, depth))))
    }

    fn may_be_in_run(&self, bytes: &[u8], run: Range<usize>, depth: usize) -> bool {
        let mut plain = Vec::new();
        let mut is_in = |run: Range<usize>| {
            let run = &bytes[run];
            runs::may_hold(run, &self.search)
                && SHIFTS.into_iter().any(|shift| {
                    plain.clear();
                    let decoded = decode(run, shift, &mut plain);
                    decoded.is_some() && self.may_be(&plain, depth - 1, Ground::Noise)
                })
        };
        parts(bytes, &run).any(&mut is_in) || is_in(run)
    }

    fn edits(&self, bytes: &[u8], depth: usize, ground: Ground) -> Vec<Edit> {
        // What stands there as it is comes first: among equals it stays.
        let mut edits = self.matches(bytes, ground);
        if depth > 0 {
            // As a form has it, and then as an address has it: where it is both, it is a form.
            if bytes.contains(&b'+') {
                edits.extend(self.in_view(&View::of_form(bytes), depth, ground));
            }
            if bytes.contains(&b'%') {
                edits.extend(self.in_view(&View::of_percent(bytes), depth, ground));
            }
            if bytes.contains(&b'\\') {
                edits.extend(self.in_view(&View::of_json(bytes), depth, ground));
            }
            if has_references(bytes) {
                edits.extend(self.in_view(&View::of_html(bytes), depth, ground));
            }
            let edits = resolved(edits);
            let mut all = edits.clone();
            for gap in gaps(bytes.len(), &edits) {
                self.in_base64(bytes, gap, depth, &mut all);
            }
            return resolved(all);
        }
        resolved(edits)
    }

    fn matches(&self, bytes: &[u8], ground: Ground) -> Vec<Edit> {
        // What is searched for is folded, and a letter that is not of ASCII may have another length then.
        let view = ground.has_letters(bytes).then(|| View::of_letters(bytes));
        let letters = view.as_ref().map_or(bytes, |view| &view.plain);
        let found = self.search.find(letters).into_iter();
        found
            .filter_map(|(span, place)| {
                let (reach, stands) = &self.found[place];
                let fits = span.len() >= ground.shortest()
                    && (*reach == Reach::Anywhere || is_word(letters, span.clone()));
                let span = view.as_ref().map_or_else(|| span.clone(), |view| view.outside(&span));
                fits.then(|| Edit { span, with: stands.as_bytes().to_vec() })
            })
            .collect()
    }

    fn in_view(&self, view: &View, depth: usize, ground: Ground) -> Vec<Edit> {
        let edits = self.edits(&view.plain, depth - 1, ground).into_iter();
        edits
            .map(|edit| Edit { span: view.outside(&edit.span), with: view.written(&edit.with) })
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

    /// A run may begin anywhere within a group of four.
    fn in_run(&self, bytes: &[u8], run: &Range<usize>, depth: usize) -> Option<Edit> {
        SHIFTS.into_iter().find_map(|shift| {
            let mut plain = Vec::new();
            let engine = decode(&bytes[run.clone()], shift, &mut plain)?;
            let ground = if looks::is_readable(&plain) { Ground::Text } else { Ground::Noise };
            let inner = self.edits(&plain, depth - 1, ground);
            if inner.is_empty() {
                return None;
            }
            let mut with = engine.encode(apply(&plain, &inner));
            let padding = bytes[run.end..].iter().take_while(|&&byte| byte == b'=').count().min(2);
            if padding > 0 {
                with.extend(std::iter::repeat_n('=', (4 - with.len() % 4) % 4));
            }
            let mut with = with.into_bytes();
            with.extend_from_slice(&bytes[run.end - left_over(run.len() - shift)..run.end]);
            Some(Edit { span: run.start + shift..run.end + padding, with })
        })
    }
}

/// Sorted, of those that overlap the first and longest.
fn resolved(mut edits: Vec<Edit>) -> Vec<Edit> {
    edits.sort_by_key(|edit| (edit.span.start, std::cmp::Reverse(edit.span.end)));
    let mut end = 0;
    edits.retain(|edit| {
        let stays = edit.span.start >= end;
        end = if stays { edit.span.end } else { end };
        stays
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

/// Whether what stands there begins and ends where words do.
pub(super) fn is_word(bytes: &[u8], span: Range<usize>) -> bool {
    let inside = &bytes[span.clone()];
    let (before, after) = (&bytes[..span.start], &bytes[span.end..]);
    let is_number = inside.iter().all(u8::is_ascii_digit);
    let is_open = |edge: Option<char>, next: Option<char>, beyond: Option<&u8>| match (edge, next) {
        // Part of a date, a time or a longer number.
        (_, Some('-' | ':' | '.' | '/' | ',')) if is_number => {
            !beyond.is_some_and(u8::is_ascii_digit)
        }
        (Some(edge), Some(next)) => {
            let within = edge.is_alphanumeric() && next.is_alphanumeric();
            !within || is_spaceless(edge) || is_spaceless(next)
        }
        _ => true,
    };
    is_open(char_after(inside), char_before(before), before.iter().nth_back(1))
        && is_open(char_before(inside), char_after(after), after.get(1))
        && !is_in_escape(bytes, span.start)
}

/// Scripts that put no spaces between words.
fn is_spaceless(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{2e80}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..)
}

/// Whether a place lies within a percent escape of a text that is UTF-8 without its escapes.
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
        Patterns::of(values.iter().map(|(value, reach, stands)| Pattern {
            value: (*value).to_owned(),
            reach: *reach,
            stands: (*stands).to_owned(),
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
    fn a_value_is_found_escaped_as_in_json() {
        check(r"\nAda\u0040", r"\nLearner 0001\u0040");
        check(r"Zo\u00eb O'Neil", "Learner 0002");
        check(r"ada\\u0040example.com", "learner-0001@example.com");
    }

    #[test]
    fn a_value_is_found_escaped_as_in_html() {
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
            for engine in [looks::PLAIN, looks::URL] {
                let text = format!("k={}", engine.encode(&plain));
                let redacted = format!("{before}learner-0001@example.com{after}");
                check(&text, &format!("k={}", engine.encode(redacted)));
            }
        }
        check("/a/YWRhQGV4YW1wbGUuY29t/b", "/a/bGVhcm5lci0wMDAxQGV4YW1wbGUuY29t/b");
        check("YWRhQGV4YW1wbGUuY29tIQ%3D%3D", "bGVhcm5lci0wMDAxQGV4YW1wbGUuY29tIQ%3D%3D");
    }

    #[test]
    fn what_is_made_up_of_values_is_known() {
        let patterns = patterns(&[("Ada", Reach::Words, "1"), ("Byron", Reach::Words, "2")]);
        assert!(patterns.make_up("Byron, ada") && !patterns.make_up("Ada King"));
        assert!(!patterns.make_up("-"));
    }
}
