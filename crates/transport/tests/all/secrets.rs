//! Secrets are planted in a run and searched for in its sealed cassette.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use drillmaster_models::{Dialect, Message, endpoint};
use drillmaster_transport::cassette::{
    ErrorEvent, Event, Header, Sanitizer, SealedCassette, ValueEvent, identity,
};
use drillmaster_transport::redact::{Policy, Redactor, Rows, Scheme, Sensitivity, mask_request};
use drillmaster_transport::{Purpose, Request, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::seal::{exchange, roster};

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn percent(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn escaped(text: &str) -> String {
    let units: Vec<_> = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    units.concat()
}

fn html_references(text: &str) -> String {
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() || c == ' ' {
            c.to_string()
        } else {
            format!("&#{};", c as u32)
        }
    };
    text.chars().map(letter).collect()
}

/// A text with HTML references such as `&#47;` decoded.
fn decode_html(text: &str) -> String {
    let mut parts = text.split("&#");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let letter = part
            .split_once(';')
            .and_then(|(number, rest)| Some((char::from_u32(number.parse().ok()?)?, rest)));
        match letter {
            Some((letter, rest)) => plain.extend([&letter.to_string(), rest]),
            None => plain.extend(["&#", part]),
        }
    }
    plain
}

/// A text in every encoding that messages use.
fn encodings(secret: &str) -> Vec<String> {
    let mut all = vec![
        secret.to_owned(),
        percent(secret),
        percent(&percent(secret)),
        percent(secret).replace("%20", "+"),
        json!(secret).to_string().trim_matches('"').to_owned(),
        escaped(secret),
        html_references(secret),
        html_references(&escaped(secret)),
        secret.to_uppercase(),
        secret.to_lowercase(),
    ];
    for before in ["", "x", "xx"] {
        for after in ["", "y", "yy"] {
            let text = format!("{before} {secret} {after}");
            all.push(BASE64_STANDARD.encode(&text));
            all.push(BASE64_URL_SAFE_NO_PAD.encode(&text));
        }
    }
    all
}

/// A text decoded in every possible way.
fn all_decodings(text: &str, depth: usize) -> String {
    let mut all = text.to_lowercase();
    if depth == 0 {
        return all;
    }
    let plain = percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let spaced = plain.replace('+', " ");
    let json = serde_json::from_str::<String>(&format!("\"{text}\"")).unwrap_or_default();
    let inner = serde_json::from_str::<Value>(text).map(|value| texts(&value)).unwrap_or_default();
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/-_".contains(c)));
    let base64 = words.filter(|word| word.len() >= 8).flat_map(|word| {
        (0..4).filter_map(|shift| {
            let word = word.get(shift..)?.replace('-', "+").replace('_', "/");
            let whole = word.len() - usize::from(word.len() % 4 == 1);
            let bytes = LENIENT.decode(&word[..whole]).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        })
    });
    let views = [plain, spaced, json, decode_html(text)].into_iter().chain(inner).chain(base64);
    for view in views.filter(|view| !view.is_empty() && view != text).collect::<Vec<_>>() {
        all.push('\n');
        all.push_str(&all_decodings(&view, depth - 1));
    }
    all
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| [vec![name.clone()], texts(value)].concat())
            .collect(),
        _ => Vec::new(),
    }
}

/// Everything in a cassette and in the roster of pseudonyms, decoded.
fn contents(sealed: &SealedCassette, depth: usize) -> String {
    let events = serde_json::Deserializer::from_str(sealed.text()).into_iter::<Value>();
    let said: Vec<_> = events.flat_map(|event| texts(&event.unwrap())).collect();
    let roster = sealed.roster().map(Rows::to_csv).unwrap_or_default();
    let said = said.iter().map(|text| all_decodings(text, depth)).collect::<Vec<_>>().join("\n");
    said + &sealed.text().to_lowercase() + &roster.to_lowercase()
}

#[track_caller]
fn nothing_of(secrets: &[&str], sealed: &SealedCassette) {
    let said = contents(sealed, 3);
    for secret in secrets {
        assert!(!said.contains(&secret.to_lowercase()), "`{secret}` is left in\n{}", sealed.text());
    }
}

/// The search must find something before it can prove that nothing is there.
#[test]
fn the_search_finds_text_that_was_not_redacted() {
    for secret in ["Zoë Müller-O'Neil", "s3cr3t/with+signs==", "Ada \"The Countess\" Byron"] {
        for text in encodings(secret) {
            assert!(all_decodings(&text, 3).contains(&secret.to_lowercase()), "{text}");
        }
    }
}

fn refusal(words: &str) -> Response {
    Response::json(400, &json!({ "status": "error", "message": words }))
}

#[test]
#[expect(clippy::too_many_lines, reason = "forty of them, each in its place")]
fn forty_secrets_are_gone_after_sealing() {
    let secrets = [
        "zoë.müller@corp.example",
        "Zoë Müller-O'Neil",
        "zoe1815",
        "E-4711-zoe",
        "ada@corp.example",
        "Ada \"The Countess\" Byron",
        "ada_lovelace",
        "E-4712-ada",
        "Jürgen Groß",
        "juergen@corp.example",
        "d'Artagnan & Söhne",
        "张伟李",
        "zhang@corp.example",
        "Ольга Иванова",
        "olga@corp.example",
        "bob+alias@corp.example",
        "bob\\backslash",
        "s3cr3t/with+signs==",
        "0a1b2c3d4e5f60718293a4b5",
        "tok-in-link-77aa",
        "tok-in-nested-88bb",
        "session-cookie-99cc",
        "hunter2-password",
        "api-key-1234567890",
        "inviter-id-5566",
        "https://cdn.corp.example/u/zoe.png",
        "THM{n0t-f0r-sharing}",
        "mail.only.here@corp.example",
        "in.base64@corp.example",
        "as.a.key@corp.example",
        "in.an.error@corp.example",
        "in.a.path@corp.example",
        "in.a.value@corp.example",
        "in.an.input@corp.example",
        "in.a.redirect@corp.example",
        "Project Bluebird 7",
        "badge-00017",
        "random-segment-0123456789",
        "phrase of Zoë",
        "signed.in@corp.example",
    ];
    assert_eq!(secrets.len(), 40);
    let rows = roster(
        &["email", "name", "personnel no", "room"],
        &[
            &[secrets[0], secrets[1], secrets[3], "linux1"],
            &[secrets[4], secrets[5], secrets[7], "linux1"],
            &[secrets[9], secrets[8], "", "linux1"],
        ],
    );
    let mut events = Vec::new();
    let mut row = 0;
    let mut ask = |scope: &str, name: &str, fields: Value, answer: &Response| {
        events.extend(exchange(scope, row, name, &fields, answer));
        row += 1;
    };
    let users = json!({ "users": [
        { "username": secrets[2], "email": secrets[0], "extUserId": secrets[3], "avatar": secrets[25] },
        { "username": secrets[6], "email": secrets[4], "extUserId": secrets[7], "badgeNumber": secrets[36] },
        { "username": secrets[10], "email": secrets[9], "displayName": secrets[8] },
        { "username": secrets[11], "email": secrets[12] },
        { "username": secrets[16], "email": secrets[15], "sessionToken": secrets[17] },
    ]});
    ask("main", "thm.users", json!({}), &Response::json(200, &users));
    let link = format!("https://thm.example/{}/join?token={}&next=%2F", secrets[37], secrets[19]);
    let fields = json!({ "extUserId": secrets[3], "roomCode": "linux1" });
    ask(secrets[0], "thm.authenticate", fields, &Response::json(200, &json!({ "url": link })));
    // A token in a link in JSON in a text.
    let nested = json!({ "link": format!("https://x.example/?token={}", secrets[20]) }).to_string();
    let words = format!("cannot call {} with {nested}: cookie={}", secrets[13], secrets[21]);
    ask(secrets[0], "thm.add_seat", json!({ "email": secrets[0] }), &refusal(&words));
    let answer =
        json!({ "id": secrets[18], "email": secrets[14], "name": secrets[13], "admin": false });
    ask(
        secrets[4],
        "veracode.update_user",
        json!({ "id": secrets[18], "name": secrets[13], "email": secrets[14] }),
        &Response::json(200, &answer),
    );
    let fields = json!({ "email": secrets[12], "senderId": secrets[24] });
    ask(secrets[4], "veracode.invite", fields, &refusal(&format!("password: {}", secrets[22])));
    let encoded = BASE64_STANDARD.encode(format!("{{\"mail\":\"{}\"}}", secrets[28]));
    let answer = json!({
        "note": format!("{} {encoded}", secrets[27]),
        secrets[29]: { "apiKey": secrets[23] },
        "plan": format!("of {}", percent(&percent(secrets[35]))),
    });
    ask("main", "thm.rooms", json!({}), &Response::json(200, &answer));
    let questions = json!({ "questions": [{ "taskNo": 1, "infoList": [
        { "questionNo": 1, "question": "?", "answer": secrets[26], "hint": escaped(secrets[26]) },
    ]}]});
    ask("main", "thm.questions", json!({ "roomCode": "linux1" }), &Response::json(200, &questions));
    ask(
        "main",
        "thm.scoreboard",
        json!({ "roomCode": percent(secrets[31]) }),
        &refusal(secrets[30]),
    );
    let redirect = Response {
        status: 302,
        headers: vec![("location".to_owned(), format!("/signup?by={}", percent(secrets[34])))],
        body: Vec::new(),
    };
    ask("main", "thm.register", json!({ "token": secrets[19] }), &redirect);
    ask(
        "main",
        "veracode.onboarding",
        json!({ "phrase": secrets[38] }),
        &Response { status: 502, headers: vec![], body: secrets[39].as_bytes().to_vec() },
    );
    // Each of them in each encoding within a text.
    let everything: Vec<_> = secrets.iter().flat_map(|secret| encodings(secret)).collect();
    let form = everything.iter().map(|text| format!("({text})")).collect::<Vec<_>>().join(" ");
    ask("main", "thm.add_seat", json!({ "email": "x@corp.example" }), &refusal(&form));
    let keys: serde_json::Map<_, _> =
        everything.iter().map(|text| (text.clone(), json!(1))).collect();
    ask("main", "thm.users", json!({}), &Response::json(200, &Value::Object(keys)));
    let detail = format!("cannot reach https://x.example/{}", everything.join("/ /"));
    let scope = "main".to_owned();
    let request = exchange("main", 90, "thm.rooms", &json!({}), &refusal(""))[0].clone();
    events.push(request);
    let kind = "timeout".to_owned();
    events.push(Event::Error(ErrorEvent {
        scope: scope.clone(),
        ordinal: 90,
        kind,
        detail,
        in_doubt_since: None,
    }));
    events.push(Event::Value(ValueEvent {
        scope,
        ordinal: 91,
        name: "random".to_owned(),
        value: json!({ "to": [secrets[32], everything] }),
    }));
    let run =
        json!({ "set": [["manager", secrets[8]], ["cc", secrets[33]]], "script": "/desk/x.rhai" });
    let header = Header { run: run.as_object().unwrap().clone(), ..Header::default() };
    let policy = Policy::default().value(secrets[35]).field("badgeNumber", Sensitivity::Id);
    let seal = Sanitizer::default().policy(policy).roster(rows);
    let sealed = seal.events(header, events).unwrap();
    nothing_of(&secrets, &sealed);
}

/// Fields that may have a private value, with their endpoints.
const PLACES: &[(&str, &str, Sensitivity)] = &[
    ("thm.add_seat", "email", Sensitivity::Email),
    ("thm.register", "token", Sensitivity::Secret),
    ("thm.leave_room", "extUserId", Sensitivity::Id),
    ("veracode.update_user", "id", Sensitivity::Id),
    ("veracode.update_user", "name", Sensitivity::Name),
    ("veracode.invite", "senderId", Sensitivity::Other),
    ("veracode.users_details", "phrase", Sensitivity::Words),
];

fn any_secret() -> impl Strategy<Value = String> {
    // A value without a letter at each end is no word.
    ("[a-z0-9ÄÖßéЖ]{4}", any::<String>(), "[A-Z0-9üñЯ]{4}").prop_map(|(start, middle, end)| {
        let middle: String = middle.chars().filter(|c| *c != '\0').take(12).collect();
        format!("{start}{middle}{end}")
    })
}

proptest! {
    #[test]
    fn a_random_secret_in_a_random_place_and_encoding_is_gone_after_sealing(
        secret in any_secret(),
        place in 0..PLACES.len(),
        wraps in prop::collection::vec(0..encodings("x").len(), 1..6),
    ) {
        let (name, field, _) = PLACES[place];
        let mut fields = json!({ "roomCode": "linux1", "id": "0a1b", "email": "x@corp.example", "senderId": "boss" });
        let declared: Vec<_> = endpoint(name).unwrap().fields().iter().map(|field| field.name.clone()).collect();
        fields.as_object_mut().unwrap().retain(|name, _| declared.contains(name));
        fields[field] = json!(secret);
        prop_assume!(endpoint(name).unwrap().request(&fields, Dialect::Current).is_ok());
        let all = encodings(&secret);
        let words: Vec<_> = wraps.iter().map(|index| format!("<{}>", all[*index])).collect();
        let events = exchange("main", 0, name, &fields, &refusal(&words.join(" ")));
        let sealed = Sanitizer::default().events(Header::default(), events).unwrap();
        let said = contents(&sealed, 2);
        // Some letters become others in the other case, or several.
        let is_said = said.contains(&secret.to_lowercase())
            || said.to_uppercase().contains(&secret.to_uppercase());
        prop_assert!(!is_said, "{}", sealed.text());
    }
}

fn request(scope: &str, name: &str, fields: &Value) -> Request {
    let endpoint = endpoint(name).unwrap();
    let wire = endpoint.request(fields, Dialect::Current).unwrap();
    Request {
        wire: wire.into(),
        metadata: &endpoint.metadata,
        scope: scope.into(),
        ordinal: 0,
        purpose: Purpose::Call,
    }
}

/// Redacted with the real roster or with the roster of pseudonyms, a script's requests are those of the cassette.
#[test]
fn a_redactor_finds_the_pseudonyms_from_either_roster() {
    let rows = roster(
        &["login", "first", "Last name", "mail"],
        &[
            &["ada", "Ada", "Lovelace", "ada@corp.example"],
            &["grace", "Grace", "Hopper", "grace@corp.example"],
        ],
    );
    let asked = |row: &[String]| {
        let fields = json!({
            "email": row[3], "senderId": "0a1b2c", "name": format!("{} {}", row[1], row[2]),
        });
        request(&row[0], "veracode.invite", &fields)
    };
    let ordinal = 0;
    let events = rows.cells.iter().flat_map(|row| {
        let request = Request { ordinal, ..asked(row) };
        let event = drillmaster_transport::cassette::RequestEvent::from_request(&request);
        let answer = json!({ "email": row[3], "senderId": "0a1b2c" });
        let [_, answer] = exchange(
            &row[0],
            0,
            "veracode.invite",
            &json!({ "email": "x", "senderId": "y" }),
            &Response::json(200, &answer),
        );
        [Event::Request(event), answer]
    });
    let sealed =
        Sanitizer::default().roster(rows.clone()).events(Header::default(), events).unwrap();
    nothing_of(&["ada@corp", "lovelace", "hopper", "grace"], &sealed);
    let tape = sealed.tape().unwrap();
    let scheme = tape.header.sealed.clone().unwrap();
    for roster in [&rows, sealed.roster().unwrap()] {
        let mut redactor = Redactor::new(&scheme, Some(roster));
        for (row, recorded) in roster.cells.iter().zip(&tape.interactions) {
            let asked = asked(row);
            assert_eq!(redactor.scope(&asked.scope), recorded.request.scope);
            // The sender is not in the roster, and has to be bound.
            let recorded = recorded.request.wire().unwrap();
            let wire = redactor.request(asked.message());
            let message = Message { wire: &wire, ..asked.message() };
            let masked = |wire| identity(&mask_request(Message { wire, ..message }, &scheme));
            assert_eq!(masked(&wire), masked(&recorded));
            assert!(redactor.bind(message, &recorded));
            let asked = redactor.request(message);
            let json = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
            assert_eq!(json(&asked.body), json(&recorded.body));
        }
        let answer = redactor.restore(tape.interactions[0].outcome.clone().unwrap());
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer["email"], roster.cells[0][3].as_str());
        assert_eq!(answer["senderId"], "0a1b2c");
    }
}

#[test]
fn bound_values_keep_their_pseudonyms() {
    let seat = |email: &str| request("main", "thm.add_seat", &json!({ "email": email }));
    let mut redactor = Redactor::new(&Scheme::default(), None);
    let (ada, bob) = (seat("ada@corp.example"), seat("bob@corp.example"));
    let (first, second) =
        (seat("learner-0001@example.com").wire, seat("learner-0002@example.com").wire);
    assert!(redactor.bind(ada.message(), &first));
    assert!(redactor.bind(seat("ADA@corp.example").message(), &first), "the same again");
    assert!(!redactor.bind(ada.message(), &second), "one value has one pseudonym");
    assert!(!redactor.bind(bob.message(), &first), "one pseudonym stands for one value");
    assert!(redactor.bind(bob.message(), &second));
    assert_eq!(redactor.request(ada.message()), *first);
    assert_eq!(redactor.text("for bob%40corp.example"), "for learner-0002%40example.com");
    let two = |a: &str, b: &str| {
        let fields = json!({ "userEmails": [a, b], "from": "2026-09-01", "to": "2026-09-02" });
        request("main", "thm.time_report", &fields)
    };
    let (same, differ) =
        (two("cyd@x.example", "cyd@x.example"), two("c@p.example", "d@p.example").wire);
    assert!(!redactor.bind(same.message(), &differ), "two pseudonyms are not one value's");
}
