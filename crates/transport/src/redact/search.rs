//! Looking for many values at once, in any case.

use std::ops::Range;

/// How many of a value's first bytes tell whether it may stand somewhere.
const FIRST: usize = 4;

/// Values in their order, so that one look-up tells which of them stand at a place: what is found is the last that
/// is not behind the text from there on, or begins it. It is small and quickly made, also of a roster of 50,000
/// rows, which an automaton is not.
#[derive(Debug, Default)]
pub(super) struct Search {
    values: Vec<Value>,
    starts: Starts,
}

#[derive(Debug)]
struct Value {
    /// In small letters.
    text: Box<[u8]>,
    /// The so manieth that was given.
    place: usize,
    /// The longest of the others before it that it begins with.
    shorter: Option<usize>,
}

impl Search {
    /// Values that are empty are never found.
    pub(super) fn of(values: impl Iterator<Item = String>) -> Self {
        let small = |(place, mut text): (usize, String)| {
            text.make_ascii_lowercase();
            Value { text: text.into_bytes().into(), place, shorter: None }
        };
        let values = values.enumerate().filter(|(_, text)| !text.is_empty());
        let mut values: Vec<_> = values.map(small).collect();
        values.sort_by(|a, b| a.text.cmp(&b.text));
        let mut open: Vec<usize> = Vec::new();
        for index in 0..values.len() {
            while open
                .last()
                .is_some_and(|&last| !values[index].text.starts_with(&values[last].text))
            {
                open.pop();
            }
            values[index].shorter = open.last().copied();
            open.push(index);
        }
        let starts = Starts::of(&values);
        Self { values, starts }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Where values stand, overlapping ones too, and which: equal ones in the order in which they were given.
    pub(super) fn find(&self, text: &[u8]) -> Vec<(Range<usize>, usize)> {
        let text = text.to_ascii_lowercase();
        let mut found = Vec::new();
        for at in 0..text.len() {
            let rest = &text[at..];
            if !self.starts.may_begin(rest) {
                continue;
            }
            let behind = self.values.partition_point(|value| *value.text <= *rest);
            let mut next = behind.checked_sub(1);
            let first = found.len();
            while let Some(value) = next.map(|index| &self.values[index]) {
                if rest.starts_with(&value.text) {
                    found.push((at..at + value.text.len(), value.place));
                }
                next = value.shorter;
            }
            found[first..].reverse();
        }
        found
    }
}

/// How values begin, as bits: nearly all places of a text are told by them to be none.
#[derive(Debug, Default)]
struct Starts {
    bits: Vec<u64>,
    /// By how many bytes values are told: fewer where they are shorter.
    lengths: Vec<usize>,
}

impl Starts {
    fn of(values: &[Value]) -> Self {
        // Sparse, and no larger than what a processor has at hand.
        let words = (values.len() / 4).next_power_of_two().clamp(16, 1 << 14);
        let mut starts = Self { bits: vec![0; words], lengths: Vec::new() };
        for value in values {
            let length = value.text.len().min(FIRST);
            if !starts.lengths.contains(&length) {
                starts.lengths.push(length);
            }
            let (word, bit) = starts.place(&value.text[..length]);
            starts.bits[word] |= bit;
        }
        starts
    }

    fn may_begin(&self, text: &[u8]) -> bool {
        let begins = |start: &[u8]| {
            let (word, bit) = self.place(start);
            self.bits[word] & bit != 0
        };
        self.lengths.iter().any(|&length| text.get(..length).is_some_and(begins))
    }

    fn place(&self, start: &[u8]) -> (usize, u64) {
        let key = start.iter().fold(0_u64, |key, byte| key << 8 | u64::from(*byte));
        // Fibonacci's way to spread keys.
        let spread = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let word = usize::try_from(spread >> 40).unwrap_or_default() & (self.bits.len() - 1);
        (word, 1 << (spread >> 34 & 63))
    }
}

#[cfg(test)]
mod tests {
    use aho_corasick::AhoCorasick;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_within_each_other_are_all_found() {
        let search =
            Search::of(["ada", "a", "Ada B", "", "dab", "ADA"].map(str::to_owned).into_iter());
        assert_eq!(
            search.find(b"xAdA by"),
            [(1..2, 1), (1..4, 0), (1..4, 5), (1..6, 2), (3..4, 1)]
        );
        assert!(search.find(b"").is_empty() && Search::default().find(b"ada").is_empty());
    }

    proptest! {
        #[test]
        fn it_finds_what_an_automaton_finds(
            values in prop::collection::vec("[abA%é]{1,6}", 0..40),
            text in "[abB%é]{0,40}",
        ) {
            let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(&values).unwrap();
            let mut expected: Vec<_> = automaton
                .find_overlapping_iter(&text)
                .map(|found| (found.range(), found.pattern().as_usize()))
                .collect();
            expected.sort_by_key(|(span, place)| (span.start, span.end, *place));
            let search = Search::of(values.into_iter());
            prop_assert_eq!(search.find(text.as_bytes()), expected);
        }
    }
}
