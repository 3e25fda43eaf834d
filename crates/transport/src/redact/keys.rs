//! Keys of services, wherever they stand and however they are spelt.
//!
//! A service may echo the key that it was sent: as it is, escaped as in JSON, in an address or in HTML, in base64,
//! in other letters' case, or several of these within each other. [`Keys`] recognise a key by fingerprints, so that
//! they can be kept where the key itself must not be: above [`Http`](crate::Http), and in a journal.
//!
//! What is not found: a key that is parted by something else, turned round, or in an encoding that is none of these; and
//! one that has `%`, `&` or a backslash of its own, where several spellings lie within each other.

use std::fmt;
use std::iter::successors;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use memchr::memchr3_iter;
use serde::{Deserialize, Serialize};

use super::looks::{SHORTEST_RUN, is_of_base64};
use super::replace::SHORTEST_IN_NOISE;
use super::runs::{SHIFTS, bytes_of};
use super::view::{View, unescape};
use crate::request::Response;

/// What stands where a service echoed a key. It is the same in JSON, in an address and in HTML.
const MASK: &str = "[credential]";
/// How many escapes may lie within each other. Base64 counts twice.
const DEEPEST: usize = 4;
/// The same in a cassette, which has bodies in JSON, or in base64.
const DEEPEST_IN_CASSETTE: usize = DEEPEST + 2;
/// A shorter key is no secret, and would be found in words that have nothing to do with it.
const SHORTEST: usize = 4;
/// The same of half a key, and of what is remembered for the last look before a cassette is written.
const SHORTEST_PART: usize = 8;
/// In a longer body the places of a key are not looked for: nothing of it is kept.
const LONGEST: usize = 16 << 20;

/// The keys that this process has sent, or can send.
static KNOWN: RwLock<Keys> = RwLock::new(Keys(Vec::new()));

/// Keys that can be recognised, and not be read.
///
/// ```
/// use drillmaster_transport::redact::Keys;
///
/// let keys = Keys::of("7f3a/c0ffee+41d8");
/// assert_eq!(keys.mask(r#"{"you sent": "7F3A\/c0ffee\u002b41d8"}"#), r#"{"you sent": "[credential]"}"#);
/// assert!(!format!("{keys:?}").contains("c0ffee"));
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Keys(Vec<Fingerprint>);

/// What tells whether a text is a key, or part of one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fingerprint {
    length: usize,
    /// Whether it holds none of the signs that set texts apart, so that most places need no look.
    word: bool,
    /// A part of a sum over it that is quickly made, which tells nearly all other texts from it.
    sum: u16,
    /// As hexadecimal digits.
    hash: String,
}

impl Keys {
    /// A service's key. Of a pair such as `key:secret` each half is a key, too.
    pub fn of(key: &str) -> Self {
        let halves: Vec<_> = key.split(':').filter(|half| half.len() >= SHORTEST_PART).collect();
        // Who finds each half finds the whole.
        let is_whole = halves.len() <= key.matches(':').count() && key.len() >= SHORTEST;
        let mut keys = Self::default();
        for part in halves.into_iter().chain(is_whole.then_some(key)) {
            let part = part.as_bytes();
            // A space may be written as a plus, and a plus be read as a space.
            let other = |from: u8, to: u8| {
                part.iter().map(|byte| if *byte == from { to } else { *byte }).collect()
            };
            for spelling in [part.to_vec(), other(b' ', b'+'), other(b'+', b' ')] {
                // What looks like an escape in the key is taken for one where it stands among others.
                let spellings = successors(Some(spelling), |text| unescaped(text));
                let long = spellings.take_while(|text| text.len() >= SHORTEST);
                keys.extend(long.map(|text| Fingerprint::of(&text)));
            }
        }
        keys
    }

    /// All keys that this process knows of: each that [`Http`](crate::Http) was given.
    pub fn known() -> Self {
        KNOWN.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets no cassette be written in which one of these stands, as long as this process lasts.
    pub fn remember(&self) {
        let long = self.0.iter().filter(|key| key.length >= SHORTEST_PART).cloned();
        KNOWN.write().unwrap_or_else(PoisonError::into_inner).extend(long);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These and others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.extend(others.0);
        self
    }

    /// An answer without the keys that it echoes.
    #[must_use]
    pub fn mask_response(&self, answer: Response) -> Response {
        let headers = answer.headers.into_iter();
        Response {
            status: answer.status,
            headers: headers.map(|(name, value)| (self.mask(name), self.mask(value))).collect(),
            body: self.mask_bytes(answer.body),
        }
    }

    /// A text without the keys that stand in it.
    pub fn mask(&self, text: impl Into<String>) -> String {
        let text = text.into();
        if !self.stand_in(text.as_bytes()) {
            return text;
        }
        String::from_utf8_lossy(&self.mask_bytes(text.into_bytes())).into_owned()
    }

    fn mask_bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        if !self.stand_in(&bytes) {
            return bytes;
        }
        if bytes.len() > LONGEST {
            return MASK.into();
        }
        let mut masked = Vec::with_capacity(bytes.len());
        let mut at = 0;
        for span in self.spans(&bytes, DEEPEST, 0) {
            masked.extend_from_slice(&bytes[at..span.start]);
            masked.extend_from_slice(MASK.as_bytes());
            at = span.end;
        }
        masked.extend_from_slice(&bytes[at..]);
        masked
    }

    /// Whether one stands in a text, in any spelling.
    fn stand_in(&self, bytes: &[u8]) -> bool {
        self.stand_within(bytes, DEEPEST, 0)
    }

    /// Whether one stands in the text of a cassette.
    pub(crate) fn stand_in_cassette(&self, bytes: &[u8]) -> bool {
        self.stand_within(bytes, DEEPEST_IN_CASSETTE, 0)
    }

    /// Whether one of at least a length stands in a text, or in what so many decodings make of it.
    fn stand_within(&self, bytes: &[u8], depth: usize, shortest: usize) -> bool {
        let mut keys = self.0.iter().filter(|key| key.length >= shortest);
        keys.any(|key| !key.spans(bytes).is_empty())
            || (depth > 0
                && (unescaped(bytes)
                    .is_some_and(|plain| self.stand_within(&plain, depth - 1, shortest))
                    || self.runs(bytes, depth).any(|run| self.stand_in_run(&bytes[run], depth))))
    }

    fn stand_in_run(&self, run: &[u8], depth: usize) -> bool {
        let mut shifts = SHIFTS.into_iter().filter_map(|shift| run.get(shift..));
        shifts.any(|run| self.stand_within(&bytes_of(run), depth - 2, SHORTEST_IN_NOISE))
    }

    /// Where they stand in a text: whole escapes, and whole runs of base64.
    fn spans(&self, bytes: &[u8], depth: usize, shortest: usize) -> Vec<Range<usize>> {
        let keys = self.0.iter().filter(|key| key.length >= shortest);
        let mut spans: Vec<_> = keys.flat_map(|key| key.spans(bytes)).collect();
        if depth > 0 {
            let view = View::of_escapes(bytes);
            if view.plain.len() < bytes.len() {
                let inner = self.spans(&view.plain, depth - 1, shortest);
                spans.extend(inner.iter().map(|span| view.outside(span)));
            }
            let mut runs: Vec<_> = self.runs(bytes, depth).collect();
            runs.retain(|run| self.stand_in_run(&bytes[run.clone()], depth));
            spans.append(&mut runs);
        }
        joined(spans)
    }

    /// Where in a text base64 may be that is long enough for a key.
    fn runs<'a>(&self, bytes: &'a [u8], depth: usize) -> impl Iterator<Item = Range<usize>> + 'a {
        let lengths = self.0.iter().map(|key| key.length.max(SHORTEST_IN_NOISE));
        let least = lengths.min().filter(|_| depth > 1).map(|length| length.saturating_mul(4) / 3);
        least.into_iter().flat_map(|least| long_runs(bytes, &BASE64, least.max(SHORTEST_RUN)))
    }
}

impl Extend<Fingerprint> for Keys {
    fn extend<T: IntoIterator<Item = Fingerprint>>(&mut self, keys: T) {
        for key in keys {
            if !self.0.contains(&key) {
                self.0.push(key);
            }
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keys").field(&self.0.len()).finish()
    }
}

impl Fingerprint {
    fn of(text: &[u8]) -> Self {
        let sum = text.iter().fold(0, |sum, byte| with(sum, *byte));
        Self {
            length: text.len(),
            word: text.iter().all(|byte| WORD[usize::from(*byte)]),
            sum: told(sum),
            hash: hash(text),
        }
    }

    /// Where its text stands, whatever the case of its letters.
    fn spans(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut spans = Vec::new();
        if self.length == 0 || self.length > bytes.len() {
            return spans;
        }
        // What a letter adds to a sum is that much when it leaves the window.
        let gone = (0..self.length).fold(1, |power: u64, _| power.wrapping_mul(FACTOR));
        let kind = if self.word { &WORD } else { &ANY };
        for run in long_runs(bytes, kind, self.length) {
            let (first, rest) = bytes[run.clone()].split_at(self.length);
            let mut sum = first.iter().fold(0, |sum, byte| with(sum, *byte));
            let mut look = |sum: u64, start: usize| {
                let span = start..start + self.length;
                if told(sum) == self.sum && hash(&bytes[span.clone()]) == self.hash {
                    spans.push(span);
                }
            };
            look(sum, run.start);
            for (start, (last, first)) in
                (run.start + 1..).zip(rest.iter().zip(&bytes[run.start..]))
            {
                sum = with(sum, *last).wrapping_sub(small(*first).wrapping_mul(gone));
                look(sum, start);
            }
        }
        spans
    }
}

/// An odd number without a pattern, which spreads sums.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// The sum over a text with one more letter behind it.
fn with(sum: u64, byte: u8) -> u64 {
    sum.wrapping_mul(FACTOR).wrapping_add(small(byte))
}

/// The same of a letter in either case, and of few others.
fn small(byte: u8) -> u64 {
    u64::from(byte | 0x20)
}

/// What of a sum is kept: more of it would tell much of a key.
fn told(sum: u64) -> u16 {
    (sum >> 48) as u16
}

fn hash(text: &[u8]) -> String {
    let small = text.to_ascii_lowercase();
    let mut hasher = blake3::Hasher::new_derive_key("drillmaster: fingerprint of a service's key");
    hasher.update(&small).finalize().to_hex().to_string()
}

/// Kinds of letters: of each byte whether it is one.
type Kind = [bool; 256];

static ANY: Kind = [true; 256];
/// Those that do not set one text apart from another.
static WORD: Kind = {
    let mut kind = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        kind[byte as usize] =
            !matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'{' | b'}' | b'[' | b']' | b',' | b'&');
        byte += 1;
    }
    kind
};
static BASE64: Kind = {
    let mut kind = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        kind[byte as usize] = is_of_base64(byte);
        byte += 1;
    }
    kind
};

/// Where letters of a kind stand without another between them, and at least so many.
fn long_runs<'a>(
    bytes: &'a [u8],
    kind: &'static Kind,
    least: usize,
) -> impl Iterator<Item = Range<usize>> + 'a {
    let is_of = |byte: &u8| kind[usize::from(*byte)];
    let mut at = 0_usize;
    std::iter::from_fn(move || {
        // From its end: one letter of another kind there tells that no run begins before it.
        while let Some(window) = bytes.get(at..at.saturating_add(least)) {
            if let Some(other) = window.iter().rposition(|byte| !is_of(byte)) {
                at += other + 1;
                continue;
            }
            let more = bytes[at + least..].iter().take_while(|byte| is_of(byte)).count();
            let run = at..at + least + more;
            at = run.end;
            return Some(run);
        }
        None
    })
}

/// A text without its escapes of any kind. `None` where it has none.
fn unescaped(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut plain, mut at) = (Vec::new(), 0);
    for sign in memchr3_iter(b'%', b'\\', b'&', bytes) {
        // It may have been part of the last escape.
        if sign >= at {
            plain.extend_from_slice(&bytes[at..sign]);
            at = sign + unescape(&bytes[sign..], &mut plain);
        }
    }
    // An escape is longer than what it means.
    (plain.len() < at).then(|| {
        plain.extend_from_slice(&bytes[at..]);
        plain
    })
}

/// Sorted, and those that overlap as one.
fn joined(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.sort_by_key(|span| span.start);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for span in spans {
        match joined.last_mut().filter(|last| span.start < last.end) {
            Some(last) => last.end = last.end.max(span.end),
            None => joined.push(span),
        }
    }
    joined
}
