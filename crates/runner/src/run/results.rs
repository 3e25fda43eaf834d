//! The result file: the roster's rows and columns with the outcome of each row, written during the run.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use drillmaster_journal::crash_point::crash_point;
use serde_json::{Map, Value};

use crate::execution::row_sink::{FinishedRow, Revision, RowSink, WriteError};
use crate::execution::store::RowStore;
use crate::fs::folder_of;
use crate::outcome::Outcome;
use crate::output::table::whole;

/// A result file that grows row by row: CSV, or JSON lines if its name ends in `.jsonl`.
///
/// A column of the roster with the name of a result is replaced, for a result file may serve as a roster. A row with a new
/// column makes the file be written again: under a temporary name, and then renamed.
pub(super) struct Results(Mutex<ResultFile>);

struct ResultFile {
    path: PathBuf,
    file: Option<File>,
    /// Whether a row in it has changed since it was written.
    is_amended: bool,
    header: Vec<String>,
    /// The rows so far: one store for each `each` of the script.
    rows: Vec<RowStore>,
    /// Whether a line was written in part. No other can follow it.
    is_torn: bool,
}

impl Results {
    pub(super) fn new(path: &Path) -> Self {
        Self(Mutex::new(ResultFile {
            path: path.to_owned(),
            file: None,
            is_amended: false,
            header: Vec::new(),
            rows: Vec::new(),
            is_torn: false,
        }))
    }

    /// Makes sure that the file exists and is on disk, even if there was no row.
    pub(super) fn finish(&self) -> Result<(), WriteError> {
        self.file().finish().map_err(cannot_write)
    }

    fn file(&self) -> MutexGuard<'_, ResultFile> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RowSink for Results {
    fn begin(&self, rows: &RowStore, _: usize) -> Result<(), WriteError> {
        self.file().rows.push(rows.clone());
        Ok(())
    }

    fn finished(&self, row: &FinishedRow<'_>) -> Result<(), WriteError> {
        let written = match row.revision {
            Revision::First => self.file().add(row.outcome),
            Revision::Unchanged => Ok(()),
            // The file is written again at the end.
            Revision::Replaced => {
                self.file().is_amended = true;
                Ok(())
            }
        };
        crash_point("result");
        written.map_err(cannot_write)
    }

    fn in_doubt(&self, row: &FinishedRow<'_>) -> Result<(), WriteError> {
        self.finished(row)
    }
}

fn cannot_write(source: io::Error) -> WriteError {
    WriteError { what: "the results cannot be written", source }
}

impl ResultFile {
    /// Adds a row. After an error no other row is added.
    fn add(&mut self, outcome: &Outcome) -> io::Result<()> {
        if self.is_torn {
            return Ok(());
        }
        let added = self.append(outcome);
        self.is_torn = added.is_err();
        added
    }

    fn append(&mut self, outcome: &Outcome) -> io::Result<()> {
        let fields = outcome.fields();
        let known = fields.keys().all(|name| self.header.contains(name));
        let line = self.line(&fields)?;
        match &mut self.file {
            Some(file) if known || is_json(&self.path) => file.write_all(&line),
            _ => self.rewrite(),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.is_torn {
            return Ok(());
        }
        if self.file.is_none() || self.is_amended {
            self.rewrite()?;
        }
        self.file.as_ref().map_or(Ok(()), File::sync_all)
    }

    /// Writes all rows so far, under the columns that they have by now.
    fn rewrite(&mut self) -> io::Result<()> {
        let mut header = Header::default();
        for outcome in self.outcomes() {
            header.add(&outcome?);
        }
        self.header = header.names();
        let file =
            tempfile::Builder::new().prefix(".results-").tempfile_in(folder_of(&self.path))?;
        let mut out = io::BufWriter::new(file);
        if !is_json(&self.path) {
            out.write_all(&csv_line(self.header.iter().map(String::as_str))?)?;
        }
        for outcome in self.outcomes() {
            out.write_all(&self.line(&outcome?.fields())?)?;
        }
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        self.file = Some(file.persist(&self.path).map_err(|error| error.error)?);
        Ok(())
    }

    fn outcomes(&self) -> impl Iterator<Item = io::Result<Outcome>> + use<> {
        self.rows.clone().into_iter().flat_map(|store| store.outcomes())
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

/// The columns in their order: those of the roster, the outcome, the returned values.
#[derive(Default)]
struct Header {
    roster: Vec<String>,
    returned: Vec<String>,
}

impl Header {
    fn add(&mut self, outcome: &Outcome) {
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
        // A refused row returned nothing, and keeps the roster's cell in such a column.
        self.roster.retain(|name| !self.returned.contains(name));
        let outcome = ["state", "detail"].map(str::to_owned);
        self.roster.into_iter().chain(outcome).chain(self.returned).collect()
    }
}
