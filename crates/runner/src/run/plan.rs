//! The plan of a run: the writes that a rehearsal finds, as a file that a person approves.
//!
//! The file has a JSON object per line: `plan` with what the run is made from, a `write` for each write in the order of
//! the rows, and `end` with their number, which shows that the file is complete.

use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drillmaster_transport::cassette::Header;
use drillmaster_transport::{Scope, Transport};
use serde::{Deserialize, Serialize};
use tempfile::SpooledTempFile;

use crate::diagnostic::Diagnostic;
use crate::execution::row_sink::{FinishedRow, RowSink, WriteError};
use crate::execution::store::RowStore;
use crate::fs::{Visibility, write_atomic};
use crate::guards::{DryRun, PlannedWrite, Removals};
use drillmaster_models::json;
use drillmaster_transport::files;

/// The only version that is written and read.
const VERSION: u32 = 1;
/// Bytes kept in memory. Longer plans go to a temporary file.
const IN_MEMORY: usize = 4 << 20;

/// The writes of a rehearsal, collected row by row.
#[derive(Clone)]
pub struct Plan(Arc<Inner>);

struct Inner {
    rehearsal: Arc<DryRun<Arc<dyn Transport>>>,
    collected: Mutex<Collected>,
}

/// The writes so far.
struct Collected {
    lines: SpooledTempFile,
    stats: PlanStats,
    removals: Removals,
}

/// A plan in numbers.
#[derive(Debug, Clone, Default)]
pub struct PlanStats {
    /// How many writes each endpoint gets, in the order of their first ones.
    pub endpoints: Vec<(String, usize)>,
    /// From how many people something is taken away.
    pub removals: usize,
    /// The first write that cannot be undone, and the number of such writes.
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
    /// An empty plan. The run has to use [`rehearsal`](Self::rehearsal), which reads through `transport`.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        let collected = Collected {
            lines: SpooledTempFile::new(IN_MEMORY),
            stats: PlanStats::default(),
            removals: Removals::default(),
        };
        let rehearsal = Arc::new(DryRun::new(transport));
        Self(Arc::new(Inner { rehearsal, collected: Mutex::new(collected) }))
    }

    /// The transport of the rehearsal: it answers writes itself.
    pub fn rehearsal(&self) -> Arc<DryRun<Arc<dyn Transport>>> {
        self.0.rehearsal.clone()
    }

    /// Collects the writes of a finished scope.
    fn take(&self, scope: &str) -> io::Result<()> {
        let writes = self.0.rehearsal.take(scope);
        if writes.is_empty() {
            return Ok(());
        }
        let mut collected = self.collected();
        collected.lines.seek(SeekFrom::End(0))?;
        for write in writes {
            collected.stats.add(&write);
            collected.stats.removals = collected.removals.count(&write);
            let mut line = serde_json::to_vec(&Line::Write(write))?;
            line.push(b'\n');
            collected.lines.write_all(&line)?;
        }
        Ok(())
    }

    /// Collects the writes outside of rows.
    pub(super) fn take_main(&self) -> Result<(), WriteError> {
        self.take(Scope::MAIN).map_err(cannot_keep)
    }

    /// The plan in numbers.
    pub fn stats(&self) -> PlanStats {
        self.collected().stats.clone()
    }

    /// The writes, in their order.
    pub fn writes(&self) -> io::Result<Vec<PlannedWrite>> {
        let mut collected = self.collected();
        collected.lines.seek(SeekFrom::Start(0))?;
        let lines = BufReader::new(&mut collected.lines).lines();
        let writes = lines.map(|line| match json::read(line?.as_bytes())? {
            Line::Write(write) => Ok(Some(write)),
            Line::Plan { .. } | Line::End { .. } => Ok(None),
        });
        writes.filter_map(Result::transpose).collect()
    }

    /// Writes the plan to a file, readable by its owner alone because it names people.
    pub fn save(&self, path: &Path, header: &Header) -> io::Result<()> {
        let first = Line::Plan {
            version: VERSION,
            program: header.program.clone(),
            script: header.script.clone(),
            roster: header.roster.clone(),
        };
        let mut collected = self.collected();
        let last = Line::End { writes: collected.stats.len() };
        write_atomic(path, Visibility::Owner, |mut out| {
            writeln!(out, "{}", serde_json::to_string(&first)?)?;
            collected.lines.seek(SeekFrom::Start(0))?;
            io::copy(&mut collected.lines, &mut out)?;
            writeln!(out, "{}", serde_json::to_string(&last)?)
        })
    }

    fn collected(&self) -> MutexGuard<'_, Collected> {
        self.0.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RowSink for Plan {
    fn begin(&self, _: &RowStore, _: usize) -> Result<(), WriteError> {
        // The script's writes before these rows come before theirs.
        self.take_main()
    }

    fn finished(&self, row: &FinishedRow<'_>) -> Result<(), WriteError> {
        self.take(row.scope).map_err(cannot_keep)
    }
}

fn cannot_keep(source: io::Error) -> WriteError {
    WriteError { what: "the plan cannot be kept", source }
}

impl PlanStats {
    fn add(&mut self, write: &PlannedWrite) {
        match self.endpoints.iter_mut().find(|(endpoint, _)| *endpoint == write.endpoint) {
            Some((_, count)) => *count += 1,
            None => self.endpoints.push((write.endpoint.clone(), 1)),
        }
        if write.irreversible {
            let (_, count) = self.irreversible.get_or_insert_with(|| (write.clone(), 0));
            *count += 1;
        }
    }

    /// Whether nothing would be written.
    pub fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    /// The number of writes.
    pub fn len(&self) -> usize {
        self.endpoints.iter().map(|(_, count)| count).sum()
    }
}

/// Checks the file of an approved plan: it has to be complete, and made from the script and roster of `header`.
pub fn check(path: &Path, header: &Header) -> Result<PlanStats, Diagnostic> {
    let refuse = |problem: String| {
        Diagnostic::usage(format!("{}: {problem}", path.display()))
            .with_help("make the plan again with --dry-run --plan FILE, and review it")
    };
    let (mut stats, mut removals) = (PlanStats::default(), Removals::default());
    let (mut begun, mut ended) = (false, false);
    for (index, line) in lines(path)?.enumerate() {
        let number = index + 1;
        let line =
            line.map_err(|error| refuse(format!("line {number} is not part of a plan: {error}")))?;
        match line {
            Line::Plan { version, .. } if index > 0 || version != VERSION => {
                return Err(refuse(format!("this is not a plan of version {VERSION}")));
            }
            Line::Plan { script, roster, .. } => {
                begun = true;
                let changes = [
                    ("the script", script != header.script),
                    ("the roster", roster != header.roster),
                ];
                if let Some((what, _)) = changes.iter().find(|(_, changed)| *changed) {
                    return Err(refuse(format!("{what} has changed since this plan was made")));
                }
            }
            Line::Write(_) | Line::End { .. } if !begun || ended => {
                return Err(refuse(format!("line {number} is out of place")));
            }
            Line::Write(write) => {
                stats.add(&write);
                stats.removals = removals.count(&write);
            }
            Line::End { writes } if writes == stats.len() => ended = true,
            Line::End { writes } => {
                return Err(refuse(format!(
                    "the file should have {writes} writes, and has {}",
                    stats.len()
                )));
            }
        }
    }
    if ended { Ok(stats) } else { Err(refuse("the file is cut off".to_owned())) }
}

/// The writes of a checked plan: the scope and the identity of each.
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
