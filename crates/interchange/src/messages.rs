//! What readers of JSON and YAML complain of, in words for people: readers name types of this program.

/// How such a reader calls things, and how people do.
const NAMES: [(&str, &str); 18] = [
    ("value", "a value"),
    ("ident", "true, false or null"),
    ("map", "an object"),
    ("a map", "an object"),
    ("mapping", "a mapping"),
    ("sequence", "a list"),
    ("a sequence", "a list"),
    ("null", "nothing"),
    ("unit value", "nothing"),
    ("a string", "a text"),
    ("string", "a text"),
    ("a boolean", "true or false"),
    ("i64", "a whole number"),
    ("u64", "a whole number from 0"),
    ("u32", "a whole number from 0"),
    ("u16", "a whole number from 0 to 65535"),
    ("f64", "a number"),
    ("bool", "true or false"),
];

/// A complaint in words for people.
pub(super) fn plain(complaint: &str) -> String {
    let in_ticks = |text: &str| Some(text.split('`').nth(1)?.to_owned());
    let kind = ["invalid type: ", "invalid value: "];
    if let Some((given, due)) = kind
        .iter()
        .find_map(|kind| complaint.strip_prefix(kind))
        .and_then(|told| told.split_once(", expected "))
    {
        return format!("is {}, and {} is due", value(given), name(due));
    }
    if let Some(field) = complaint.strip_prefix("missing field ").and_then(in_ticks) {
        return format!("has no `{field}`");
    }
    if let Some(field) = complaint.strip_prefix("duplicate field ").and_then(in_ticks) {
        return format!("has `{field}` twice");
    }
    if let Some(due) = complaint.strip_prefix("expected ") {
        let due = due.trim_end_matches(" start").trim_end_matches(" scalar");
        // What follows may be a sentence of a parser's.
        return if due.contains(' ') {
            complaint.to_owned()
        } else {
            format!("{} is due", name(due))
        };
    }
    match complaint.strip_prefix("invalid ").map(|due| (due, name(due))) {
        Some((due, known)) if known != due => format!("{known} is due"),
        _ => complaint.to_owned(),
    }
}

/// What limit a file goes beyond: `MaxNodes { nodes: 3 }` is `max nodes`.
pub(super) fn limit(told: &str) -> String {
    let name = told.split([' ', '{', '(']).next().unwrap_or_default();
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}

fn name(theirs: &str) -> String {
    let known = NAMES.iter().find(|(own, _)| *own == theirs);
    known.map_or(theirs, |(_, ours)| ours).to_owned()
}

/// A value with its type, such as "integer `7`".
fn value(told: &str) -> String {
    let kinds = ["integer ", "floating point ", "boolean ", "string ", "character "];
    let bare = kinds.iter().find_map(|kind| told.strip_prefix(kind));
    bare.map_or_else(|| name(told), |bare| bare.trim_matches('`').to_owned())
}

/// Cuts text from a file to 200 characters, and replaces control characters so that it cannot control a terminal.
pub(super) fn shorten(text: &str) -> String {
    const MOST: usize = 200;
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut short: String = text.chars().take(MOST).map(plain).collect();
    if text.chars().nth(MOST).is_some() {
        short.push('…');
    }
    short
}
