//! Runs of letters that may be base64.

use std::ops::Range;

use base64::Engine;
use base64::engine::GeneralPurpose;

use super::looks::{self, SHORTEST_RUN};
use super::search::{Search, Window};

/// Where in a group of four letters a run may begin.
pub(super) const SHIFTS: [usize; 4] = [0, 1, 2, 3];

/// Where in a text base64 may be.
pub(super) fn runs(bytes: &[u8], within: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    split(bytes, within, |byte| !looks::is_of_base64(*byte))
}

/// The parts of a path that was taken for one run: the slash is a letter of base64.
pub(super) fn parts(bytes: &[u8], run: &Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let whole = run.len();
    split(bytes, run.clone(), |byte| *byte == b'/').filter(move |part| part.len() < whole)
}

fn split(
    bytes: &[u8],
    within: Range<usize>,
    ends: fn(&u8) -> bool,
) -> impl Iterator<Item = Range<usize>> {
    let mut next = within.start;
    bytes[within].split(ends).filter_map(move |part| {
        let start = next;
        next = start + part.len() + 1;
        (part.len() >= SHORTEST_RUN).then(|| start..start + part.len())
    })
}

/// Decodes a run without its first letters, if it is long enough.
pub(super) fn decode(
    run: &[u8],
    shift: usize,
    plain: &mut Vec<u8>,
) -> Option<&'static GeneralPurpose> {
    let run = run.get(shift..)?;
    let whole = &run[..run.len() - left_over(run.len())];
    if whole.len() < SHORTEST_RUN {
        return None;
    }
    let engine = looks::engine_of(run);
    engine.decode_vec(whole, plain).ok()?;
    Some(engine)
}

/// How many letters at the end of so many stand for nothing: one alone has not even a byte.
pub(super) fn left_over(length: usize) -> usize {
    usize::from(length % 4 == 1)
}

/// Whether what is searched for may be in what a run [decodes](decode) to, with any shift, or another encoding may.
/// It looks at all shifts at once and decodes nothing: nearly no word is base64, and each is asked about.
pub(super) fn may_hold(run: &[u8], search: &Search) -> bool {
    let mut chains = [Chain::default(); 4];
    let mut bits = 0;
    for (index, letter) in run.iter().enumerate() {
        bits = (bits & 0x3f) << 6 | sextet(*letter);
        // A byte begins at each second bit. Those that end within this letter:
        for end in [2, 4, 6] {
            let Some(at) = (6 * index + end).checked_sub(8) else { continue };
            // The first byte of each shift; what lies before it on the same chain is none's.
            let (chain, first) = [(0, 0), (3, 18), (2, 12), (1, 6)][at % 8 / 2];
            let byte = u8::try_from(bits >> (6 - end) & 0xff).unwrap_or_default();
            if at >= first && chains[chain].may_go_on(byte, search) {
                return true;
            }
        }
    }
    chains.iter_mut().any(|chain| chain.may_end(search))
}

/// What letters of either alphabet mean, and of both together: behind an address's dash there may be base64 that has
/// a plus.
pub(super) fn bytes_of(letters: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(letters.len() / 4 * 3 + 2);
    for group in letters.chunks(4) {
        let bits = group.iter().fold(0, |bits, letter| bits << 6 | sextet(*letter));
        let bits = bits << (6 * (4 - group.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    bytes
}

/// What a letter of base64 stands for, in either alphabet.
fn sextet(letter: u8) -> u32 {
    u32::from(match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' | b'-' => 62,
        _ => 63,
    })
}

/// Of each byte whether it is a letter of base64, as a number, and whether something else than base64 may be encoded
/// where it stands.
const KINDS: [(usize, bool); 256] = {
    let mut kinds = [(0, false); 256];
    let mut byte = 0;
    while byte < 128_u8 {
        kinds[byte as usize] =
            (looks::is_of_base64(byte) as usize, matches!(byte, b'+' | b'%' | b'\\' | b'&'));
        byte += 1;
    }
    kinds
};

/// What a run decodes to with one of the shifts, byte by byte.
#[derive(Clone, Copy, Default)]
struct Chain {
    window: Window,
    /// How many of the last bytes may be base64 themselves.
    letters: usize,
    /// Whether a letter is there that ASCII has not, if it is a text.
    is_wide: bool,
    /// How many bytes of a letter are due.
    due: u8,
    /// Whether it is no UTF-8.
    is_noise: bool,
}

impl Chain {
    fn may_go_on(&mut self, byte: u8, search: &Search) -> bool {
        let (letter, sign) = KINDS[usize::from(byte)];
        self.letters = (self.letters + letter) * letter;
        if !byte.is_ascii() || self.due > 0 {
            let (is_first, due) = match byte {
                0x80..=0xbf => (false, self.due.saturating_sub(1)),
                0xc2..=0xdf => (true, 1),
                0xe0..=0xef => (true, 2),
                0xf0..=0xf4 => (true, 3),
                _ => (true, 0),
            };
            self.is_noise |= is_first == (self.due > 0) || (byte > 0x7f && is_first && due == 0);
            self.is_wide = true;
            self.due = due;
        }
        self.letters >= SHORTEST_RUN || sign || search.begins(self.window.next(byte))
    }

    fn may_end(&mut self, search: &Search) -> bool {
        // What is searched for is folded, which can change what it begins with.
        (self.is_wide && !self.is_noise && self.due == 0)
            || (1..Window::LENGTH).any(|_| search.begins(self.window.next(0)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn search(values: &[&str]) -> Search {
        Search::of(values.iter().map(|value| (*value).to_owned()))
    }

    #[test]
    fn what_is_there_is_never_missed() {
        let search = search(&["ada@example.com", "xy", "zoë"]);
        for plain in ["to ADA@example.com", "xy", "....xy", "ZOË", "50% of", "a+b c", "(QUJDREVG)"]
        {
            for before in ["", "x", "xx", "xxx", "/"] {
                for engine in [looks::PLAIN, looks::URL] {
                    // Too short a run is none.
                    let plain = format!("{plain}......");
                    let run = format!("{before}{}", engine.encode(plain));
                    assert!(may_hold(run.as_bytes(), &search), "{run}");
                }
            }
        }
    }

    #[test]
    fn most_words_are_told_from_base64() {
        let search = search(&["ada@example.com", "zoë"]);
        let words = "learner-0001 external/login information 0123456789abcdef authentication dashboard \
            extUserId invitation application/json completed_at certificate onboarding";
        let words: Vec<_> = words.split_whitespace().collect();
        let taken = words.iter().filter(|word| may_hold(word.as_bytes(), &search)).count();
        assert!(taken * 4 <= words.len(), "{taken} of {}", words.len());
    }

    proptest! {
        #[test]
        fn it_is_told_of_all_that_decoding_shows(
            run in "[A-Za-z0-9+/]{8,40}|[A-Za-z0-9_-]{8,40}|([A-Za-z0-9]{0,3}(YWRh|w6vD|Ky|JQ|eHl6)){2,9}",
            values in prop::collection::vec("[abxyzABk]{1,5}", 1..4),
        ) {
            let search = Search::of(values.into_iter());
            let may_hold = may_hold(run.as_bytes(), &search);
            for shift in SHIFTS {
                let mut plain = Vec::new();
                if decode(run.as_bytes(), shift, &mut plain).is_none() {
                    continue;
                }
                let is_wide = !plain.is_ascii() && std::str::from_utf8(&plain).is_ok();
                let is_nested = plain.iter().any(|byte| b"+%\\&".contains(byte))
                    || runs(&plain, 0..plain.len()).next().is_some();
                let is_there = search.may_stand_in(&plain);
                prop_assert!(may_hold || !(is_wide || is_nested || is_there), "{plain:?}");
            }
        }
    }
}
