//! Lists that lag behind writes, like those of a service that reads from a copy of its data.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use tokio::time::Instant;

use crate::academy::{Academy, AnyHandler};
use crate::call::{Answer, Call, Refusal};

/// A copy of an academy that gets each write after a delay. Writes arrive in their order: a delayed one holds up
/// those behind it. It uses tokio's clock, which tests can pause; the clock of the academy stands still.
#[derive(Debug)]
pub(crate) struct Replica {
    academy: Academy,
    pending: VecDeque<(Instant, AnyHandler, Call)>,
}

impl Replica {
    /// The copy in this slot, made from the academy if the slot is empty.
    pub(crate) fn get_or_copy<'a>(
        academy: &Academy,
        slot: &'a mut Option<Self>,
    ) -> Result<&'a mut Self, Refusal> {
        if slot.is_none() {
            // In the same way as a state is saved and loaded.
            let copy = serde_json::to_vec(academy).and_then(|text| serde_json::from_slice(&text));
            let academy =
                copy.map_err(|error| Refusal::new(500, io::Error::from(error).to_string()))?;
            *slot = Some(Self { academy, pending: VecDeque::new() });
        }
        slot.as_mut().ok_or_else(|| Refusal::new(500, "the sandbox has no copy of itself"))
    }

    /// Makes a call to the academy, and to the copy after this delay. The copy gets refused calls too, because some
    /// take effect, such as an invite that is answered with 500.
    pub(crate) fn write(
        &mut self,
        academy: &mut Academy,
        handler: AnyHandler,
        call: Call,
        visible_after: Duration,
    ) -> Answer {
        let answer = academy.run(handler, &call);
        let at = Instant::now() + visible_after;
        let at = self.pending.back().map_or(at, |(last, ..)| at.max(*last));
        self.pending.push_back((at, handler, call));
        answer
    }

    /// The copy as of now.
    pub(crate) fn up_to_date(&mut self) -> &mut Academy {
        let now = Instant::now();
        let arrived = self.pending.partition_point(|(at, ..)| *at <= now);
        for (_, handler, call) in self.pending.drain(..arrived) {
            // The academy has given the answer.
            let _ = self.academy.run(handler, &call);
        }
        &mut self.academy
    }
}
