//! Security Labs on the wire: the document's requests and answers, its refusals, and the readings of what
//! it leaves open. Client and sandbox share one codec, so only these files notice a wrong path.

mod readings;
mod refusals;
mod walks;

use drillmaster_models::{Dialect, Failure, endpoint, veracode, wire};
use serde_json::{Value, json};

/// What an endpoint reads from an answer.
fn read(name: &str, status: u16, body: &str) -> Result<Value, Failure> {
    let answer = wire::Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() };
    endpoint(name).unwrap().answer(&answer, Dialect::Current)
}

/// What an endpoint makes of this answer, which is no failure.
#[track_caller]
fn reads(name: &str, answer: &Value) -> Value {
    read(name, 200, &answer.to_string()).unwrap()
}

/// What an endpoint sends.
fn sent(name: &str, fields: &Value) -> Result<wire::Request, Failure> {
    endpoint(name).unwrap().request(fields, Dialect::Current)
}

/// The field that a request is refused for before it is sent.
fn wrong_field(name: &str, fields: &Value) -> Option<String> {
    match sent(name, fields) {
        Ok(_) => None,
        Err(Failure::Field(error)) => Some(error.field),
        Err(other) => panic!("{name}: {other}"),
    }
}

/// The request of every endpoint with all that the document lets it carry, and the document's example of an
/// answer, read and written back. The snapshots were compared with the document by hand.
#[test]
fn every_entry_travels_as_documented() {
    let samples = samples();
    let shown: Vec<_> = samples.iter().map(|(name, ..)| *name).collect();
    let declared: Vec<_> =
        veracode::ENDPOINTS.iter().map(|endpoint| endpoint.metadata.name).collect();
    assert_eq!(shown, declared);

    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots/wire");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, fields, answer) in samples {
            let request = sent(name, &fields).unwrap();
            let answer = read(name, 200, &answer.to_string()).unwrap();
            insta::assert_snapshot!(name, format!("{request}\n\n→\n\n{answer:#}"));
        }
    });
}

#[expect(clippy::too_many_lines, reason = "it is data, an entry after the other")]
fn samples() -> Vec<(&'static str, Value, Value)> {
    let narrowed = json!({
        "campaignIds": ["5f5f18ff9dad493352660d2a", "5f5f19099dad493352660d2b"],
        "roleIds": ["5f5f190f9dad493352660d2c", "5f5f19159dad493352660d2d"],
        "startTime": 1_600_067_874_107_i64, "endTime": 1_600_067_881_636_i64,
        "sort": "name", "sortType": "ASC", "phrase": "Chris", "limit": 10, "page": 0,
    });
    // Another endpoint, another campaign and no sortType: so it is in the document.
    let address = |campaign: u8, page: u8| {
        format!(
            "/api/onboarding?campaignIds={campaign}f5f18ff9dad493352660d2a,5f5f19099dad493352660d2b\
             &roleIds=5f5f190f9dad493352660d2c,5f5f19159dad493352660d2d\
             &startTime=1600067874107&endTime=1600067881636\
             &sort=name&phrase=Chris&limit=10&page={page}"
        )
    };
    let pages = json!({
        "current": 1, "previous": 0, "next": 2, "limit": 10, "total": 25,
        "currentUrl": address(5, 0), "nextUrl": address(6, 1), "previousUrl": address(6, 0),
    });
    let chris = json!({
        "id": "5f5f18439dad493352660d28", "lastActive": 1_600_067_617_569_i64,
        "name": "Chris Traeger", "milestone": "finished",
        "roles": [{ "id": "5f5f184d9dad493352660d29", "name": "Security" }],
    });
    vec![
        (
            "veracode.users",
            json!({ "page": 0 }),
            json!({
                "nextPage": "/api/users?page=1",
                "users": [{
                    "id": "3bd68695e165af6ced227afc", "isAdmin": true, "isDisabled": false,
                    "email": "developer@hunter2.com", "joined": true,
                    "lastActive": 1_557_981_546_394_i64, "roles": ["Developers"],
                }],
            }),
        ),
        (
            "veracode.users_details",
            narrowed.clone(),
            json!({
                "pages": pages,
                "users": [{
                    "id": "5f5f18439dad493352660d28", "lastActive": 1_600_067_617_569_i64,
                    "name": "Chris Traeger", "labsCompleted": 1, "percentRequiredComplete": 50,
                    "points": 10,
                    "roles": [{ "id": "5f5f184d9dad493352660d29", "name": "Security" }],
                }],
            }),
        ),
        (
            "veracode.user_progress",
            json!({ "id": "3bd68695e165af6ced227afc", "page": 0 }),
            json!({
                "pointsRequired": 10, "pointsPossible": 30,
                "lessons": [{
                    "module": "OWASP #1: Injection", "lessonId": "5a5999d4ca50092ec5345ec4",
                    "lessonName": "Own the database", "lastVisited": "3/4/2019",
                    "status": "Started", "minutes": 1216.9, "points": 0,
                    "startRating": 1, "endRating": 2,
                }],
            }),
        ),
        (
            "veracode.update_user",
            json!({
                "id": "3bd68695e165af6ced227afc", "email": "test@hunter2.com", "name": "test",
                "admin": false, "disabled": false, "roleIds": ["4acc432b734d1d55c318ef58"],
            }),
            json!({
                "email": "test@hunter2.com", "name": "test", "admin": false, "dsiabled": false,
                "roleIds": ["4acc432b734d1d55c318ef58"],
            }),
        ),
        ("veracode.delete_user", json!({ "id": "3bd68695e165af6ced227afc" }), json!({})),
        (
            "veracode.onboarding",
            narrowed,
            json!({
                "milestones": {
                    "total": 1, "finished": 1, "notStarted": 0, "notSignedUp": 0, "started": 0,
                },
                "pages": pages, "users": [chris],
            }),
        ),
        (
            "veracode.campaigns_progress",
            json!({
                "campaignIds": ["5f5f18ff9dad493352660d2a", "5f5f19099dad493352660d2b"],
                "roleIds": ["5f5f190f9dad493352660d2c", "5f5f19159dad493352660d2d"],
                "includeOptionalLabs": true,
                "sort": "name", "sortType": "ASC", "phrase": "Chris", "limit": 10, "page": 0,
            }),
            json!({
                "milestones": { "total": 1, "finished": 1, "notStarted": 0, "started": 0 },
                "assignments": [{
                    "title": "OWASP",
                    "labs": [{
                        "title": "SQLI",
                        "milestones": { "total": 1, "finished": 1, "notStarted": 0, "started": 0 },
                    }],
                }],
                "pages": pages, "users": [chris],
            }),
        ),
        (
            "veracode.engagement_time",
            json!({
                "campaignIds": ["5f5f18ff9dad493352660d2a", "5f5f19099dad493352660d2b"],
                "roleIds": ["5f5f190f9dad493352660d2c", "5f5f19159dad493352660d2d"],
            }),
            json!({ "duration": 1_800_000 }),
        ),
        (
            "veracode.progress",
            json!({ "page": 0 }),
            json!({
                "nextPage": "/api/progress?page=1",
                "users": [{
                    "id": "3bd68695e165af6ced227afc", "email": "test@hunter2.com",
                    "name": "Test User", "labsCompleted": 1, "lastActive": "3/6/2019",
                    "totalPoints": 10, "labsStarted": 2, "disabled": false,
                    "requiredCompletionPercent": 14, "pointsRequired": 10, "pointsPossible": 30,
                    "lessons": [{
                        "lessonId": "5a5999d4ca50092ec5345ec4", "lessonName": "Own the database",
                        "module": "OWASP #1: Injection", "startTime": 1_551_673_334_046_i64,
                        "endTime": 1_551_673_334_047_i64, "startRating": 1, "endRating": 2,
                        "lastStepReached": 1, "status": "Finished",
                    }],
                    "roles": ["Developers"],
                }],
            }),
        ),
        (
            "veracode.lessons",
            json!({ "page": 0 }),
            json!({
                "nextPage": "/api/lessons?page=1",
                "lessons": [{
                    "id": "5a5999d4ca50092ec5345ec4", "title": "Own the database",
                    "module": "OWASP #1: Injection", "points": 20, "roles": ["Developers"],
                }],
            }),
        ),
        (
            "veracode.lesson_progress",
            json!({ "id": "5a5999d4ca50092ec5345ec4", "page": 0 }),
            json!({
                "nextPage": "/api/lessons/5a5999d4ca50092ec5345ec4/progress?page=1",
                "id": "5a5999d4ca50092ec5345ec4", "title": "Own the database",
                "module": "OWASP #1: Injection", "points": 30, "roles": ["Developers"],
                "users": [{
                    "id": "3bd68695e165af6ced227afc", "startTime": 1_551_673_334_046_i64,
                    "endTime": 1_551_673_334_047_i64, "startRating": 1, "endRating": 4,
                    "lastStepReached": 1, "status": "Started",
                }],
            }),
        ),
        (
            "veracode.search_lessons",
            json!({ "phrase": "XSS", "limit": 10, "page": 1 }),
            json!({
                "pages": {
                    "current": 1, "previous": 0, "next": null, "limit": 10,
                    "currentUrl": "/api/lessons/search?limit=10&page=1",
                    "nextUrl": null, "previousUrl": null, "total": 1,
                },
                "lessons": [{
                    "challenge": false,
                    "description": "Decrypt cookies and hijack another user account.",
                    "stack": "node", "tags": ["Node.js"], "title": "Bad Cookie",
                    "topic": "secure cookies for user sessions", "url": "/lesson/bad-cookie",
                }],
            }),
        ),
        (
            "veracode.roles",
            json!({}),
            json!([{
                "id": "4bd68695e165af6ced227afz", "name": "Developers", "default": true,
                "public": false, "users": ["3bd68695e165af6ced227afc"],
                "invitedUsers": ["5ce34b1b0e5f930030014122"],
            }]),
        ),
        (
            "veracode.role_progress",
            json!({ "id": "4bd68695e165af6ced227afz", "page": 0 }),
            json!([{
                "nextPage": "/api/roles/4bd68695e165af6ced227afz/progress?page=1",
                "id": "4bd68695e165af6ced227afz", "name": "Developers",
                "users": [{
                    "id": "3bd68695e165af6ced227afc", "email": "test@hunter2.com",
                    "name": "Test User", "percentComplete": 50, "percentRequiredComplete": 100,
                }],
            }]),
        ),
        (
            "veracode.invite",
            json!({
                "email": "test@hunter2.com", "senderId": "cb4f412c59ef801d0e6de1c6",
                "roleIds": ["4acc432b734d1d55c318ef58"], "admin": false, "sendEmail": true,
            }),
            json!({
                "email": "test@hunter2.com", "senderId": "cb4f412c59ef801d0e6de1c6",
                "roleIds": ["4acc432b734d1d55c318ef58"], "admin": false,
            }),
        ),
    ]
}
