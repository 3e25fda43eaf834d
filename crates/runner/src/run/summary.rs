//! How a run ended, and what a person has to look at.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{fmt, io, mem};

use drillmaster_transport::Error;
use rhai::Dynamic;

use crate::diagnostic::Diagnostic;
use crate::execution::row_sink::{FinishedRow, RowSink, WriteError};
use crate::execution::store::RowStore;
use crate::exit::Exit;
use crate::outcome::{Change, Outcome, State};
use crate::report_data::ReportData;

/// How a run ended.
pub struct RunSummary {
    pub(super) stores: Vec<RowStore>,
    /// What stopped the script.
    pub problem: Option<Diagnostic>,
    /// Calls outside of rows that a person has to know of: the state that a row would have ended in, and the reason.
    pub outside: Vec<(State, String)>,
    /// How long until writes in doubt can no longer take effect, if there are any.
    pub horizon: Option<Duration>,
    /// The error that ended all calls, even if the script caught it.
    pub fatal: Option<Error>,
    /// The data that the script gave to `report(…)`.
    pub(crate) report_data: ReportData,
    /// How often each endpoint changed something outside of rows.
    pub(crate) changes_outside: Vec<Change>,
    /// The value of the script's last statement.
    pub value: Dynamic,
}

impl RunSummary {
    /// The outcome of each row, in their order.
    pub fn outcomes(&self) -> impl Iterator<Item = io::Result<Outcome>> + use<> {
        self.stores.clone().into_iter().flat_map(|store| store.outcomes())
    }

    /// How many rows ended in this state.
    pub fn count(&self, state: State) -> usize {
        self.stores.iter().map(|store| store.count(state)).sum()
    }

    /// How many rows there were.
    pub fn len(&self) -> usize {
        State::ALL.into_iter().map(|state| self.count(state)).sum()
    }

    /// Whether there were no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether nobody needs to look at any row.
    fn all_fine(&self) -> bool {
        State::ALL.into_iter().all(|state| state.is_fine() || self.count(state) == 0)
    }

    /// The exit code of the command.
    pub fn exit(&self) -> Exit {
        let fine = self.outside.is_empty() && self.all_fine();
        let rows = if fine { Exit::Done } else { Exit::Rows };
        let fatal = self.fatal.as_ref().map(|error| Exit::of(&Diagnostic::call(error)));
        let stopped = self.problem.as_ref().map(Exit::of);
        stopped.map_or(rows, |stopped| fatal.map_or(stopped, |fatal| fatal.max(stopped)))
    }

    /// Whether the script called `report(…)`.
    pub fn has_data(&self) -> bool {
        self.report_data != ReportData::default()
    }

    /// The counts in one line, `30 rows: 21 done, 9 unchanged`; `None` if there were no rows.
    pub fn summary(&self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let counted = State::ALL.into_iter().map(|state| (state, self.count(state)));
        let counted = counted.filter(|(_, count)| *count > 0);
        let counts: Vec<_> = counted.map(|(state, count)| format!("{count} {state}")).collect();
        let rows = if self.len() == 1 { "row" } else { "rows" };
        Some(format!("{} {rows}: {}", self.len(), counts.join(", ")))
    }

    /// The rows that a person has to look at, and why. Rows with the same reason share an item. There are at most
    /// `max` of them, and one more that counts the rest. A reason of several lines is shown in full once, and then by
    /// its first line.
    pub fn needs_a_person(&self, max: usize) -> Needs {
        let outside = self.outside.iter().map(|(state, detail)| Need {
            key: None,
            text: format!("outside of rows: {state}: {detail}"),
        });
        // If all rows are fine, they need not be read again.
        let outcomes = (!self.all_fine()).then(|| self.outcomes());
        let bad = outcomes
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .filter(|outcome| !outcome.state.is_fine());
        let mut groups: Vec<(Outcome, usize)> = Vec::new();
        let mut rest = 0;
        for outcome in bad {
            let same = |group: &(Outcome, usize)| {
                group.0.state == outcome.state && group.0.detail == outcome.detail
            };
            match groups.iter().position(same) {
                Some(index) => groups[index].1 += 1,
                None if groups.len() < max => groups.push((outcome, 1)),
                None => rest += 1,
            }
        }
        let (mut shown_in_full, mut is_cut) = (false, rest > 0);
        let mut need = |(mut outcome, count): (Outcome, usize)| {
            if let Some((first, _)) = outcome.detail.split_once('\n') {
                if shown_in_full {
                    outcome.detail = format!("{} …", first.trim_end());
                    is_cut = true;
                }
                shown_in_full = true;
            }
            let others = match count - 1 {
                0 => String::new(),
                others => format!(" and {others} more"),
            };
            let reason = outcome.to_string().replace('\n', "\n    ");
            Need { text: format!("{others}: {reason}"), key: Some(outcome.key) }
        };
        let mut needs: Vec<_> = groups.into_iter().map(&mut need).collect();
        if rest > 0 {
            let rows = if rest == 1 { "row" } else { "rows" };
            needs.push(Need { key: None, text: format!("and {rest} more {rows}") });
        }
        needs.extend(outside);
        Needs { needs, is_cut }
    }
}

/// What a person has to look at.
#[derive(Debug)]
pub struct Needs {
    /// One for all rows with the same reason.
    pub needs: Vec<Need>,
    /// Whether something was left out.
    pub is_cut: bool,
}

/// Something that a person has to look at. As text: `ada@example.com and 2 more: refused: …`.
#[derive(Debug)]
pub struct Need {
    /// The key of the first row; `None` if it is not about a row.
    pub key: Option<String>,
    /// The text after the key.
    pub text: String,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key.as_deref().unwrap_or_default())?;
        f.write_str(&self.text)
    }
}

/// Collects the rows of each `each`.
#[derive(Default)]
pub(super) struct RowStores(Mutex<Vec<RowStore>>);

impl RowStores {
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    pub(super) fn take(&self) -> Vec<RowStore> {
        mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl RowSink for RowStores {
    fn begin(&self, rows: &RowStore, _: usize) -> Result<(), WriteError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(rows.clone());
        Ok(())
    }

    fn finished(&self, _: &FinishedRow<'_>) -> Result<(), WriteError> {
        Ok(())
    }
}
