//! Lists that lag behind writes, as those of a service do that reads from a copy of its data.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::academy::Academy;
use crate::handler::{Call, Handler, Refusal};

/// A copy of an academy, to which each write comes after some time. They come in their order: one that is to show
/// late holds up those behind it. Times are of tokio's clock, which tests may pause; those of the academy stand
/// still.
#[derive(Debug)]
pub(crate) struct Replica {
    academy: Academy,
    to_come: VecDeque<(Instant, &'static Handler, Call)>,
}

impl Replica {
    /// The copy in this place; one is made if there is none yet.
    pub(crate) fn of<'a>(
        academy: &Academy,
        place: &'a mut Option<Self>,
    ) -> Result<&'a mut Self, Refusal> {
        if place.is_none() {
            // As a saved state is read.
            let copy = serde_json::to_vec(academy).and_then(|text| serde_json::from_slice(&text));
            let academy =
                copy.map_err(|error| Refusal::new(500, io::Error::from(error).to_string()))?;
            *place = Some(Self { academy, to_come: VecDeque::new() });
        }
        place.as_mut().ok_or_else(|| Refusal::new(500, "the sandbox has no copy of itself"))
    }

    /// Makes a call of the academy; the copy hears of it after this time. It hears of those that were refused too,
    /// and refuses them alike: some are carried out all the same, such as an invite that is answered 500.
    pub(crate) fn write(
        &mut self,
        academy: &mut Academy,
        handler: &'static Handler,
        call: Call,
        visible_after: Duration,
    ) -> Result<Value, Refusal> {
        let answer = (handler.run)(academy, &call);
        let due = Instant::now() + visible_after;
        let due = self.to_come.back().map_or(due, |(last, ..)| due.max(*last));
        self.to_come.push_back((due, handler, call));
        answer
    }

    /// The copy as it is now.
    pub(crate) fn up_to_date(&mut self) -> &mut Academy {
        let now = Instant::now();
        let due = self.to_come.partition_point(|(due, ..)| *due <= now);
        for (_, handler, call) in self.to_come.drain(..due) {
            // It was carried out before, and so it will be here.
            let _ = (handler.run)(&mut self.academy, &call);
        }
        &mut self.academy
    }
}
