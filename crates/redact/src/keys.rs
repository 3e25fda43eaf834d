//! Masking the API keys of services.
//!
//! A service may echo the key that it was sent: as it is, escaped as in JSON, a URL or HTML, in base64, in another
//! case, or in several nested encodings. [`ApiKeys`] recognizes keys by fingerprints, so it can be kept where the keys
//! themselves must not be, such as in a journal.
//!
//! It does not find a key that is split, reversed or in another encoding, nor a key with `%`, `&` or a backslash in
//! nested encodings.

use std::fmt;
use std::iter::successors;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use memchr::memchr3_iter;
use serde::{Deserialize, Serialize};

use drillmaster_models::wire::Response;

use crate::base64::{OFFSETS, SHORTEST_RUN, decode_mixed, is_letter};
use crate::decode::{Decoded, unescape};
use crate::patterns::SHORTEST_IN_NOISE;

/// What replaces a key. It is the same in JSON, a URL and HTML.
const MASK: &str = "[credential]";
/// How many escapes may be nested. Base64 counts twice.
const DEEPEST: usize = 4;
/// How many escapes may be nested in a cassette, which has bodies in JSON or base64.
const DEEPEST_IN_CASSETTE: usize = DEEPEST + 2;
/// A shorter key is no secret, and would be found by chance.
const SHORTEST: usize = 4;
/// The shortest half of a key, and the shortest key that [`remember`](ApiKeys::remember) keeps.
const SHORTEST_PART: usize = 8;
/// A longer body with a key in it is replaced as a whole.
const LONGEST: usize = 16 << 20;

/// The keys that this process has sent, or may send.
static KNOWN: RwLock<ApiKeys> = RwLock::new(ApiKeys(Vec::new()));

/// API keys that can be recognized, but not read.
///
/// ```
/// use drillmaster_redact::ApiKeys;
///
/// let keys = ApiKeys::new("7f3a/c0ffee+41d8");
/// assert_eq!(keys.mask(r#"{"you sent": "7F3A\/c0ffee\u002b41d8"}"#), r#"{"you sent": "[credential]"}"#);
/// assert!(!format!("{keys:?}").contains("c0ffee"));
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiKeys(Vec<Fingerprint>);

/// Recognizes a key, or half of one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fingerprint {
    length: usize,
    /// Whether it has none of the characters that delimit text. Then most of a text need not be searched.
    word: bool,
    /// A part of its rolling sum, which rules out nearly all other texts.
    sum: u16,
    /// As hexadecimal digits.
    hash: String,
}

impl ApiKeys {
    /// A service's key. Each half of a pair such as `key:secret` is a key, too.
    pub fn new(key: &str) -> Self {
        let halves: Vec<_> = key.split(':').filter(|half| half.len() >= SHORTEST_PART).collect();
        // Finding each half also finds the whole.
        let is_whole = halves.len() <= key.matches(':').count() && key.len() >= SHORTEST;
        let mut keys = Self::default();
        for part in halves.into_iter().chain(is_whole.then_some(key)) {
            let part = part.as_bytes();
            // A form has a plus for a space.
            let with = |from: u8, to: u8| {
                part.iter().map(|byte| if *byte == from { to } else { *byte }).collect()
            };
            for spelling in [part.to_vec(), with(b' ', b'+'), with(b'+', b' ')] {
                // Whatever looks like an escape in the key is decoded together with real ones.
                let spellings = successors(Some(spelling), |text| unescaped(text));
                let long = spellings.take_while(|text| text.len() >= SHORTEST);
                keys.extend(long.map(|text| Fingerprint::new(&text)));
            }
        }
        keys
    }

    /// All keys that this process [remembers](Self::remember).
    pub fn known() -> Self {
        KNOWN.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers these keys until this process ends. No cassette that contains one of them is written.
    pub fn remember(&self) {
        let long = self.0.iter().filter(|key| key.length >= SHORTEST_PART).cloned();
        KNOWN.write().unwrap_or_else(PoisonError::into_inner).extend(long);
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These keys and others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.extend(others.0);
        self
    }

    /// A response with its keys masked.
    #[must_use]
    pub fn mask_response(&self, response: Response) -> Response {
        let headers = response.headers.into_iter();
        Response {
            status: response.status,
            headers: headers.map(|(name, value)| (self.mask(name), self.mask(value))).collect(),
            body: self.mask_bytes(response.body),
        }
    }

    /// A text with its keys masked.
    pub fn mask(&self, text: impl Into<String>) -> String {
        let text = text.into();
        if !self.are_in(text.as_bytes()) {
            return text;
        }
        String::from_utf8_lossy(&self.mask_bytes(text.into_bytes())).into_owned()
    }

    fn mask_bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        if !self.are_in(&bytes) {
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

    /// Whether the text of a cassette contains a key.
    pub fn are_in_cassette(&self, text: &str) -> bool {
        self.are_within(text.as_bytes(), DEEPEST_IN_CASSETTE, 0)
    }

    fn are_in(&self, bytes: &[u8]) -> bool {
        self.are_within(bytes, DEEPEST, 0)
    }

    /// Whether a key of at least this length is in a text, or in what up to `depth` decodings make of it.
    fn are_within(&self, bytes: &[u8], depth: usize, shortest: usize) -> bool {
        let mut keys = self.0.iter().filter(|key| key.length >= shortest);
        keys.any(|key| !key.spans(bytes).is_empty())
            || (depth > 0
                && (unescaped(bytes)
                    .is_some_and(|plain| self.are_within(&plain, depth - 1, shortest))
                    || self.runs(bytes, depth).any(|run| self.are_in_run(&bytes[run], depth))))
    }

    fn are_in_run(&self, run: &[u8], depth: usize) -> bool {
        let mut offsets = OFFSETS.into_iter().filter_map(|offset| run.get(offset..));
        offsets.any(|run| self.are_within(&decode_mixed(run), depth - 2, SHORTEST_IN_NOISE))
    }

    /// Where keys are in a text. Escapes and runs of base64 are included as a whole.
    fn spans(&self, bytes: &[u8], depth: usize, shortest: usize) -> Vec<Range<usize>> {
        let keys = self.0.iter().filter(|key| key.length >= shortest);
        let mut spans: Vec<_> = keys.flat_map(|key| key.spans(bytes)).collect();
        if depth > 0 {
            let decoded = Decoded::any_escape(bytes);
            if decoded.plain.len() < bytes.len() {
                let inner = self.spans(&decoded.plain, depth - 1, shortest);
                spans.extend(inner.iter().map(|span| decoded.source_span(span)));
            }
            let mut runs: Vec<_> = self.runs(bytes, depth).collect();
            runs.retain(|run| self.are_in_run(&bytes[run.clone()], depth));
            spans.append(&mut runs);
        }
        joined(spans)
    }

    /// Where a text may have base64 that is long enough for a key.
    fn runs<'a>(&self, bytes: &'a [u8], depth: usize) -> impl Iterator<Item = Range<usize>> + 'a {
        let lengths = self.0.iter().map(|key| key.length.max(SHORTEST_IN_NOISE));
        let least = lengths.min().filter(|_| depth > 1).map(|length| length.saturating_mul(4) / 3);
        least.into_iter().flat_map(|least| long_runs(bytes, &BASE64, least.max(SHORTEST_RUN)))
    }
}

impl Extend<Fingerprint> for ApiKeys {
    fn extend<T: IntoIterator<Item = Fingerprint>>(&mut self, keys: T) {
        for key in keys {
            if !self.0.contains(&key) {
                self.0.push(key);
            }
        }
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ApiKeys").field(&self.0.len()).finish()
    }
}

impl Fingerprint {
    fn new(text: &[u8]) -> Self {
        let sum = text.iter().fold(0, |sum, byte| add(sum, *byte));
        Self {
            length: text.len(),
            word: text.iter().all(|byte| WORD[usize::from(*byte)]),
            sum: top_bits(sum),
            hash: hash(text),
        }
    }

    /// Where the key is, in any case.
    fn spans(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut spans = Vec::new();
        if self.length == 0 || self.length > bytes.len() {
            return spans;
        }
        // The factor of the byte that leaves the window.
        let leaving = (0..self.length).fold(1, |power: u64, _| power.wrapping_mul(FACTOR));
        let kind = if self.word { &WORD } else { &ANY };
        for run in long_runs(bytes, kind, self.length) {
            let (first, rest) = bytes[run.clone()].split_at(self.length);
            let mut sum = first.iter().fold(0, |sum, byte| add(sum, *byte));
            let mut compare = |sum: u64, start: usize| {
                let span = start..start + self.length;
                if top_bits(sum) == self.sum && hash(&bytes[span.clone()]) == self.hash {
                    spans.push(span);
                }
            };
            compare(sum, run.start);
            for (start, (last, first)) in
                (run.start + 1..).zip(rest.iter().zip(&bytes[run.start..]))
            {
                sum = add(sum, *last).wrapping_sub(lower(*first).wrapping_mul(leaving));
                compare(sum, start);
            }
        }
        spans
    }
}

/// Spreads the sums: an odd number without a pattern.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// The rolling sum over a text with one more byte.
fn add(sum: u64, byte: u8) -> u64 {
    sum.wrapping_mul(FACTOR).wrapping_add(lower(byte))
}

/// Equal for a letter in either case, and for few other bytes.
fn lower(byte: u8) -> u64 {
    u64::from(byte | 0x20)
}

/// The part of a sum that is kept. More of it would reveal much of a key.
fn top_bits(sum: u64) -> u16 {
    (sum >> 48) as u16
}

fn hash(text: &[u8]) -> String {
    let lower = text.to_ascii_lowercase();
    let mut hasher = blake3::Hasher::new_derive_key("drillmaster: fingerprint of a service's key");
    hasher.update(&lower).finalize().to_hex().to_string()
}

/// A set of bytes.
type Kind = [bool; 256];

static ANY: Kind = [true; 256];
/// Bytes that do not delimit text.
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
        kind[byte as usize] = is_letter(byte);
        byte += 1;
    }
    kind
};

/// Where at least `least` bytes of a kind are next to each other.
fn long_runs<'a>(
    bytes: &'a [u8],
    kind: &'static Kind,
    least: usize,
) -> impl Iterator<Item = Range<usize>> + 'a {
    let is_of = |byte: &u8| kind[usize::from(*byte)];
    let mut at = 0_usize;
    std::iter::from_fn(move || {
        // From the end: a byte of another kind rules out all starts before it.
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

/// A text with escapes of any kind decoded, or `None` if it has none.
fn unescaped(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut plain, mut at) = (Vec::new(), 0);
    for sign in memchr3_iter(b'%', b'\\', b'&', bytes) {
        // It may be a part of the last escape.
        if sign >= at {
            plain.extend_from_slice(&bytes[at..sign]);
            at = sign + unescape(&bytes[sign..], &mut plain);
        }
    }
    // An escape is longer than its meaning.
    (plain.len() < at).then(|| {
        plain.extend_from_slice(&bytes[at..]);
        plain
    })
}

/// The spans in order, with overlapping ones merged.
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
