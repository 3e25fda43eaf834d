//! Fibers: blocking code that lets its thread run other fibers while it waits.
//!
//! Rhai has no `async`. A row therefore runs on a stack of its own and can wait in the middle of a script: no thread is
//! woken for an answer, and a thousand concurrent rows do not need a thousand threads. A fiber stays on its thread.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::{io, thread};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use generator::{Generator, Gn};
use tokio::runtime::Builder;
use tokio::sync::watch;

/// The stack size in machine words, as large as that of a thread. Only the part that is used takes memory.
const STACK: usize = 2 * 1024 * 1024 / size_of::<usize>();

thread_local! {
    /// Wakes the fiber that runs on this thread, if one does.
    static WAKER: RefCell<Option<Waker>> = const { RefCell::new(None) };
    /// What the fiber that has just yielded waits for.
    static WAITED_FOR: Cell<Option<WaitedFor>> = const { Cell::new(None) };
}

type WaitedFor = Pin<Box<dyn Future<Output = ()>>>;

/// Runs `code` in this many fibers, on one thread for each processor, until all have ended.
pub(crate) fn run_all(fibers: usize, code: impl Fn() + Sync) -> io::Result<()> {
    let lanes = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(fibers);
    // What a fiber waits for runs on the same thread, so that no other has to be woken.
    let runtime = |_| Builder::new_current_thread().enable_all().build();
    let runtimes = (0..lanes).map(runtime).collect::<io::Result<Vec<_>>>()?;
    let (leaving, left) = watch::channel(());
    thread::scope(|scope| {
        for (lane, runtime) in runtimes.into_iter().enumerate() {
            let (code, leaving, mut left) = (&code, leaving.clone(), left.clone());
            scope.spawn(move || {
                let own = (lane..fibers).step_by(lanes).map(|_| Fiber::new(code));
                let mut own: FuturesUnordered<_> = own.collect();
                runtime.block_on(async {
                    while own.next().await.is_some() {}
                    drop(leaving);
                    // A connection of this thread may serve fibers of others, so it is driven until all are done.
                    let _ = left.changed().await;
                });
            });
        }
        drop(leaving);
    });
    Ok(())
}

/// Waits for a future: in a fiber by letting others run, elsewhere by blocking the thread with `block`.
///
/// A fiber must not hold a lock while it waits.
pub(crate) fn wait<F: Future>(future: F, block: impl FnOnce(F) -> F::Output) -> F::Output {
    if WAKER.with_borrow(Option::is_none) {
        return block(future);
    }
    let mut future = pin!(future);
    loop {
        let waker = WAKER.with_borrow(Clone::clone);
        let mut context = Context::from_waker(waker.as_ref().unwrap_or(Waker::noop()));
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        yield_to_others();
    }
}

/// The same, but the future is polled on the stack of the thread.
///
/// For deep call trees such as an HTTP request: one stack stays in the processor's cache, and those of many fibers do
/// not.
pub(crate) fn wait_outside<F>(future: F, block: impl FnOnce(F) -> F::Output) -> F::Output
where
    F: Future<Output: 'static> + 'static,
{
    if WAKER.with_borrow(Option::is_none) {
        return block(future);
    }
    let output = Rc::new(Cell::new(None));
    let there = output.clone();
    WAITED_FOR.set(Some(Box::pin(async move { there.set(Some(future.await)) })));
    loop {
        yield_to_others();
        if let Some(output) = output.take() {
            return output;
        }
    }
}

#[expect(
    deprecated,
    reason = "the other form needs a handle, which cannot pass through the engine"
)]
fn yield_to_others() {
    generator::yield_with(());
}

/// A function as a future that completes when the function returns.
struct Fiber<'a> {
    code: Generator<'a, (), ()>,
    /// What has to complete before it continues.
    waits_for: Option<WaitedFor>,
}

impl<'a> Fiber<'a> {
    fn new(work: impl FnOnce() + Send + 'a) -> Self {
        Self { code: Gn::new_opt(STACK, work), waits_for: None }
    }
}

impl Future for Fiber<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(future) = &mut self.waits_for {
                ready!(future.as_mut().poll(context));
            }
            let outer = WAKER.replace(Some(context.waker().clone()));
            self.code.resume();
            WAKER.set(outer);
            self.waits_for = WAITED_FOR.take();
            if self.code.is_done() {
                return Poll::Ready(());
            }
            if self.waits_for.is_none() {
                return Poll::Pending;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::ptr::from_ref;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::executor::block_on;
    use tokio::sync::Barrier;
    use tokio::task::yield_now;

    use super::*;

    #[test]
    fn many_more_than_threads_wait_for_each_other() {
        let (all, passed) = (Barrier::new(100), AtomicUsize::new(0));
        let meet = || {
            for _ in 0..3 {
                wait(all.wait(), block_on);
            }
            passed.fetch_add(1, Ordering::Relaxed);
        };
        run_all(100, meet).unwrap();
        assert_eq!(passed.into_inner(), 100);
    }

    #[test]
    fn a_fiber_stays_on_its_thread() {
        let moved = Mutex::new(Vec::new());
        let turn = || {
            let before = thread::current().id();
            wait(yield_now(), block_on);
            if thread::current().id() != before {
                moved.lock().unwrap().push(before);
            }
        };
        run_all(20, turn).unwrap();
        assert_eq!(*moved.lock().unwrap(), []);
    }

    #[test]
    fn a_panic_of_one_ends_all() {
        let turns = AtomicUsize::new(0);
        let turn = || match turns.fetch_add(1, Ordering::Relaxed) {
            0 => panic!("a bug"),
            _ => wait(yield_now(), block_on),
        };
        catch_unwind(AssertUnwindSafe(|| run_all(20, turn)))
            .unwrap_err()
            .downcast_ref::<&str>()
            .unwrap();
    }

    #[test]
    fn what_is_waited_for_outside_takes_the_stack_of_the_thread() {
        fn here() -> usize {
            let local = 0_u8;
            from_ref(&local).addr()
        }
        let stacks = || {
            let own = here();
            let is_own = |there: usize| there.abs_diff(own) < STACK;
            assert!(is_own(wait(async { here() }, block_on)));
            assert!(!is_own(wait_outside(async { here() }, block_on)));
        };
        run_all(1, stacks).unwrap();
    }

    #[test]
    fn what_is_waited_for_outside_may_wait_too() {
        let turns = || {
            let others = async {
                yield_now().await;
                7
            };
            assert_eq!(wait_outside(others, block_on), 7);
            assert_eq!(wait_outside(async { 8 }, block_on), 8);
        };
        run_all(20, turns).unwrap();
    }

    #[test]
    fn outside_of_a_fiber_the_thread_waits() {
        assert_eq!(wait(async { 7 }, block_on), 7);
        assert_eq!(wait_outside(async { 7 }, block_on), 7);
    }
}
