//! What field names say about their values, and words that never identify anyone.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use drillmaster_models::{Dialect, FieldKind, Means, Sensitivity, Texts, endpoints};

/// Names of fields, columns, headers and inputs, [normalized].
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

/// A name in lower case, without punctuation.
pub(crate) fn normalized(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// How sensitive a field of this name is when nothing declares it.
pub(crate) fn sensitivity_of(name: &str) -> Option<Sensitivity> {
    static BY_NAME: LazyLock<HashMap<&str, Sensitivity>> = LazyLock::new(|| {
        let pairs = |(sensitivity, names): &'static (Sensitivity, &[&'static str])| {
            names.iter().map(|name| (*name, *sensitivity))
        };
        KNOWN.iter().flat_map(pairs).collect()
    });
    BY_NAME.get(normalized(name).as_str()).copied()
}

/// Whether requests declare a field of this name, and none of them declares it as private.
pub(crate) fn is_harmless(name: &str) -> bool {
    static FIELDS: LazyLock<HashMap<String, Sensitivity>> = LazyLock::new(|| {
        let mut fields: HashMap<String, Sensitivity> = HashMap::new();
        for (name, texts) in endpoints().flat_map(|endpoint| endpoint.request_texts().fields()) {
            let items = texts.items().and_then(|items| items.sensitivity);
            let sensitivity = texts.sensitivity.max(items).unwrap_or(Sensitivity::Harmless);
            let highest = fields.entry(normalized(name)).or_insert(sensitivity);
            *highest = sensitivity.max(*highest);
        }
        fields
    });
    FIELDS.get(&normalized(name)).is_some_and(|sensitivity| *sensitivity <= Sensitivity::Address)
}

/// Whether a value means "no value".
pub(crate) fn is_blank(value: &str) -> bool {
    const BLANK: [&str; 9] = ["", "-", "--", "n/a", "none", "null", "undefined", "unknown", "0"];
    let value = value.trim();
    BLANK.iter().any(|blank| value.eq_ignore_ascii_case(blank))
}

/// Whether the declarations contain this text: as a field's name, a choice, a status, part of a path, or an error
/// message. Such a text is kept even if it is also somebody's name.
pub(crate) fn is_declared_word(text: &str) -> bool {
    WORDS.contains(&text.to_lowercase())
}

static WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    const COMMON: [&str; 17] = [
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
    let mut words: HashSet<String> = COMMON.map(str::to_owned).into();
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

/// The constants and enum values of a schema.
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
