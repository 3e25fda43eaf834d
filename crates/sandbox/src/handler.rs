//! How an endpoint is simulated: a function of a service's state and a call.

use drillmaster_models::Endpoint;

use crate::call::{Answer, Call};
use crate::writes::Writes;

/// What an endpoint does to the state `S` of its service, with its types erased.
#[derive(Debug)]
pub(crate) struct Handler<S> {
    /// The endpoint's name.
    pub(crate) endpoint: &'static str,
    run: Run<S>,
    status: fn(&S) -> u16,
}

#[derive(Debug)]
enum Run<S> {
    Read(fn(&mut S, &Call) -> Answer),
    Write(fn(&mut S, &Call, &mut Writes) -> Answer),
}

impl<S> Handler<S> {
    /// The handler of `E`, which reads. It can change the state only to cache what it computes.
    pub(crate) const fn read<E: Endpoint>(run: fn(&mut S, &Call) -> Answer) -> Self {
        Self { endpoint: E::METADATA.name, run: Run::Read(run), status: |_| 200 }
    }

    /// The handler of `E`, which writes and counts its effects.
    pub(crate) const fn write<E: Endpoint>(run: fn(&mut S, &Call, &mut Writes) -> Answer) -> Self {
        Self { endpoint: E::METADATA.name, run: Run::Write(run), status: |_| 200 }
    }

    /// The same handler with another status for successes.
    pub(crate) const fn with_status(self, status: fn(&S) -> u16) -> Self {
        Self { status, ..self }
    }

    /// Answers a call.
    pub(crate) fn run(&self, state: &mut S, call: &Call, writes: &mut Writes) -> Answer {
        match self.run {
            Run::Read(run) => run(state, call),
            Run::Write(run) => run(state, call, writes),
        }
    }

    /// The HTTP status of a success, unless the answer is a redirect.
    pub(crate) fn status(&self, state: &S) -> u16 {
        (self.status)(state)
    }
}
