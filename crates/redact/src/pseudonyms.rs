//! Private values and their pseudonyms.

use std::collections::{BTreeMap, HashMap, HashSet};

use drillmaster_models::Sensitivity;
use indexmap::IndexMap;

use crate::decode::fold_case;
use crate::names;
use crate::patterns::{Pattern, Reach};

/// A person's number.
pub(crate) type Person = u32;

/// The origin of all placeholder URLs. It leads nowhere.
const NOWHERE: &str = "https://links.invalid";

/// A private value.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) sensitivity: Sensitivity,
    pub(crate) reach: Reach,
    pub(crate) pseudonym: String,
    person: Option<Person>,
    /// As it was written, once for each spelling that differs by more than case.
    pub(crate) spellings: Vec<String>,
}

impl Known {
    /// A value that belongs to nobody in particular.
    fn new(sensitivity: Sensitivity, value: &str, pseudonym: String) -> Self {
        let reach = reach(sensitivity, value);
        let spellings = vec![value.trim().to_owned()];
        Self { sensitivity, reach, pseudonym, person: None, spellings }
    }
}

/// All private values with their pseudonyms.
///
/// Each value has one pseudonym, whatever surrounds it, and no two values share one.
#[derive(Debug, Default)]
pub(crate) struct PseudonymTable {
    /// By [folded](fold) value, in the order in which they were added.
    known: IndexMap<String, Known>,
    people: Person,
    /// How many values of a person have pseudonyms of a kind.
    taken: HashMap<(Person, &'static str), u32>,
    /// How many placeholders of a kind there are.
    series: BTreeMap<&'static str, u32>,
    pseudonyms: HashSet<String>,
    /// Numbers that no other person may get.
    reserved: HashSet<Person>,
}

/// A value for comparison: without case and surrounding spaces.
pub fn fold(value: &str) -> String {
    fold_case(value.trim())
}

impl PseudonymTable {
    pub(crate) fn get(&self, value: &str) -> Option<&Known> {
        self.known.get(&fold(value))
    }

    pub(crate) fn person(&self, value: &str) -> Option<Person> {
        self.get(value)?.person
    }

    /// The values, with their folded forms.
    pub(crate) fn folded(&self) -> impl Iterator<Item = (&String, &Known)> {
        self.known.iter()
    }

    /// The values, in the order in which they were added.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Known> {
        self.known.values()
    }

    /// The folded values after the first `count`.
    pub(crate) fn since(&self, count: usize) -> impl Iterator<Item = &String> {
        self.known.keys().skip(count)
    }

    /// Whether this is a pseudonym.
    pub(crate) fn is_pseudonym(&self, text: &str) -> bool {
        self.pseudonyms.contains(text)
    }

    /// The secrets and links alone, all with the same replacement.
    pub(crate) fn into_secrets(self, mask: &str) -> Self {
        let secrets = self.known.into_iter();
        let secrets = secrets.filter(|(_, known)| known.sensitivity >= Sensitivity::Link);
        let known = secrets
            .map(|(value, known)| (value, Known { pseudonym: mask.to_owned(), ..known }))
            .collect();
        Self { known, ..Self::default() }
    }

    /// Whether all values are their own pseudonyms, as with the roster of pseudonyms beside a cassette.
    pub(crate) fn is_pseudonymous(&self) -> bool {
        !self.known.is_empty() && self.iter().all(|known| known.spellings[0] == known.pseudonym)
    }

    /// Every pseudonym.
    pub(crate) fn pseudonyms(&self) -> impl Iterator<Item = &str> {
        self.pseudonyms.iter().map(String::as_str)
    }

    /// The number of the next person.
    pub(crate) fn next_person(&mut self) -> Person {
        self.people += 1;
        while self.reserved.contains(&self.people) {
            self.people += 1;
        }
        self.people
    }

    /// Adds a pseudonym that stays as it is.
    pub(crate) fn keep(&mut self, pseudonym: &str) {
        if self.known.contains_key(&fold(pseudonym)) || self.is_pseudonym(pseudonym) {
            return;
        }
        self.insert(Known::new(Sensitivity::Other, pseudonym, pseudonym.trim().to_owned()));
    }

    /// Keeps a person's number from being given to somebody else.
    pub(crate) fn reserve(&mut self, person: Person) {
        self.reserved.insert(person);
    }

    /// Adds values that occur together and are about one person. Returns who that is: first by the values that tell
    /// people apart, then by the hint, and then by a name alone.
    pub(crate) fn add_person(
        &mut self,
        mut group: Vec<(Sensitivity, String)>,
        hint: Option<Person>,
    ) -> Option<Person> {
        group.retain(|(_, value)| !names::is_blank(value));
        // The values that tell people apart best come first.
        group.sort_by_key(|(sensitivity, _)| std::cmp::Reverse(*sensitivity));
        let (own, others): (Vec<_>, Vec<_>) = group
            .into_iter()
            .filter(|(sensitivity, _)| sensitivity.is_of_a_person())
            .partition(|(sensitivity, _)| *sensitivity != Sensitivity::Other);
        let is_unique =
            |(sensitivity, _): &&(Sensitivity, String)| sensitivity.tells_people_apart();
        let by_id = own.iter().filter(is_unique).find_map(|(_, value)| self.person(value));
        let by_name = || {
            let has_id = own.iter().any(|value| is_unique(&value));
            own.iter().filter(|_| !has_id).find_map(|(_, value)| self.person(value))
        };
        let mut person = by_id.or(hint).or_else(by_name);
        for (sensitivity, value) in own {
            if self.add_spelling(&value) {
                continue;
            }
            let whose = person.unwrap_or_else(|| self.next_person());
            person = Some(whose);
            self.insert_of(whose, sensitivity, &value);
        }
        for (_, value) in others {
            if !self.add_spelling(&value) {
                let whose = self.next_person();
                self.insert_of(whose, Sensitivity::Id, &value);
            }
        }
        person
    }

    /// Adds a value of this person, if it is new.
    pub(crate) fn add_of(&mut self, person: Person, sensitivity: Sensitivity, value: &str) {
        if !names::is_blank(value) && !self.add_spelling(value) {
            self.insert_of(person, sensitivity, value);
        }
    }

    /// Adds a value that belongs to nobody in particular.
    pub(crate) fn add(&mut self, sensitivity: Sensitivity, value: &str) {
        if names::is_blank(value) || self.add_spelling(value) {
            return;
        }
        let pseudonym = match sensitivity {
            Sensitivity::Link => self.link(value),
            Sensitivity::Answer => self.numbered("answer"),
            Sensitivity::Words => self.numbered("words"),
            _ => self.numbered("token"),
        };
        self.insert(Known::new(sensitivity, value, pseudonym));
    }

    /// Adds a value of the policy, which is replaced wherever it is.
    pub(crate) fn add_anywhere(&mut self, value: &str) {
        if names::is_blank(value) {
            return;
        }
        if !self.add_spelling(value) {
            let pseudonym = self.numbered("value");
            self.insert(Known::new(Sensitivity::Secret, value, pseudonym));
        }
        if let Some(known) = self.known.get_mut(&fold(value)) {
            known.reach = Reach::Anywhere;
        }
    }

    /// Binds a value to the pseudonym that a recording has for it, unless one of the two is taken.
    pub(crate) fn bind(&mut self, sensitivity: Sensitivity, value: &str, pseudonym: &str) {
        if self.get(value).is_none() && !self.is_pseudonym(pseudonym) {
            self.insert(Known::new(sensitivity, value, pseudonym.to_owned()));
        }
    }

    /// Adds a spelling of a value. Returns whether the value is known.
    fn add_spelling(&mut self, value: &str) -> bool {
        let Some(known) = self.known.get_mut(&fold(value)) else { return false };
        let value = value.trim();
        if !known.spellings.iter().any(|spelling| spelling.eq_ignore_ascii_case(value)) {
            known.spellings.push(value.to_owned());
        }
        true
    }

    /// Gives a value of a person its pseudonym.
    fn insert_of(&mut self, person: Person, sensitivity: Sensitivity, value: &str) {
        let form = match sensitivity {
            Sensitivity::Email => "email",
            Sensitivity::Name => "name",
            Sensitivity::Avatar => "avatar",
            _ => "id",
        };
        let count = self.taken.entry((person, form)).or_default();
        *count += 1;
        let nth = if *count == 1 { String::new() } else { format!("-{count}") };
        let pseudonym = match (form, *count) {
            ("email", _) => format!("learner-{person:04}{nth}@example.com"),
            ("name", 1) => format!("Learner {person:04}"),
            // Two of them with a space between are no longer than a name may be.
            ("name", _) => format!("L{person:04}{nth}"),
            ("avatar", _) => format!("{NOWHERE}/learner-{person:04}{nth}.png"),
            _ => format!("learner-{person:04}{nth}"),
        };
        let known = Known::new(sensitivity, value, pseudonym);
        self.insert(Known { person: Some(person), ..known });
    }

    /// The pseudonym of a link: it leads nowhere, and keeps the names in the query.
    fn link(&mut self, value: &str) -> String {
        let (path, query) = value.split_once('?').unwrap_or((value, ""));
        let is_random =
            |part: &&str| part.len() >= 16 && part.bytes().any(|byte| byte.is_ascii_digit());
        for part in path.split('/').skip(3).filter(is_random) {
            self.add(Sensitivity::Secret, part);
        }
        let query = query.split('#').next().unwrap_or_default();
        let pairs: Vec<_> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| {
                let plain = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
                self.add(Sensitivity::Secret, &plain);
                let pseudonym = self.get(&plain).map_or("", |known| &known.pseudonym);
                format!("{name}={pseudonym}")
            })
            .collect();
        let number = self.count("link");
        let sign = if pairs.is_empty() { "" } else { "?" };
        format!("{NOWHERE}/{number:04}{sign}{}", pairs.join("&"))
    }

    fn numbered(&mut self, series: &'static str) -> String {
        loop {
            let number = self.count(series);
            let pseudonym = format!("{series}-{number:04}");
            if !self.is_pseudonym(&pseudonym) {
                return pseudonym;
            }
        }
    }

    fn count(&mut self, series: &'static str) -> u32 {
        let count = self.series.entry(series).or_default();
        *count += 1;
        *count
    }

    fn insert(&mut self, known: Known) {
        self.pseudonyms.insert(known.pseudonym.clone());
        self.known.insert(fold(&known.spellings[0]), known);
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// The values after the first `count`, to be replaced by their pseudonyms.
    pub(crate) fn patterns(&self, count: usize) -> impl Iterator<Item = Pattern> {
        self.known.iter().skip(count).map(|(value, known)| Pattern {
            value: value.clone(),
            reach: known.reach,
            replacement: known.pseudonym.clone(),
        })
    }

    /// The pseudonyms of these values, to be replaced by the values in their first spelling.
    pub(crate) fn reverse_patterns(&self, count: usize) -> impl Iterator<Item = Pattern> {
        let values = self.known.values().skip(count);
        let values = values.filter(|known| known.spellings[0] != known.pseudonym);
        values.map(|known| Pattern {
            value: known.pseudonym.clone(),
            reach: Reach::Words,
            replacement: known.spellings[0].clone(),
        })
    }
}

/// Whether a text has the form of a pseudonym.
pub(crate) fn is_pseudonym(text: &str) -> bool {
    let lower = text.trim().to_ascii_lowercase();
    let prefixes = ["learner-", "learner ", "token-", "words-", "value-", "answer-", "l"];
    let is_number = |rest: &str| rest.bytes().take_while(u8::is_ascii_digit).count() >= 4;
    lower.starts_with("https://links.invalid/")
        || prefixes.into_iter().filter_map(|prefix| lower.strip_prefix(prefix)).any(is_number)
}

/// Whether a text contains a pseudonym.
pub(crate) fn has_pseudonym(text: &str) -> bool {
    let begins = |at: usize| !text[..at].ends_with(char::is_alphanumeric);
    text.char_indices().any(|(at, _)| begins(at) && is_pseudonym(&text[at..]))
}

/// Where a value is replaced. A short one would be found by chance.
fn reach(sensitivity: Sensitivity, value: &str) -> Reach {
    let value = value.trim();
    let length = value.chars().count();
    let long = match sensitivity {
        Sensitivity::Email | Sensitivity::Secret | Sensitivity::Link | Sensitivity::Avatar => 6,
        Sensitivity::Id | Sensitivity::Other => 16,
        // The answer to a question may be an ordinary word.
        Sensitivity::Answer
            if length >= 8 && value.chars().any(|c| !c.is_alphabetic() && c != ' ') =>
        {
            8
        }
        Sensitivity::Answer => return Reach::Fields,
        _ => usize::MAX,
    };
    let shortest = match value {
        _ if value.bytes().all(|byte| byte.is_ascii_digit()) => 4,
        _ if value.is_ascii() => 3,
        _ => 2,
    };
    match length {
        _ if length >= long => Reach::Anywhere,
        _ if length >= shortest => Reach::Words,
        _ => Reach::Fields,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pseudonyms_are_recognized_by_their_form() {
        for text in
            ["learner-0001@example.com", "Learner 0012", "learner-0001-2", "token-0001", "L0001-2"]
        {
            assert!(is_pseudonym(text), "{text}");
        }
        for text in ["learner@example.com", "Learner One", "tokenise", "linux1", "L1"] {
            assert!(!is_pseudonym(text), "{text}");
        }
    }

    fn met(groups: &[&[(Sensitivity, &str)]]) -> PseudonymTable {
        let mut table = PseudonymTable::default();
        for group in groups {
            let group =
                group.iter().map(|(sensitivity, value)| (*sensitivity, (*value).to_owned()));
            table.add_person(group.collect(), None);
        }
        table
    }

    #[track_caller]
    fn check(table: &PseudonymTable, value: &str, pseudonym: &str) {
        assert_eq!(table.get(value).map(|known| known.pseudonym.as_str()), Some(pseudonym));
    }

    #[test]
    fn values_that_occur_together_belong_to_one_person() {
        let table = met(&[
            &[
                (Sensitivity::Email, "ada@x.example"),
                (Sensitivity::Name, "Ada"),
                (Sensitivity::Id, "1815"),
            ],
            &[
                (Sensitivity::Id, "1815"),
                (Sensitivity::Username, "ada"),
                (Sensitivity::Email, "ADA@x.example"),
            ],
            &[(Sensitivity::Email, "bob@x.example"), (Sensitivity::Name, "Bob")],
        ]);
        check(&table, "ada@x.example", "learner-0001@example.com");
        check(&table, "1815", "learner-0001");
        check(&table, "Bob", "Learner 0002");
        // Values that differ in case alone are one value.
        check(&table, "ada", "Learner 0001");
    }

    #[test]
    fn namesakes_are_two_people_and_others_are_separate() {
        let table = met(&[
            &[(Sensitivity::Email, "a@x.example"), (Sensitivity::Name, "Ada")],
            &[
                (Sensitivity::Email, "b@x.example"),
                (Sensitivity::Name, "Ada"),
                (Sensitivity::Other, "boss"),
            ],
        ]);
        check(&table, "b@x.example", "learner-0002@example.com");
        check(&table, "boss", "learner-0003");
    }

    #[test]
    fn a_link_keeps_the_names_in_its_query() {
        let mut table = PseudonymTable::default();
        table.add(
            Sensitivity::Link,
            "https://x.example/join/0123456789abcdef?token=a%20b-c&room=r1#top",
        );
        let link = "https://links.invalid/0001?token=token-0002&room=token-0003";
        check(&table, "https://x.example/join/0123456789abcdef?token=a%20b-c&room=r1#top", link);
        check(&table, "a b-c", "token-0002");
        check(&table, "0123456789abcdef", "token-0001");
    }
}
