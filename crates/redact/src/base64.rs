//! Finding and decoding base64 that may be anywhere in a text.
//!
//! Any run of letters may be base64, and the private value may begin anywhere within it. So each run is decoded from
//! each of four offsets.

use std::ops::Range;

use ::base64::Engine;
use ::base64::alphabet::{STANDARD, URL_SAFE};
use ::base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::search::{Search, Window};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true)
    .with_encode_padding(false);

/// The standard alphabet, with or without padding.
pub(crate) const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
/// The alphabet for URLs.
pub(crate) const URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// The shortest run that is tried as base64.
pub(crate) const SHORTEST_RUN: usize = 8;

/// The offsets at which a group of four letters may begin.
pub(crate) const OFFSETS: [usize; 4] = [0, 1, 2, 3];

pub(crate) const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// The engine for the alphabet that a run is written in.
pub(crate) fn engine_for(run: &[u8]) -> &'static GeneralPurpose {
    if run.iter().any(|byte| b"-_".contains(byte)) { &URL } else { &PLAIN }
}

/// Whether bytes are readable text. Decoding what never was base64 hardly ever gives one.
pub(crate) fn is_readable(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes);
    text.is_ok_and(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()))
}

/// The runs of a text that decode to readable text, decoded.
pub(crate) fn readable(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let runs = text
        .split(|byte| !is_letter(*byte) && *byte != b'=')
        .flat_map(|run| run.split_inclusive(|byte| *byte == b'='))
        .flat_map(|run| {
            let parts = run.split(|byte| *byte == b'/').filter(|part| part.len() < run.len());
            std::iter::once(run).chain(parts)
        });
    runs.filter(|run| run.len() >= SHORTEST_RUN).filter_map(|run| {
        let end = run.iter().rposition(|byte| *byte != b'=')?;
        let plain = engine_for(run).decode(&run[..=end]).ok()?;
        is_readable(&plain).then_some(plain)
    })
}

/// Where base64 may be in a text.
pub(crate) fn runs(bytes: &[u8], within: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    split(bytes, within, |byte| !is_letter(*byte))
}

/// The parts of a run that may be a path: the slash is a letter of base64.
pub(crate) fn parts(bytes: &[u8], run: &Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let whole = run.len();
    split(bytes, run.clone(), |byte| *byte == b'/').filter(move |part| part.len() < whole)
}

fn split(
    bytes: &[u8],
    within: Range<usize>,
    is_end: fn(&u8) -> bool,
) -> impl Iterator<Item = Range<usize>> {
    let mut next = within.start;
    bytes[within].split(is_end).filter_map(move |part| {
        let start = next;
        next = start + part.len() + 1;
        (part.len() >= SHORTEST_RUN).then(|| start..start + part.len())
    })
}

/// Decodes a run from an offset, if it is long enough.
pub(crate) fn decode(
    run: &[u8],
    offset: usize,
    plain: &mut Vec<u8>,
) -> Option<&'static GeneralPurpose> {
    let run = run.get(offset..)?;
    let whole = &run[..run.len() - left_over(run.len())];
    if whole.len() < SHORTEST_RUN {
        return None;
    }
    let engine = engine_for(run);
    engine.decode_vec(whole, plain).ok()?;
    Some(engine)
}

/// How many letters at the end of a run encode nothing: a single one has not even a byte.
pub(crate) fn left_over(length: usize) -> usize {
    usize::from(length % 4 == 1)
}

/// Whether what a run [decodes](decode) to may contain a value, from any offset, or another encoding. It checks all
/// offsets in one pass and decodes nothing, because every word is checked and hardly any of them is base64.
pub(crate) fn may_contain(run: &[u8], search: &Search) -> bool {
    let mut chains = [Chain::default(); 4];
    let mut bits = 0;
    for (index, letter) in run.iter().enumerate() {
        bits = (bits & 0x3f) << 6 | sextet(*letter);
        // A byte may begin at every second bit. These end within this letter:
        for end in [2, 4, 6] {
            let Some(at) = (6 * index + end).checked_sub(8) else { continue };
            // Each offset has its own chain, and its first byte. What precedes that byte belongs to no offset.
            let (chain, first) = [(0, 0), (3, 18), (2, 12), (1, 6)][at % 8 / 2];
            let byte = u8::try_from(bits >> (6 - end) & 0xff).unwrap_or_default();
            if at >= first && chains[chain].push(byte, search) {
                return true;
            }
        }
    }
    chains.iter_mut().any(|chain| chain.finish(search))
}

/// Decodes letters of either alphabet, or of both: the dash of a path may be followed by base64 that has a plus.
pub(crate) fn decode_mixed(letters: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(letters.len() / 4 * 3 + 2);
    for group in letters.chunks(4) {
        let bits = group.iter().fold(0, |bits, letter| bits << 6 | sextet(*letter));
        let bits = bits << (6 * (4 - group.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    bytes
}

/// The six bits of a letter, in either alphabet.
fn sextet(letter: u8) -> u32 {
    u32::from(match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' | b'-' => 62,
        _ => 63,
    })
}

/// For each byte, whether it is a letter of base64 (1 or 0), and whether another encoding may use it.
const KINDS: [(usize, bool); 256] = {
    let mut kinds = [(0, false); 256];
    let mut byte = 0;
    while byte < 128_u8 {
        kinds[byte as usize] =
            (is_letter(byte) as usize, matches!(byte, b'+' | b'%' | b'\\' | b'&'));
        byte += 1;
    }
    kinds
};

/// What a run decodes to from one offset, byte by byte.
#[derive(Clone, Copy, Default)]
struct Chain {
    window: Window,
    /// How many of the last bytes may be base64 themselves.
    letters: usize,
    /// Whether a byte is not ASCII.
    is_wide: bool,
    /// How many more bytes the current character needs.
    missing: u8,
    /// Whether it is not UTF-8.
    is_noise: bool,
}

impl Chain {
    /// Adds a byte. Returns whether a value or another encoding may begin here.
    fn push(&mut self, byte: u8, search: &Search) -> bool {
        let (letter, sign) = KINDS[usize::from(byte)];
        self.letters = (self.letters + letter) * letter;
        if !byte.is_ascii() || self.missing > 0 {
            let (is_first, missing) = match byte {
                0x80..=0xbf => (false, self.missing.saturating_sub(1)),
                0xc2..=0xdf => (true, 1),
                0xe0..=0xef => (true, 2),
                0xf0..=0xf4 => (true, 3),
                _ => (true, 0),
            };
            self.is_noise |=
                is_first == (self.missing > 0) || (byte > 0x7f && is_first && missing == 0);
            self.is_wide = true;
            self.missing = missing;
        }
        self.letters >= SHORTEST_RUN || sign || search.begins(self.window.push(byte))
    }

    /// Whether a value may be in it after all, now that its last byte is known.
    fn finish(&mut self, search: &Search) -> bool {
        // Values have their case folded, which can change their first bytes.
        (self.is_wide && !self.is_noise && self.missing == 0)
            || (1..Window::LENGTH).any(|_| search.begins(self.window.push(0)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn search(values: &[&str]) -> Search {
        Search::new(values.iter().map(|value| (*value).to_owned()))
    }

    #[test]
    fn no_value_is_missed() {
        let search = search(&["ada@example.com", "xy", "zoë"]);
        for plain in ["to ADA@example.com", "xy", "....xy", "ZOË", "50% of", "a+b c", "(QUJDREVG)"]
        {
            for before in ["", "x", "xx", "xxx", "/"] {
                for engine in [PLAIN, URL] {
                    // A run that is too short is not decoded.
                    let plain = format!("{plain}......");
                    let run = format!("{before}{}", engine.encode(plain));
                    assert!(may_contain(run.as_bytes(), &search), "{run}");
                }
            }
        }
    }

    #[test]
    fn most_words_need_not_be_decoded() {
        let search = search(&["ada@example.com", "zoë"]);
        let words = "learner-0001 external/login information 0123456789abcdef authentication dashboard \
            extUserId invitation application/json completed_at certificate onboarding";
        let words: Vec<_> = words.split_whitespace().collect();
        let taken = words.iter().filter(|word| may_contain(word.as_bytes(), &search)).count();
        assert!(taken * 4 <= words.len(), "{taken} of {}", words.len());
    }

    proptest! {
        #[test]
        fn whatever_decoding_finds_is_expected(
            run in "[A-Za-z0-9+/]{8,40}|[A-Za-z0-9_-]{8,40}|([A-Za-z0-9]{0,3}(YWRh|w6vD|Ky|JQ|eHl6)){2,9}",
            values in prop::collection::vec("[abxyzABk]{1,5}", 1..4),
        ) {
            let search = Search::new(values.into_iter());
            let is_expected = may_contain(run.as_bytes(), &search);
            for offset in OFFSETS {
                let mut plain = Vec::new();
                if decode(run.as_bytes(), offset, &mut plain).is_none() {
                    continue;
                }
                let is_wide = !plain.is_ascii() && std::str::from_utf8(&plain).is_ok();
                let is_nested = plain.iter().any(|byte| b"+%\\&".contains(byte))
                    || runs(&plain, 0..plain.len()).next().is_some();
                let is_found = search.may_contain(&plain);
                prop_assert!(is_expected || !(is_wide || is_nested || is_found), "{plain:?}");
            }
        }
    }
}
