//! Invites a team into a role, and prints the outcome for each person. Running it again changes nothing.
//!
//! ```text
//! cargo run -p drillmaster-veracode --example invite_a_team
//! ```

use drillmaster_sandbox::{InviteOutcome, Options, Sandbox};
use drillmaster_veracode::{Client, Error, Invite, User};
use futures::TryStreamExt;

const TEAM: [&str; 4] =
    ["ada@example.com", "grace@example.com", "not an address", "ada@example.com"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // As seen on the live service: the invite takes effect, and the answer is "unknown error".
    let invite_outcome = InviteOutcome::Unknown;
    let client = Client::new(Sandbox::new(Options { invite_outcome, ..Options::default() }));

    let users: Vec<_> = client.users().try_collect().await?;
    let Some(sender) = users.iter().find(|user| user.is_admin == Some(true)) else {
        eprintln!("the team has no administrator to invite in the name of");
        return Ok(());
    };
    let roles = client.roles().await?;
    let role_ids: Vec<_> = roles.0.first().map(|role| role.id.clone()).into_iter().collect();

    for email in TEAM {
        let invite = Invite { role_ids: role_ids.clone(), ..Invite::new(email, &sender.id) };
        let outcome = match client.invite(&invite).await {
            Ok(_) => "invited".to_owned(),
            Err(error) if error.is_already() => "invited before".to_owned(),
            Err(error) if error.is_credential() => return Err(error),
            // Only the list of users shows whether it took effect. Do not simply invite again.
            Err(error) if error.is_in_doubt() => match find(&client, email).await? {
                Some(user) => format!("invited after all, as {}", user.id),
                None => format!("in doubt: {error}"),
            },
            Err(error) => format!("refused: {}", error.words().unwrap_or("without a word")),
        };
        println!("{email:20} {outcome}");
    }
    Ok(())
}

async fn find(client: &Client, email: &str) -> Result<Option<User>, Error> {
    let mut users = client.users();
    while let Some(user) = users.try_next().await? {
        if user.email.as_deref() == Some(email) {
            return Ok(Some(user));
        }
    }
    Ok(None)
}
