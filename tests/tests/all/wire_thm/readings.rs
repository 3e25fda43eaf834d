//! The readings of what the documents leave open, and answers that are none.

use drillmaster_models::wire::Response;
use drillmaster_models::{Dialect, EndpointDef, Failure, Means, endpoint, thm};
use serde_json::json;

use super::refusals::REFUSALS;
use super::{Current, Legacy, ok, page, plain, read, redirect, refused, v2, with_key};

#[test]
fn an_unknown_room_is_an_answer_and_not_a_failure() {
    let room_exists = endpoint("thm.room_exists").unwrap();
    for dialect in Dialect::ALL {
        for answer in [plain(404, "Room not found."), v2(404, "room not found")] {
            let read = room_exists.answer(&answer, dialect);
            assert_eq!(read, Ok(json!({ "roomExists": false })));
        }
    }
}

#[test]
fn another_404_does_not_say_that_there_is_no_room() {
    let answer = plain(404, "Cannot GET /external/api/roomExists");
    assert_eq!(
        read("thm.room_exists", &answer),
        refused(404, "Cannot GET /external/api/roomExists", Means::Refused)
    );
    let silent = Response { status: 404, headers: Vec::new(), body: Vec::new() };
    assert!(matches!(read("thm.room_exists", &silent), Err(Failure::Refused { .. })));
    assert!(matches!(read("thm.room_exists", &page(404)), Err(Failure::NotAnApi { .. })));
}

#[test]
fn an_error_is_one_even_with_status_200() {
    for (name, _, words, means) in REFUSALS {
        assert_eq!(read(name, &v2(200, words)), refused(200, words, means));
    }
    let answer = ok(&json!({ "status": "error", "data": { "username": "ada.lovelace" } }));
    assert!(matches!(read("thm.add_seat", &answer), Err(Failure::Refused { .. })));
}

#[test]
fn an_empty_body_is_enough_for_leaving_a_room() {
    let silent = Response { status: 200, headers: Vec::new(), body: Vec::new() };
    let leave_room = endpoint("thm.leave_room").unwrap();
    for dialect in Dialect::ALL {
        assert_eq!(leave_room.answer(&silent, dialect), Ok(json!({})));
    }
}

#[test]
fn a_page_or_a_redirect_is_no_answer_of_an_api() {
    for (endpoint, dialect) in with_key() {
        for answer in [page(200), page(403), redirect("https://tryhackme.com/login")] {
            let read = endpoint.answer(&answer, dialect);
            assert!(matches!(read, Err(Failure::NotAnApi { .. })), "{}: {read:?}", endpoint.name());
        }
    }
    assert!(matches!(read("thm.register", &page(200)), Err(Failure::NotAnApi { .. })));
}

#[test]
fn a_failing_service_is_told_from_a_refusing_one() {
    for answer in [page(502), plain(500, "email not found.")] {
        assert!(matches!(read("thm.add_seat", &answer), Err(Failure::Broken { .. })));
    }
    let throttled = plain(429, "Too many requests");
    assert!(matches!(read("thm.add_seat", &throttled), Err(Failure::Throttled { .. })));
}

#[test]
fn a_registration_is_accepted_by_its_address_alone() {
    let outcomes = [
        ("/signup", true),
        ("https://tryhackme.com/signup", true),
        ("/404", false),
        ("https://tryhackme.com/404", false),
        ("/login?next=/signup", false),
    ];
    for (location, accepted) in outcomes {
        let expected = json!({ "location": location, "accepted": accepted });
        assert_eq!(read("thm.register", &redirect(location)), Ok(expected));
    }
}

#[test]
fn rooms_are_read_bare_or_named_in_either_dialect() {
    let room = json!({ "code": "linux1", "title": null, "description": null, "public": true });
    for body in [json!([room]), json!({ "roomInfo": [room] })] {
        for dialect in Dialect::ALL {
            let read = endpoint("thm.rooms").unwrap().answer(&ok(&body), dialect);
            assert_eq!(read, Ok(json!({ "roomInfo": [room] })));
        }
    }
}

#[test]
fn points_are_read_in_either_spelling() {
    for spelling in ["totalPoint", "totalPoints"] {
        let body = json!({ "status": true, "users": [{ "username": "ada", spelling: 7 }] });
        assert_eq!(read("thm.users", &ok(&body)).unwrap()["users"][0]["totalPoint"], 7);
    }
}

#[test]
fn absent_fields_are_there_as_null_and_unknown_ones_are_kept() {
    let body = json!({ "users": [{ "username": "ada", "league": "gold" }] });
    assert_eq!(
        read("thm.users", &ok(&body)),
        Ok(json!({ "status": null, "users": [{
            "username": "ada", "email": null, "avatar": null, "totalPoint": null,
            "monthlyPoints": null, "dateSignedUp": null, "extUserId": null, "league": "gold",
        }] }))
    );
}

#[test]
fn what_legacy_sends_beyond_its_document_finds_its_place() {
    let read = |name, body| endpoint(name).unwrap().answer(&ok(&body), Legacy).unwrap();
    let users =
        read("thm.users", json!({ "users": [{ "username": "ada", "extUserId": "staff-0017" }] }));
    assert_eq!(users["users"][0]["extUserId"], "staff-0017");
    let answered = json!({ "taskNo": 1, "questionNo": 1, "attempts": 3 });
    let board =
        read("thm.scoreboard", json!([{ "name": "ada", "data": ["", 7], "taskData": [answered] }]));
    assert_eq!(board[0]["tasks"]["1"][0]["attempts"], 3);
    assert_eq!(board[0]["data"], json!(["", 7]));
}

#[test]
fn a_misfit_is_told_by_its_place() {
    let rooms = ok(&json!({ "roomInfo": [{ "code": "linux1" }, { "title": "no code" }] }));
    let failure = read("thm.rooms", &rooms).unwrap_err().to_string();
    assert!(failure.contains("roomInfo[1]"), "{failure}");
}

#[test]
fn four_entries_have_no_legacy_form() {
    let lacking = thm::ENDPOINTS.iter().filter(|endpoint| endpoint.metadata(Legacy).is_err());
    let names: Vec<_> = lacking.map(EndpointDef::name).collect();
    assert_eq!(names, ["thm.register", "thm.add_seat", "thm.remove_seat", "thm.time_report"]);
    let seat = endpoint("thm.add_seat").unwrap();
    let request = seat.request(&json!({ "email": "ada@example.com" }), Legacy);
    assert!(matches!(request, Err(Failure::Unsupported(_))));
}

#[test]
fn a_time_report_is_checked_before_it_is_sent() {
    let wrong = |fields| {
        let request = endpoint("thm.time_report").unwrap().request(&fields, Current);
        request.unwrap_err().to_string()
    };
    let emails = ["ada@example.com"];
    insta::assert_snapshot!(
        wrong(json!({ "userEmails": [], "from": "2026-02-01", "to": "2026-02-02" })),
        @"thm.time_report: field `userEmails` is empty: give at least one address"
    );
    insta::assert_snapshot!(
        wrong(json!({ "userEmails": emails, "from": "2026-02-03", "to": "2026-02-02" })),
        @"thm.time_report: field `from` is after `to`: swap the two"
    );
    insta::assert_snapshot!(
        wrong(json!({ "userEmails": emails, "from": "spring", "to": "2026-02-02" })),
        @"thm.time_report: field `from` must be a point in time such as 2026-09-01T08:00:00Z, not `spring`"
    );
}
