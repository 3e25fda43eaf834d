//! Every refusal that the document lists, copied from its tables and not from the declarations.

use drillmaster_models::{ErrorSpec, Failure, Means, veracode};

use super::read;

/// A row of the document's error tables: status and words. The 500s are left to a test of their own.
type Row = (u16, &'static str);

const NARROWING: &[Row] = &[
    (400, "Invalid campaign id: 5f5f18ff"),
    (400, "Invalid role id: 5f5f190f"),
    (404, "Campaign(s) not found by id(s): 5f5f18ff9dad493352660d2a"),
    (404, "Role(s) not found by id(s): 5f5f190f9dad493352660d2c,5f5f19159dad493352660d2d"),
];
const SPAN: &[Row] = &[
    (400, "startTime is invalid"),
    (400, "startTime is undefined"),
    (400, "endTime is invalid"),
    (400, "endTime is undefined"),
];
const LISTING: &[Row] = &[
    (400, "sort is invalid"),
    (400, "sortType is invalid"),
    (400, "limit is invalid"),
    (400, "phrase must be less than 50 characters"),
];
const ASSIGNMENTS: &[Row] = &[
    (400, "assignmentIds and campaignIds are mutually exclusive"),
    (400, "Invalid assignment id: 5f5f"),
];

/// The plain refusals of each endpoint.
const REFUSED: &[(&str, &[&[Row]])] = &[
    ("veracode.users", &[]),
    ("veracode.users_details", &[NARROWING, SPAN, LISTING]),
    ("veracode.user_progress", &[&[(400, "invalid user id"), (404, "user not found")]]),
    (
        "veracode.update_user",
        &[&[
            (400, "User id is invalid"),
            (400, "User not found"),
            (400, "Email is invalid"),
            (400, "Name must be less than 25 characters"),
            (400, "Invalid roleIds"),
        ]],
    ),
    ("veracode.delete_user", &[&[(400, "User id is invalid")]]),
    ("veracode.onboarding", &[NARROWING, SPAN, LISTING]),
    ("veracode.campaigns_progress", &[ASSIGNMENTS, NARROWING, LISTING]),
    (
        "veracode.engagement_time",
        &[ASSIGNMENTS, NARROWING, &[(404, "Assignments(s) not found by id(s): 5f5f")]],
    ),
    ("veracode.progress", &[]),
    ("veracode.lessons", &[]),
    ("veracode.lesson_progress", &[&[(400, "invalid lesson id"), (404, "lesson not found")]]),
    ("veracode.search_lessons", &[&[(400, "invalid phrase")]]),
    ("veracode.roles", &[]),
    (
        "veracode.role_progress",
        &[&[(404, "Role not found"), (403, "Role does not belong to team")]],
    ),
    (
        "veracode.invite",
        &[&[
            (400, "Email is invalid"),
            (400, "Role ids are invalid"),
            (400, "Sender id is invalid"),
            (400, "Sender not found"),
        ]],
    ),
];

/// The refusals that say that the wanted state holds.
const ALREADY: &[(&str, u16, &str)] = &[
    ("veracode.delete_user", 400, "User not found"),
    ("veracode.invite", 400, "Invite already exists"),
    ("veracode.invite", 403, "Invite already exists"),
    ("veracode.invite", 403, "already exists"),
    ("veracode.invite", 403, "An invite for this e-mail already exists."),
];

#[track_caller]
fn check(endpoint: &str, status: u16, says: &str, expect: Means) {
    let body = serde_json::json!({ "message": says }).to_string();
    match read(endpoint, status, &body) {
        Err(Failure::Refused { status: got, words, means }) => {
            assert_eq!((got, words.as_str(), means), (status, says, expect), "{endpoint}");
        }
        other => panic!("{endpoint}: {status} {says}: {other:?}"),
    }
}

#[test]
fn documented_refusals_are_refusals() {
    for (endpoint, tables) in REFUSED {
        for (status, says) in tables.concat() {
            check(endpoint, status, says, Means::Refused);
        }
    }
}

#[test]
fn some_refusals_say_that_it_is_so_already() {
    for (endpoint, status, says) in ALREADY {
        check(endpoint, *status, says, Means::Already);
    }
}

#[test]
fn what_is_declared_is_in_the_tables_and_the_other_way_round() {
    for (endpoint, (name, tables)) in veracode::ENDPOINTS.iter().zip(REFUSED) {
        assert_eq!(endpoint.metadata.name, *name);
        let already = ALREADY.iter().filter(|(endpoint, ..)| endpoint == name);
        let already = already.map(|(_, status, says)| (*status, *says));
        let listed: Vec<_> = tables.concat().into_iter().chain(already).collect();
        let fits =
            |spec: &ErrorSpec, (status, says): &Row| spec.status == *status && spec.matches(says);
        for spec in endpoint.metadata.errors {
            assert!(listed.iter().any(|row| fits(spec, row)), "{name}: {}", spec.says);
        }
        for row in &listed {
            assert!(
                endpoint.metadata.errors.iter().any(|spec| fits(spec, row)),
                "{name}: {}",
                row.1
            );
        }
    }
}

#[test]
fn a_credential_that_is_not_accepted_never_reads_as_not_found() {
    for endpoint in &veracode::ENDPOINTS {
        for (status, says) in [
            (403, "ApiCredential invalid"),
            (404, "ApiCredential missing"),
            (401, "ApiCredential rotated"),
            (401, "ApiCredential disabled"),
            (404, "missing"),
            (401, "rotated"),
            (401, "disabled"),
            (401, "anything else"),
        ] {
            check(endpoint.metadata.name, status, says, Means::Credential);
        }
    }
}

#[test]
fn an_unknown_error_is_the_services_own() {
    for endpoint in &veracode::ENDPOINTS {
        for says in ["unknown", "Unknown", "unknown error"] {
            let body = format!(r#"{{"message": "{says}"}}"#);
            let failure = read(endpoint.metadata.name, 500, &body).unwrap_err();
            assert_eq!(failure, Failure::Broken { status: 500, words: says.to_owned() });
        }
    }
}

#[test]
fn a_refusal_may_be_plain_text() {
    let failure = read("veracode.role_progress", 404, "Role not found").unwrap_err();
    let words = "Role not found".to_owned();
    assert_eq!(failure, Failure::Refused { status: 404, words, means: Means::Refused });
}

#[test]
fn words_that_no_table_has_are_kept() {
    check("veracode.users_details", 422, "the moon is in the wrong place", Means::Refused);
}
