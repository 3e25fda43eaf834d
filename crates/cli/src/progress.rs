//! Shows the progress of a run while it goes: as a bar on a terminal, elsewhere as a line every few seconds.
//!
//! The bar is indicatif's, and so are the formats of numbers and durations. The rate is our own: indicatif smooths over 15
//! seconds, and would promise a minute too early when the rows that a resumed run knows fly by at its start.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drillmaster_runner::execution::row_sink::{FinishedRow, RowSink, WriteError};
use drillmaster_runner::execution::store::RowStore;
use drillmaster_runner::outcome::State;
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::console::{Console, Stream};

/// The time between two updates of the bar.
const TICK: Duration = Duration::from_millis(250);
/// The time between two lines. A shorter run shows none.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// The rate is that of the last rows: those of this time, and at least this many.
const RECENT: (Duration, usize) = (Duration::from_secs(15), 20);
/// The time before which no time left is shown.
const SETTLING: Duration = Duration::from_secs(3);
/// The narrowest useful bar.
const MIN_BAR: usize = 8;
/// Separates the figures next to a bar.
const GAP: &str = "  ";

/// Shows the progress of rows on a console.
#[derive(Clone)]
pub(crate) struct Progress {
    console: Console,
    style: Style,
    runtime: Handle,
    current: Arc<Mutex<Option<Current>>>,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// As a line every five seconds.
    Lines,
    /// As a bar in one color.
    PlainBar,
    /// As a bar with colored states.
    ColoredBar,
}

impl Progress {
    fn new(console: Console, style: Style, runtime: &Handle) -> Self {
        Self { console, style, runtime: runtime.clone(), current: Arc::default() }
    }

    /// Progress in the style that suits standard error; `None` if notes are hidden.
    pub(crate) fn on_stderr(console: &Console, runtime: &Handle) -> Option<Arc<dyn RowSink>> {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let has_bar = Stream::Stderr.is_terminal() && !is_dumb;
        let style = match (has_bar, Stream::Stderr.has_colors()) {
            (false, _) => Style::Lines,
            (true, false) => Style::PlainBar,
            (true, true) => Style::ColoredBar,
        };
        let progress = || Arc::new(Self::new(console.clone(), style, runtime)) as _;
        (!console.is_quiet()).then(progress)
    }

    /// Shows the progress of this many rows from now on.
    fn start(&self, total: usize) {
        let bar = (self.style != Style::Lines).then(|| self.console.start_progress_bar(total));
        let progress = self.clone();
        let ticker = self.runtime.spawn(async move {
            let mut ticks = interval(TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                progress.tick();
            }
        });
        *self.lock() = Some(Current::new(total, bar, ticker.abort_handle()));
    }

    /// Counts a finished row.
    fn count(&self, state: State) {
        if let Some(current) = &mut *self.lock() {
            current.counts[state as usize] += 1;
        }
    }

    /// Shows the current figures.
    fn tick(&self) {
        let mut line = None;
        if let Some(current) = &mut *self.lock() {
            let figures = current.figures();
            match &current.bar {
                Some(bar) => draw(bar, &figures, self.style),
                None if current.last_line.elapsed() >= LINE_INTERVAL => {
                    current.last_line = Instant::now();
                    line = Some(figures.line());
                }
                None => {}
            }
        }
        line.inspect(|line| self.console.note(line));
    }

    fn lock(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RowSink for Progress {
    fn begin(&self, _: &RowStore, total: usize) -> Result<(), WriteError> {
        self.start(total);
        Ok(())
    }

    fn finished(&self, row: &FinishedRow<'_>) -> Result<(), WriteError> {
        self.count(row.outcome.state);
        Ok(())
    }

    fn end(&self) {
        // A tick that is still running finds nothing to draw.
        let Some(current) = self.lock().take() else { return };
        current.ticker.abort();
        self.console.stop_progress_bar();
        if let Some(bar) = current.bar {
            bar.finish_and_clear();
        }
    }
}

/// The rows in progress.
struct Current {
    total: usize,
    counts: [usize; State::ALL.len()],
    since: Instant,
    last_line: Instant,
    recent: Recent,
    bar: Option<ProgressBar>,
    ticker: AbortHandle,
}

impl Current {
    fn new(total: usize, bar: Option<ProgressBar>, ticker: AbortHandle) -> Self {
        let now = Instant::now();
        Self {
            total,
            counts: Default::default(),
            since: now,
            last_line: now,
            recent: Recent::default(),
            bar,
            ticker,
        }
    }

    fn figures(&mut self) -> Figures {
        let finished = self.counts.iter().sum();
        self.recent.note(self.since.elapsed(), finished);
        let rate = self.recent.rate();
        let rest = self.total.saturating_sub(finished);
        let left = rate.filter(|_| rest > 0 && self.recent.is_steady());
        let left = left.and_then(|rate| time_left(rest, rate));
        Figures { finished, total: self.total, counts: self.counts, rate, left }
    }
}

/// How many rows were finished when, as far back as the rate needs.
#[derive(Debug)]
struct Recent {
    /// The times at which the number changed. The rate is counted from the first.
    samples: VecDeque<(Duration, usize)>,
    now: (Duration, usize),
}

impl Default for Recent {
    fn default() -> Self {
        let start = (Duration::ZERO, 0);
        Self { samples: VecDeque::from([start]), now: start }
    }
}

impl Recent {
    fn note(&mut self, at: Duration, finished: usize) {
        if finished != self.now.1 {
            self.samples.push_back((at, finished));
        }
        self.now = (at, finished);
        let is_enough = |from: &(Duration, usize)| {
            at.saturating_sub(from.0) >= RECENT.0 && finished.saturating_sub(from.1) >= RECENT.1
        };
        while self.samples.get(1).is_some_and(is_enough) {
            self.samples.pop_front();
        }
    }

    fn start(&self) -> (Duration, usize) {
        self.samples.front().copied().unwrap_or_default()
    }

    /// Rows a second.
    #[expect(clippy::cast_precision_loss, reason = "a rate is shown with one decimal")]
    fn rate(&self) -> Option<f64> {
        let (from, before) = self.start();
        let seconds = self.now.0.saturating_sub(from).as_secs_f64();
        let rows = self.now.1.saturating_sub(before);
        (seconds > 0.0 && rows > 0).then(|| rows as f64 / seconds)
    }

    /// Whether the rate predicts anything: rows that a resumed run already knows fly by, and say nothing about the
    /// others.
    fn is_steady(&self) -> bool {
        let (from, before) = self.start();
        let span = self.now.0.saturating_sub(from);
        let half = self.samples.iter().take_while(|(at, _)| *at <= from + span / 2).last();
        let half = half.map_or(before, |(_, finished)| *finished);
        let (first, second) = (half - before, self.now.1.saturating_sub(half));
        span >= SETTLING && first.min(second) > 0 && first.min(second) * 3 >= first.max(second)
    }
}

/// How long this many rows take, if that can be expressed.
#[expect(clippy::cast_precision_loss, reason = "it is shown rounded")]
fn time_left(rows: usize, rate: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(rows as f64 / rate).ok()
}

/// The figures at one moment.
#[derive(Debug, Clone, PartialEq)]
struct Figures {
    finished: usize,
    total: usize,
    counts: [usize; State::ALL.len()],
    rate: Option<f64>,
    left: Option<Duration>,
}

impl Figures {
    /// As a line: `1,200 of 5,000 rows, 55.1 rows/s, about 2 minutes left: 1,190 done, 10 refused`.
    fn line(&self) -> String {
        let rate = self.rate.map(|rate| rate_text(rate, "rows"));
        let left = self.left.map(|left| format!("about {} left", time_left_text(left)));
        let rows = format!("{} of {} rows", grouped(self.finished), grouped(self.total));
        let figures: Vec<_> = [Some(rows), rate, left].into_iter().flatten().collect();
        match self.states().as_slice() {
            [] => figures.join(", "),
            states => {
                let states: Vec<_> = states.iter().map(|(_, text)| text.as_str()).collect();
                format!("{}: {}", figures.join(", "), states.join(", "))
            }
        }
    }

    /// As the text next to a bar, shortened to this many columns, and its width.
    fn beside(&self, width: usize, style: Style) -> (String, usize) {
        let rows = Some(format!("{}/{}", grouped(self.finished), grouped(self.total)));
        let rate = self.rate.map(|rate| rate_text(rate, ""));
        let left = self.left.map(|left| format!("{:#} left", time_left_text(left)));
        let states = self.states();
        let needed: Vec<_> = states.iter().filter(|(state, _)| !state.is_fine()).cloned().collect();
        let forms = [
            ([&rows, &rate, &left], &states),
            ([&rows, &left, &None], &states),
            ([&rows, &None, &None], &states),
            ([&rows, &None, &None], &needed),
        ];
        let mut form = (String::new(), 0);
        for (figures, states) in forms {
            form = lay_out(&figures, states, style);
            if form.1 <= width {
                break;
            }
        }
        form
    }

    fn states(&self) -> Vec<(State, String)> {
        let counted = State::ALL.into_iter().zip(self.counts).filter(|(_, count)| *count > 0);
        counted.map(|(state, count)| (state, format!("{} {state}", grouped(count)))).collect()
    }
}

fn lay_out(
    figures: &[&Option<String>],
    states: &[(State, String)],
    style: Style,
) -> (String, usize) {
    let mut pieces = Vec::new();
    let mut width = 0;
    let figures = figures.iter().copied().flatten().map(|piece| (None, piece));
    let states = states.iter().map(|(state, piece)| (Some(*state), piece));
    for (state, piece) in figures.chain(states) {
        width += piece.chars().count();
        pieces.push(match state.filter(|_| style == Style::ColoredBar) {
            Some(state) => format!("\x1b[{}m{piece}\x1b[0m", color(state)),
            None => piece.clone(),
        });
    }
    (pieces.join(GAP), width + GAP.len() * pieces.len().saturating_sub(1))
}

/// The terminal's color code of a state.
const fn color(state: State) -> u8 {
    match state {
        State::Done => 32,
        State::Unchanged => 36,
        State::Refused | State::Failed => 31,
        State::InDoubt | State::Skipped => 33,
    }
}

fn draw(bar: &ProgressBar, figures: &Figures, style: Style) {
    let width = Stream::Stderr.width().map_or(80, usize::from);
    // The last column stays empty, because some terminals wrap there.
    let width = width.saturating_sub(1);
    let (text, taken) = figures.beside(width, style);
    let template = if taken + 1 + MIN_BAR <= width { "{wide_bar} {msg}" } else { "{wide_msg}" };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━━╌"));
    }
    bar.set_message(text);
    bar.set_position(u64::try_from(figures.finished).unwrap_or(u64::MAX));
    bar.tick();
}

/// A rate, per minute if it is slow: `55.1 rows/s`, `30.0 rows/min`.
fn rate_text(rate: f64, what: &str) -> String {
    let (rate, unit) = if rate < 1.0 { (rate * 60.0, "min") } else { (rate, "s") };
    let gap = if what.is_empty() { "" } else { " " };
    if rate < 100.0 {
        format!("{rate:.1}{gap}{what}/{unit}")
    } else {
        format!("{rate:.0}{gap}{what}/{unit}")
    }
}

/// A duration, of at least a second.
fn time_left_text(left: Duration) -> HumanDuration {
    HumanDuration(left.max(Duration::from_secs(1)))
}

/// A number with separators: `1,200`.
fn grouped(number: usize) -> HumanCount {
    HumanCount(u64::try_from(number).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
