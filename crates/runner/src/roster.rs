//! Rosters: CSV files with a line per person.
//!
//! Headers are trimmed and compared without case, cells are trimmed; a byte order mark, CRLF, quotes and
//! semicolons or tabs instead of commas are understood, and so is the line `sep=;` that Excel puts first.
//! Everything that is wrong with a roster is told by its line, before the first request: also a quote that is
//! never closed, which would swallow the lines after it. Lines without anything in a cell are passed over. A
//! roster is streamed, never held whole.
//!
//! ```
//! use drillmaster_runner::roster::Roster;
//!
//! let file = tempfile::NamedTempFile::new().unwrap();
//! std::fs::write(file.path(), "E-Mail,Name\nada@example.com, Ada \n").unwrap();
//! let roster = Roster::open(file.path(), None).unwrap();
//! let row = roster.rows().unwrap().next().unwrap().unwrap();
//! assert_eq!((row.key(), row.get("NAME")), ("ada@example.com", Some("Ada")));
//! ```

mod keys;
mod layout;
mod lines;
mod records;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use csv::StringRecord;
use drillmaster_models::nearest;

use self::keys::Keys;
use self::layout::Layout;
use self::records::Records;
use crate::diagnostic::Diagnostic;
use crate::fs::is_out_of_handles;
use drillmaster_transport::files;
use drillmaster_transport::redact;

/// A roster that was looked through and found in order.
#[derive(Debug, Clone)]
pub struct Roster {
    path: PathBuf,
    columns: Arc<Columns>,
    layout: Layout,
    rows: usize,
    hash: String,
    odd: Vec<u64>,
}

/// The columns of a roster.
#[derive(Debug)]
pub struct Columns {
    names: Vec<String>,
    key: usize,
}

/// A line of a roster.
#[derive(Debug, Clone)]
pub struct Row {
    columns: Arc<Columns>,
    cells: StringRecord,
    line: u64,
}

impl Roster {
    /// Looks a roster through. The key is the first column, or the one of this name.
    pub fn open(path: &Path, key: Option<&str>) -> Result<Self, Diagnostic> {
        let layout = Layout::of(path)?;
        let mut records = Records::open(path, layout)?;
        let columns = Arc::new(Columns::new(path, layout, records.header()?, key)?);
        let (mut odd, width) = (Vec::new(), columns.names.len());
        let mut keys = Keys::new();
        let mut rows = 0;
        let mut row = Row { columns, cells: StringRecord::new(), line: 0 };
        while let Some(line) = records.read(&mut row.cells)? {
            if row.key().contains(['\r', '\n']) {
                let (name, place) = (row.columns.key(), path.display());
                let problem = format!("{place} line {line}: `{name}` goes over several lines");
                return Err(Diagnostic::usage(problem).with_help("is a quote missing?"));
            }
            if row.cells().any(|cell| holds_a_row(cell, layout.delimiter, width)) {
                odd.push(line);
            }
            if row.key().is_empty() {
                let name = row.columns.key();
                let problem = format!("{} line {line}: `{name}` is empty", path.display());
                return Err(
                    Diagnostic::usage(problem).with_help("every row needs a key of its own")
                );
            }
            keys.add(row.key()).map_err(|error| unsorted(path, &error))?;
            rows += 1;
        }
        let columns = row.columns;
        let hash = hash_of(path)?;
        let roster = Self { path: path.to_owned(), columns, layout, rows, hash, odd };
        let doubled = keys.doubled().map_err(|error| unsorted(path, &error))?;
        roster.refuse_doubled(&doubled)?;
        Ok(roster)
    }

    /// Refuses a key that is there twice, of those that have one of these hashes.
    fn refuse_doubled(&self, hashes: &HashSet<u64>) -> Result<(), Diagnostic> {
        if hashes.is_empty() {
            return Ok(());
        }
        let mut lines = HashMap::new();
        for row in self.rows()? {
            let row = row?;
            let (key, line) = (row.key(), row.line);
            if !hashes.contains(&keys::hash(key)) {
                continue;
            }
            if let Some(first) = lines.insert(key.to_lowercase(), line) {
                let path = self.path.display();
                let problem = format!("{path} line {line}: `{key}` is on line {first} already");
                return Err(Diagnostic::usage(problem)
                    .with_help("remove one of the two, or name another column with --key"));
            }
        }
        Ok(())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The columns.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The line that names the columns.
    pub fn header_line(&self) -> u64 {
        self.layout.header
    }

    /// All rows at once, for a cassette that keeps their people out.
    pub fn people(&self) -> Result<redact::Rows, Diagnostic> {
        let cells = |row: Row| row.cells().map(str::to_owned).collect();
        let cells = self.rows()?.map(|row| row.map(cells)).collect::<Result<_, _>>()?;
        Ok(redact::Rows { columns: self.columns.names().to_vec(), cells })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The lines of rows in which a cell has a line that looks like a row of its own: two quotes too many
    /// would swallow one so.
    pub fn odd_lines(&self) -> &[u64] {
        &self.odd
    }

    /// The hash of the file's bytes, as 64 hex digits.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Reads the rows, one after the other.
    pub fn rows(
        &self,
    ) -> Result<impl Iterator<Item = Result<Row, Diagnostic>> + use<>, Diagnostic> {
        let columns = self.columns.clone();
        let mut records = Records::open(&self.path, self.layout)?;
        // A copy is made in one go; a new record would grow bit by bit.
        let mut cells = StringRecord::new();
        let mut next = move || {
            let line = records.read(&mut cells)?;
            Ok(line.map(|line| Row { columns: columns.clone(), cells: cells.clone(), line }))
        };
        Ok(std::iter::from_fn(move || next().transpose()))
    }
}

impl Columns {
    fn new(
        path: &Path,
        layout: Layout,
        names: Vec<String>,
        key: Option<&str>,
    ) -> Result<Self, Diagnostic> {
        let place = format!("{} line {}", path.display(), layout.header);
        let refuse = |problem: String| Diagnostic::usage(format!("{place}: {problem}"));
        if names.iter().all(String::is_empty) {
            return Err(refuse("there is no header".to_owned())
                .with_help("the first line names the columns, such as: email,name"));
        }
        for (index, name) in names.iter().enumerate() {
            // Spreadsheets leave columns behind that nobody named.
            if name.is_empty() {
                continue;
            }
            if let Some(earlier) = names[..index].iter().find(|earlier| same(earlier, name)) {
                let help = if earlier == name {
                    "rename or remove one of the two".to_owned()
                } else {
                    format!(
                        "`{earlier}` and `{name}` are one name, as case does not matter: rename one"
                    )
                };
                return Err(refuse(format!("the column `{name}` is there twice")).with_help(help));
            }
        }
        let key_column = names.iter().position(|name| !name.is_empty()).unwrap_or_default();
        let mut columns = Self { names, key: key_column };
        if let Some(name) = key {
            columns.key = columns.find(name).ok_or_else(|| {
                refuse(format!("there is no key column `{name}`")).with_help(columns.suggest(name))
            })?;
        }
        Ok(columns)
    }

    /// The names, as the file spells them.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The name of the column that tells rows apart.
    pub fn key(&self) -> &str {
        &self.names[self.key]
    }

    /// The index of a column, by its name in any case.
    pub fn find(&self, name: &str) -> Option<usize> {
        if name.trim().is_empty() {
            return None;
        }
        self.names.iter().position(|own| same(own, name))
    }

    /// What was probably meant by a name that is none of them.
    pub fn suggest(&self, name: &str) -> String {
        match nearest(name, self.names.iter().map(String::as_str)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => {
                let names = self.names.iter().filter(|name| !name.is_empty());
                let names: Vec<_> = names.map(String::as_str).collect();
                match names.as_slice() {
                    [only] => format!("its only column is {only}"),
                    names => format!("its columns are {}", names.join(", ")),
                }
            }
        }
    }
}

impl Row {
    /// The cell that tells this row from the others.
    pub fn key(&self) -> &str {
        self.cells.get(self.columns.key).unwrap_or_default().trim()
    }

    /// A cell by its column's name, in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.cells.get(self.columns.find(name)?).map(str::trim)
    }

    /// A row that was kept elsewhere.
    pub(crate) fn of(columns: Arc<Columns>, cells: Vec<impl AsRef<str>>, line: u64) -> Self {
        Self { columns, cells: cells.into(), line }
    }

    /// The columns of its roster.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    pub(crate) fn shared_columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// The cells, in the order of the columns.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().map(str::trim)
    }

    /// The line in the file on which it begins.
    pub fn line(&self) -> u64 {
        self.line
    }
}

/// Whether a cell of several lines has one that would make a row: as many cells as there are columns.
fn holds_a_row(cell: &str, delimiter: u8, width: usize) -> bool {
    let is_row = |line: &str| {
        let gaps = line.bytes().filter(|byte| *byte == delimiter).count();
        gaps > 0 && gaps + 1 == width
    };
    cell.contains('\n') && cell.lines().skip(1).any(is_row)
}

fn same(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

fn open(path: &Path) -> Result<File, Diagnostic> {
    files::open(path).map_err(|error| match unread(path, &error) {
        problem if problem.help.is_some() => problem,
        problem => problem.with_help("name a CSV file with --roster"),
    })
}

fn unread(path: &Path, error: &std::io::Error) -> Diagnostic {
    let problem = format!("cannot read the roster {}: {error}", path.display());
    if is_out_of_handles(error) {
        Diagnostic::unwritten(problem)
    } else {
        Diagnostic::usage(problem)
    }
}

fn hash_of(path: &Path) -> Result<String, Diagnostic> {
    let mut hasher = blake3::Hasher::new();
    let read = std::io::copy(&mut open(path)?, &mut hasher);
    read.map_err(|error| Diagnostic::usage(format!("cannot read {}: {error}", path.display())))?;
    Ok(hasher.finalize().to_hex().to_string())
}

fn unsorted(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::usage(format!("cannot compare the keys of {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str) -> Result<Roster, Diagnostic> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let roster = Roster::open(file.path(), None)?;
        let first = roster.rows()?.next().unwrap()?;
        assert_eq!((first.get("email"), first.get("name")), (Some("ada@example.com"), Some("Ada")));
        assert_eq!(first.line(), roster.header_line() + 1);
        Ok(roster)
    }

    fn refusal(text: &str) -> String {
        let problem = open(text).unwrap_err().to_string();
        problem[problem.find(" line ").unwrap()..].to_owned()
    }

    #[test]
    fn the_separator_may_be_said_in_a_first_line() {
        for start in ["sep=;", "SEP=;", "\"sep=;\"", "\u{feff}sep=;"] {
            let roster = open(&format!("{start}\r\nemail;name\r\nada@example.com;Ada\r\n"));
            assert_eq!(roster.unwrap().columns().names(), ["email", "name"], "{start}");
        }
        open("sep=|\nemail|name\nada@example.com|Ada\n").unwrap();
        open("sep=\t\nemail\tname\nada@example.com\tAda\n").unwrap();
    }

    #[test]
    fn lines_are_counted_in_the_file_after_a_line_that_says_the_separator() {
        let told = refusal("sep=;\nemail;name\nada@example.com;Ada\n;Bob\n");
        assert!(told.starts_with(" line 4: `email` is empty"), "{told}");
        let told = refusal("sep=;\nemail;name\nada@example.com;Ada\nbob@example.com\n");
        assert!(told.starts_with(" line 4: the header has 2 cells and this line 1"), "{told}");
        assert!(refusal("sep=;\nemail;Email\n").starts_with(" line 2: the column `Email`"));
    }

    #[test]
    fn lines_are_counted_as_editors_count_them_whatever_they_end_with() {
        open("email,name\r\nada@example.com,Ada\r\n").unwrap();
        for end in ["\n", "\r\n"] {
            let lines = ["email,name", "ada@example.com,Ada", "bob@example.com,Bob", ",Eve", ""];
            assert!(refusal(&lines.join(end)).starts_with(" line 4: `email` is empty"), "{end:?}");
        }
    }

    #[test]
    fn what_spreadsheets_leave_empty_is_passed_over() {
        let text = "email,name\n\nada@example.com,Ada\n,\n\n , \nbob@example.com,Bob\n,\n";
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let roster = Roster::open(file.path(), None).unwrap();
        let rows = roster.rows().unwrap().map(Result::unwrap);
        let rows: Vec<_> = rows.map(|row| (row.key().to_owned(), row.line())).collect();
        assert_eq!(rows, [("ada@example.com".to_owned(), 3), ("bob@example.com".to_owned(), 7)]);
        assert_eq!(roster.len(), 2);
    }

    fn columns(text: &str) -> Vec<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Roster::open(file.path(), None).unwrap().columns().names().to_vec()
    }

    #[test]
    fn the_separator_is_the_one_that_the_rows_have() {
        assert_eq!(columns("email;Name, first\na@x.com;Byron, Ada\n"), ["email", "Name, first"]);
        assert_eq!(columns("email;a, b, c\na@x.com;A\n"), ["email", "a, b, c"]);
        assert_eq!(columns("email;\"a, b, c\"\na@x.com;A\n"), ["email", "a, b, c"]);
        assert_eq!(columns("email,role (a;b)\na@x.com,A\n"), ["email", "role (a;b)"]);
        assert_eq!(columns("email\tname\na@x.com\tByron, Ada\n"), ["email", "name"]);
        assert_eq!(columns("email\na@x.com\n"), ["email"]);
        assert_eq!(columns("email,name"), ["email", "name"]);
    }

    #[test]
    fn columns_and_cells_that_nobody_named_or_filled_are_passed_over() {
        let roster = open("email,name,,\nada@example.com,Ada,,\nbob@example.com,Bob,x,\n").unwrap();
        assert_eq!(roster.columns().find(""), None);
        open("email,name\nada@example.com,Ada,\n   \n,,,\n").unwrap();
        let told = refusal("email,name\nada@example.com,Ada,x\n");
        assert!(told.starts_with(" line 2: the header has 2 cells and this line 3"), "{told}");
    }

    #[test]
    fn a_row_within_a_cell_is_odd_and_lines_of_text_are_not() {
        let rows = "ada@example.com,Ada\nb@x.com,\"B\nc@x.com,C\"\nd@x.com,\"one\ntwo\"\n";
        assert_eq!(open(&format!("email,name\n{rows}")).unwrap().odd_lines(), [3]);
        let told = refusal("email,name\nada@example.com,Ada\n\"b@x.com\nc@x.com\",C\n");
        assert!(told.starts_with(" line 3: `email` goes over several lines"), "{told}");
    }

    #[test]
    fn a_quote_that_swallows_people_is_refused() {
        assert_eq!(
            refusal("email,name\nada@example.com,\"Ada\nbob@example.com,Bob\n"),
            " line 2: a quote is opened here and never closed \
             (a cell in quotes ends with one; a quote within it is written twice)"
        );
        let told = refusal("email,name\n\nada@example.com,\"Ada\nbob@example.com,\"Bob\"\n");
        assert!(
            told.starts_with(" line 3: a quote is opened here, and closed on line 4"),
            "{told}"
        );
    }

    #[test]
    fn columns_that_differ_by_case_alone_are_told_to_be_one() {
        assert_eq!(
            refusal("email,Email\na,b\n"),
            " line 1: the column `Email` is there twice \
             (`email` and `Email` are one name, as case does not matter: rename one)"
        );
    }
}
