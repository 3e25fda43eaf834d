//! Rosters: CSV files with one line per person.
//!
//! Column names are trimmed and compared without case, and cells are trimmed. A byte order mark, CRLF, quotes,
//! semicolons or tabs instead of commas, and Excel's first line `sep=;` are understood; empty lines are skipped.
//! Every error in a roster is reported with its line before the first request, including a quote that is never
//! closed and would swallow the lines after it.
//!
//! A file is read once. Validation, the hash and all rows use a copy of its bytes, so a file that changes while a script
//! runs is never mixed with its earlier version. A roster is never held in memory as a whole.
//!
//! ```
//! use drillmaster_runner::roster::Roster;
//!
//! let file = tempfile::NamedTempFile::new().unwrap();
//! std::fs::write(file.path(), "E-Mail,Name\nada@example.com, Ada \n").unwrap();
//! let roster = Roster::open(file.path(), None).unwrap();
//! std::fs::write(file.path(), "something else").unwrap();
//! let row = roster.rows().unwrap().next().unwrap().unwrap();
//! assert_eq!((row.key(), row.get("NAME")), ("ada@example.com", Some("Ada")));
//! assert!(roster.has_changed());
//! ```

mod contents;
mod layout;
mod lines;
mod records;

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use csv::StringRecord;
use drillmaster_models::nearest;
use drillmaster_transport::redact;

use self::contents::{Contents, CopyError};
use self::layout::Layout;
use self::records::Records;
use crate::diagnostic::Diagnostic;
use crate::fs::is_out_of_handles;

/// A validated roster.
#[derive(Debug, Clone)]
pub struct Roster {
    path: PathBuf,
    contents: Contents,
    columns: Arc<Columns>,
    layout: Layout,
    rows: usize,
    hash: blake3::Hash,
    suspicious: Vec<u64>,
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
    /// Reads and validates a roster. The key is the named column, or else the first one.
    pub fn open(path: &Path, key: Option<&str>) -> Result<Self, Diagnostic> {
        let (contents, hash) = Contents::read(path).map_err(|error| uncopied(path, &error))?;
        let layout = Layout::detect(contents.reader()).map_err(|error| unreadable(path, &error))?;
        let mut records = Records::new(path, &contents, layout)?;
        let columns = Arc::new(Columns::new(path, layout, records.header()?, key)?);
        let (mut suspicious, width) = (Vec::new(), columns.names.len());
        // 8 bytes per row: 1,000,000 keys take 8 MB, and a hash set would take 19.
        let mut hashes = Vec::new();
        let mut row = Row { columns, cells: StringRecord::new(), line: 0 };
        while let Some(line) = records.read(&mut row.cells)? {
            let name = row.columns.key();
            if row.key().contains(['\r', '\n']) {
                let problem = format!("{} line {line}: `{name}` has several lines", path.display());
                return Err(Diagnostic::usage(problem).with_help("check for a missing quote"));
            }
            if row.key().is_empty() {
                let problem = format!("{} line {line}: `{name}` is empty", path.display());
                return Err(Diagnostic::usage(problem).with_help(format!(
                    "each row needs its own `{name}`; use another column with --key COLUMN"
                )));
            }
            if row.cells().any(|cell| contains_row(cell, layout.delimiter, width)) {
                suspicious.push(line);
            }
            hashes.push(hash_of_key(row.key()));
        }
        let columns = row.columns;
        let (path, rows) = (path.to_owned(), hashes.len());
        let roster = Self { path, contents, columns, layout, rows, hash, suspicious };
        roster.refuse_duplicates(&repeated(hashes))?;
        Ok(roster)
    }

    /// Refuses a key that occurs twice, among those with one of these hashes.
    fn refuse_duplicates(&self, hashes: &HashSet<u64>) -> Result<(), Diagnostic> {
        if hashes.is_empty() {
            return Ok(());
        }
        let mut lines = HashMap::new();
        for row in self.rows()? {
            let row = row?;
            let (key, line) = (row.key(), row.line);
            if !hashes.contains(&hash_of_key(key)) {
                continue;
            }
            if let Some(first) = lines.insert(key.to_lowercase(), line) {
                let path = self.path.display();
                let problem = format!("{path} line {line}: `{key}` is already on line {first}");
                return Err(Diagnostic::usage(problem)
                    .with_help("remove one of the two, or use another column with --key COLUMN"));
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

    /// The line with the names of the columns.
    pub fn header_line(&self) -> u64 {
        self.layout.header
    }

    /// All rows at once, for a cassette without their personal data.
    pub fn people(&self) -> Result<redact::Rows, Diagnostic> {
        let cells = |row: Row| row.cells().map(str::to_owned).collect();
        let cells = self.rows()?.map(|row| row.map(cells)).collect::<Result<_, _>>()?;
        Ok(redact::Rows { columns: self.columns.names().to_vec(), cells })
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The lines of rows with a cell that contains what looks like another row: two wrong quotes have this effect.
    pub fn suspicious_lines(&self) -> &[u64] {
        &self.suspicious
    }

    /// The hash of the bytes that were read, as 64 hex digits.
    pub fn hash(&self) -> String {
        self.hash.to_hex().to_string()
    }

    /// Whether the file is no longer the one that was read: it was changed, or it is gone.
    pub fn has_changed(&self) -> bool {
        contents::hash_of(&self.path).map_or(true, |hash| hash != self.hash)
    }

    /// Reads the rows in order.
    pub fn rows(
        &self,
    ) -> Result<impl Iterator<Item = Result<Row, Diagnostic>> + use<>, Diagnostic> {
        let columns = self.columns.clone();
        let mut records = Records::new(&self.path, &self.contents, self.layout)?;
        // Cloning a filled record allocates once; filling a new one would grow it step by step.
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
                .with_help("the first line must name the columns, for example: email,name"));
        }
        for (index, name) in names.iter().enumerate() {
            // Spreadsheets add columns without a name.
            if name.is_empty() {
                continue;
            }
            if let Some(earlier) = names[..index].iter().find(|earlier| same(earlier, name)) {
                let help = if earlier == name {
                    "rename or remove one of the two".to_owned()
                } else {
                    format!(
                        "`{earlier}` and `{name}` are the same name, because case does not matter: rename one"
                    )
                };
                return Err(refuse(format!("the column `{name}` occurs twice")).with_help(help));
            }
        }
        let key_column = names.iter().position(|name| !name.is_empty()).unwrap_or_default();
        let mut columns = Self { names, key: key_column };
        if let Some(name) = key {
            columns.key = columns.find(name).ok_or_else(|| {
                refuse(format!("there is no column `{name}` to use as the key"))
                    .with_help(columns.suggest(name))
            })?;
        }
        Ok(columns)
    }

    /// The names, as the file spells them.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The name of the key column, which identifies rows.
    pub fn key(&self) -> &str {
        &self.names[self.key]
    }

    /// The index of the column with this name, in any case.
    pub fn find(&self, name: &str) -> Option<usize> {
        if name.trim().is_empty() {
            return None;
        }
        self.names.iter().position(|own| same(own, name))
    }

    /// A hint for a name that does not exist: the most similar column, or all of them.
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
    /// The cell in the key column.
    pub fn key(&self) -> &str {
        self.cells.get(self.columns.key).unwrap_or_default().trim()
    }

    /// The cell in the column with this name, in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.cells.get(self.columns.find(name)?).map(str::trim)
    }

    /// A row that was stored elsewhere.
    pub(crate) fn new(columns: Arc<Columns>, cells: Vec<impl AsRef<str>>, line: u64) -> Self {
        Self { columns, cells: cells.into(), line }
    }

    /// The columns of the roster.
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

    /// The line of the file on which the row starts.
    pub fn line(&self) -> u64 {
        self.line
    }
}

/// Whether a line within a cell looks like a row: it has as many cells as there are columns.
fn contains_row(cell: &str, delimiter: u8, width: usize) -> bool {
    let is_row = |line: &str| {
        let separators = line.bytes().filter(|byte| *byte == delimiter).count();
        separators > 0 && separators + 1 == width
    };
    cell.contains('\n') && cell.lines().skip(1).any(is_row)
}

fn same(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

/// The hash of a key. Keys that differ only in case have the same one.
fn hash_of_key(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.to_lowercase().hash(&mut hasher);
    hasher.finish()
}

/// The hashes that occur more than once.
fn repeated(mut hashes: Vec<u64>) -> HashSet<u64> {
    hashes.sort_unstable();
    hashes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect()
}

fn uncopied(path: &Path, error: &CopyError) -> Diagnostic {
    let place = path.display();
    match error {
        CopyError::Read(error) => match unreadable(path, error) {
            problem if problem.help.is_some() => problem,
            problem => problem.with_help("name a CSV file with --roster"),
        },
        CopyError::Changed => {
            Diagnostic::usage(format!("the roster {place} changed while it was read"))
                .with_help("run it again when no other program writes to the file")
        }
        CopyError::Write(error) => Diagnostic::unwritten(format!(
            "cannot copy the roster {place} to a temporary file: {error}"
        )),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    let problem = format!("cannot read the roster {}: {error}", path.display());
    if is_out_of_handles(error) {
        Diagnostic::unwritten(problem)
    } else {
        Diagnostic::usage(problem)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

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
        let error = open(text).unwrap_err().to_string();
        error[error.find(" line ").unwrap()..].to_owned()
    }

    #[test]
    fn the_first_line_may_declare_the_separator() {
        for start in ["sep=;", "SEP=;", "\"sep=;\"", "\u{feff}sep=;"] {
            let roster = open(&format!("{start}\r\nemail;name\r\nada@example.com;Ada\r\n"));
            assert_eq!(roster.unwrap().columns().names(), ["email", "name"], "{start}");
        }
        open("sep=|\nemail|name\nada@example.com|Ada\n").unwrap();
        open("sep=\t\nemail\tname\nada@example.com\tAda\n").unwrap();
    }

    #[test]
    fn a_line_that_declares_the_separator_counts_as_a_line() {
        let error = refusal("sep=;\nemail;name\nada@example.com;Ada\n;Bob\n");
        assert!(error.starts_with(" line 4: `email` is empty"), "{error}");
        let error = refusal("sep=;\nemail;name\nada@example.com;Ada\nbob@example.com\n");
        assert!(
            error.starts_with(" line 4: the header has 2 cells, but this line has 1"),
            "{error}"
        );
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
    fn empty_lines_are_skipped() {
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
    fn the_separator_is_the_one_that_fits_the_rows() {
        assert_eq!(columns("email;Name, first\na@x.com;Byron, Ada\n"), ["email", "Name, first"]);
        assert_eq!(columns("email;a, b, c\na@x.com;A\n"), ["email", "a, b, c"]);
        assert_eq!(columns("email;\"a, b, c\"\na@x.com;A\n"), ["email", "a, b, c"]);
        assert_eq!(columns("email,role (a;b)\na@x.com,A\n"), ["email", "role (a;b)"]);
        assert_eq!(columns("email\tname\na@x.com\tByron, Ada\n"), ["email", "name"]);
        assert_eq!(columns("email\na@x.com\n"), ["email"]);
        assert_eq!(columns("email,name"), ["email", "name"]);
    }

    #[test]
    fn unnamed_columns_and_extra_empty_cells_are_skipped() {
        let roster = open("email,name,,\nada@example.com,Ada,,\nbob@example.com,Bob,x,\n").unwrap();
        assert_eq!(roster.columns().find(""), None);
        open("email,name\nada@example.com,Ada,\n   \n,,,\n").unwrap();
        let error = refusal("email,name\nada@example.com,Ada,x\n");
        assert!(
            error.starts_with(" line 2: the header has 2 cells, but this line has 3"),
            "{error}"
        );
    }

    #[test]
    fn a_row_within_a_cell_is_suspicious_and_lines_of_text_are_not() {
        let rows = "ada@example.com,Ada\nb@x.com,\"B\nc@x.com,C\"\nd@x.com,\"one\ntwo\"\n";
        assert_eq!(open(&format!("email,name\n{rows}")).unwrap().suspicious_lines(), [3]);
        let error = refusal("email,name\nada@example.com,Ada\n\"b@x.com\nc@x.com\",C\n");
        assert!(error.starts_with(" line 3: `email` has several lines"), "{error}");
    }

    #[test]
    fn a_quote_that_swallows_rows_is_refused() {
        assert_eq!(
            refusal("email,name\nada@example.com,\"Ada\nbob@example.com,Bob\n"),
            " line 2: a quote is opened here and never closed \
             (a cell that starts with a quote ends with one; write a quote within it twice)"
        );
        let error = refusal("email,name\n\nada@example.com,\"Ada\nbob@example.com,\"Bob\"\n");
        assert!(
            error.starts_with(" line 3: a quote is opened here and closed on line 4"),
            "{error}"
        );
    }

    #[test]
    fn columns_that_differ_only_in_case_are_refused() {
        assert_eq!(
            refusal("email,Email\na,b\n"),
            " line 1: the column `Email` occurs twice \
             (`email` and `Email` are the same name, because case does not matter: rename one)"
        );
    }

    #[test]
    fn a_key_that_occurs_twice_is_found_among_many() {
        let mut text = "email\n".to_owned();
        for number in 0..20_000 {
            let _ = writeln!(text, "learner-{number}@example.com");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &text).unwrap();
        assert_eq!(Roster::open(file.path(), None).unwrap().len(), 20_000);
        text.push_str("LEARNER-7@example.com\n");
        std::fs::write(file.path(), &text).unwrap();
        let error = Roster::open(file.path(), None).unwrap_err().message;
        assert!(
            error.contains("line 20002: `LEARNER-7@example.com` is already on line 9"),
            "{error}"
        );
    }

    #[test]
    fn rows_and_hash_are_those_of_the_bytes_that_were_read() {
        // More than a reader's buffer, in memory and on disk.
        let filler = "x".repeat(1_000);
        for many in [100, 5_000] {
            let roster_of = |domain: &str| {
                (0..many).fold("email,filler\n".to_owned(), |mut text, number| {
                    let _ = writeln!(text, "learner-{number}@{domain},{filler}");
                    text
                })
            };
            let (old, new) = (roster_of("old.example"), roster_of("new.example"));
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &old).unwrap();
            let roster = Roster::open(file.path(), None).unwrap();
            assert!(!roster.has_changed());
            let mut rows = roster.rows().unwrap();
            let is_old = |row: Row| row.key().ends_with("@old.example");
            assert!(rows.by_ref().take(9).all(|row| is_old(row.unwrap())));
            std::fs::write(file.path(), &new).unwrap();
            assert!(rows.all(|row| is_old(row.unwrap())));
            assert!(roster.rows().unwrap().all(|row| is_old(row.unwrap())));
            assert_eq!(roster.hash(), blake3::hash(old.as_bytes()).to_hex().as_str());
            assert!(roster.has_changed());
            std::fs::write(file.path(), &old).unwrap();
            assert!(!roster.has_changed());
            std::fs::remove_file(file.path()).unwrap();
            assert!(roster.has_changed());
        }
    }
}
