//! Gives seats to a class until there are none left, and prints links into a room.
//!
//! `cargo run -p drillmaster-thm --example seat_a_class`

use drillmaster_sandbox::{Options, Sandbox};
use drillmaster_thm::{Authenticate, Client, Error, Refusal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // For the live service, use `Http` of drillmaster-transport instead of the sandbox.
    let client =
        Client::new(Sandbox::new(Options { learners: 30, seats: 13, ..Options::default() }));
    let room = "linux1";
    if !client.room_exists(room).await? {
        println!("there is no room {room}");
        return Ok(());
    }
    for user in client.users().await? {
        let email = user.email.unwrap_or_default();
        let outcome = match client.add_seat(&email).await {
            Ok(_) => "seated".to_owned(),
            Err(error) => match error.refusal() {
                Some(Refusal::AlreadySeated) => "unchanged".to_owned(),
                Some(Refusal::NoSeatsLeft) => {
                    println!("{email:<36} all seats are taken; stopping");
                    break;
                }
                // Other refusals concern this person alone.
                Some(_) => format!("refused: {}", error.words().unwrap_or_default()),
                None => return Err(error),
            },
        };
        let link = match user.ext_user_id {
            Some(ext_user_id) => {
                let request = Authenticate { ext_user_id, room_code: room.to_owned() };
                client.authenticate(&request).await?.url
            }
            None => "(no link: not an api-user)".to_owned(),
        };
        println!("{email:<36} {outcome:<10} {link}");
    }
    Ok(())
}
