//! Prints the scoreboards of all rooms, best first.
//!
//! `cargo run -p drillmaster-thm --example scoreboard`

use drillmaster_sandbox::Sandbox;
use drillmaster_thm::{Client, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let client = Client::new(Sandbox::default());
    for room in client.rooms().await? {
        let mut board = client.scoreboard(&room.code).await?;
        if board.is_empty() {
            continue;
        }
        println!("{} ({})", room.title.unwrap_or_default(), room.code);
        board.sort_by_key(|standing| standing.rank.unwrap_or(i64::MAX));
        for standing in board {
            let answers = standing.tasks.values().flatten();
            let right = answers.filter(|answer| answer.correct == Some(true)).count();
            let rank = standing.rank.map_or_else(String::new, |rank| rank.to_string());
            let score = standing.score.map_or_else(String::new, |score| score.to_string());
            println!("{rank:>5}  {:<20} {score:>5} points, {right} right", standing.username);
        }
    }
    Ok(())
}
