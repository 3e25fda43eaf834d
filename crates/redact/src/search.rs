//! Searching for many values at once, without case.
//!
//! For 150,000 values (a roster of 50,000 rows) this index is built in 0.07 s and takes 8 MB. An automaton of
//! `aho-corasick` took 0.9 s and 92 MB while it was built. It searches faster (13 MB of messages in 0.2 s instead of
//! 1.0 s), but a replay builds two of them before its first answer, and a replay without a roster adds values one by
//! one, which an automaton cannot.

use std::iter::successors;
use std::ops::Range;

/// How many of a value's first bytes are compared before the value itself: as many as fit in a `u32`.
const FIRST: usize = size_of::<u32>();

/// Values to search for.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// Sorted runs, each more than twice as long as the next, so that there are few of them and no value is sorted
    /// often.
    runs: Vec<Run>,
    prefixes: Prefixes,
    /// How many values were added.
    count: usize,
}

/// Sorted values. The values that a text begins with are the last one that sorts before the text, and its prefixes.
#[derive(Debug)]
struct Run(Vec<Value>);

#[derive(Debug)]
struct Value {
    /// In lower case.
    text: Box<[u8]>,
    /// Its number, in the order in which values were added.
    number: usize,
    /// The longest other value of the run that is a prefix of it.
    prefix: Option<usize>,
}

impl Search {
    /// Empty values are never found.
    pub(crate) fn new(values: impl Iterator<Item = String>) -> Self {
        let mut search = Self::default();
        search.add(values);
        search
    }

    /// Adds values. Returns how many were sorted for it.
    pub(crate) fn add(&mut self, values: impl Iterator<Item = String>) -> usize {
        let mut more = Vec::new();
        for mut text in values {
            text.make_ascii_lowercase();
            if !text.is_empty() {
                let text = text.into_bytes().into();
                more.push(Value { text, number: self.count, prefix: None });
            }
            self.count += 1;
        }
        for value in &more {
            self.prefixes.add(value);
        }
        while let Some(Run(last)) = self.runs.pop_if(|last| last.0.len() <= 2 * more.len()) {
            more.extend(last);
        }
        let sorted = more.len();
        if sorted > 0 {
            self.runs.push(Run::new(more));
        }
        if !self.prefixes.is_sparse(self.count) {
            let values = self.runs.iter().flat_map(|run| &run.0);
            self.prefixes = Prefixes::new(values, self.count);
        }
        sorted
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Whether a text may contain a value. Of the texts that contain none, this rules out nearly all.
    pub(crate) fn may_contain(&self, text: &[u8]) -> bool {
        self.prefixes.matches(text).next().is_some()
    }

    /// Where values are, overlapping ones included, and their numbers.
    pub(crate) fn find(&self, text: &[u8]) -> Vec<(Range<usize>, usize)> {
        let mut found = Vec::new();
        let mut lower = Vec::new();
        for at in self.prefixes.matches(text) {
            if lower.is_empty() {
                lower = text.to_ascii_lowercase();
            }
            let first = found.len();
            for run in &self.runs {
                let values = run.prefixes_of(&lower[at..]);
                found.extend(values.map(|value| (at..at + value.text.len(), value.number)));
            }
            found[first..].sort_by_key(|(span, number)| (span.end, *number));
        }
        found
    }
}

impl Run {
    fn new(mut values: Vec<Value>) -> Self {
        values.sort_by(|a, b| (&a.text, a.number).cmp(&(&b.text, b.number)));
        let mut open: Vec<usize> = Vec::new();
        for index in 0..values.len() {
            while open
                .last()
                .is_some_and(|&last| !values[index].text.starts_with(&values[last].text))
            {
                open.pop();
            }
            values[index].prefix = open.last().copied();
            open.push(index);
        }
        Self(values)
    }

    /// The values that a lower-case text begins with.
    fn prefixes_of(&self, text: &[u8]) -> impl Iterator<Item = &Value> {
        let after = self.0.partition_point(|value| *value.text <= *text);
        let nearest = after.checked_sub(1).map(|index| &self.0[index]);
        let chain = successors(nearest, |value| value.prefix.map(|index| &self.0[index]));
        chain.filter(|value| text.starts_with(&value.text))
    }
}

/// The first bytes of values, as a Bloom filter. It rules out nearly all positions of a text.
#[derive(Debug, Default)]
struct Prefixes {
    bits: Vec<u64>,
    /// The very first bytes, which are few.
    firsts: [u64; 4],
    /// How long the prefixes are: shorter values have shorter ones.
    lengths: Vec<usize>,
}

impl Prefixes {
    fn new<'a>(values: impl Iterator<Item = &'a Value>, count: usize) -> Self {
        let mut prefixes = Self { bits: vec![0; words(count)], ..Self::default() };
        values.for_each(|value| prefixes.add(value));
        prefixes
    }

    /// Whether it is large enough for this many values.
    fn is_sparse(&self, count: usize) -> bool {
        self.bits.len() >= words(count)
    }

    fn add(&mut self, value: &Value) {
        if self.bits.is_empty() {
            return;
        }
        let length = value.text.len().min(FIRST);
        if !self.lengths.contains(&length) {
            self.lengths.push(length);
        }
        let first = usize::from(value.text[0]);
        self.firsts[first / 64] |= 1 << (first % 64);
        let start = value.text[..length].iter().copied().fold(0, with);
        let (word, bit) = self.place(start);
        self.bits[word] |= bit;
    }

    /// Where a value may begin in a text.
    fn matches<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        let next = |at: usize| text.get(at).copied().unwrap_or_default();
        let mut window = Window::default();
        (0..FIRST - 1).for_each(|at| {
            window.push(next(at));
        });
        (0..text.len()).filter(move |at| self.has(window.push(next(at + FIRST - 1))))
    }

    /// Whether a value may begin with these bytes.
    fn has(&self, start: u32) -> bool {
        let first = (start >> 24) as usize;
        self.firsts[first / 64] >> (first % 64) & 1 == 1
            && self.lengths.iter().any(|length| {
                let (word, bit) = self.place(start >> (8 * (FIRST - length)));
                self.bits[word] & bit != 0
            })
    }

    /// The word and the bit for these bytes.
    fn place(&self, start: u32) -> (usize, u64) {
        // Fibonacci hashing.
        let spread = u64::from(start).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let word = usize::try_from(spread >> 40).unwrap_or_default() & (self.bits.len() - 1);
        (word, 1 << (spread >> 34 & 63))
    }
}

/// How many words keep the bits of this many values sparse and still fit in a processor's cache.
fn words(values: usize) -> usize {
    (values / 4).next_power_of_two().clamp(16, 1 << 14)
}

/// The bytes of a text that are compared with prefixes, in lower case. The text is followed by zeros.
#[derive(Default)]
struct Window(u32);

impl Window {
    /// Moves on by one byte.
    fn push(&mut self, byte: u8) -> u32 {
        self.0 = with(self.0, byte.to_ascii_lowercase());
        self.0
    }
}

/// The bytes followed by one more.
fn with(bytes: u32, next: u8) -> u32 {
    bytes << 8 | u32::from(next)
}

#[cfg(test)]
mod tests {
    use aho_corasick::AhoCorasick;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nested_values_are_all_found() {
        let search =
            Search::new(["ada", "a", "Ada B", "", "dab", "ADA"].map(str::to_owned).into_iter());
        assert_eq!(
            search.find(b"xAdA by"),
            [(1..2, 1), (1..4, 0), (1..4, 5), (1..6, 2), (3..4, 1)]
        );
        assert!(search.find(b"").is_empty() && Search::default().find(b"ada").is_empty());
    }

    #[test]
    fn values_added_one_by_one_are_seldom_sorted() {
        let (mut search, mut sorted) = (Search::default(), 0);
        for number in 0..4096 {
            sorted += search.add(std::iter::once(format!("person.{number}@corp.example")));
        }
        // Each time a value is sorted, its run is at least half as long again.
        assert!(sorted <= 4096 * 20, "{sorted}");
        assert!(search.runs.len() <= 12, "{}", search.runs.len());
        assert_eq!(search.find(b"to person.4095@corp.example"), [(3..27, 4095)]);
    }

    proptest! {
        #[test]
        fn it_agrees_with_an_automaton(
            values in prop::collection::vec("[abA%é]{1,6}", 0..40),
            text in "[abB%é]{0,40}",
            at_once in 0..40_usize,
        ) {
            let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(&values).unwrap();
            let mut expected: Vec<_> = automaton
                .find_overlapping_iter(&text)
                .map(|found| (found.range(), found.pattern().as_usize()))
                .collect();
            expected.sort_by_key(|(span, number)| (span.start, span.end, *number));
            let mut values = values.into_iter();
            let mut search = Search::new(values.by_ref().take(at_once));
            for value in values {
                search.add(std::iter::once(value));
            }
            prop_assert!(expected.is_empty() || search.may_contain(text.as_bytes()));
            prop_assert_eq!(search.find(text.as_bytes()), expected);
        }
    }
}
