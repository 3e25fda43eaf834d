//! Lists the people with the most unfinished lessons, with the lesson they started first.
//!
//! ```text
//! cargo run -p drillmaster-veracode --example who_is_stuck
//! ```

use std::cmp::Reverse;

use drillmaster_sandbox::Sandbox;
use drillmaster_veracode::{Client, Error, Member, MemberLesson, Moment, Status};
use futures::TryStreamExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let client = Client::new(Sandbox::default());

    let mut stuck: Vec<(Member, usize)> = client
        .progress()
        .try_filter_map(|member| async move {
            let open = unfinished(&member).count();
            let counts = open > 0 && member.account_disabled != Some(true);
            Ok(counts.then_some((member, open)))
        })
        .try_collect()
        .await?;
    stuck.sort_by_key(|(_, open)| Reverse(*open));

    for (member, open) in stuck.iter().take(10) {
        let oldest = unfinished(member).min_by_key(|lesson| {
            let begun = lesson.start_time.as_ref();
            begun.and_then(Moment::millis).unwrap_or(i64::MAX)
        });
        let who = member.email.as_deref().unwrap_or(&member.id);
        let what = oldest.and_then(|lesson| lesson.lesson_name.as_deref());
        println!("{open:3}  {who:40} {}", what.unwrap_or_default());
    }
    Ok(())
}

/// Only the status counts: a lesson may have an end time and not be finished.
fn unfinished(member: &Member) -> impl Iterator<Item = &MemberLesson> {
    member.lessons.iter().filter(|lesson| lesson.status == Some(Status::Started))
}
