//! Texts that resemble real ones.

use std::ops::Range;

use fastrand::Rng;

/// What readers of text formats treat apart.
const WORDS: [&str; 31] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    ":",
    ",",
    "null",
    "true",
    "0",
    "-1",
    "1e999",
    "18446744073709551616",
    "\\ud800",
    "\u{feff}",
    "\u{0}",
    "\n",
    "\r\n",
    "\"event\":\"end\"",
    "\"scope\":\"main\",",
    "\u{e4}",
    "\"encoding\":\"base64\",",
    "- ",
    "\n  ",
    "&a ",
    "*a",
    "<<: ",
    "|\n",
    "!!binary ",
    "!!python/object:a.b ",
];

/// What opens a level and closes it.
const LEVELS: [(&str, &str); 5] =
    [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":[", "]}]"), ("[", ""), ("- ", "")];

/// A sample that was changed in a few places; now and then noise. No longer than so many bytes.
pub(super) fn text(rng: &mut Rng, samples: &[Vec<u8>], longest: usize) -> Vec<u8> {
    if rng.u8(..) == 0 {
        return noise(rng);
    }
    let mut text = rng.choice(samples).cloned().unwrap_or_default();
    for _ in 0..rng.u32(1..=4) {
        change(rng, &mut text, samples);
        text.truncate(longest);
    }
    text
}

fn noise(rng: &mut Rng) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..rng.usize(..200) {
        match rng.choice(WORDS) {
            Some(word) if rng.bool() => text.extend(word.as_bytes()),
            _ => text.push(rng.u8(..)),
        }
    }
    text
}

fn change(rng: &mut Rng, text: &mut Vec<u8>, samples: &[Vec<u8>]) {
    let at = rng.usize(..=text.len());
    match rng.u8(..10) {
        0 => flip(rng, text),
        1 => text.truncate(at),
        2 => drop(text.drain(part(rng, text.len()))),
        3 => repeat(rng, text),
        4 => insert(text, at, rng.choice(WORDS).unwrap_or_default().as_bytes()),
        5 => nest(rng, text),
        6 => {
            let other = rng.choice(samples).cloned().unwrap_or_default();
            let part = other[part(rng, other.len())].to_vec();
            insert(text, at, &part);
        }
        7 => move_line(rng, text),
        8 => {
            let part = part(rng, text.len());
            let place = rng.usize(..=text.len() - part.len());
            let moved: Vec<_> = text.drain(part).collect();
            insert(text, place, &moved);
        }
        _ => digits(rng, text),
    }
}

fn insert(text: &mut Vec<u8>, at: usize, part: &[u8]) {
    text.splice(at..at, part.iter().copied());
}

/// Mostly short, seldom long.
fn part(rng: &mut Rng, length: usize) -> Range<usize> {
    let start = rng.usize(..=length);
    let most = (length - start).min(1 << rng.u32(..14));
    start..start + rng.usize(..=most)
}

fn flip(rng: &mut Rng, text: &mut [u8]) {
    if !text.is_empty() {
        let at = rng.usize(..text.len());
        text[at] ^= 1 << rng.u32(..8);
    }
}

fn repeat(rng: &mut Rng, text: &mut Vec<u8>) {
    let part = part(rng, text.len());
    let end = part.end;
    let times = 1 << rng.u32(..10);
    let times = if part.len() > 1 << 10 { 1 } else { times };
    let repeated = text[part].repeat(times);
    insert(text, end, &repeated);
}

/// Puts a part of the text into many levels, which need not be closed.
fn nest(rng: &mut Rng, text: &mut Vec<u8>) {
    let (open, close) = rng.choice(LEVELS).unwrap_or_default();
    let depth = 1 << rng.u32(..14);
    let part = part(rng, text.len());
    insert(text, part.end, close.repeat(depth).as_bytes());
    insert(text, part.start, open.repeat(depth).as_bytes());
}

/// Lines hold events: one is moved, doubled or lost.
fn move_line(rng: &mut Rng, text: &mut Vec<u8>) {
    let mut lines: Vec<Vec<u8>> =
        text.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return;
    }
    let from = rng.usize(..lines.len());
    let line = if rng.bool() { lines.remove(from) } else { lines[from].clone() };
    if rng.u8(..4) > 0 {
        lines.insert(rng.usize(..=lines.len()), line);
    }
    *text = lines.concat();
}

/// Another number in the place of one.
fn digits(rng: &mut Rng, text: &mut Vec<u8>) {
    let digits: Vec<_> = (0..text.len()).filter(|&at| text[at].is_ascii_digit()).collect();
    if let Some(at) = rng.choice(digits) {
        let numbers = ["", "0", "7", "-", "00", "1.5", "4294967296", "9223372036854775808"];
        let number = rng.choice(numbers).unwrap_or_default();
        text.splice(at..=at, number.bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_text_and_no_text_is_too_long() {
        let samples = [b"{\"event\":\"end\",\"interactions\":0}\n".repeat(20)];
        for seed in 0..500 {
            let make = || text(&mut Rng::with_seed(seed), &samples, 1_000);
            assert_eq!(make(), make());
            assert!(make().len() <= 1_000);
        }
    }
}
