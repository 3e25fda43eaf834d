//! What follows the rows of a run: results, plan, journal, progress.

use std::io;

use crate::execution::store::RowStore;
use crate::outcome::Outcome;

/// Listens to the rows of a run as they finish, in their order.
///
/// The rows of an `each` within a row are part of that row, and not passed on.
///
/// ```
/// use drillmaster_runner::execution::row_sink::{FinishedRow, RowSink, WriteError};
/// use drillmaster_runner::execution::store::RowStore;
///
/// /// Prints a line for each row.
/// struct Lines;
///
/// impl RowSink for Lines {
///     fn begin(&self, _: &RowStore, total: usize) -> Result<(), WriteError> {
///         println!("{total} rows");
///         Ok(())
///     }
///
///     fn finished(&self, row: &FinishedRow) -> Result<(), WriteError> {
///         println!("{}: {}", row.outcome.key, row.outcome.state);
///         Ok(())
///     }
/// }
/// ```
pub trait RowSink: Send + Sync {
    /// An `each` begins over `total` rows, whose outcomes `rows` will hold.
    fn begin(&self, rows: &RowStore, total: usize) -> Result<(), WriteError>;

    /// A row has its final outcome.
    fn finished(&self, row: &FinishedRow<'_>) -> Result<(), WriteError>;

    /// A row has an outcome with a write in doubt. It may run again, and [`finished`](Self::finished) follows when all
    /// others are done.
    fn in_doubt(&self, _row: &FinishedRow<'_>) -> Result<(), WriteError> {
        Ok(())
    }

    /// The `each` is over.
    fn end(&self) {}
}

/// A row whose function has returned or failed. Its outcome is in the [`RowStore`] already.
#[derive(Debug, Clone, Copy)]
pub struct FinishedRow<'a> {
    /// The scope in which the row made its calls.
    pub scope: &'a str,
    /// How the row ended.
    pub outcome: &'a Outcome,
    /// How the outcome relates to one that the sink has seen.
    pub revision: Revision,
}

/// How an outcome relates to an earlier one of its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revision {
    /// There is no earlier one.
    First,
    /// It is the one that [`RowSink::in_doubt`] was called with.
    Unchanged,
    /// The row ran again, and the outcome replaces the earlier one.
    Replaced,
}

/// Something that a run leaves behind cannot be written. It ends the run, after the rows in progress.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {source}")]
pub struct WriteError {
    /// What failed, such as "the results cannot be written".
    pub what: &'static str,
    /// Why.
    pub source: io::Error,
}

impl WriteError {
    /// An error for `map_err`.
    pub fn because(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self { what, source }
    }
}
