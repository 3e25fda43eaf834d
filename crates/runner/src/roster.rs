//! Rosters: CSV files with a line per person.
//!
//! Headers are trimmed and compared without case, cells are trimmed; a byte order mark, CRLF, quotes and
//! semicolons or tabs instead of commas are understood. Everything that is wrong with a roster is told by its
//! line, before the first request. A roster is streamed, never held whole.
//!
//! ```
//! use drillmaster::roster::Roster;
//!
//! let file = tempfile::NamedTempFile::new().unwrap();
//! std::fs::write(file.path(), "E-Mail,Name\nada@example.com, Ada \n").unwrap();
//! let roster = Roster::open(file.path(), None).unwrap();
//! let row = roster.rows().unwrap().next().unwrap().unwrap();
//! assert_eq!((row.key(), row.get("NAME")), ("ada@example.com", Some("Ada")));
//! ```

use std::collections::HashMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use csv::{ReaderBuilder, StringRecord, Trim};
use drillmaster_models::nearest;

use crate::problem::Problem;

/// A roster that was looked through and found in order.
#[derive(Debug, Clone)]
pub struct Roster {
    path: PathBuf,
    columns: Arc<Columns>,
    delimiter: u8,
    rows: usize,
    hash: String,
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
    pub fn open(path: &Path, key: Option<&str>) -> Result<Self, Problem> {
        let delimiter = delimiter_of(path)?;
        let mut reader = reader(path, delimiter)?;
        let header = reader.headers().map_err(|error| unreadable(path, &error))?.clone();
        let names: Vec<String> = header.iter().map(str::to_owned).collect();
        let columns = Arc::new(Columns::new(path, names, key)?);
        let mut lines: HashMap<u64, u64> = HashMap::new();
        let mut rows = 0;
        for record in reader.into_records() {
            let cells = record.map_err(|error| unreadable(path, &error))?;
            let row = Row::new(&columns, cells);
            let (name, line) = (&columns.names[columns.key], row.line);
            if row.key().is_empty() {
                let problem = format!("{} line {line}: `{name}` is empty", path.display());
                return Err(Problem::usage(problem).with_help("every row needs a key of its own"));
            }
            let mut hasher = DefaultHasher::new();
            row.key().to_lowercase().hash(&mut hasher);
            if let Some(first) = lines.insert(hasher.finish(), line) {
                let key = row.key();
                let problem =
                    format!("{} line {line}: `{key}` is on line {first} already", path.display());
                return Err(Problem::usage(problem)
                    .with_help("remove one of the two, or name another column with --key"));
            }
            rows += 1;
        }
        let hash = hash_of(path)?;
        Ok(Self { path: path.to_owned(), columns, delimiter, rows, hash })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The columns.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The hash of the file's bytes, as 64 hex digits.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Reads the rows, one after the other.
    pub fn rows(&self) -> Result<impl Iterator<Item = Result<Row, Problem>> + use<>, Problem> {
        let reader = reader(&self.path, self.delimiter)?;
        let (path, columns) = (self.path.clone(), self.columns.clone());
        Ok(reader.into_records().map(move |record| {
            let cells = record.map_err(|error| unreadable(&path, &error))?;
            Ok(Row::new(&columns, cells))
        }))
    }
}

impl Columns {
    fn new(path: &Path, names: Vec<String>, key: Option<&str>) -> Result<Self, Problem> {
        let refuse =
            |problem: String| Problem::usage(format!("{} line 1: {problem}", path.display()));
        if names.iter().all(String::is_empty) {
            return Err(refuse("there is no header".to_owned())
                .with_help("the first line names the columns, such as: email,name"));
        }
        for (index, name) in names.iter().enumerate() {
            if names[..index].iter().any(|earlier| same(earlier, name)) {
                return Err(refuse(format!("the column `{name}` is there twice")));
            }
        }
        let mut columns = Self { names, key: 0 };
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
        self.names.iter().position(|own| same(own, name))
    }

    /// What was probably meant by a name that is none of them.
    pub fn suggest(&self, name: &str) -> String {
        match nearest(name, self.names.iter().map(String::as_str)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("its columns are {}", self.names.join(", ")),
        }
    }
}

impl Row {
    fn new(columns: &Arc<Columns>, cells: StringRecord) -> Self {
        let line = cells.position().map_or(0, csv::Position::line);
        Self { columns: columns.clone(), cells, line }
    }

    /// The cell that tells this row from the others.
    pub fn key(&self) -> &str {
        self.cells.get(self.columns.key).unwrap_or_default()
    }

    /// A cell by its column's name, in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.cells.get(self.columns.find(name)?)
    }

    /// A row that was kept elsewhere.
    pub(crate) fn of(columns: Arc<Columns>, cells: Vec<String>, line: u64) -> Self {
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
        self.cells.iter()
    }

    /// The line in the file on which it begins.
    pub fn line(&self) -> u64 {
        self.line
    }
}

fn same(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

fn reader(path: &Path, delimiter: u8) -> Result<csv::Reader<BufReader<File>>, Problem> {
    let file = open(path)?;
    Ok(ReaderBuilder::new()
        .trim(Trim::All)
        .delimiter(delimiter)
        .from_reader(BufReader::with_capacity(1 << 16, file)))
}

fn open(path: &Path) -> Result<File, Problem> {
    File::open(path).map_err(|error| {
        let problem = format!("cannot read the roster {}: {error}", path.display());
        Problem::usage(problem).with_help("name a CSV file with --roster")
    })
}

/// The character that separates the cells of the first line: spreadsheets of half the world write semicolons.
fn delimiter_of(path: &Path) -> Result<u8, Problem> {
    let mut start = [0; 4096];
    let read = open(path)?.read(&mut start).map_err(|error| {
        Problem::usage(format!("cannot read the roster {}: {error}", path.display()))
    })?;
    let header = start[..read].split(|byte| *byte == b'\n').next().unwrap_or_default();
    let has = |delimiter: u8| header.contains(&delimiter);
    Ok(match () {
        () if has(b',') => b',',
        () if has(b';') => b';',
        () if has(b'\t') => b'\t',
        () => b',',
    })
}

fn hash_of(path: &Path) -> Result<String, Problem> {
    let mut hasher = blake3::Hasher::new();
    let read = std::io::copy(&mut open(path)?, &mut hasher);
    read.map_err(|error| Problem::usage(format!("cannot read {}: {error}", path.display())))?;
    Ok(hasher.finalize().to_hex().to_string())
}

fn unreadable(path: &Path, error: &csv::Error) -> Problem {
    let line = error.position().map(csv::Position::line);
    let problem = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the header has {expected_len} cells and this line {len}")
        }
        csv::ErrorKind::Utf8 { .. } => "the text is not UTF-8".to_owned(),
        _ => error.to_string(),
    };
    let help = match error.kind() {
        csv::ErrorKind::UnequalLengths { .. } => "is a quote missing, or a comma too many?",
        csv::ErrorKind::Utf8 { .. } => "save it as \"CSV UTF-8\"",
        _ => "is it a CSV file?",
    };
    let place = line.map_or(String::new(), |line| format!(" line {line}"));
    Problem::usage(format!("{}{place}: {problem}", path.display())).with_help(help)
}
