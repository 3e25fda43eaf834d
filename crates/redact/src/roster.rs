//! Rosters: each row is a person, and its number is the person's number.

use std::collections::{HashMap, HashSet};

use drillmaster_models::Sensitivity;

use crate::detect;
use crate::names;
use crate::policy::{Policy, Scheme};
use crate::pseudonyms::{PseudonymTable, fold, has_pseudonym};

/// A roster: rows with a cell for each column.
///
/// ```
/// use drillmaster_redact::Rows;
/// let rows = Rows { columns: vec!["name".into()], cells: vec![vec!["Byron, Ada".into()]] };
/// assert_eq!(rows.to_csv(), "name\n\"Byron, Ada\"\n");
/// assert_eq!(Rows::from_csv("name\n\"Byron, Ada\"\n"), Some(rows));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows. A missing cell is empty.
    pub cells: Vec<Vec<String>>,
}

/// What a recording shows about the cells of a roster.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The values of private fields.
    pub(crate) private: HashMap<String, Sensitivity>,
    /// The values of harmless fields.
    pub(crate) harmless: HashSet<String>,
    /// The keys of rows.
    pub(crate) row_keys: HashSet<String>,
}

impl Seen {
    /// Whether a folded value is in a harmless field, and in no private one.
    pub(crate) fn is_harmless(&self, folded: &str) -> bool {
        self.harmless.contains(folded) && !self.private.contains_key(folded)
    }
}

impl Rows {
    /// The index of a column, by its name in any case.
    fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|own| fold(own) == fold(name))
    }

    /// The cells of a column that are not blank.
    fn cells(&self, column: usize) -> impl Iterator<Item = &str> {
        let cells = self.cells.iter().filter_map(move |row| row.get(column));
        cells.map(String::as_str).filter(|cell| !names::is_blank(cell))
    }

    /// The scheme that follows from the roster alone: from the names of its columns and from its cells. It keeps people
    /// out of a text that belongs to no recording.
    ///
    /// ```
    /// use drillmaster_redact::{Redactor, Rows};
    /// let columns = vec!["name".into(), "room".into()];
    /// let rows = Rows { columns, cells: vec![vec!["Ada".into(), "linux1".into()]] };
    /// let redactor = Redactor::new(&rows.scheme(), Some(&rows));
    /// assert_eq!(redactor.text("Ada is in linux1"), "Learner 0001 is in linux1");
    /// ```
    pub fn scheme(&self) -> Scheme {
        let columns = self.private(&Policy::default(), &Seen::default());
        Scheme { columns, rows: Some(self.cells.len()), ..Scheme::default() }
    }

    /// Adds the people of these columns. Each row is the next person.
    pub(crate) fn add_people(&self, columns: &[(String, Sensitivity)], table: &mut PseudonymTable) {
        let columns = columns.iter();
        let columns: Vec<_> = columns
            .filter_map(|(name, sensitivity)| Some((self.column(name)?, *sensitivity)))
            .collect();
        for row in &self.cells {
            let person = table.next_person();
            for (column, sensitivity) in &columns {
                let cell = row.get(*column).map(String::as_str).unwrap_or_default();
                match sensitivity {
                    // Another person's id counts as this person's, so that a roster of pseudonyms gives the same
                    // numbers.
                    Sensitivity::Other => table.add_of(person, Sensitivity::Id, cell),
                    own if own.is_of_a_person() => table.add_of(person, *own, cell),
                    own => table.add(*own, cell),
                }
            }
        }
    }

    /// The private columns.
    pub(crate) fn private(&self, policy: &Policy, seen: &Seen) -> Vec<(String, Sensitivity)> {
        let columns = self.columns.iter().enumerate();
        columns
            .filter_map(|(column, name)| {
                let found = self.sensitivity_of(column, name, seen);
                Some((name.clone(), found.max(policy.sensitivity_of(name))?))
            })
            .filter(|(_, own)| *own > Sensitivity::Address && *own != Sensitivity::Answer)
            .collect()
    }

    /// How sensitive a column is, by its name, its cells and the recording.
    fn sensitivity_of(&self, column: usize, name: &str, seen: &Seen) -> Option<Sensitivity> {
        let count = self.cells(column).count();
        let most = |test: &dyn Fn(&str) -> bool| {
            count > 0 && self.cells(column).filter(|cell| test(cell)).count() * 2 > count
        };
        if most(&detect::is_email) {
            return Some(Sensitivity::Email);
        }
        // In a roster of people, a name is a person's.
        let by_name = match names::normalized(name).as_str() {
            "name" => Some(Sensitivity::Name),
            "id" => Some(Sensitivity::Id),
            _ => names::sensitivity_of(name),
        };
        if by_name.is_some() || count == 0 {
            return by_name;
        }
        let different: HashSet<_> = self.cells(column).map(fold).collect();
        if different.len() * 5 < count * 4 {
            return None;
        }
        let seen_as = self.cells(column).find_map(|cell| seen.private.get(&fold(cell)).copied());
        let is_harmless = || different.iter().any(|cell| seen.harmless.contains(cell));
        let has_row_keys = || different.iter().any(|cell| seen.row_keys.contains(cell));
        match seen_as {
            Some(sensitivity) => Some(sensitivity),
            None if is_harmless() => None,
            None if has_row_keys() => Some(Sensitivity::Id),
            None => most(&looks_like_a_name).then_some(Sensitivity::Name),
        }
    }

    /// The cells of all other columns. A row's key among them is not a person's.
    pub(crate) fn others(&self, private: &[(String, Sensitivity)]) -> HashSet<String> {
        let is_private = |name: &String| private.iter().any(|(own, _)| own == name);
        let others = self.columns.iter().enumerate().filter(|(_, name)| !is_private(name));
        others.flat_map(|(place, _)| self.cells(place)).map(fold).collect()
    }

    /// The first row, from 0, that differs from its row in the roster of pseudonyms, with the column that shows it. Of a
    /// cell with a pseudonym, it can only compare whether it is blank.
    pub fn first_difference(&self, made_up: &Self) -> Option<(usize, &str)> {
        let columns: Vec<_> = (self.columns.iter().enumerate())
            .filter_map(|(place, name)| Some((place, name, made_up.column(name)?)))
            .collect();
        let cell = |row: &[String], place: usize| row.get(place).cloned().unwrap_or_default();
        let rows = self.cells.iter().zip(&made_up.cells).enumerate();
        rows.flat_map(|(index, (own, made))| {
            columns.iter().map(move |column| (index, own, made, column))
        })
        .find(|(_, own, made, (place, _, its))| {
            let (own, made) = (cell(own, *place), cell(made, *its));
            if has_pseudonym(&made) { names::is_blank(&own) } else { own != made }
        })
        .map(|(index, _, _, (_, name, _))| (index, name.as_str()))
    }

    /// Reads a roster from CSV. `None` if it is not CSV.
    pub fn from_csv(text: &str) -> Option<Self> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let texts = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
        let columns = texts(reader.headers().ok()?);
        let cells = reader.records().map(|record| record.as_ref().map(texts).ok());
        Some(Self { columns, cells: cells.collect::<Option<_>>()? })
    }

    /// The roster as CSV.
    pub fn to_csv(&self) -> String {
        let mut out = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        for row in std::iter::once(&self.columns).chain(&self.cells) {
            // Writing to memory cannot fail.
            let _ = out.write_record(row);
        }
        String::from_utf8(out.into_inner().unwrap_or_default()).unwrap_or_default()
    }
}

/// Whether a text is two to four capitalized words.
fn looks_like_a_name(text: &str) -> bool {
    let words: Vec<_> = text.split_whitespace().collect();
    let is_name = |word: &&str| {
        word.starts_with(char::is_uppercase)
            && word.chars().all(|c| c.is_alphabetic() || "'’-.".contains(c))
    };
    (2..=4).contains(&words.len()) && words.iter().all(is_name)
}
