//! What a run would write: found by a rehearsal, kept in a file, and read again when it was approved.
//!
//! A plan's file has a JSON object a line: `plan` (what the run is made from), a `write` for each write in
//! the order of the rows, and `end` with their number, so that a cut-off file is noticed.

use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drillmaster_transport::cassette::Header;
use drillmaster_transport::{Scope, Transport};
use serde::{Deserialize, Serialize};
use tempfile::SpooledTempFile;

use crate::diagnostic::Diagnostic;
use crate::fs::{Readers, put};
use crate::guards::{DryRun, PlannedWrite, Removals};
use drillmaster_models::json;
use drillmaster_transport::files;

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;
/// Bytes kept in memory; longer plans wait in a temporary file.
const IN_MEMORY: usize = 4 << 20;

/// The writes of a rehearsal, collected row by row.
#[derive(Clone)]
pub struct Plan(Arc<Inner>);

struct Inner {
    rehearsal: Arc<DryRun<Arc<dyn Transport>>>,
    book: Mutex<Book>,
}

/// What was collected so far.
struct Book {
    lines: SpooledTempFile,
    tally: Tally,
    removals: Removals,
}

/// A plan in numbers.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// How many writes each endpoint gets, in the order in which they first came.
    pub endpoints: Vec<(String, usize)>,
    /// From how many rows something is taken away.
    pub removals: usize,
    /// The first write that cannot be undone, and how many there are.
    pub irreversible: Option<(PlannedWrite, usize)>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line {
    Plan {
        version: u32,
        program: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        script: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        roster: Option<String>,
    },
    Write(PlannedWrite),
    End {
        writes: usize,
    },
}

impl Plan {
    /// A plan of what would be written over this transport. Use [`rehearsal`](Self::rehearsal) for the run.
    pub fn over(transport: Arc<dyn Transport>) -> Self {
        let book = Book {
            lines: SpooledTempFile::new(IN_MEMORY),
            tally: Tally::default(),
            removals: Removals::default(),
        };
        let rehearsal = Arc::new(DryRun::new(transport));
        Self(Arc::new(Inner { rehearsal, book: Mutex::new(book) }))
    }

    /// The transport that answers writes itself.
    pub fn rehearsal(&self) -> Arc<DryRun<Arc<dyn Transport>>> {
        self.0.rehearsal.clone()
    }

    /// Takes note of the writes of a scope that is finished.
    pub(crate) fn take(&self, scope: &str) -> io::Result<()> {
        let writes = self.0.rehearsal.take(scope);
        if writes.is_empty() {
            return Ok(());
        }
        let mut book = self.book();
        book.lines.seek(SeekFrom::End(0))?;
        for write in writes {
            book.tally.take(&write);
            book.tally.removals = book.removals.count(&write);
            let mut line = serde_json::to_vec(&Line::Write(write))?;
            line.push(b'\n');
            book.lines.write_all(&line)?;
        }
        Ok(())
    }

    /// Takes note of what the script would have written outside of rows.
    pub(crate) fn take_main(&self) -> io::Result<()> {
        self.take(Scope::MAIN)
    }

    pub fn tally(&self) -> Tally {
        self.book().tally.clone()
    }

    /// The writes in their order.
    pub fn writes(&self) -> io::Result<Vec<PlannedWrite>> {
        let mut book = self.book();
        book.lines.seek(SeekFrom::Start(0))?;
        let lines = BufReader::new(&mut book.lines).lines();
        let writes = lines.map(|line| match json::read(line?.as_bytes())? {
            Line::Write(write) => Ok(Some(write)),
            Line::Plan { .. } | Line::End { .. } => Ok(None),
        });
        writes.filter_map(Result::transpose).collect()
    }

    /// Writes the plan to a file. It names people.
    pub fn save(&self, path: &Path, header: &Header) -> io::Result<()> {
        let first = Line::Plan {
            version: VERSION,
            program: header.program.clone(),
            script: header.script.clone(),
            roster: header.roster.clone(),
        };
        let mut book = self.book();
        let last = Line::End { writes: book.tally.len() };
        put(path, Readers::Owner, |mut out| {
            writeln!(out, "{}", serde_json::to_string(&first)?)?;
            book.lines.seek(SeekFrom::Start(0))?;
            io::copy(&mut book.lines, &mut out)?;
            writeln!(out, "{}", serde_json::to_string(&last)?)
        })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn take(&mut self, write: &PlannedWrite) {
        match self.endpoints.iter_mut().find(|(endpoint, _)| *endpoint == write.endpoint) {
            Some((_, count)) => *count += 1,
            None => self.endpoints.push((write.endpoint.clone(), 1)),
        }
        if write.irreversible {
            let (_, count) = self.irreversible.get_or_insert_with(|| (write.clone(), 0));
            *count += 1;
        }
    }

    /// How many writes there are.
    pub fn len(&self) -> usize {
        self.endpoints.iter().map(|(_, count)| count).sum()
    }
}

/// Looks through the file of a plan that was approved for a run made from what `header` says.
pub fn check(path: &Path, header: &Header) -> Result<Tally, Diagnostic> {
    let told = |problem: String| {
        Diagnostic::usage(format!("{}: {problem}", path.display()))
            .with_help("make the plan again with --dry-run --plan FILE, and look at it")
    };
    let (mut tally, mut removals) = (Tally::default(), Removals::default());
    let (mut begun, mut ended) = (false, false);
    for (index, line) in lines(path)?.enumerate() {
        let number = index + 1;
        let line =
            line.map_err(|error| told(format!("line {number} is none of a plan: {error}")))?;
        match line {
            Line::Plan { version, .. } if index > 0 || version != VERSION => {
                return Err(told(format!("it is no plan of version {VERSION}")));
            }
            Line::Plan { script, roster, .. } => {
                begun = true;
                let changes = [
                    ("the script", script != header.script),
                    ("the roster", roster != header.roster),
                ];
                if let Some((what, _)) = changes.iter().find(|(_, changed)| *changed) {
                    return Err(told(format!("{what} is not what this plan was made from")));
                }
            }
            Line::Write(_) | Line::End { .. } if !begun || ended => {
                return Err(told(format!("line {number} is out of place")));
            }
            Line::Write(write) => {
                tally.take(&write);
                tally.removals = removals.count(&write);
            }
            Line::End { writes } if writes == tally.len() => ended = true,
            Line::End { writes } => {
                return Err(told(format!("{writes} writes are due, {} are here", tally.len())));
            }
        }
    }
    if ended { Ok(tally) } else { Err(told("the plan is cut off".to_owned())) }
}

/// The writes of a plan that was looked through: scope and identity of each.
pub fn approved(path: &Path) -> Result<impl Iterator<Item = (String, String)>, Diagnostic> {
    Ok(lines(path)?.filter_map(|line| match line {
        Ok(Line::Write(write)) => Some((write.scope, write.hash)),
        _ => None,
    }))
}

fn lines(path: &Path) -> Result<impl Iterator<Item = io::Result<Line>> + use<>, Diagnostic> {
    let file = files::open(path).map_err(|error| {
        Diagnostic::usage(format!("cannot read the plan {}: {error}", path.display()))
    })?;
    Ok(BufReader::new(file).lines().map(|line| Ok(json::read(line?.as_bytes())?)))
}
