//! How far a run is, told to a person while it goes: a bar on a terminal, elsewhere a line now and then.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::runtime::Handle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::console::{Console, Stream, progress_bar};
use crate::outcome::State;

/// How often the figures are looked at.
const TICK: Duration = Duration::from_millis(250);
/// How far lines are apart. A run that is over sooner tells none.
const BETWEEN_LINES: Duration = Duration::from_secs(5);
/// The rate is that of the last rows: as many as came in this time, and at least so many.
const RECENT: (Duration, usize) = (Duration::from_secs(15), 20);
/// Sooner no time left is told.
const SETTLED: Duration = Duration::from_secs(3);
/// A bar shorter than this says nothing.
const LEAST_BAR: usize = 8;
/// What sets the figures beside a bar apart.
const GAP: &str = "  ";

/// Tells how far rows are.
#[derive(Clone)]
pub struct Progress {
    console: Console,
    look: Look,
    under_way: Arc<Mutex<Option<UnderWay>>>,
}

/// In which form progress is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A line every five seconds.
    Lines,
    /// A bar that is drawn anew, in one colour.
    PlainBar,
    /// A bar with the states in colours.
    ColouredBar,
}

impl Progress {
    /// Tells it on a console.
    pub fn new(console: Console, look: Look) -> Self {
        Self { console, look, under_way: Arc::default() }
    }

    /// As it suits standard error, where the console writes to it; `None` where it is to be quiet.
    pub fn on_standard_error(console: &Console, colour: bool) -> Option<Self> {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let look = match (Stream::People.is_terminal() && !dumb, colour) {
            (false, _) => Look::Lines,
            (true, false) => Look::PlainBar,
            (true, true) => Look::ColouredBar,
        };
        (!console.is_quiet()).then(|| Self::new(console.clone(), look))
    }

    /// Begins to tell of so many rows, until what it gives is dropped.
    pub(crate) fn begin(&self, total: usize, runtime: &Handle) -> Shown {
        let bar = match self.look {
            Look::Lines => None,
            Look::PlainBar | Look::ColouredBar => {
                Some(progress_bar(u64::try_from(total).unwrap_or(u64::MAX)))
            }
        };
        self.console.hang(bar.clone());
        *self.lock() = Some(UnderWay::of(total, bar));
        let own = self.clone();
        let ticker = runtime.spawn(async move {
            let mut ticks = interval(TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                own.tick();
            }
        });
        Shown { progress: self.clone(), ticker: ticker.abort_handle() }
    }

    /// Counts a finished row.
    pub(crate) fn row(&self, state: State) {
        if let Some(under_way) = &mut *self.lock() {
            under_way.counts[state as usize] += 1;
        }
    }

    fn tick(&self) {
        let mut line = None;
        if let Some(under_way) = &mut *self.lock() {
            let figures = under_way.figures();
            match &under_way.bar {
                Some(bar) => draw(bar, &figures, self.look),
                None if under_way.told.elapsed() >= BETWEEN_LINES => {
                    under_way.told = Instant::now();
                    line = Some(figures.line());
                }
                None => {}
            }
        }
        line.inspect(|line| self.console.note(line));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<UnderWay>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Progress that is told; no longer when it is dropped.
pub(crate) struct Shown {
    progress: Progress,
    ticker: tokio::task::AbortHandle,
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.ticker.abort();
        // A tick that is on its way finds nothing to draw.
        let ended = self.progress.lock().take();
        self.progress.console.hang(None);
        if let Some(bar) = ended.and_then(|under_way| under_way.bar) {
            bar.finish_and_clear();
        }
    }
}

struct UnderWay {
    total: usize,
    counts: [usize; State::ALL.len()],
    since: Instant,
    told: Instant,
    recent: Recent,
    bar: Option<ProgressBar>,
}

impl UnderWay {
    fn of(total: usize, bar: Option<ProgressBar>) -> Self {
        let now = Instant::now();
        Self {
            total,
            counts: Default::default(),
            since: now,
            told: now,
            recent: Recent::default(),
            bar,
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

/// When how many rows were finished, as far back as it matters for the rate.
#[derive(Debug)]
struct Recent {
    /// Where the number has changed; the first is where the rate counts from.
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

    /// Whether the rate promises anything: rows that a resumed run knows already fly by and say nothing
    /// about those to come.
    fn is_steady(&self) -> bool {
        let (from, before) = self.start();
        let span = self.now.0.saturating_sub(from);
        let half = self.samples.iter().take_while(|(at, _)| *at <= from + span / 2).last();
        let half = half.map_or(before, |(_, finished)| *finished);
        let (first, second) = (half - before, self.now.1.saturating_sub(half));
        span >= SETTLED && first.min(second) > 0 && first.min(second) * 3 >= first.max(second)
    }
}

/// How long so many rows take; `None` where it is beyond all telling.
#[expect(clippy::cast_precision_loss, reason = "it is told as about so long")]
fn time_left(rows: usize, rate: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(rows as f64 / rate).ok()
}

/// What is told at one moment.
#[derive(Debug, Clone, PartialEq)]
struct Figures {
    finished: usize,
    total: usize,
    counts: [usize; State::ALL.len()],
    rate: Option<f64>,
    left: Option<Duration>,
}

impl Figures {
    /// In a line of its own: `1,200 of 5,000 rows, 55.1 rows/s, about 2 min left: 1,190 done, 10 refused`.
    fn line(&self) -> String {
        let rate = self.rate.map(|rate| paced(rate, "rows"));
        let left = self.left.map(|left| format!("about {} left", in_words(left)));
        let rows = format!("{} of {} rows", grouped(self.finished), grouped(self.total));
        let told: Vec<_> = [Some(rows), rate, left].into_iter().flatten().collect();
        match self.states().as_slice() {
            [] => told.join(", "),
            states => {
                let states: Vec<_> = states.iter().map(|(_, text)| text.as_str()).collect();
                format!("{}: {}", told.join(", "), states.join(", "))
            }
        }
    }

    /// Beside a bar: all of it, or what has room in so many columns. How wide it is comes with it.
    fn beside(&self, width: usize, look: Look) -> (String, usize) {
        let rows = Some(format!("{}/{}", grouped(self.finished), grouped(self.total)));
        let rate = self.rate.map(|rate| paced(rate, ""));
        let left = self.left.map(|left| format!("{} left", in_words(left)));
        let states = self.states();
        let needed: Vec<_> = states.iter().filter(|(state, _)| !state.is_fine()).cloned().collect();
        let forms = [
            ([&rows, &rate, &left], &states),
            ([&rows, &left, &None], &states),
            ([&rows, &None, &None], &states),
            ([&rows, &None, &None], &needed),
        ];
        let mut form = (String::new(), 0);
        for (told, states) in forms {
            form = laid_out(&told, states, look);
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

fn laid_out(told: &[&Option<String>], states: &[(State, String)], look: Look) -> (String, usize) {
    let mut pieces = Vec::new();
    let mut width = 0;
    let told = told.iter().copied().flatten().map(|piece| (None, piece));
    let states = states.iter().map(|(state, piece)| (Some(*state), piece));
    for (state, piece) in told.chain(states) {
        width += piece.chars().count();
        pieces.push(match state.filter(|_| look == Look::ColouredBar) {
            Some(state) => format!("\x1b[{}m{piece}\x1b[0m", colour(state)),
            None => piece.clone(),
        });
    }
    (pieces.join(GAP), width + GAP.len() * pieces.len().saturating_sub(1))
}

/// The terminal's number of the colour for a state.
const fn colour(state: State) -> u8 {
    match state {
        State::Done => 32,
        State::Unchanged => 36,
        State::Refused | State::Failed => 31,
        State::InDoubt | State::Skipped => 33,
    }
}

fn draw(bar: &ProgressBar, figures: &Figures, look: Look) {
    let width = Stream::People.width().map_or(80, usize::from);
    // The last column stays free: some terminals break the line there.
    let width = width.saturating_sub(1);
    let (text, taken) = figures.beside(width, look);
    let template = if taken + 1 + LEAST_BAR <= width { "{wide_bar} {msg}" } else { "{wide_msg}" };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━━╌"));
    }
    bar.set_message(text);
    bar.set_position(u64::try_from(figures.finished).unwrap_or(u64::MAX));
    bar.tick();
}

/// A number with its thousands set apart: `1,200`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate, by the minute where that says more: `55.1 rows/s`, `30.0 rows/min`.
fn paced(rate: f64, what: &str) -> String {
    let (rate, unit) = if rate < 1.0 { (rate * 60.0, "min") } else { (rate, "s") };
    let gap = if what.is_empty() { "" } else { " " };
    if rate < 100.0 {
        format!("{rate:.1}{gap}{what}/{unit}")
    } else {
        format!("{rate:.0}{gap}{what}/{unit}")
    }
}

/// About how long, in the unit that a person would use.
pub fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..90 => format!("{} s", seconds.max(1).next_multiple_of(5)),
        90..5_400 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{:.1} h", time.as_secs_f64() / 3_600.0),
    }
}

#[cfg(test)]
mod tests;
