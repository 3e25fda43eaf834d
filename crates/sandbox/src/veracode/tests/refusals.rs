//! What is refused, and in which words.

use drillmaster_models::SERVICES;
use serde_json::json;

use super::{BASICS, DEVELOPERS, LESSON, NOBODY, academy, refuses};
use crate::population::people;
use crate::veracode::catalogue::lasting;
use crate::veracode::population::FIRST_USER;

/// Stem of the endpoint | request | body | status | words.
const PROVOCATIONS: &str = r#"
users_details | GET /api/users/details?campaignIds=$BASICS,x-1 | | 400 | Invalid campaign id: x-1
users_details | GET /api/users/details?roleIds=x-1 | | 400 | Invalid role id: x-1
users_details | GET /api/users/details?campaignIds=$BASICS,$NOBODY,$LESSON | | 404 | Campaign(s) not found by id(s): $NOBODY,$LESSON
users_details | GET /api/users/details?roleIds=$DEVELOPERS,$NOBODY | | 404 | Role(s) not found by id(s): $NOBODY
users_details | GET /api/users/details?roleIds=$FOREIGN | | 404 | Role(s) not found by id(s): $FOREIGN
users_details | GET /api/users/details?startTime=soon&endTime=2 | | 400 | startTime is invalid
users_details | GET /api/users/details?endTime=2 | | 400 | startTime is undefined
users_details | GET /api/users/details?startTime=1&endTime=late | | 400 | endTime is invalid
users_details | GET /api/users/details?startTime=2&endTime=1 | | 400 | endTime is invalid
users_details | GET /api/users/details?startTime=1 | | 400 | endTime is undefined
users_details | GET /api/users/details?sort=email | | 400 | sort is invalid
users_details | GET /api/users/details?sortType=asc | | 400 | sortType is invalid
users_details | GET /api/users/details?limit=51 | | 400 | limit is invalid
users_details | GET /api/users/details?limit=many | | 400 | limit is invalid
users_details | GET /api/users/details?phrase=$X50 | | 400 | phrase must be less than 50 characters
onboarding | GET /api/onboarding?campaignIds=x-1 | | 400 | Invalid campaign id: x-1
onboarding | GET /api/onboarding?roleIds=x-1 | | 400 | Invalid role id: x-1
onboarding | GET /api/onboarding?campaignIds=$NOBODY | | 404 | Campaign(s) not found by id(s): $NOBODY
onboarding | GET /api/onboarding?roleIds=$NOBODY | | 404 | Role(s) not found by id(s): $NOBODY
onboarding | GET /api/onboarding?startTime=soon&endTime=2 | | 400 | startTime is invalid
onboarding | GET /api/onboarding?endTime=2 | | 400 | startTime is undefined
onboarding | GET /api/onboarding?startTime=1&endTime=late | | 400 | endTime is invalid
onboarding | GET /api/onboarding?startTime=1 | | 400 | endTime is undefined
onboarding | GET /api/onboarding?sort=email | | 400 | sort is invalid
onboarding | GET /api/onboarding?sortType=up | | 400 | sortType is invalid
onboarding | GET /api/onboarding?limit=0 | | 400 | limit is invalid
onboarding | GET /api/onboarding?phrase=$X50 | | 400 | phrase must be less than 50 characters
campaigns_progress | GET /api/campaigns/progress?assignmentIds=x&campaignIds=y | | 400 | assignmentIds and campaignIds are mutually exclusive
campaigns_progress | GET /api/campaigns/progress?assignmentIds=x | | 400 | Invalid assignment id: x
campaigns_progress | GET /api/campaigns/progress?campaignIds=x | | 400 | Invalid campaign id: x
campaigns_progress | GET /api/campaigns/progress?roleIds=x | | 400 | Invalid role id: x
campaigns_progress | GET /api/campaigns/progress?campaignIds=$NOBODY | | 404 | Campaign(s) not found by id(s): $NOBODY
campaigns_progress | GET /api/campaigns/progress?roleIds=$NOBODY | | 404 | Role(s) not found by id(s): $NOBODY
campaigns_progress | GET /api/campaigns/progress?sort=email | | 400 | sort is invalid
campaigns_progress | GET /api/campaigns/progress?sortType=up | | 400 | sortType is invalid
campaigns_progress | GET /api/campaigns/progress?limit=-1 | | 400 | limit is invalid
campaigns_progress | GET /api/campaigns/progress?phrase=$X50 | | 400 | phrase must be less than 50 characters
engagement_time | GET /api/engagement/time?assignmentIds=x&campaignIds=y | | 400 | assignmentIds and campaignIds are mutually exclusive
engagement_time | GET /api/engagement/time?assignmentIds=x | | 400 | Invalid assignment id: x
engagement_time | GET /api/engagement/time?campaignIds=x | | 400 | Invalid campaign id: x
engagement_time | GET /api/engagement/time?roleIds=x | | 400 | Invalid role id: x
engagement_time | GET /api/engagement/time?assignmentIds=$NOBODY | | 404 | Assignments(s) not found by id(s): $NOBODY
engagement_time | GET /api/engagement/time?campaignIds=$NOBODY | | 404 | Campaign(s) not found by id(s): $NOBODY
engagement_time | GET /api/engagement/time?roleIds=$NOBODY | | 404 | Role(s) not found by id(s): $NOBODY
user_progress | GET /api/users/1/progress | | 400 | invalid user id
user_progress | GET /api/users/$NOBODY/progress | | 404 | user not found
update_user | PUT /api/users/1 | {} | 400 | User id is invalid
update_user | PUT /api/users/$NOBODY | {} | 400 | User not found
update_user | PUT /api/users/$FIRST | {"email": "ada"} | 400 | Email is invalid
update_user | PUT /api/users/$FIRST | {"name": "Ada", "email": 7} | 400 | Email is invalid
update_user | PUT /api/users/$FIRST | {"name": "$X50"} | 400 | Name must be less than 25 characters
update_user | PUT /api/users/$FIRST | {"roleIds": "$DEVELOPERS"} | 400 | Invalid roleIds
update_user | PUT /api/users/$FIRST | {"roleIds": null} | 400 | Invalid roleIds
update_user | PUT /api/users/$FIRST | {"roleIds": ["$FOREIGN"]} | 400 | Invalid roleIds
delete_user | DELETE /api/users/1 | | 400 | User id is invalid
delete_user | DELETE /api/users/$NOBODY | | 400 | User not found
lesson_progress | GET /api/lessons/1/progress | | 400 | invalid lesson id
lesson_progress | GET /api/lessons/$NOBODY/progress | | 404 | lesson not found
search_lessons | GET /api/lessons/search?phrase=$X50$X50$X50$X50$X50$X50x | | 400 | invalid phrase
role_progress | GET /api/roles/$NOBODY/progress | | 404 | Role not found
role_progress | GET /api/roles/$FOREIGN/progress | | 403 | Role does not belong to team
invite | POST /api/invites | {"email": "ada@", "senderId": "$FIRST"} | 400 | Email is invalid
invite | POST /api/invites | {"senderId": "$FIRST"} | 400 | Email is invalid
invite | POST /api/invites | {"email": "ada@hunter2.com", "senderId": "$FIRST", "roleIds": "QA"} | 400 | Role ids are invalid
invite | POST /api/invites | {"email": "ada@hunter2.com", "senderId": "$FIRST", "roleIds": ["$FOREIGN"]} | 400 | Role ids are invalid
invite | POST /api/invites | {"email": "ada@hunter2.com", "senderId": "me"} | 400 | Sender id is invalid
invite | POST /api/invites | {"email": "ada@hunter2.com"} | 400 | Sender id is invalid
invite | POST /api/invites | {"email": "ada@hunter2.com", "senderId": "$NOBODY"} | 400 | Sender not found
invite | POST /api/invites | {"email": "$MEMBER", "senderId": "$FIRST"} | 400 | Invite already exists
"#;

struct Provocation<'a> {
    stem: &'a str,
    line: &'a str,
    body: &'a str,
    status: u16,
    words: &'a str,
}

fn filled(table: &str) -> String {
    table
        .replace("$BASICS", BASICS)
        .replace("$DEVELOPERS", DEVELOPERS)
        .replace("$LESSON", LESSON)
        .replace("$NOBODY", NOBODY)
        .replace("$FIRST", FIRST_USER)
        .replace("$FOREIGN", &lasting("role", "Designers").to_string())
        .replace("$MEMBER", &people(1, 1)[0].email)
        .replace("$X50", &"x".repeat(50))
}

fn provocations(table: &str) -> Vec<Provocation<'_>> {
    let rows = table.lines().filter(|row| !row.is_empty());
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [stem, line, body, status, words] = cells[..] else {
            panic!("five cells are due: {row}")
        };
        Provocation { stem, line, body, status: status.parse().unwrap(), words }
    })
    .collect()
}

#[test]
fn every_refusal_has_its_status_and_words_and_changes_nothing() {
    let (sandbox, table) = (academy(), filled(PROVOCATIONS));
    for Provocation { line, body, status, words, .. } in provocations(&table) {
        refuses(&sandbox, line, body, status, words);
    }
    assert_eq!(sandbox.writes(), json!({}));
}

#[test]
fn every_documented_refusal_is_provoked() {
    let table = filled(PROVOCATIONS);
    let provocations = provocations(&table);
    for endpoint in SERVICES[1].endpoints() {
        for spec in endpoint.metadata.errors {
            let provoked = provocations.iter().any(|provocation| {
                provocation.stem == endpoint.metadata.stem()
                    && provocation.status == spec.status
                    && spec.matches(provocation.words)
            });
            // Not documented but seen on the live service; here an invite is refused in the document's words.
            let is_seen = (endpoint.metadata.stem(), spec.status) == ("invite", 403);
            assert!(provoked || is_seen, "{}: {}", endpoint.name(), spec.says);
        }
    }
}
