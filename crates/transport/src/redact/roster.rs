//! A roster's part in it: its rows are people, and their numbers.

use std::collections::{HashMap, HashSet};

use drillmaster_models::Sensitivity;

use super::back::has_pseudonym;
use super::cast::{Cast, fold};
use super::{Policy, Redactor, Sealing, looks, names};

/// A roster: rows of cells, one for each column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, each with a cell for every column. A cell that is missing is empty.
    pub cells: Vec<Vec<String>>,
}

/// What a recording tells about the cells of a roster.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Values that stood where something private stands.
    pub(super) private: HashMap<String, Sensitivity>,
    /// Values that stood where nothing private stands.
    pub(super) harmless: HashSet<String>,
    /// The names of rows.
    pub(super) scopes: HashSet<String>,
}

impl Rows {
    /// The cells of a column, by its name in any case.
    fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|own| fold(own) == fold(name))
    }

    fn cells(&self, column: usize) -> impl Iterator<Item = &str> {
        let cells = self.cells.iter().filter_map(move |row| row.get(column));
        cells.map(String::as_str).filter(|cell| !names::is_none(cell))
    }

    /// What of a roster is private as far as it tells by itself, by the names of its columns and the looks of its
    /// cells: to keep people out of a text that no recording belongs to.
    ///
    /// ```
    /// use drillmaster_transport::redact::{Redactor, Rows};
    /// let text = |text: &str| text.to_owned();
    /// let rows = Rows { columns: vec![text("name"), text("room")], cells: vec![vec![text("Ada"), text("linux1")]] };
    /// let redactor = Redactor::of(&rows.sealing(), Some(&rows));
    /// assert_eq!(redactor.text("Ada is in linux1"), "Learner 0001 is in linux1");
    /// ```
    pub fn sealing(&self) -> Sealing {
        let columns = self.private(&Policy::default(), &Seen::default());
        Sealing { columns, rows: Some(self.cells.len()), ..Sealing::default() }
    }

    /// Takes in the people of these columns. Each row is the next person.
    pub(super) fn join(&self, columns: &[(String, Sensitivity)], cast: &mut Cast) {
        let places: Vec<_> =
            columns.iter().filter_map(|(name, holds)| Some((self.column(name)?, *holds))).collect();
        for row in &self.cells {
            let person = cast.next_person();
            let cell = |place: usize| row.get(place).cloned().unwrap_or_default();
            for (place, holds) in &places {
                if holds.is_of_a_person() {
                    // One by one and in their order, as a roster of pseudonyms gives them again.
                    let holds = if *holds == Sensitivity::Other { Sensitivity::Id } else { *holds };
                    cast.join(person, holds, &cell(*place));
                } else {
                    cast.note(*holds, &cell(*place));
                }
            }
        }
    }

    /// The columns that hold something private.
    pub(super) fn private(&self, policy: &Policy, seen: &Seen) -> Vec<(String, Sensitivity)> {
        let columns = self.columns.iter().enumerate();
        columns
            .filter_map(|(place, name)| {
                Some((name.clone(), self.holds(place, name, policy, seen)?))
            })
            .filter(|(_, holds)| *holds > Sensitivity::Address && *holds != Sensitivity::Answer)
            .collect()
    }

    /// What a column holds: as its name says, as its cells look, as the recording shows.
    /// Where the user said more, that is so.
    fn holds(&self, place: usize, name: &str, policy: &Policy, seen: &Seen) -> Option<Sensitivity> {
        self.looks(place, name, seen).max(policy.holds(name))
    }

    fn looks(&self, place: usize, name: &str, seen: &Seen) -> Option<Sensitivity> {
        let count = self.cells(place).count();
        let most = |test: &dyn Fn(&str) -> bool| {
            count > 0 && self.cells(place).filter(|cell| test(cell)).count() * 2 > count
        };
        if most(&looks::is_email) {
            return Some(Sensitivity::Email);
        }
        // In a roster of people, a name is a person's.
        let named = match names::plain(name).as_str() {
            "name" => Some(Sensitivity::Name),
            "id" => Some(Sensitivity::Id),
            _ => names::holds(name),
        };
        let different: HashSet<_> = self.cells(place).map(fold).collect();
        let tells_apart = different.len() * 5 >= count * 4;
        let found = || self.cells(place).find_map(|cell| seen.private.get(&fold(cell)).copied());
        let is_harmless = || self.cells(place).any(|cell| seen.harmless.contains(&fold(cell)));
        let is_scope = || self.cells(place).any(|cell| seen.scopes.contains(&fold(cell)));
        match named {
            Some(holds) => Some(holds),
            None if !tells_apart || count == 0 => None,
            None => found()
                .or_else(|| (!is_harmless() && is_scope()).then_some(Sensitivity::Id))
                .or_else(|| {
                    (!is_harmless() && most(&looks_like_a_name)).then_some(Sensitivity::Name)
                }),
        }
    }

    /// The cells of all other columns: row names among them are nobody's.
    pub(super) fn others(&self, private: &[(String, Sensitivity)]) -> HashSet<String> {
        let is_private = |name: &String| private.iter().any(|(own, _)| own == name);
        let others = self.columns.iter().enumerate().filter(|(_, name)| !is_private(name));
        others.flat_map(|(place, _)| self.cells(place)).map(fold).collect()
    }

    /// The roster with pseudonyms in the place of all that is private.
    pub(super) fn redacted(&self, private: &[(String, Sensitivity)], redactor: &Redactor) -> Self {
        let holds: Vec<_> = self
            .columns
            .iter()
            .map(|name| private.iter().find(|(own, _)| own == name).map(|(_, holds)| *holds))
            .collect();
        let cell = |(place, cell): (usize, &String)| {
            let holds = holds.get(place).copied().flatten();
            redactor.place(cell, holds).unwrap_or_else(|| cell.clone())
        };
        let row = |row: &Vec<String>| row.iter().enumerate().map(cell).collect();
        Self { columns: self.columns.clone(), cells: self.cells.iter().map(row).collect() }
    }

    /// The first row, from 0, that cannot be the one in its place in the roster of pseudonyms, and the column that
    /// shows it. What has a pseudonym shows nothing but that there is something.
    pub(crate) fn unlike(&self, made_up: &Self) -> Option<(usize, &str)> {
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
            if has_pseudonym(&made) { names::is_none(&own) } else { own != made }
        })
        .map(|(index, _, _, (_, name, _))| (index, name.as_str()))
    }

    /// A roster from CSV. `None` where it is none.
    pub(crate) fn of_csv(text: &str) -> Option<Self> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let texts = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
        let columns = texts(reader.headers().ok()?);
        let cells = reader.records().map(|record| record.as_ref().map(texts).ok());
        Some(Self { columns, cells: cells.collect::<Option<_>>()? })
    }

    /// The roster as CSV.
    ///
    /// ```
    /// use drillmaster_transport::redact::Rows;
    /// let text = |text: &str| text.to_owned();
    /// let rows = Rows { columns: vec![text("name")], cells: vec![vec![text("Byron, Ada")]] };
    /// assert_eq!(rows.to_csv(), "name\n\"Byron, Ada\"\n");
    /// ```
    pub fn to_csv(&self) -> String {
        let mut out = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        for row in std::iter::once(&self.columns).chain(&self.cells) {
            // Memory takes all that is written to it.
            let _ = out.write_record(row);
        }
        String::from_utf8(out.into_inner().unwrap_or_default()).unwrap_or_default()
    }
}

/// Two to four words, each with a capital.
fn looks_like_a_name(text: &str) -> bool {
    let words: Vec<_> = text.split_whitespace().collect();
    let is_name = |word: &&str| {
        word.starts_with(char::is_uppercase)
            && word.chars().all(|c| c.is_alphabetic() || "'’-.".contains(c))
    };
    (2..=4).contains(&words.len()) && words.iter().all(is_name)
}
