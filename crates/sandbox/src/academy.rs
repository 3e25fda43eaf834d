//! The whole state of a sandbox.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::call::{Answer, Call};
use crate::handler::Handler;
use crate::options::Options;
use crate::population::people;
use crate::writes::Writes;
use crate::{thm, veracode};

/// Both services with the same people, and the effects of the calls so far.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Academy {
    /// The time at which every call is received.
    pub(crate) now: Timestamp,
    /// TryHackMe.
    pub(crate) thm: thm::State,
    /// Security Labs.
    pub(crate) veracode: veracode::State,
    /// The effects so far.
    pub(crate) writes: Writes,
}

/// A handler of one of the services.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AnyHandler {
    /// Of TryHackMe.
    Thm(&'static Handler<thm::State>),
    /// Of Security Labs.
    Veracode(&'static Handler<veracode::State>),
}

impl Academy {
    /// An academy with these options.
    pub(crate) fn new(options: &Options) -> Self {
        let people = people(options.seed, options.learners);
        let mut veracode = veracode::State::populated(&people, options.seed, options.now);
        veracode.set_invite_outcome(options.invite_outcome);
        veracode.set_reinvite(options.reinvite);
        Self {
            now: options.now,
            thm: thm::State::populated(&people, options.seed, options.seats, options.now),
            veracode,
            writes: Writes::default(),
        }
    }

    /// Answers a call.
    pub(crate) fn run(&mut self, handler: AnyHandler, call: &Call) -> Answer {
        match handler {
            AnyHandler::Thm(handler) => handler.run(&mut self.thm, call, &mut self.writes),
            AnyHandler::Veracode(handler) => {
                handler.run(&mut self.veracode, call, &mut self.writes)
            }
        }
    }

    /// The HTTP status of a success of this handler, unless the answer is a redirect.
    pub(crate) fn status(&self, handler: AnyHandler) -> u16 {
        match handler {
            AnyHandler::Thm(handler) => handler.status(&self.thm),
            AnyHandler::Veracode(handler) => handler.status(&self.veracode),
        }
    }
}
