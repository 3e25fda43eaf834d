//! The result file: the roster's rows and columns with what became of each, written while the run goes.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::execution::store::Spool;
use crate::fs::folder_of;
use crate::outcome::Outcome;
use crate::output::table::whole;

/// A result file that grows row by row: CSV, or JSON lines where its name ends in `.jsonl`.
///
/// A column of the roster that has the name of a result column, as a result file used as a roster has, is
/// replaced. A row that brings a new column makes the file be written again, beside its place, and renamed.
pub(crate) struct Results {
    path: PathBuf,
    file: Option<File>,
    /// Whether a row in it is not as it was written.
    is_amended: bool,
    header: Vec<String>,
    /// The rows that were written, one spool for each `each` of the script.
    written: Vec<Spool>,
    /// A line was written in part, so that no other can come behind it.
    is_torn: bool,
}

impl Results {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            file: None,
            is_amended: false,
            header: Vec::new(),
            written: Vec::new(),
            is_torn: false,
        }
    }

    /// Tells that rows are kept in another spool from here on.
    pub(crate) fn turn_to(&mut self, spool: &Spool) {
        self.written.push(spool.clone());
    }

    /// Adds a row, which is in the latest spool already. After an error nothing is added any more.
    pub(crate) fn add(&mut self, outcome: &Outcome) -> io::Result<()> {
        if self.is_torn {
            return Ok(());
        }
        let added = self.put(outcome);
        self.is_torn = added.is_err();
        added
    }

    fn put(&mut self, outcome: &Outcome) -> io::Result<()> {
        let fields = outcome.fields();
        let known = fields.keys().all(|name| self.header.contains(name));
        let line = self.line(&fields)?;
        match &mut self.file {
            Some(file) if known || is_json(&self.path) => file.write_all(&line),
            _ => self.rewrite(),
        }
    }

    /// Tells that a row has changed that was written: the file is written again in the end.
    pub(crate) fn amended(&mut self) {
        self.is_amended = true;
    }

    /// Makes sure that the file is there and on disk, even where there was no row.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        if self.is_torn {
            return Ok(());
        }
        if self.file.is_none() || self.is_amended {
            self.rewrite()?;
        }
        self.file.as_ref().map_or(Ok(()), File::sync_all)
    }

    /// Writes all rows under the columns that they have by now.
    fn rewrite(&mut self) -> io::Result<()> {
        let mut header = Header::default();
        for outcome in self.rows() {
            header.take(&outcome?);
        }
        self.header = header.names();
        let file =
            tempfile::Builder::new().prefix(".results-").tempfile_in(folder_of(&self.path))?;
        let mut out = io::BufWriter::new(file);
        if !is_json(&self.path) {
            out.write_all(&csv_line(self.header.iter().map(String::as_str))?)?;
        }
        for outcome in self.rows() {
            out.write_all(&self.line(&outcome?.fields())?)?;
        }
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        self.file = Some(file.persist(&self.path).map_err(|error| error.error)?);
        Ok(())
    }

    fn rows(&self) -> impl Iterator<Item = io::Result<Outcome>> + use<> {
        self.written.clone().into_iter().flat_map(|spool| spool.iter())
    }

    fn line(&self, fields: &Map<String, Value>) -> io::Result<Vec<u8>> {
        if is_json(&self.path) {
            let mut line = serde_json::to_vec(fields)?;
            line.push(b'\n');
            return Ok(line);
        }
        let cells: Vec<String> =
            self.header.iter().map(|name| fields.get(name).map_or(String::new(), whole)).collect();
        csv_line(cells.iter().map(String::as_str))
    }
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jsonl")
}

fn csv_line<'a>(cells: impl Iterator<Item = &'a str>) -> io::Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(cells)?;
    csv.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

/// The columns in their order: the roster's, what became of the row, what it returned.
#[derive(Default)]
struct Header {
    roster: Vec<String>,
    returned: Vec<String>,
}

impl Header {
    fn take(&mut self, outcome: &Outcome) {
        for name in outcome.fields().keys() {
            let names = match name.as_str() {
                "state" | "detail" => continue,
                name if outcome.returned.contains_key(name) => &mut self.returned,
                _ => &mut self.roster,
            };
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }

    fn names(mut self) -> Vec<String> {
        if self.roster.is_empty() {
            self.roster.push("key".to_owned());
        }
        // A row that was refused has the roster's own cell where others returned something.
        self.roster.retain(|name| !self.returned.contains(name));
        let told = ["state", "detail"].map(str::to_owned);
        self.roster.into_iter().chain(told).chain(self.returned).collect()
    }
}
