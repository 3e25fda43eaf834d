//! Where finished rows are kept: in memory while they are few, in a temporary file when they are many, so
//! that a run over a million rows holds no more than a run over a hundred.

use std::borrow::Cow;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tempfile::SpooledTempFile;

use crate::report::Changed;
use crate::roster::{Columns, Row};
use crate::rows::{Outcome, State};

/// Bytes kept in memory.
const IN_MEMORY: usize = 4 << 20;
/// Bytes read at a time.
const READ: u64 = 64 << 10;

/// Finished rows, in order.
#[derive(Clone)]
pub(crate) struct Spool {
    store: Arc<Mutex<Store>>,
}

struct Store {
    file: SpooledTempFile,
    length: u64,
    counts: [usize; State::ALL.len()],
    columns: Option<Arc<Columns>>,
}

/// A row as it is kept. The columns' names are kept once.
#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    key: Cow<'a, str>,
    state: State,
    detail: Cow<'a, str>,
    cells: Option<Vec<Cow<'a, str>>>,
    line: u64,
    script_line: Option<u64>,
    returned: Cow<'a, Map<String, Value>>,
    #[serde(default, skip_serializing_if = "<[Changed]>::is_empty")]
    changes: Cow<'a, [Changed]>,
}

impl Spool {
    pub(crate) fn new() -> Self {
        let store = Store {
            file: SpooledTempFile::new(IN_MEMORY),
            length: 0,
            counts: [0; State::ALL.len()],
            columns: None,
        };
        Self { store: Arc::new(Mutex::new(store)) }
    }

    pub(crate) fn push(&self, outcome: &Outcome) -> io::Result<()> {
        let row = outcome.row.as_ref();
        let kept = Kept {
            key: outcome.key.as_str().into(),
            state: outcome.state,
            detail: outcome.detail.as_str().into(),
            cells: row.map(|row| row.cells().map(Cow::from).collect()),
            line: row.map_or(0, Row::line),
            script_line: outcome.line,
            returned: Cow::Borrowed(&outcome.returned),
            changes: Cow::Borrowed(&outcome.changes),
        };
        let mut line = serde_json::to_vec(&kept)?;
        line.push(b'\n');
        let mut store = self.lock();
        if let Some(row) = row.filter(|_| store.columns.is_none()) {
            store.columns = Some(row.shared_columns().clone());
        }
        let end = store.length;
        store.file.seek(SeekFrom::Start(end))?;
        store.file.write_all(&line)?;
        store.length += line.len() as u64;
        store.counts[outcome.state as usize] += 1;
        Ok(())
    }

    /// How many rows ended so.
    pub(crate) fn count(&self, state: State) -> usize {
        self.lock().counts[state as usize]
    }

    pub(crate) fn iter(&self) -> Reading {
        Reading { spool: self.clone(), offset: 0, buffer: Vec::new(), start: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rows of a spool, read bit by bit.
pub(crate) struct Reading {
    spool: Spool,
    offset: u64,
    buffer: Vec<u8>,
    start: usize,
}

impl Reading {
    /// Reads on; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let mut store = self.spool.lock();
        store.file.seek(SeekFrom::Start(self.offset))?;
        let read = (&mut store.file).take(READ).read_to_end(&mut self.buffer)?;
        self.offset += read as u64;
        Ok(read > 0)
    }

    fn line(&mut self) -> io::Result<Option<Kept<'static>>> {
        loop {
            let rest = &self.buffer[self.start..];
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let kept = serde_json::from_slice(&rest[..end])?;
                self.start += end + 1;
                return Ok(Some(kept));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }
}

impl Iterator for Reading {
    type Item = io::Result<Outcome>;

    fn next(&mut self) -> Option<Self::Item> {
        let kept = match self.line() {
            Ok(kept) => kept?,
            Err(error) => return Some(Err(error)),
        };
        let columns = self.spool.lock().columns.clone();
        let row =
            columns.zip(kept.cells).map(|(columns, cells)| Row::of(columns, cells, kept.line));
        Some(Ok(Outcome {
            key: kept.key.into_owned(),
            state: kept.state,
            detail: kept.detail.into_owned(),
            line: kept.script_line,
            row,
            returned: kept.returned.into_owned(),
            changes: kept.changes.into_owned(),
        }))
    }
}
