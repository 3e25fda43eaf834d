//! Summaries follow from what users did.

use serde_json::{Value, json};

use super::{BASICS, DEVELOPERS, LESSON, academy, get, texts, walk};
use crate::veracode::catalogue::lasting;
use crate::{Options, Sandbox};

#[test]
fn onboarding_follows_from_what_users_did() {
    let sandbox = academy();
    let milestones = get(&sandbox, "/api/onboarding")["milestones"].clone();
    let listed = walk(&sandbox, "veracode.onboarding", &json!({}));
    for stage in ["finished", "started", "notStarted", "notSignedUp"] {
        let count = texts(&listed, "milestone").into_iter().filter(|own| *own == stage).count();
        assert!(count > 0, "nobody is {stage}");
        assert_eq!(milestones[stage], count, "{stage}");
    }
    assert_eq!(milestones["total"], listed.len());
    for user in &listed {
        let progress =
            get(&sandbox, &format!("/api/users/{}/progress", user["id"].as_str().unwrap()));
        let stages = texts(progress["lessons"].as_array().unwrap(), "status");
        let expected: &[&str] = match &stages[..] {
            stages if stages.contains(&"Finished") => &["finished"],
            [] => &["notStarted", "notSignedUp"],
            _ => &["started"],
        };
        assert!(expected.contains(&user["milestone"].as_str().unwrap()), "{user}");
    }
}

#[test]
fn campaigns_are_finished_by_finishing_all_that_is_required() {
    let sandbox = academy();
    let progress = get(
        &sandbox,
        &format!("/api/campaigns/progress?campaignIds={BASICS}&sort=milestone&sortType=DESC"),
    );
    let milestones = &progress["milestones"];
    assert!(milestones.get("notSignedUp").is_none());
    for stage in ["finished", "started", "notStarted"] {
        assert!(milestones[stage].as_i64() > Some(0), "nobody is {stage}");
    }
    assert_eq!(progress["users"][0]["milestone"], "finished");
    let labs = |progress: &Value| progress["assignments"][0]["labs"].as_array().unwrap().clone();
    assert_eq!(
        texts(&labs(&progress), "title"),
        ["Quote Unquote", "One Command Too Many", "Words That Run"]
    );
    for lab in labs(&progress) {
        let count = |stage: &str| lab["milestones"][stage].as_i64().unwrap();
        assert_eq!(count("finished") + count("started") + count("notStarted"), count("total"));
        assert!(count("finished") >= milestones["finished"].as_i64().unwrap());
    }
    let wider = get(
        &sandbox,
        &format!("/api/campaigns/progress?campaignIds={BASICS}&includeOptionalLabs=true"),
    );
    assert_eq!(labs(&wider).len(), 4);
    let one = lasting("assignment", "Capstone");
    let one = get(&sandbox, &format!("/api/campaigns/progress?assignmentIds={one}"));
    assert_eq!(one["assignments"].as_array().unwrap().len(), 1);
}

#[test]
fn a_span_counts_only_what_happened_in_it() {
    let sandbox = academy();
    let in_span =
        |span: &str| get(&sandbox, &format!("/api/onboarding?{span}"))["milestones"].clone();
    let long_ago = in_span("startTime=0&endTime=1000");
    assert_eq!((&long_ago["finished"], &long_ago["started"]), (&json!(0), &json!(0)));
    let ever = in_span("startTime=0&endTime=9000000000000");
    assert_eq!(ever, get(&sandbox, "/api/onboarding")["milestones"]);
    let now = Options::default().now.as_millisecond();
    let autumn = in_span(&format!("startTime={}&endTime={now}", now - 60 * 24 * 3_600_000));
    assert!(autumn["finished"].as_i64() < ever["finished"].as_i64());
}

#[test]
fn the_views_of_a_user_agree() {
    let sandbox = academy();
    let team = walk(&sandbox, "veracode.progress", &json!({}));
    let details = walk(&sandbox, "veracode.users_details", &json!({}));
    for (member, details) in team.iter().zip(&details) {
        assert_eq!(member["id"], details["id"]);
        assert_eq!(member["totalPoints"], details["points"]);
        assert_eq!(member["labsCompleted"], details["labsCompleted"]);
        assert_eq!(member["requiredCompletionPercent"], details["percentRequiredComplete"]);
        let lessons = member["lessons"].as_array().unwrap();
        assert_eq!(member["labsStarted"], lessons.len());
        let points: i64 = lessons.iter().filter_map(|lesson| lesson["points"].as_i64()).sum();
        assert_eq!(member["totalPoints"], points);
    }
    let roles = get(&sandbox, "/api/roles");
    let developers = walk(&sandbox, "veracode.role_progress", &json!({ "id": DEVELOPERS }));
    assert_eq!(roles[0]["users"], json!(texts(&developers, "id")));
    assert_eq!(roles.as_array().unwrap().len(), 5);
}

#[test]
fn a_lesson_tells_of_those_who_have_not_begun() {
    let sandbox = academy();
    let learners = walk(&sandbox, "veracode.lesson_progress", &json!({ "id": LESSON }));
    let mut stages: Vec<_> = texts(&learners, "status");
    stages.sort_unstable();
    stages.dedup();
    assert_eq!(stages, ["Finished", "NotStarted", "Started"]);
    // The document's own example: an end does not mean that it is finished.
    let has_end = |learner: &Value| learner["status"] == "Started" && !learner["endTime"].is_null();
    assert!(learners.iter().any(has_end));
}

#[test]
fn engagement_is_the_median_and_null_without_data() {
    let sandbox = academy();
    let median =
        get(&sandbox, &format!("/api/engagement/time?campaignIds={BASICS}"))["duration"].as_i64();
    assert!((5 * 60_000..90 * 60_000).contains(&median.unwrap()));
    let empty = Sandbox::new(Options { learners: 0, seats: 0, ..Options::default() });
    assert_eq!(get(&empty, "/api/engagement/time"), json!({ "duration": null }));
    assert_eq!(get(&empty, "/api/users"), json!({ "nextPage": null, "users": [] }));
}
