//! The fictitious people of the academy; the same seed gives the same people.

use std::collections::HashMap;

use fake::Fake;
use fake::faker::name::raw::{FirstName, LastName};
use fake::locales::{EN, FR_FR, IT_IT, NL_NL, PT_BR, TR_TR};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A person who may use either service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// The given name.
    pub(crate) first: String,
    /// The family name.
    pub(crate) last: String,
    /// The full name, at most 24 characters, the limit of Security Labs.
    pub(crate) name: String,
    /// A unique ASCII e-mail address at example.com.
    pub(crate) email: String,
    /// The unique user name at TryHackMe.
    pub(crate) username: String,
    /// The company's own unique id for the person.
    pub(crate) external_id: String,
}

/// The longest name that Security Labs accepts.
const LONGEST_NAME: usize = 24;

/// The first `count` people of a seed. A larger count adds people and changes none.
pub(crate) fn people(seed: u64, count: usize) -> Vec<Person> {
    let mut rng = rng(seed, "people");
    let mut namesakes = HashMap::new();
    let mut usernames = HashMap::new();
    (1..=count)
        .map(|number| {
            let (first, last) = name(&mut rng);
            let given = plain(first);
            let family = plain(last);
            let initial = family.get(..1).unwrap_or_default();
            let local = unique(&mut namesakes, format!("{given}.{family}"));
            Person {
                name: format!("{first} {last}"),
                email: format!("{local}@example.com"),
                username: unique(&mut usernames, format!("{given}{initial}")),
                external_id: format!("learner-{number:04}"),
                first: first.to_owned(),
                last: last.to_owned(),
            }
        })
        .collect()
}

/// A random number generator for one purpose. Because of the salt, an additional draw for one purpose does not
/// change the others.
pub(crate) fn rng(seed: u64, salt: &str) -> ChaCha8Rng {
    // FNV-1a, because the standard library's hash may change between releases.
    let hash = salt.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&hash.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// A given name and a family name from the same country.
fn name(rng: &mut ChaCha8Rng) -> (&'static str, &'static str) {
    macro_rules! of {
        ($locale:expr) => {
            (
                FirstName($locale).fake_with_rng::<&'static str, _>(rng),
                LastName($locale).fake_with_rng::<&'static str, _>(rng),
            )
        };
    }
    loop {
        let (first, last) = match rng.random_range(0..8) {
            0 => of!(FR_FR),
            1 => of!(IT_IT),
            2 => of!(NL_NL),
            3 => of!(PT_BR),
            4 => of!(TR_TR),
            _ => of!(EN),
        };
        if first.chars().count() + 1 + last.chars().count() <= LONGEST_NAME {
            return (first, last);
        }
    }
}

/// The name, with a number if it is taken.
fn unique(taken: &mut HashMap<String, u32>, name: String) -> String {
    let number = taken.entry(name.clone()).or_default();
    *number += 1;
    match number {
        1 => name,
        number => format!("{name}{number}"),
    }
}

/// The name in lower-case ASCII letters.
fn plain(name: &str) -> String {
    name.chars()
        .flat_map(char::to_lowercase)
        .filter_map(|letter| match letter {
            'a'..='z' => Some(letter),
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => Some('a'),
            'ç' | 'ć' | 'č' => Some('c'),
            'è' | 'é' | 'ê' | 'ë' => Some('e'),
            'ğ' => Some('g'),
            'ì' | 'í' | 'î' | 'ï' | 'ı' => Some('i'),
            'ñ' => Some('n'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' => Some('o'),
            'ş' | 'š' => Some('s'),
            'ù' | 'ú' | 'û' | 'ü' => Some('u'),
            'ý' | 'ÿ' => Some('y'),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_seed_gives_the_same_people_and_a_larger_count_only_adds_some() {
        assert_eq!(people(7, 40), people(7, 60)[..40]);
        assert_ne!(people(7, 40), people(8, 40));
    }

    #[test]
    fn nobody_shares_an_address_a_username_or_an_id() {
        let people = people(1, 5_000);
        let distinct =
            |of: fn(&Person) -> &str| people.iter().map(of).collect::<HashSet<_>>().len();
        assert_eq!(distinct(|person| &person.email), people.len());
        assert_eq!(distinct(|person| &person.username), people.len());
        assert_eq!(distinct(|person| &person.external_id), people.len());
    }

    #[test]
    fn addresses_are_ascii_and_names_fit_both_services() {
        for person in people(3, 2_000) {
            assert!(person.email.is_ascii() && !person.email.contains([' ', '\'']));
            assert!(!person.email.starts_with('.') && !person.email.contains(".@"));
            assert!(person.name.chars().count() <= LONGEST_NAME, "{}", person.name);
        }
    }
}
