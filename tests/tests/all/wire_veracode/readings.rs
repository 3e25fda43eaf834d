//! How this project reads what the document leaves open or contradicts: a line for each reading.

use drillmaster_models::{
    Absence, Credential, Effect, Moment, Removes, Resolve, endpoint, veracode,
};
use serde_json::{Value, json};

use super::{read, reads, sent, wrong_field};

/// The field of the one user in the answer.
#[track_caller]
fn user(name: &str, user: &Value, field: &str) -> Value {
    reads(name, &json!({ "users": [user] }))["users"][0][field].clone()
}

#[test]
fn the_credential_goes_with_every_request() {
    for endpoint in &veracode::ENDPOINTS {
        assert_eq!(
            endpoint.metadata.credential,
            Credential::Header("auth"),
            "{}",
            endpoint.metadata.name
        );
    }
}

#[test]
fn a_moment_comes_in_many_forms_and_is_kept_as_it_came() {
    for raw in [
        json!(1_551_830_400_000_i64),
        json!("1551830400000"),
        json!("3/6/2019"),
        json!("2019-03-06T00:00:00.000Z"),
    ] {
        let read =
            user("veracode.progress", &json!({ "id": "a", "lastActive": raw }), "lastActive");
        assert_eq!(read, raw);
        let moment: Moment = serde_json::from_value(read).unwrap();
        assert_eq!(moment.millis(), Some(1_551_830_400_000));
    }
    let absent = json!({ "id": "a", "lastActive": null });
    assert_eq!(user("veracode.users", &absent, "lastActive"), Value::Null);
}

#[test]
fn a_documented_field_is_there_even_if_it_did_not_come() {
    let read = user("veracode.users", &json!({ "id": "a" }), "roles");
    assert_eq!(read, json!([]));
    let read = reads("veracode.onboarding", &json!({ "users": [] }));
    assert_eq!(read["pages"]["next"], Value::Null);
    assert!(read["milestones"].as_object().unwrap().contains_key("notStarted"));
    assert_eq!(read["users"], json!([]));
}

#[test]
fn unknown_fields_are_kept() {
    let new = json!({ "id": "a", "shoeSize": 43, "roles": [{ "id": "r", "colour": "red" }] });
    assert_eq!(user("veracode.users_details", &new, "shoeSize"), json!(43));
    assert_eq!(user("veracode.users_details", &new, "roles")[0]["colour"], json!("red"));
}

#[test]
fn pages_are_from_1_to_50_long_everywhere() {
    let limited = veracode::ENDPOINTS
        .iter()
        .filter(|endpoint| endpoint.fields().iter().any(|field| field.name == "limit"));
    let mut names = Vec::new();
    for endpoint in limited {
        let name = endpoint.metadata.name;
        let mut fields = json!({ "limit": 50 });
        if endpoint.metadata.path_fields().next().is_some() {
            fields["id"] = json!("a");
        }
        assert_eq!(wrong_field(name, &fields), None);
        for wrong in [json!(0), json!(51), json!(-1), json!("5x")] {
            fields["limit"] = wrong;
            assert_eq!(wrong_field(name, &fields).as_deref(), Some("limit"));
        }
        names.push(endpoint.metadata.stem());
    }
    assert_eq!(
        names,
        [
            "users",
            "users_details",
            "onboarding",
            "campaigns_progress",
            "progress",
            "lessons",
            "lesson_progress",
            "search_lessons",
            "role_progress",
        ]
    );
}

#[test]
fn a_user_has_role_names_and_may_have_a_name_and_either_spelling_of_the_flags() {
    let ada =
        json!({ "id": "a", "name": "Ada", "admin": true, "disabled": true, "roles": ["Dev"] });
    assert_eq!(user("veracode.users", &ada, "roles"), json!(["Dev"]));
    assert_eq!(user("veracode.users", &ada, "name"), json!("Ada"));
    assert_eq!(user("veracode.users", &ada, "isAdmin"), json!(true));
    assert_eq!(user("veracode.users", &ada, "isDisabled"), json!(true));
}

#[test]
fn users_details_have_an_email() {
    let ada = json!({ "id": "a", "email": "ada@example.com" });
    assert_eq!(user("veracode.users_details", &ada, "email"), json!("ada@example.com"));
}

#[test]
fn a_span_has_two_ends_in_order() {
    for name in ["veracode.users_details", "veracode.onboarding"] {
        let wrong = |fields| wrong_field(name, &fields);
        assert_eq!(wrong(json!({ "startTime": 1 })).as_deref(), Some("endTime"));
        assert_eq!(wrong(json!({ "endTime": 1 })).as_deref(), Some("startTime"));
        assert_eq!(wrong(json!({ "startTime": 2, "endTime": 1 })).as_deref(), Some("endTime"));
        assert_eq!(wrong(json!({ "startTime": 1, "endTime": 1 })), None);
    }
}

#[test]
fn a_phrase_is_counted_in_characters() {
    for (name, most) in [
        ("veracode.users_details", 49),
        ("veracode.onboarding", 49),
        ("veracode.campaigns_progress", 49),
        ("veracode.search_lessons", 300),
    ] {
        assert_eq!(wrong_field(name, &json!({ "phrase": "ü".repeat(most) })), None);
        let long = json!({ "phrase": "ü".repeat(most + 1) });
        assert_eq!(wrong_field(name, &long).as_deref(), Some("phrase"));
    }
}

#[test]
fn the_order_runs_up_or_down_and_nothing_else() {
    let order = |word: &str| json!({ "sort": "whatever the service knows", "sortType": word });
    assert_eq!(wrong_field("veracode.onboarding", &order("DESC")), None);
    assert_eq!(wrong_field("veracode.onboarding", &order("asc")).as_deref(), Some("sortType"));
}

#[test]
fn a_users_progress_has_fractions_dates_and_no_rating() {
    let lesson = json!({
        "lessonId": "l", "minutes": 1216.9, "lastVisited": "3/4/2019", "startRating": null, "endRating": null,
    });
    let read = reads("veracode.user_progress", &json!({ "lessons": [lesson] }));
    let read = &read["lessons"][0];
    assert_eq!(read["minutes"], json!(1216.9));
    assert_eq!(read["lastVisited"], json!("3/4/2019"));
    assert_eq!(read["endRating"], Value::Null);
}

#[test]
fn an_update_sends_only_what_changes() {
    let body =
        |fields| String::from_utf8(sent("veracode.update_user", &fields).unwrap().body).unwrap();
    assert_eq!(body(json!({ "id": "a", "disabled": true })), r#"{"disabled":true}"#);
    assert_eq!(body(json!({ "id": "a", "roleIds": [] })), r#"{"roleIds":[]}"#);
    assert_eq!(body(json!({ "id": "a", "name": null })), "{}");
}

#[test]
fn an_update_is_read_in_all_its_spellings() {
    let disabled = |answer| reads("veracode.update_user", &answer)["disabled"].clone();
    for name in ["disabled", "dsiabled", "isDisabled"] {
        assert_eq!(disabled(json!({ name: true })), json!(true));
        assert_eq!(disabled(json!({ name: "true" })), json!(true));
        assert_eq!(disabled(json!({ name: null })), Value::Null);
    }
    assert_eq!(disabled(json!({})), Value::Null);
    assert_eq!(
        reads("veracode.update_user", &json!({ "isAdmin": "false" }))["admin"],
        json!(false)
    );
}

#[test]
fn flags_are_sent_as_flags() {
    let fields = json!({ "id": "a", "disabled": "true" });
    assert_eq!(wrong_field("veracode.update_user", &fields).as_deref(), Some("disabled"));
}

#[test]
fn a_name_has_at_most_24_characters() {
    let named = |length| json!({ "id": "a", "name": "ß".repeat(length) });
    assert_eq!(wrong_field("veracode.update_user", &named(24)), None);
    assert_eq!(wrong_field("veracode.update_user", &named(25)).as_deref(), Some("name"));
}

#[test]
fn an_update_may_be_repeated_and_takes_away_by_disabling_alone() {
    let update = endpoint("veracode.update_user").unwrap().metadata.effect;
    let update = update.write().unwrap();
    assert_eq!((update.resolve, update.removes), (Resolve::Repeat, Removes::When("disabled")));
}

#[test]
fn only_deleting_is_beyond_recall() {
    let irreversible = |effect: &Effect| effect.write().is_some_and(|write| write.irreversible);
    let found =
        veracode::ENDPOINTS.iter().filter(|endpoint| irreversible(&endpoint.metadata.effect));
    let found: Vec<_> = found.map(|endpoint| endpoint.metadata.name).collect();
    assert_eq!(found, ["veracode.delete_user"]);
    let delete = endpoint("veracode.delete_user").unwrap().metadata.effect;
    assert_eq!(delete.write().unwrap().resolve, Resolve::Refusal);
}

#[test]
fn a_deletion_answers_nothing_in_either_form() {
    for body in ["{}", ""] {
        assert_eq!(read("veracode.delete_user", 200, body).unwrap(), json!({}));
    }
}

#[test]
fn unknown_milestones_and_statuses_are_kept() {
    let counts = json!({ "milestones": { "finished": 1, "dozing": 2 }, "users": [] });
    for name in ["veracode.onboarding", "veracode.campaigns_progress"] {
        assert_eq!(reads(name, &counts)["milestones"]["dozing"], json!(2));
        let dozing = json!({ "id": "a", "milestone": "dozing" });
        assert_eq!(user(name, &dozing, "milestone"), json!("dozing"));
    }
    for status in ["Started", "Finished", "NotStarted", "open", "Paused"] {
        let lessons = json!({ "id": "a", "lessons": [{ "lessonId": "l", "status": status }] });
        let read = user("veracode.progress", &lessons, "lessons");
        assert_eq!(read[0]["status"], json!(status));
    }
}

#[test]
fn only_the_onboarding_counts_who_has_not_signed_up() {
    let milestones =
        |name| reads(name, &json!({ "users": [], "milestones": { "notSignedUp": 3 } }));
    assert_eq!(milestones("veracode.onboarding")["milestones"]["notSignedUp"], json!(3));
    let read =
        reads("veracode.campaigns_progress", &json!({ "users": [], "milestones": { "total": 3 } }));
    assert_eq!(read["milestones"].get("notSignedUp"), None);
}

#[test]
fn assignments_and_campaigns_exclude_each_other() {
    for name in ["veracode.campaigns_progress", "veracode.engagement_time"] {
        let both = json!({ "assignmentIds": ["a"], "campaignIds": ["c"] });
        assert_eq!(wrong_field(name, &both).as_deref(), Some("assignmentIds"));
        let one = sent(name, &json!({ "assignmentIds": ["a", "b"], "campaignIds": [] })).unwrap();
        assert!(one.target.ends_with("?assignmentIds=a,b"), "{}", one.target);
    }
}

#[test]
fn engagement_may_have_no_data() {
    for answer in [json!({ "duration": null }), json!({})] {
        assert_eq!(reads("veracode.engagement_time", &answer), json!({ "duration": null }));
    }
}

#[test]
fn progress_is_read_in_both_spellings_and_with_gaps() {
    for name in ["disabled", "accountDisabled"] {
        let ada = json!({ "id": "a", name: true });
        assert_eq!(user("veracode.progress", &ada, "accountDisabled"), json!(true));
    }
    for end in [json!("1551673334047"), json!(1_551_673_334_047_i64), Value::Null] {
        let ada = json!({ "id": "a", "lessons": [{ "lessonId": "l", "endTime": end }] });
        let read = user("veracode.progress", &ada, "lessons");
        assert_eq!(read[0]["endTime"], end);
        assert_eq!(read[0]["points"], Value::Null);
    }
}

#[test]
fn an_end_does_not_make_a_lesson_finished() {
    let learner = json!({ "id": "a", "endTime": 1_551_673_334_047_i64, "status": "Started" });
    let read = reads("veracode.lesson_progress", &json!({ "id": "l", "users": [learner] }));
    assert_eq!(read["users"][0]["status"], json!("Started"));
}

#[test]
fn a_phrase_travels_whole() {
    let search = sent("veracode.search_lessons", &json!({ "phrase": "OWASP #8 & more" })).unwrap();
    assert_eq!(search.target, "/api/lessons/search?phrase=OWASP%20%238%20%26%20more");
}

#[test]
fn roles_come_bare_or_wrapped() {
    let roles = json!([{ "id": "4bd68695e165af6ced227afz", "name": "Developers" }]);
    let bare = reads("veracode.roles", &roles);
    assert_eq!(reads("veracode.roles", &json!({ "roles": roles })), bare);
    assert_eq!(bare[0]["users"], json!([]));
    let error = read("veracode.roles", 200, r#"[{"id": "a"}, {"id": 7}]"#).unwrap_err();
    assert!(error.to_string().contains("[1].id"), "{error}");
}

#[test]
fn role_progress_comes_in_an_array_or_bare() {
    let role = json!({ "id": "r", "nextPage": null, "users": [{ "id": "a" }] });
    let bare = reads("veracode.role_progress", &role);
    assert_eq!(reads("veracode.role_progress", &json!([role])), bare);
}

#[test]
fn an_invite_needs_an_address_and_a_sender() {
    let full = json!({ "email": "ada@example.com", "senderId": "a", "name": "Ada" });
    let body = String::from_utf8(sent("veracode.invite", &full).unwrap().body).unwrap();
    assert_eq!(body, r#"{"email":"ada@example.com","senderId":"a","name":"Ada"}"#);
    for field in ["email", "senderId"] {
        let mut lacking = full.clone();
        lacking.as_object_mut().unwrap().remove(field);
        assert_eq!(wrong_field("veracode.invite", &lacking).as_deref(), Some(field));
    }
}

#[test]
fn an_invite_is_a_success_with_200_and_201_and_in_doubt_with_500() {
    for status in [200, 201] {
        let invited = read("veracode.invite", status, r#"{"email": "ada@example.com"}"#).unwrap();
        assert_eq!(invited["email"], json!("ada@example.com"));
        assert!(read("veracode.invite", status, "").is_ok());
    }
    assert!(read("veracode.invite", 500, r#"{"message": "unknown error"}"#).is_err());
    let invite = endpoint("veracode.invite").unwrap().metadata.effect;
    let by_email =
        Resolve::Probe { endpoint: "veracode.users", field: "email", absence: Absence::Repeatable };
    assert_eq!(invite.write().unwrap().resolve, by_email);
}
