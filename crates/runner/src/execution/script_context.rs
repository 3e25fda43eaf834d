//! What the functions of a running script have access to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use drillmaster_transport::Scope;
use rhai::{Dynamic, Map, NativeCallContext};
use serde_json::Value;

use crate::execution::context::RunContext;
use crate::execution::row_context::{Output, RowContext};
use crate::execution::row_sink::{FinishedRow, RowSink, WriteError};
use crate::output::OutputSink;
use crate::output::listing::{self, Listing};
use crate::output::table::{Format, list};
use crate::report_data::ReportData;
use crate::roster::Roster;
use crate::value::{ScriptResult, runtime_error};

/// A running script's calls, inputs and outputs. Native functions find it in the engine's tag.
pub(crate) struct ScriptContext {
    pub(crate) calls: RunContext,
    pub(crate) roster: Option<Roster>,
    pub(crate) max_rows: Option<usize>,
    pub(crate) inputs: Map,
    pub(crate) concurrency: usize,
    /// Whether writes are only rehearsed.
    pub(crate) is_rehearsal: bool,
    pub(crate) sinks: Vec<Arc<dyn RowSink>>,
    pub(crate) output: Arc<dyn OutputSink>,
    pub(crate) format: Option<Format>,
    pub(crate) width: Option<u16>,
    passes: AtomicUsize,
    report: Mutex<ReportData>,
    listing: Mutex<Option<Listing>>,
}

impl ScriptContext {
    /// A script without roster and inputs, whose rows nothing follows.
    pub(crate) fn new(calls: RunContext, output: Arc<dyn OutputSink>) -> Self {
        Self {
            calls,
            roster: None,
            max_rows: None,
            inputs: Map::new(),
            concurrency: 1,
            is_rehearsal: false,
            sinks: Vec::new(),
            output,
            format: None,
            width: None,
            passes: AtomicUsize::new(0),
            report: Mutex::default(),
            listing: Mutex::default(),
        }
    }

    /// The context of the script that calls a native function.
    pub(crate) fn of(call: &NativeCallContext) -> ScriptResult<Arc<Self>> {
        let context = call.tag().and_then(Dynamic::read_lock::<Arc<Self>>);
        context.map(|context| Arc::clone(&context)).ok_or_else(|| {
            runtime_error("this needs a script that is running", call.call_position())
        })
    }

    /// How tables are written.
    pub(crate) fn table(&self, columns: &[String], rows: Vec<Vec<Value>>) -> String {
        list(self.format.unwrap_or(Format::Table), columns, rows, self.width)
    }

    /// How the list is written that the script prints line by line.
    pub(crate) fn list_format(&self) -> Format {
        self.format.unwrap_or(listing::DEFAULT_FORMAT)
    }

    /// Outputs something now, or when the turn of the running row comes.
    pub(crate) fn output(&self, output: Output) {
        match RowContext::current() {
            Some(row) => row.keep(output),
            None => match output {
                Output::Print(text) => self.output.print(&text),
                Output::Warn(text) => self.output.warn(&text),
                Output::ListLine(cells) => self.listing(|listing| {
                    if let Some(listing) = listing {
                        listing.lines.push(cells);
                    }
                }),
            },
        }
    }

    /// Reads or changes the list that the script prints.
    pub(crate) fn listing<T>(&self, access: impl FnOnce(&mut Option<Listing>) -> T) -> T {
        access(&mut self.listing.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Prints the list, unless it was printed line by line.
    pub(crate) fn finish_listing(&self) {
        let format = self.list_format();
        let Some(Listing { columns, lines }) = self.listing(Option::take) else { return };
        if format != Format::Csv {
            self.output.print(&list(format, &columns, lines, self.width));
        }
    }

    /// Takes data for the report.
    pub(crate) fn add_report_data(&self, data: &Value) -> Result<(), String> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).take(data)
    }

    /// The data for the report so far.
    pub(crate) fn report_data(&self) -> ReportData {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The scope of each row: its key, with a number if the script goes over the same rows again.
    pub(crate) fn scopes(&self) -> impl Fn(&str) -> Scope + use<> {
        let row = RowContext::current();
        let passes = row.as_ref().map_or(&self.passes, |row| &row.passes);
        let pass = passes.fetch_add(1, Ordering::Relaxed) + 1;
        move |key| {
            // A single `#` is ours: no key of a roster can be mistaken for another scope.
            let mut name = key.replace('#', "##");
            if name == Scope::MAIN {
                name = format!("#{name}");
            }
            if let Some(outer) = &row {
                name = format!("{}#/{name}", outer.scope.name());
            }
            Scope::new(if pass == 1 { name } else { format!("{name}#{pass}") })
        }
    }

    /// Passes a row with its final outcome to all sinks. What cannot be written ends the run.
    pub(crate) fn finished(&self, row: &FinishedRow<'_>) {
        self.to_sinks(|sink| sink.finished(row));
    }

    /// Passes a row with a write in doubt to all sinks. What cannot be written ends the run.
    pub(crate) fn in_doubt(&self, row: &FinishedRow<'_>) {
        self.to_sinks(|sink| sink.in_doubt(row));
    }

    fn to_sinks(&self, pass_on: impl Fn(&dyn RowSink) -> Result<(), WriteError>) {
        for sink in &self.sinks {
            if let Err(error) = pass_on(sink.as_ref()) {
                self.calls.close_unwritten(error);
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use std::sync::{Arc, LazyLock};

    use drillmaster_transport::{Connection, RejectAll};
    use tokio::runtime::Runtime;
    use tokio_util::sync::CancellationToken;

    use super::ScriptContext;
    use crate::execution::context::RunContext;
    use crate::output::Discard;

    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

    /// A script that runs, and whose calls all fail.
    pub(crate) fn offline() -> Arc<ScriptContext> {
        let (connection, runtime) = (Connection::new(RejectAll), RUNTIME.handle().clone());
        let calls = RunContext::new(connection, runtime, CancellationToken::new(), None, false);
        Arc::new(ScriptContext::new(calls, Arc::new(Discard)))
    }
}
