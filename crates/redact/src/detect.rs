//! Recognizing private values by their form, wherever they are.

use drillmaster_models::Sensitivity;

use crate::base64;
use crate::decode::{Decoded, has_references};
use crate::names;

/// Whether a text has something that looks like a secret: a value after a name such as `token`, or a signed token.
///
/// ```
/// use drillmaster_redact::contains_secret;
/// assert!(contains_secret("let token = \"b4c0ffee\";"));
/// assert!(!contains_secret("thm::scoreboard(#{ roomCode: \"linux1\" })"));
/// ```
pub fn contains_secret(text: &str) -> bool {
    let has_secret = |text: &str| secrets(text).next().is_some();
    let decoded = decodings(text.as_bytes());
    has_secret(text) || decoded.iter().any(|plain| has_secret(&String::from_utf8_lossy(plain)))
}

/// The e-mail addresses in a text.
pub(crate) fn emails(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('@').filter_map(|(at, _)| {
        let is_local = |c: char| c.is_alphanumeric() || "._+-'".contains(c);
        let is_domain = |c: char| c.is_alphanumeric() || ".-".contains(c);
        let before = &text[..at];
        let before = &before[before.trim_end_matches(is_local).len()..];
        let before = before.trim_start_matches(['.', '_', '+', '-', '\'']);
        let after = &text[at + 1..];
        let after = &after[..after.len() - after.trim_start_matches(is_domain).len()];
        let after = after.trim_end_matches(['.', '-']);
        let (name, top) = after.rsplit_once('.')?;
        let is_valid = !before.is_empty()
            && !name.is_empty()
            && top.chars().count() >= 2
            && top.chars().all(char::is_alphabetic);
        is_valid.then(|| &text[at - before.len()..=at + after.len()])
    })
}

/// Whether a text is an e-mail address and nothing else.
pub(crate) fn is_email(text: &str) -> bool {
    emails(text).next() == Some(text)
}

/// The secrets in a text: values after the name of a secret, and signed tokens.
pub(crate) fn secrets(text: &str) -> impl Iterator<Item = &str> {
    let named = text.match_indices(['=', ':']).filter_map(|(at, sign)| {
        let before = text[..at].trim_end_matches([' ', '"', '\'']);
        let is_word = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        let name = &before[before.trim_end_matches(is_word).len()..];
        if name.is_empty() || names::sensitivity_of(name) != Some(Sensitivity::Secret) {
            return None;
        }
        let after = text[at + 1..].trim_start_matches([' ', '"', '\'']);
        let after = ["Bearer ", "Basic ", "Token "]
            .into_iter()
            .find_map(|scheme| after.strip_prefix(scheme))
            .unwrap_or(after);
        let is_end = |c: char| c.is_whitespace() || "\"'&;,<>(){}[]\\#".contains(c);
        let value = &after[..after.find(is_end).unwrap_or(after.len())];
        // A colon may be followed by prose.
        let is_random = value.bytes().any(|byte| byte.is_ascii_digit()) || value.len() >= 16;
        let shortest = if sign == "=" { 4 } else { 6 };
        (value.len() >= shortest && (sign == "=" || is_random)).then_some(value)
    });
    let signed = text.match_indices("eyJ").filter_map(|(at, _)| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let rest = &text[at..];
        let token = &rest[..rest.len() - rest.trim_start_matches(is_part).len()];
        (token.matches('.').count() == 2 && token.len() > 20).then_some(token)
    });
    named.chain(signed)
}

/// What a text means in each encoding that it may be in: percent-encoded, as a form, escaped as in JSON or HTML, and
/// the base64 in it.
pub(crate) fn decodings(bytes: &[u8]) -> Vec<Vec<u8>> {
    let has = |byte: u8| bytes.contains(&byte);
    let percent = has(b'%').then(|| Decoded::percent(bytes).plain);
    let form = (has(b'+') && !has(b' ')).then(|| Decoded::form(bytes).plain);
    let json = has(b'\\').then(|| Decoded::json(bytes).plain);
    let html = has_references(bytes).then(|| Decoded::html(bytes).plain);
    let mut decodings: Vec<_> = [percent, form, json, html].into_iter().flatten().collect();
    decodings.retain(|plain| plain != bytes);
    decodings.extend(base64::readable(bytes));
    decodings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_within_text() {
        let text = "to='o'brien@a-b.example', <zoë+x@müller.example>. x@y a@b.1 @ joe@host";
        let found: Vec<_> = emails(text).collect();
        assert_eq!(found, ["o'brien@a-b.example", "zoë+x@müller.example"]);
        assert!(is_email("ada@example.com") && !is_email("ada@example.com."));
    }

    #[test]
    fn secrets_are_found_by_name_or_signature() {
        let found = |text| secrets(text).collect::<Vec<_>>();
        assert_eq!(found("https://x.example/j?token=abc-d&room=linux1"), ["abc-d"]);
        assert_eq!(found("{\"apiKey\": \"s3cr3t\", \"room\": \"linux1\""), ["s3cr3t"]);
        assert_eq!(found("Authorization: Bearer abc123def"), ["abc123def"]);
        assert!(found("API Key: invalid, token: expired").is_empty());
        let signed = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
        assert_eq!(found(&format!("({signed})")), [signed]);
    }

    #[test]
    fn each_encoding_is_decoded() {
        let decodings = |text: &str| decodings(text.as_bytes());
        assert!(decodings("ada%40example.com").contains(&b"ada@example.com".to_vec()));
        assert!(decodings("a\\u0040b\\\"").contains(&b"a@b\"".to_vec()));
        assert!(decodings("a&#64;b&semi;").contains(&b"a@b;".to_vec()));
        assert!(decodings("x YWRhQGV4YW1wbGUuY29t").contains(&b"ada@example.com".to_vec()));
        assert!(decodings("plain").is_empty());
    }
}
