//! What fields hold that no declaration knows, by their names; and words that are nobody's.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use drillmaster_models::{Dialect, FieldKind, Means, Sensitivity, Texts, endpoints};

/// Names of fields, columns, headers and inputs without case and punctuation.
const KNOWN: &[(Sensitivity, &[&str])] = &[
    (
        Sensitivity::Secret,
        &[
            "accesstoken",
            "apikey",
            "apisecret",
            "bearer",
            "authorization",
            "auth",
            "clientsecret",
            "code2fa",
            "cookie",
            "csrf",
            "csrftoken",
            "idtoken",
            "invitetoken",
            "jwt",
            "kennwort",
            "key",
            "onetimecode",
            "otp",
            "pass",
            "passcode",
            "passphrase",
            "password",
            "passwort",
            "pin",
            "privatekey",
            "proxyauthorization",
            "pw",
            "pwd",
            "refreshtoken",
            "resettoken",
            "secret",
            "secretkey",
            "session",
            "sessionid",
            "sessiontoken",
            "setcookie",
            "sid",
            "signature",
            "thmapikey",
            "token",
            "xapikey",
            "xauthtoken",
            "webhook",
            "xcsrftoken",
        ],
    ),
    (
        Sensitivity::Link,
        &[
            "invitelink",
            "inviteurl",
            "joinlink",
            "joinurl",
            "loginlink",
            "magiclink",
            "registerlink",
            "registerurl",
            "registrationlink",
            "registrationurl",
            "resetlink",
            "reseturl",
        ],
    ),
    (
        Sensitivity::Avatar,
        &["avatar", "avatarurl", "gravatar", "photo", "photourl", "picture", "profilepicture"],
    ),
    (
        Sensitivity::Email,
        &[
            "email",
            "emailaddress",
            "emails",
            "mail",
            "mailaddress",
            "mailbox",
            "manageremail",
            "owneremail",
            "useremail",
            "useremails",
            "workemail",
            "correo",
            "courriel",
        ],
    ),
    (
        Sensitivity::Username,
        &[
            "account",
            "accountname",
            "benutzername",
            "displayname",
            "handle",
            "login",
            "loginname",
            "nick",
            "nickname",
            "screenname",
            "upn",
            "user",
            "username",
            "usernames",
            "userprincipalname",
        ],
    ),
    (
        Sensitivity::Name,
        &[
            "apellido",
            "apellidos",
            "approver",
            "assignee",
            "attendee",
            "boss",
            "candidate",
            "coach",
            "colleague",
            "contact",
            "contactname",
            "employee",
            "employeename",
            "familienname",
            "familyname",
            "first",
            "firstname",
            "forename",
            "fullname",
            "givenname",
            "instructor",
            "invitee",
            "last",
            "lastname",
            "learner",
            "learnername",
            "manager",
            "managername",
            "member",
            "membername",
            "mentor",
            "middle",
            "middlename",
            "mitarbeiter",
            "nachname",
            "nom",
            "nombre",
            "owner",
            "ownername",
            "participant",
            "person",
            "prenom",
            "realname",
            "recipient",
            "reviewer",
            "sender",
            "student",
            "studentname",
            "supervisor",
            "surname",
            "teacher",
            "teilnehmer",
            "trainer",
            "vorgesetzter",
            "vorname",
            "who",
            "whom",
        ],
    ),
    (
        Sensitivity::Id,
        &[
            "employeeid",
            "employeenumber",
            "extuserid",
            "externalid",
            "externaluserid",
            "learnerid",
            "matrikelnummer",
            "memberid",
            "personalnummer",
            "personid",
            "personnelnumber",
            "phone",
            "phonenumber",
            "mobile",
            "staffid",
            "studentid",
            "telephone",
            "userid",
            "userids",
        ],
    ),
];

/// A name without case and punctuation.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What a field of this name holds, where no declaration says it.
pub(super) fn holds(name: &str) -> Option<Sensitivity> {
    static BY_NAME: LazyLock<HashMap<&str, Sensitivity>> = LazyLock::new(|| {
        let named = |(holds, names): &'static (Sensitivity, &[&'static str])| {
            names.iter().map(|name| (*name, *holds))
        };
        KNOWN.iter().flat_map(named).collect()
    });
    BY_NAME.get(plain(name).as_str()).copied()
}

/// Whether a request has a field of this name, and it never holds anything private.
pub(super) fn is_harmless(name: &str) -> bool {
    static FIELDS: LazyLock<HashMap<String, Sensitivity>> = LazyLock::new(|| {
        let mut fields: HashMap<String, Sensitivity> = HashMap::new();
        for (name, texts) in endpoints().flat_map(|endpoint| endpoint.request_texts().fields()) {
            let items = texts.items().and_then(|items| items.sensitivity);
            let holds = texts.sensitivity.max(items).unwrap_or(Sensitivity::Harmless);
            let own = fields.entry(plain(name)).or_insert(holds);
            *own = holds.max(*own);
        }
        fields
    });
    FIELDS.get(&plain(name)).is_some_and(|holds| *holds <= Sensitivity::Address)
}

/// Values that stand for none.
pub(super) fn is_none(value: &str) -> bool {
    const NONE: [&str; 9] = ["", "-", "--", "n/a", "none", "null", "undefined", "unknown", "0"];
    let value = value.trim();
    NONE.iter().any(|none| value.eq_ignore_ascii_case(none))
}

/// Whether the declarations know this word: a field's name, a choice, a status, part of a path, a refusal. A
/// text that is nothing but such a word stays, whoever is called so.
pub(super) fn is_word(text: &str) -> bool {
    WORDS.contains(&text.to_lowercase())
}

static WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    const OF_ALL: [&str; 17] = [
        "error",
        "success",
        "status",
        "message",
        "data",
        "true",
        "false",
        "null",
        "main",
        "page",
        "limit",
        "sort",
        "name",
        "application/json",
        "application/x-www-form-urlencoded",
        "text/html",
        "roles",
    ];
    let mut words: HashSet<String> = OF_ALL.map(str::to_owned).into();
    for endpoint in endpoints() {
        for dialect in Dialect::ALL {
            let Ok(metadata) = endpoint.metadata(dialect) else { continue };
            words.extend(metadata.path.split('/').map(str::to_lowercase));
            if let Ok((request, answer)) = endpoint.schemas(dialect) {
                choices(&request, &mut words);
                choices(&answer, &mut words);
            }
        }
        for spec in endpoint.errors().filter(|spec| !spec.says.contains('{')) {
            let says = spec.says.to_lowercase();
            words.insert(says.trim_end_matches('.').to_owned());
            words.insert(says);
            if let Means::Answer(json) = spec.means {
                words.insert(json.to_lowercase());
            }
        }
        for field in endpoint.fields() {
            if let FieldKind::Choice(choices) | FieldKind::Choices(choices) = &field.kind {
                words.extend(choices.iter().map(|choice| choice.to_lowercase()));
            }
        }
        field_names(endpoint.request_texts(), &mut words);
        field_names(endpoint.answer_texts(), &mut words);
    }
    words
});

fn field_names(texts: &Texts, words: &mut HashSet<String>) {
    for (name, field) in texts.fields() {
        words.insert(name.to_lowercase());
        field_names(field, words);
    }
    if let Some(items) = texts.items() {
        field_names(items, words);
    }
}

/// The fixed words of a schema.
fn choices(schema: &serde_json::Value, words: &mut HashSet<String>) {
    match schema {
        serde_json::Value::Object(parts) => {
            let own = parts.get("const").into_iter();
            let own =
                own.chain(parts.get("enum").and_then(|list| list.as_array()).into_iter().flatten());
            words.extend(own.filter_map(|word| word.as_str()).map(str::to_lowercase));
            parts.values().for_each(|part| choices(part, words));
        }
        serde_json::Value::Array(parts) => parts.iter().for_each(|part| choices(part, words)),
        _ => {}
    }
}
