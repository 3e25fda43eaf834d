//! Runs rows side by side: workers take them in order, and their results come out in order.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{io, mem, thread};

use futures::executor::block_on;
use tokio::sync::Notify;

use crate::execution::fiber;

/// Applies `work` to every item, with up to `workers` at a time, and passes the results to `finish` in the order of the
/// items. The number of items between the two is bounded: one slow row delays the output but does not fill the memory.
/// `worker` makes the state that each worker has for itself.
///
/// A worker is a [fiber]: while it waits, its thread runs others. After an error of the items or of `finish` no more
/// items are taken; those in progress are finished.
pub(crate) fn run_in_order<I, T, E, K>(
    items: impl Iterator<Item = Result<I, E>> + Send,
    workers: usize,
    worker: impl Fn() -> K + Sync,
    work: impl Fn(&mut K, I) -> T + Sync,
    finish: impl FnMut(T) -> Result<(), E> + Send,
) -> io::Result<Result<(), E>>
where
    I: Send,
    T: Send,
    E: Send,
{
    let feed = Feed {
        state: Mutex::new(State { items, taken: 0, finished: 0, waiting: 0, closed: false }),
        moved: Notify::new(),
        window: workers * 8,
    };
    let drain = Drain { ready: Mutex::default(), order: Mutex::new(Reorder::new(finish)) };
    let turns = || {
        let _closing = ClosingOnPanic(&feed);
        let mut kept = worker();
        while let Some((index, item)) = fiber::wait(feed.take(), block_on) {
            let result = item.map(|item| work(&mut kept, item));
            drain.put(index, result, &feed);
        }
    };
    fiber::run_all(workers, turns)?;
    Ok(drain.order.into_inner().unwrap_or_else(PoisonError::into_inner).outcome)
}

/// Where results go. No thread waits for them: a worker that brings one passes on what is ready, unless another is
/// doing so.
struct Drain<T, E, G> {
    ready: Mutex<Vec<(usize, Result<T, E>)>>,
    order: Mutex<Reorder<T, E, G>>,
}

/// Passes results on in the order of their indices, up to the first error.
struct Reorder<T, E, G> {
    /// The results from the next one on; `None` for those still missing.
    waiting: VecDeque<Option<Result<T, E>>>,
    /// A buffer for results on their way here, empty in between.
    taken: Vec<(usize, Result<T, E>)>,
    next: usize,
    finish: G,
    outcome: Result<(), E>,
}

impl<T, E, G> Drain<T, E, G>
where
    G: FnMut(T) -> Result<(), E>,
{
    fn put<F>(&self, index: usize, result: Result<T, E>, feed: &Feed<F>) {
        lock(&self.ready).push((index, result));
        // The worker that holds the lock checks again after releasing it.
        while !lock(&self.ready).is_empty() {
            let Ok(mut order) = self.order.try_lock() else { return };
            let mut ready = mem::take(&mut order.taken);
            mem::swap(&mut ready, &mut *lock(&self.ready));
            for (index, result) in ready.drain(..) {
                order.keep(index, result);
            }
            order.taken = ready;
            order.pass_on(feed);
        }
    }
}

impl<T, E, G> Reorder<T, E, G>
where
    G: FnMut(T) -> Result<(), E>,
{
    fn new(finish: G) -> Self {
        Self { waiting: VecDeque::new(), taken: Vec::new(), next: 0, finish, outcome: Ok(()) }
    }

    fn keep(&mut self, index: usize, result: Result<T, E>) {
        let place = index - self.next;
        if place >= self.waiting.len() {
            self.waiting.resize_with(place + 1, || None);
        }
        self.waiting[place] = Some(result);
    }

    fn pass_on<F>(&mut self, feed: &Feed<F>) {
        while self.outcome.is_ok()
            && let Some(result) = self.waiting.front_mut().and_then(Option::take)
        {
            self.waiting.pop_front();
            self.next += 1;
            feed.finished();
            self.outcome = result.and_then(&mut self.finish);
            if self.outcome.is_err() {
                feed.close();
            }
        }
    }
}

struct Feed<F> {
    state: Mutex<State<F>>,
    moved: Notify,
    window: usize,
}

struct State<F> {
    items: F,
    taken: usize,
    finished: usize,
    /// How many workers wait because the window is full.
    waiting: usize,
    closed: bool,
}

impl<F, I, E> Feed<F>
where
    F: Iterator<Item = Result<I, E>>,
{
    /// The next item with its index, as soon as the window has room.
    async fn take(&self) -> Option<(usize, Result<I, E>)> {
        loop {
            // Registered before the check, so that no change is missed.
            let moved = pin!(self.moved.notified());
            {
                let mut state = lock(&self.state);
                if state.closed {
                    return None;
                }
                if state.taken < state.finished + self.window {
                    let taken = state.take();
                    if state.closed {
                        self.moved.notify_waiters();
                    }
                    return taken;
                }
                state.waiting += 1;
            }
            moved.await;
            lock(&self.state).waiting -= 1;
        }
    }
}

impl<F, I, E> State<F>
where
    F: Iterator<Item = Result<I, E>>,
{
    fn take(&mut self) -> Option<(usize, Result<I, E>)> {
        let item = self.items.next();
        // After an error there is no place to continue at.
        self.closed = item.as_ref().is_none_or(Result::is_err);
        let index = self.taken;
        self.taken += 1;
        Some((index, item?))
    }
}

impl<F> Feed<F> {
    fn finished(&self) {
        let mut state = lock(&self.state);
        state.finished += 1;
        // Waking workers for every row can cost more than the row. Half a window is room for all.
        let has_room = state.finished + self.window >= state.taken + self.window / 2;
        if state.waiting > 0 && has_room {
            drop(state);
            self.moved.notify_waiters();
        }
    }

    fn close(&self) {
        lock(&self.state).closed = true;
        self.moved.notify_waiters();
    }
}

/// A worker that panics brings no result: without this, the others would wait forever.
struct ClosingOnPanic<'a, F>(&'a Feed<F>);

impl<F> Drop for ClosingOnPanic<'_, F> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.close();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn doubled(workers: usize, count: usize) -> Vec<usize> {
        let mut out = Vec::new();
        let items = (0..count).map(Ok::<_, String>);
        let push = |n| {
            out.push(n);
            Ok(())
        };
        run_in_order(items, workers, || (), |(), n| n * 2, push).unwrap().unwrap();
        out
    }

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let expected: Vec<_> = (0..10_000).map(|n| n * 2).collect();
        for workers in [1, 3, 16] {
            assert_eq!(doubled(workers, 10_000), expected);
        }
    }

    #[test]
    fn nothing_to_do_is_done() {
        assert_eq!(doubled(4, 0), Vec::<usize>::new());
    }

    #[test]
    fn an_error_of_the_items_comes_after_what_was_before_it() {
        let items = (0..100).map(|n| if n == 50 { Err("line 50") } else { Ok(n) });
        let mut out = Vec::new();
        let push = |n: i32| {
            out.push(n);
            Ok(())
        };
        let ended = run_in_order(items, 8, || (), |(), n| n, push).unwrap();
        assert_eq!((ended, out.len()), (Err("line 50"), 50));
    }

    #[test]
    fn an_error_of_the_finisher_ends_the_taking() {
        let endless = (0..).map(Ok::<usize, &str>);
        let full = |n| if n == 9 { Err("full") } else { Ok(()) };
        assert_eq!(run_in_order(endless, 4, || (), |(), n| n, full).unwrap(), Err("full"));
    }

    #[test]
    fn a_panic_of_a_row_does_not_leave_the_others_waiting() {
        let endless = (0..).map(Ok::<usize, &str>);
        let row = |(): &mut (), n: usize| assert_ne!(n, 9, "a bug");
        let ran = AssertUnwindSafe(|| run_in_order(endless, 4, || (), row, Ok));
        catch_unwind(ran).unwrap_err();
    }
}
