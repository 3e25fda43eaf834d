//! Finding and decoding base64 that may be anywhere in a text.
//!
//! Any run of letters may be base64, and the private value may begin anywhere within it. So each run is decoded from
//! each of four offsets.

use std::ops::Range;

use ::base64::Engine;
use ::base64::alphabet::{STANDARD, URL_SAFE};
use ::base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

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
