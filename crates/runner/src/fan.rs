//! Rows side by side: worker threads take them in order, and they come out in order.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope};

/// Applies `work` to every item on up to `workers` threads and hands the results to `finish` in the order of
/// the items, on the calling thread. At most a window of items is between the two, so that one slow row holds
/// up the output and not the memory. `worker` makes what each thread keeps for itself.
///
/// An error of the items or of `finish` ends the taking; what was taken is finished.
pub(crate) fn fan<I, T, E, K>(
    items: impl Iterator<Item = Result<I, E>> + Send,
    workers: usize,
    worker: impl Fn() -> K + Sync,
    work: impl Fn(&mut K, I) -> T + Sync,
    mut finish: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E>
where
    I: Send,
    T: Send,
    E: Send,
{
    let feed = Feed {
        state: Mutex::new(State { items, taken: 0, finished: 0, waiting: 0, closed: false }),
        moved: Condvar::new(),
        window: workers * 8,
    };
    thread::scope(|scope| {
        let (results, ready) = channel();
        for _ in 0..workers {
            spawn(scope, &feed, &worker, &work, results.clone());
        }
        drop(results);
        let outcome = in_order(&ready, |result: Result<T, E>| {
            feed.finished();
            result.and_then(&mut finish)
        });
        feed.close();
        outcome
    })
}

fn spawn<'scope, I, T, E, K, F, W, G>(
    scope: &'scope Scope<'scope, '_>,
    feed: &'scope Feed<F>,
    worker: &'scope W,
    work: &'scope G,
    results: Sender<(usize, Result<T, E>)>,
) where
    I: Send,
    T: Send + 'scope,
    E: Send + 'scope,
    F: Iterator<Item = Result<I, E>> + Send,
    W: Fn() -> K + Sync,
    G: Fn(&mut K, I) -> T + Sync,
{
    scope.spawn(move || {
        let mut kept = worker();
        while let Some((index, item)) = feed.take() {
            let result = item.map(|item| work(&mut kept, item));
            if results.send((index, result)).is_err() {
                break;
            }
        }
    });
}

/// Hands results on in the order of their indices, up to the first error.
fn in_order<T, E>(
    ready: &Receiver<(usize, Result<T, E>)>,
    mut finish: impl FnMut(Result<T, E>) -> Result<(), E>,
) -> Result<(), E> {
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    for (index, result) in ready {
        waiting.insert(index, result);
        while let Some(result) = waiting.remove(&next) {
            next += 1;
            finish(result)?;
        }
    }
    Ok(())
}

struct Feed<F> {
    state: Mutex<State<F>>,
    moved: Condvar,
    window: usize,
}

struct State<F> {
    items: F,
    taken: usize,
    finished: usize,
    /// How many workers wait for room in the window.
    waiting: usize,
    closed: bool,
}

impl<F, I, E> Feed<F>
where
    F: Iterator<Item = Result<I, E>>,
{
    /// The next item with its index, as soon as it is within the window.
    fn take(&self) -> Option<(usize, Result<I, E>)> {
        let mut state = self.lock();
        while !state.closed && state.taken >= state.finished + self.window {
            state.waiting += 1;
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
        if state.closed {
            return None;
        }
        let Some(item) = state.items.next() else {
            state.closed = true;
            self.moved.notify_all();
            return None;
        };
        // Nothing is read after an error: where would it go on?
        state.closed = item.is_err();
        let index = state.taken;
        state.taken += 1;
        Some((index, item))
    }
}

impl<F> Feed<F> {
    fn finished(&self) {
        let mut state = self.lock();
        state.finished += 1;
        // To wake workers for every row would cost more than many a row does. Half a window is room for all.
        let has_room = state.finished + self.window >= state.taken + self.window / 2;
        if state.waiting > 0 && has_room {
            drop(state);
            self.moved.notify_all();
        }
    }

    fn close(&self) {
        self.lock().closed = true;
        self.moved.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubled(workers: usize, count: usize) -> Vec<usize> {
        let mut out = Vec::new();
        let items = (0..count).map(Ok::<_, String>);
        let push = |n| {
            out.push(n);
            Ok(())
        };
        fan(items, workers, || (), |(), n| n * 2, push).unwrap();
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
        let ended = fan(items, 8, || (), |(), n| n, push);
        assert_eq!((ended, out.len()), (Err("line 50"), 50));
    }

    #[test]
    fn an_error_of_the_finisher_ends_the_taking() {
        let endless = (0..).map(Ok::<usize, &str>);
        let full = |n| if n == 9 { Err("full") } else { Ok(()) };
        assert_eq!(fan(endless, 4, || (), |(), n| n, full), Err("full"));
    }
}
