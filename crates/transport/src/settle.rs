//! Finding out whether a doubtful write took effect.

use std::time::Duration;

use drillmaster_models::{Entry, Settle, entry};
use futures::TryStreamExt;
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::error::Error;

/// How often a doubtful write is looked into before it is left to a person.
const ROUNDS: u32 = 5;
/// The wait before the second round; each later one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(200);

impl Connection {
    /// Calls an entry, and settles what is in doubt.
    pub async fn call_and_settle(
        &self,
        entry: &'static Entry,
        fields: &Value,
    ) -> Result<Value, Error> {
        match self.call(entry, fields).await {
            Err(doubt) if doubt.is_in_doubt() => self.settle(entry, fields, doubt).await,
            answer => answer,
        }
    }

    /// Settles a write that was sent and got no clear answer, in the way that its entry declares: a look
    /// at the service, or a repeat that is harmless. Gives the answer, or the one to expect where only
    /// the effect could be made sure of.
    ///
    /// An `Err` that is in doubt is `doubt` itself: it could not be settled. Any other `Err` is the
    /// service's refusal of the repeat, which says that the write had not been done.
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
        for round in 0..ROUNDS {
            if round > 0 {
                tokio::time::sleep(FIRST_WAIT * 2_u32.pow(round - 1)).await;
            }
            if let Settle::Probe { entry: list, field } = write.settle {
                match self.holds(list, field, &fields[field]).await {
                    Ok(true) => return predicted(entry, fields),
                    Ok(false) => {}
                    Err(error) if is_passing(&error) => continue,
                    Err(error) => return Err(error),
                }
            }
            match self.call(entry, fields).await {
                Ok(answer) => return Ok(answer),
                Err(error) if error.is_already() => return predicted(entry, fields),
                Err(error) if error.is_in_doubt() || is_passing(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Err(doubt)
    }

    /// Whether the list has an item with this value in this field.
    async fn holds(&self, list: &str, field: &str, wanted: &Value) -> Result<bool, Error> {
        let list = entry(list).map_err(|error| Error::setup(error.to_string()))?;
        let mut items = std::pin::pin!(self.walk(list, &json!({})));
        while let Some(item) = items.try_next().await? {
            if same(&item[field], wanted) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The services keep addresses in lower case.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => a == b,
    }
}

/// Trouble that the next round may not meet.
fn is_passing(error: &Error) -> bool {
    error.is_retryable()
}

fn predicted(entry: &'static Entry, fields: &Value) -> Result<Value, Error> {
    entry.predict(fields).map_err(Error::answer)
}
