//! Who and what is known, and what stands for it.

use std::collections::{BTreeMap, HashMap, HashSet};

use drillmaster_models::Sensitivity;
use indexmap::IndexMap;

use super::names;
use super::replace::{Pattern, Reach};
use super::view::folded;

/// A person's number.
pub(super) type Person = u32;

/// Where all placeholders for addresses lead: nowhere.
const NOWHERE: &str = "https://links.invalid";

/// Something sensitive.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) holds: Sensitivity,
    pub(super) reach: Reach,
    pub(super) stands: String,
    person: Option<Person>,
    /// As it was written, each way that differs by more than case.
    pub(super) spelt: Vec<String>,
}

/// All that is known to be sensitive.
///
/// One value has one pseudonym, whatever stands beside it; and no two values have the same.
#[derive(Debug, Default)]
pub(super) struct Cast {
    /// By the folded value, in the order in which they came.
    known: IndexMap<String, Known>,
    people: Person,
    /// How many values of a person have pseudonyms of a kind.
    taken: HashMap<(Person, &'static str), u32>,
    /// How many placeholders of a kind there are.
    series: BTreeMap<&'static str, u32>,
    stands: HashSet<String>,
    /// The numbers of people who are told of elsewhere: nobody else gets them.
    reserved: HashSet<Person>,
}

/// What two ways to write a value have in common.
pub(crate) fn fold(value: &str) -> String {
    folded(value.trim())
}

impl Cast {
    pub(super) fn get(&self, value: &str) -> Option<&Known> {
        self.known.get(&fold(value))
    }

    pub(super) fn person(&self, value: &str) -> Option<Person> {
        self.get(value)?.person
    }

    /// The known values as they are searched for.
    pub(super) fn folded(&self) -> impl Iterator<Item = (&String, &Known)> {
        self.known.iter()
    }

    /// The known values, in the order in which they came.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Known> {
        self.known.values()
    }

    /// The values that came after so many, folded.
    pub(super) fn since(&self, count: usize) -> impl Iterator<Item = &String> {
        self.known.keys().skip(count)
    }

    /// Whether this is a pseudonym.
    pub(super) fn is_pseudonym(&self, text: &str) -> bool {
        self.stands.contains(text)
    }

    /// Of what is known the secrets and links, and this text in the place of each.
    pub(super) fn of_secrets(self, stands: &str) -> Self {
        let secrets = self.known.into_iter();
        let secrets = secrets.filter(|(_, known)| known.holds >= Sensitivity::Link);
        let known = secrets
            .map(|(value, known)| (value, Known { stands: stands.to_owned(), ..known }))
            .collect();
        Self { known, ..Self::default() }
    }

    /// Whether all that is known are pseudonyms, as in the roster that lies beside a cassette.
    pub(super) fn is_made_up(&self) -> bool {
        !self.known.is_empty() && self.iter().all(|known| known.spelt[0] == known.stands)
    }

    /// Every pseudonym.
    pub(super) fn pseudonyms(&self) -> impl Iterator<Item = &str> {
        self.stands.iter().map(String::as_str)
    }

    /// The next person.
    pub(super) fn next_person(&mut self) -> Person {
        self.people += 1;
        while self.reserved.contains(&self.people) {
            self.people += 1;
        }
        self.people
    }

    /// Takes in a pseudonym that stays as it is.
    pub(super) fn keep(&mut self, pseudonym: &str) {
        if self.known.contains_key(&fold(pseudonym)) || self.is_pseudonym(pseudonym) {
            return;
        }
        let (holds, stands) = (Sensitivity::Other, pseudonym.trim().to_owned());
        let reach = reach(holds, pseudonym);
        self.add(pseudonym, Known { holds, reach, stands, person: None, spelt: vec![] });
    }

    /// Keeps a number of a person from others.
    pub(super) fn reserve(&mut self, person: Person) {
        self.reserved.insert(person);
    }

    /// Takes in what stands together and is about one person; tells who that is. Who it is follows from
    /// what tells people apart, else from where it stands, else from a name alone.
    pub(super) fn meet(
        &mut self,
        mut group: Vec<(Sensitivity, String)>,
        hint: Option<Person>,
    ) -> Option<Person> {
        group.retain(|(_, value)| !names::is_none(value));
        // What tells people apart best comes first.
        group.sort_by_key(|(holds, _)| std::cmp::Reverse(*holds));
        let (own, others): (Vec<_>, Vec<_>) = group
            .into_iter()
            .filter(|(holds, _)| holds.is_of_a_person())
            .partition(|(holds, _)| *holds != Sensitivity::Other);
        let apart = |(holds, _): &&(Sensitivity, String)| holds.tells_people_apart();
        let known = own.iter().filter(apart).find_map(|(_, value)| self.person(value));
        let by_name = || own.iter().find_map(|(_, value)| self.person(value));
        let named = || if own.iter().any(|one| apart(&one)) { None } else { by_name() };
        let mut person = known.or(hint).or_else(named);
        for (holds, value) in own {
            if self.learn(&value) {
                continue;
            }
            let whose = person.unwrap_or_else(|| self.next_person());
            person = Some(whose);
            self.bind(whose, holds, &value);
        }
        for (_, value) in others {
            if !self.learn(&value) {
                let whose = self.next_person();
                self.bind(whose, Sensitivity::Id, &value);
            }
        }
        person
    }

    /// Takes in a value of this person, unless it is known.
    pub(super) fn join(&mut self, person: Person, holds: Sensitivity, value: &str) {
        if !names::is_none(value) && !self.learn(value) {
            self.bind(person, holds, value);
        }
    }

    /// Takes in something that is nobody's in particular.
    pub(super) fn note(&mut self, holds: Sensitivity, value: &str) {
        if names::is_none(value) || self.learn(value) {
            return;
        }
        let stands = match holds {
            Sensitivity::Link => self.link(value),
            Sensitivity::Answer => self.numbered("answer"),
            Sensitivity::Words => self.numbered("words"),
            _ => self.numbered("token"),
        };
        self.add(
            value,
            Known { holds, reach: reach(holds, value), stands, person: None, spelt: vec![] },
        );
    }

    /// Takes in a value that the user named: it is looked for everywhere.
    pub(super) fn note_named(&mut self, value: &str) {
        if names::is_none(value) {
            return;
        }
        if self.learn(value) {
            if let Some(known) = self.known.get_mut(&fold(value)) {
                known.reach = Reach::Anywhere;
            }
            return;
        }
        let stands = self.numbered("value");
        let known = Known {
            holds: Sensitivity::Secret,
            reach: Reach::Anywhere,
            stands,
            person: None,
            spelt: vec![],
        };
        self.add(value, known);
    }

    /// Takes in which pseudonym a recording has for a value, unless one of the two has another.
    pub(super) fn take(&mut self, holds: Sensitivity, value: &str, stands: &str) {
        if self.get(value).is_some() || self.is_pseudonym(stands) {
            return;
        }
        let reach = reach(holds, value);
        let stands = stands.to_owned();
        self.add(value, Known { holds, reach, stands, person: None, spelt: vec![] });
    }

    /// Whether the value is known. The way it is written is remembered.
    fn learn(&mut self, value: &str) -> bool {
        let Some(known) = self.known.get_mut(&fold(value)) else { return false };
        let value = value.trim();
        if !known.spelt.iter().any(|spelt| spelt.eq_ignore_ascii_case(value)) {
            known.spelt.push(value.to_owned());
        }
        true
    }

    /// Gives a value of a person its pseudonym.
    fn bind(&mut self, person: Person, holds: Sensitivity, value: &str) {
        let form = match holds {
            Sensitivity::Email => "email",
            Sensitivity::Name => "name",
            Sensitivity::Avatar => "avatar",
            _ => "id",
        };
        let count = self.taken.entry((person, form)).or_default();
        *count += 1;
        let nth = if *count == 1 { String::new() } else { format!("-{count}") };
        let stands = match (form, *count) {
            ("email", _) => format!("learner-{person:04}{nth}@example.com"),
            ("name", 1) => format!("Learner {person:04}"),
            // Two of them, and the space between, are no longer than a name may be.
            ("name", _) => format!("L{person:04}{nth}"),
            ("avatar", _) => format!("{NOWHERE}/learner-{person:04}{nth}.png"),
            _ => format!("learner-{person:04}{nth}"),
        };
        let reach = reach(holds, value);
        self.add(value, Known { holds, reach, stands, person: Some(person), spelt: vec![] });
    }

    /// A link leads nowhere, and keeps the names in its query.
    fn link(&mut self, value: &str) -> String {
        let (path, query) = value.split_once('?').unwrap_or((value, ""));
        let random =
            |part: &&str| part.len() >= 16 && part.bytes().any(|byte| byte.is_ascii_digit());
        for part in path.split('/').skip(3).filter(random) {
            self.note(Sensitivity::Secret, part);
        }
        let query = query.split('#').next().unwrap_or_default();
        let pairs: Vec<_> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| {
                let plain = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
                self.note(Sensitivity::Secret, &plain);
                let stands = self.get(&plain).map_or("", |known| &known.stands);
                format!("{name}={stands}")
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

    fn add(&mut self, value: &str, known: Known) {
        let known = Known { spelt: vec![value.trim().to_owned()], ..known };
        self.stands.insert(known.stands.clone());
        self.known.insert(fold(value), known);
    }

    /// How many values are known.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// What to look for, and what to write there: of the values that came after so many.
    pub(super) fn patterns(&self, after: usize) -> impl Iterator<Item = Pattern> {
        self.known.iter().skip(after).map(|(value, known)| Pattern {
            value: value.clone(),
            reach: known.reach,
            stands: known.stands.clone(),
        })
    }

    /// The other way round: from pseudonyms to values, as they were written first.
    pub(super) fn back(&self, after: usize) -> impl Iterator<Item = Pattern> {
        let others = self.known.values().skip(after);
        let others = others.filter(|known| known.spelt[0] != known.stands);
        others.map(|known| Pattern {
            value: known.stands.clone(),
            reach: Reach::Words,
            stands: known.spelt[0].clone(),
        })
    }
}

/// Where a value is looked for. What is short would be found by chance.
fn reach(holds: Sensitivity, value: &str) -> Reach {
    let value = value.trim();
    let length = value.chars().count();
    let long = match holds {
        Sensitivity::Email | Sensitivity::Secret | Sensitivity::Link | Sensitivity::Avatar => 6,
        Sensitivity::Id | Sensitivity::Other => 16,
        // A word of a language may be the answer to a question.
        Sensitivity::Answer
            if length >= 8 && value.chars().any(|c| !c.is_alphabetic() && c != ' ') =>
        {
            8
        }
        Sensitivity::Answer => return Reach::Places,
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
        _ => Reach::Places,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(groups: &[&[(Sensitivity, &str)]]) -> Cast {
        let mut cast = Cast::default();
        for group in groups {
            cast.meet(
                group.iter().map(|(holds, value)| (*holds, (*value).to_owned())).collect(),
                None,
            );
        }
        cast
    }

    #[track_caller]
    fn check(cast: &Cast, value: &str, stands: &str) {
        assert_eq!(cast.get(value).map(|known| known.stands.as_str()), Some(stands));
    }

    #[test]
    fn what_stands_together_is_one_persons() {
        let cast = met(&[
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
        check(&cast, "ada@x.example", "learner-0001@example.com");
        check(&cast, "1815", "learner-0001");
        check(&cast, "Bob", "Learner 0002");
        // Of two values that differ in case alone, one is known.
        check(&cast, "ada", "Learner 0001");
    }

    #[test]
    fn namesakes_are_two_people_and_others_are_others() {
        let cast = met(&[
            &[(Sensitivity::Email, "a@x.example"), (Sensitivity::Name, "Ada")],
            &[
                (Sensitivity::Email, "b@x.example"),
                (Sensitivity::Name, "Ada"),
                (Sensitivity::Other, "boss"),
            ],
        ]);
        check(&cast, "b@x.example", "learner-0002@example.com");
        check(&cast, "boss", "learner-0003");
    }

    #[test]
    fn a_link_keeps_the_names_in_its_query() {
        let mut cast = Cast::default();
        cast.note(
            Sensitivity::Link,
            "https://x.example/join/0123456789abcdef?token=a%20b-c&room=r1#top",
        );
        let link = "https://links.invalid/0001?token=token-0002&room=token-0003";
        check(&cast, "https://x.example/join/0123456789abcdef?token=a%20b-c&room=r1#top", link);
        check(&cast, "a b-c", "token-0002");
        check(&cast, "0123456789abcdef", "token-0001");
    }
}
