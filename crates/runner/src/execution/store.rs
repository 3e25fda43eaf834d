//! Keeps finished rows: in memory while there are few, in a temporary file when there are many. A run over a million
//! rows needs no more memory than a run over a hundred.

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use tempfile::SpooledTempFile;

use crate::outcome::{Change, Outcome, State};
use crate::roster::{Columns, Row};

/// Bytes kept in memory.
const IN_MEMORY: usize = 4 << 20;
/// Bytes read at a time.
const READ: u64 = 64 << 10;

/// Finished rows, in their order.
#[derive(Clone)]
pub struct RowStore {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    file: SpooledTempFile,
    length: u64,
    rows: usize,
    /// Rows that changed after they were written, by their index.
    amended: HashMap<usize, Vec<u8>>,
    counts: [usize; State::ALL.len()],
    columns: Option<Arc<Columns>>,
}

/// A stored row: key, state, detail, script line, returned values, changes, and the row of the roster as line and
/// cells. It has no names; those of the columns are kept once.
type StoredRow = (
    String,
    State,
    String,
    Option<u64>,
    Map<String, Value>,
    Vec<Change>,
    Option<(u64, Vec<String>)>,
);

impl RowStore {
    pub(crate) fn new() -> Self {
        let inner = Inner {
            file: SpooledTempFile::new(IN_MEMORY),
            length: 0,
            rows: 0,
            amended: HashMap::new(),
            counts: [0; State::ALL.len()],
            columns: None,
        };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    /// Adds a row and gives its index.
    pub(crate) fn push(&self, outcome: &Outcome) -> io::Result<usize> {
        let line = line_of(outcome)?;
        let mut store = self.lock();
        if let (Some(row), None) = (&outcome.row, &store.columns) {
            store.columns = Some(row.shared_columns().clone());
        }
        let end = store.length;
        store.file.seek(SeekFrom::Start(end))?;
        store.file.write_all(&line)?;
        store.length += line.len() as u64;
        store.counts[outcome.state as usize] += 1;
        store.rows += 1;
        Ok(store.rows - 1)
    }

    /// Replaces a row that was in doubt.
    pub(crate) fn amend(&self, index: usize, outcome: &Outcome) -> io::Result<()> {
        let line = line_of(outcome)?;
        let mut store = self.lock();
        store.counts[State::InDoubt as usize] -= 1;
        store.counts[outcome.state as usize] += 1;
        store.amended.insert(index, line);
        Ok(())
    }

    /// How many rows ended in this state.
    pub fn count(&self, state: State) -> usize {
        self.lock().counts[state as usize]
    }

    /// The rows so far.
    pub fn outcomes(&self) -> StoredRows {
        StoredRows { store: self.clone(), index: 0, offset: 0, buffer: Vec::new(), start: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A row as it is stored.
fn line_of(outcome: &Outcome) -> io::Result<Vec<u8>> {
    let Outcome { key, state, detail, line, row, returned, changes } = outcome;
    let cells = row.as_ref().map(|row| (row.line(), row.cells().collect::<Vec<_>>()));
    let mut line = serde_json::to_vec(&(key, state, detail, line, returned, changes, cells))?;
    line.push(b'\n');
    Ok(line)
}

/// The rows of a store, read piece by piece.
pub struct StoredRows {
    store: RowStore,
    index: usize,
    offset: u64,
    buffer: Vec<u8>,
    start: usize,
}

impl StoredRows {
    /// Reads more; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let mut store = self.store.lock();
        store.file.seek(SeekFrom::Start(self.offset))?;
        let read = (&mut store.file).take(READ).read_to_end(&mut self.buffer)?;
        self.offset += read as u64;
        Ok(read > 0)
    }

    fn line(&mut self) -> io::Result<Option<StoredRow>> {
        loop {
            let rest = &self.buffer[self.start..];
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let store = self.store.lock();
                let line = store.amended.get(&self.index).map_or(&rest[..end], Vec::as_slice);
                let kept = serde_json::from_slice(line)?;
                drop(store);
                (self.start, self.index) = (self.start + end + 1, self.index + 1);
                return Ok(Some(kept));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }
}

impl Iterator for StoredRows {
    type Item = io::Result<Outcome>;

    fn next(&mut self) -> Option<Self::Item> {
        let (key, state, detail, line, returned, changes, cells) = match self.line() {
            Ok(kept) => kept?,
            Err(error) => return Some(Err(error)),
        };
        let columns = self.store.lock().columns.clone();
        let row = columns.zip(cells).map(|(columns, (line, cells))| Row::new(columns, cells, line));
        Some(Ok(Outcome { key, state, detail, line, row, returned, changes }))
    }
}
