//! Looking for many values at once, in any case.

use std::iter::successors;
use std::ops::Range;

/// How many of a value's first bytes tell whether it may stand somewhere: as many as a number holds.
const FIRST: usize = size_of::<u32>();

/// Values to look for. It is small and quickly made, also of a roster of 50,000 rows, which an automaton is not;
/// and one more is quickly added.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// Each more than twice as long as the next one, so that there are few, and no value is put in order often.
    shelves: Vec<Shelf>,
    starts: Starts,
    /// How many were given.
    given: usize,
}

/// Values in their order, so that one look-up tells which of them stand at a place: what is found is the last that
/// is not behind the text from there on, or begins it.
#[derive(Debug)]
struct Shelf(Vec<Value>);

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
        let mut search = Self::default();
        search.add(values);
        search
    }

    /// Looks for more. Tells how many values it has put in order for that.
    pub(super) fn add(&mut self, values: impl Iterator<Item = String>) -> usize {
        let mut more = Vec::new();
        for mut text in values {
            text.make_ascii_lowercase();
            if !text.is_empty() {
                let text = text.into_bytes().into();
                more.push(Value { text, place: self.given, shorter: None });
            }
            self.given += 1;
        }
        for value in &more {
            self.starts.add(value);
        }
        while let Some(Shelf(last)) = self.shelves.pop_if(|last| last.0.len() <= 2 * more.len()) {
            more.extend(last);
        }
        let sorted = more.len();
        if sorted > 0 {
            self.shelves.push(Shelf::of(more));
        }
        if !self.starts.is_for(self.given) {
            let values = self.shelves.iter().flat_map(|shelf| &shelf.0);
            self.starts = Starts::of(values, self.given);
        }
        sorted
    }

    pub(super) fn is_empty(&self) -> bool {
        self.shelves.is_empty()
    }

    /// Whether a value may stand in a text, by how values begin. Nearly all texts that hold none are told by it.
    pub(super) fn may_stand_in(&self, text: &[u8]) -> bool {
        self.starts.places(text).next().is_some()
    }

    /// Whether a value may begin with these bytes.
    pub(super) fn begins(&self, start: u32) -> bool {
        self.starts.has(start)
    }

    /// Where values stand, overlapping ones too, and which: equal ones in the order in which they were given.
    pub(super) fn find(&self, text: &[u8]) -> Vec<(Range<usize>, usize)> {
        let mut found = Vec::new();
        let mut small = Vec::new();
        for at in self.starts.places(text) {
            if small.is_empty() {
                small = text.to_ascii_lowercase();
            }
            let first = found.len();
            for shelf in &self.shelves {
                let values = shelf.beginning(&small[at..]);
                found.extend(values.map(|value| (at..at + value.text.len(), value.place)));
            }
            found[first..].sort_by_key(|(span, place)| (span.end, *place));
        }
        found
    }
}

impl Shelf {
    fn of(mut values: Vec<Value>) -> Self {
        values.sort_by(|a, b| (&a.text, a.place).cmp(&(&b.text, b.place)));
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
        Self(values)
    }

    /// The values that a text in small letters begins with.
    fn beginning(&self, text: &[u8]) -> impl Iterator<Item = &Value> {
        let behind = self.0.partition_point(|value| *value.text <= *text);
        let nearest = behind.checked_sub(1).map(|index| &self.0[index]);
        let chain = successors(nearest, |value| value.shorter.map(|index| &self.0[index]));
        chain.filter(|value| text.starts_with(&value.text))
    }
}

/// How values begin, as bits: nearly all places of a text are told by them to be none.
#[derive(Debug, Default)]
struct Starts {
    bits: Vec<u64>,
    /// The first bytes alone, of which there are few.
    firsts: [u64; 4],
    /// By how many bytes values are told: fewer where they are shorter.
    lengths: Vec<usize>,
}

impl Starts {
    fn of<'a>(values: impl Iterator<Item = &'a Value>, count: usize) -> Self {
        let mut starts = Self { bits: vec![0; words(count)], ..Self::default() };
        values.for_each(|value| starts.add(value));
        starts
    }

    /// Whether it is sparse with so many values.
    fn is_for(&self, count: usize) -> bool {
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

    /// Where a value may begin.
    fn places<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        let next = |at: usize| text.get(at).copied().unwrap_or_default();
        let mut window = Window::default();
        (0..FIRST - 1).for_each(|at| {
            window.next(next(at));
        });
        (0..text.len()).filter(move |at| self.has(window.next(next(at + FIRST - 1))))
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

    /// Where the bit of these bytes is.
    fn place(&self, start: u32) -> (usize, u64) {
        // Fibonacci's way to spread keys.
        let spread = u64::from(start).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let word = usize::try_from(spread >> 40).unwrap_or_default() & (self.bits.len() - 1);
        (word, 1 << (spread >> 34 & 63))
    }
}

/// So many that the bits of so many values are sparse, and no more than what a processor has at hand.
fn words(values: usize) -> usize {
    (values / 4).next_power_of_two().clamp(16, 1 << 14)
}

/// As many bytes of a text as tell values, in small letters. Behind its end zeros are taken.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window(u32);

impl Window {
    pub(super) const LENGTH: usize = FIRST;

    /// Goes on by a byte.
    pub(super) fn next(&mut self, byte: u8) -> u32 {
        self.0 = with(self.0, byte.to_ascii_lowercase());
        self.0
    }
}

/// The bytes with one more behind them.
fn with(bytes: u32, next: u8) -> u32 {
    bytes << 8 | u32::from(next)
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

    #[test]
    fn values_that_come_one_by_one_are_seldom_put_in_order() {
        let (mut search, mut sorted) = (Search::default(), 0);
        for number in 0..4096 {
            sorted += search.add(std::iter::once(format!("person.{number}@corp.example")));
        }
        // Each time, the shelf that a value comes to is longer by half at least.
        assert!(sorted <= 4096 * 20, "{sorted}");
        assert!(search.shelves.len() <= 12, "{}", search.shelves.len());
        assert_eq!(search.find(b"to person.4095@corp.example"), [(3..27, 4095)]);
    }

    proptest! {
        #[test]
        fn it_finds_what_an_automaton_finds(
            values in prop::collection::vec("[abA%é]{1,6}", 0..40),
            text in "[abB%é]{0,40}",
            at_once in 0..40_usize,
        ) {
            let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(&values).unwrap();
            let mut expected: Vec<_> = automaton
                .find_overlapping_iter(&text)
                .map(|found| (found.range(), found.pattern().as_usize()))
                .collect();
            expected.sort_by_key(|(span, place)| (span.start, span.end, *place));
            let mut values = values.into_iter();
            let mut search = Search::of(values.by_ref().take(at_once));
            for value in values {
                search.add(std::iter::once(value));
            }
            prop_assert!(expected.is_empty() || search.may_stand_in(text.as_bytes()));
            prop_assert_eq!(search.find(text.as_bytes()), expected);
        }
    }
}
