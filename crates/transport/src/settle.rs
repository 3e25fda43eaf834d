//! Finding out whether a doubtful write took effect.

use std::time::Duration;

use drillmaster_models::{Entry, Pager, Settle, entry};
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::error::Error;
use crate::log;
use crate::request::{Request, Source};

/// How often a run looks into a doubtful write before it is left to a person.
pub(crate) const ROUNDS: u32 = 5;
/// The wait before the second round; each later one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// How a round of settling ended.
enum Round {
    /// With an answer.
    Settled(Value),
    /// In doubt still, for all that was heard from there.
    Open(Source),
    /// In doubt still, and no further round will tell: a guard or the credential stands in the way.
    Hopeless,
}

impl Connection {
    /// Calls an entry, and settles what is in doubt.
    pub async fn call_and_settle(
        &self,
        entry: &'static Entry,
        fields: &Value,
    ) -> Result<Value, Error> {
        match self.call(entry, fields).await {
            // It is seldom needed, and larger than all the rest.
            Err(doubt) if doubt.is_in_doubt() => Box::pin(self.settle(entry, fields, doubt)).await,
            answer => answer,
        }
    }

    /// Settles a write that was sent and got no clear answer, in the way that its entry declares: a look
    /// at the service, or a repeat that is harmless. Gives the answer, or the one to expect where only
    /// the effect could be made sure of.
    ///
    /// An `Err` that is in doubt is `doubt` itself: it could not be settled. Any other `Err` is the
    /// service's refusal of the repeat, which says that the write had not been done, or a replay's.
    ///
    /// ```
    /// use drillmaster_models::entry;
    /// use drillmaster_sandbox::{InviteOutcome, Options, Sandbox};
    /// use drillmaster_transport::Connection;
    /// use serde_json::json;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    /// # runtime.block_on(async {
    /// let sandbox = Sandbox::academy(1, 200, 250).answering_invites(InviteOutcome::Unknown);
    /// let connection = Connection::new(sandbox.clone());
    /// let users = connection.call(entry("veracode.users").unwrap(), &json!({})).await.unwrap();
    /// let invite = entry("veracode.invite").unwrap();
    /// let fields = json!({ "email": "new@example.com", "senderId": users["users"][0]["id"] });
    ///
    /// let doubt = connection.call(invite, &fields).await.unwrap_err();
    /// assert!(doubt.is_in_doubt());
    /// assert!(connection.settle(invite, &fields, doubt).await.is_ok());
    /// assert_eq!(sandbox.writes()["veracode.invite"]["new@example.com"], 1);
    /// # });
    /// ```
    pub async fn settle(
        &self,
        entry: &'static Entry,
        fields: &Value,
        doubt: Error,
    ) -> Result<Value, Error> {
        let Some(write) = entry.spec.effect.write() else { return Err(doubt) };
        if cfg!(feature = "torture-unsettled") {
            // What a runner without settling would do.
            return self.call(entry, fields).await;
        }
        let mut rounds = 0;
        loop {
            let repeat = self.draft(entry, fields)?;
            // What the history tells of an earlier part's attempts is gone through at once, and is no
            // reason to try less often in this part.
            let source = self.source(&repeat);
            let round = self.settle_once(entry, fields, write.settle, repeat, source).await;
            tracing::warn!(
                target: log::SETTLE,
                entry = entry.name(),
                round = rounds + 1,
                outcome = outcome(&round),
                scope = &**self.scope().name(),
            );
            let source = match round? {
                Round::Settled(answer) => return Ok(answer),
                Round::Hopeless => return Err(doubt),
                Round::Open(Source::History) => continue,
                Round::Open(source) => source,
            };
            rounds += 1;
            if rounds == ROUNDS {
                return Err(doubt);
            }
            if source == Source::Service {
                tokio::time::sleep(FIRST_WAIT * 2_u32.pow(rounds - 1)).await;
            }
        }
    }

    /// One look, and one repeat where the look does not tell.
    async fn settle_once(
        &self,
        entry: &'static Entry,
        fields: &Value,
        settle: Settle,
        repeat: Request,
        source: Source,
    ) -> Result<Round, Error> {
        if let Settle::Probe { entry: list, field } = settle {
            // Before something is sent the look must be a fresh one: as long as the history has looks, go on.
            loop {
                match self.holds(list, field, &fields[field]).await {
                    Ok((true, _)) => return predicted(entry, fields).map(Round::Settled),
                    Ok((false, Source::History)) if source == Source::Service => {}
                    Ok((false, _)) => break,
                    // The repeat is still to come, whoever would answer it.
                    Err(error) if error.is_retryable() && source == Source::History => {
                        return Ok(Round::Open(Source::Service));
                    }
                    Err(error) if error.is_retryable() => return Ok(Round::Open(source)),
                    Err(error) if error.is_replay_mismatch() => return Err(error),
                    Err(_) => return Ok(Round::Hopeless),
                }
            }
        }
        match self.send_draft(entry, repeat).await {
            Ok(answer) => Ok(Round::Settled(answer)),
            Err(error) if error.is_already() => predicted(entry, fields).map(Round::Settled),
            // The next round may not meet this trouble.
            Err(error) if error.is_in_doubt() || error.is_retryable() => Ok(Round::Open(source)),
            Err(error) if error.is_refusal() || error.is_replay_mismatch() => Err(error),
            Err(_) => Ok(Round::Hopeless),
        }
    }

    /// Whether the list has an item with this value in this field; and `History` where that tells of some
    /// page as it was in an earlier part of the run.
    async fn holds(
        &self,
        list: &str,
        field: &str,
        wanted: &Value,
    ) -> Result<(bool, Source), Error> {
        let list = entry(list).map_err(|error| Error::setup(error.to_string()))?;
        let mut pager =
            Pager::new(list, &json!({})).map_err(|error| Error::answer(error.into()))?;
        let mut oldest = Source::Service;
        while let Some(page) = pager.request() {
            let request = self.draft(list, &page)?;
            if self.source(&request) == Source::History {
                oldest = Source::History;
            }
            let answer = self.send_draft(list, request).await?;
            let items =
                pager.accept(answer).map_err(|failure| Error::answer(failure).about(&list.spec))?;
            if items.iter().any(|item| same(&item[field], wanted)) {
                return Ok((true, oldest));
            }
        }
        Ok((false, oldest))
    }
}

/// In a word, for a log.
fn outcome(round: &Result<Round, Error>) -> &'static str {
    match round {
        Ok(Round::Settled(_)) => "settled",
        Ok(Round::Open(_)) => "in doubt",
        Ok(Round::Hopeless) => "in doubt for good",
        Err(error) if error.is_replay_mismatch() => "not recorded",
        Err(_) => "refused",
    }
}

/// The services keep addresses in lower case.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => a == b,
    }
}

fn predicted(entry: &'static Entry, fields: &Value) -> Result<Value, Error> {
    entry.predict(fields).map_err(Error::answer)
}
