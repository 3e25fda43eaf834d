//! What is told to be private by its looks, wherever it stands.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use drillmaster_models::Sensitivity;

use super::names;
use super::view::{View, has_references};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true)
    .with_encode_padding(false);

/// Base64 as others write it, with or without its padding.
pub(super) const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
/// The same in the alphabet for addresses.
pub(super) const URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// The shortest run that is tried as base64.
pub(super) const SHORTEST_RUN: usize = 8;

/// The addresses of mailboxes in a text.
pub(super) fn emails(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('@').filter_map(|(at, _)| {
        let local = |c: char| c.is_alphanumeric() || "._+-'".contains(c);
        let domain = |c: char| c.is_alphanumeric() || ".-".contains(c);
        let before = &text[..at];
        let before = &before[before.trim_end_matches(local).len()..];
        let before = before.trim_start_matches(['.', '_', '+', '-', '\'']);
        let after = &text[at + 1..];
        let after = &after[..after.len() - after.trim_start_matches(domain).len()];
        let after = after.trim_end_matches(['.', '-']);
        let (name, top) = after.rsplit_once('.')?;
        let sound = !before.is_empty()
            && !name.is_empty()
            && top.chars().count() >= 2
            && top.chars().all(char::is_alphabetic);
        sound.then(|| &text[at - before.len()..=at + after.len()])
    })
}

/// Whether a text is the address of a mailbox and nothing else.
pub(super) fn is_email(text: &str) -> bool {
    emails(text).next() == Some(text)
}

/// Secrets in a text: what a name for a secret stands before, and signed tokens.
pub(super) fn secrets(text: &str) -> impl Iterator<Item = &str> {
    let named = text.match_indices(['=', ':']).filter_map(|(at, sign)| {
        let before = text[..at].trim_end_matches([' ', '"', '\'']);
        let word = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        let name = &before[before.trim_end_matches(word).len()..];
        if name.is_empty() || names::holds(name) != Some(Sensitivity::Secret) {
            return None;
        }
        let after = text[at + 1..].trim_start_matches([' ', '"', '\'']);
        let after = ["Bearer ", "Basic ", "Token "]
            .into_iter()
            .find_map(|scheme| after.strip_prefix(scheme))
            .unwrap_or(after);
        let end = |c: char| c.is_whitespace() || "\"'&;,<>(){}[]\\#".contains(c);
        let value = &after[..after.find(end).unwrap_or(after.len())];
        // Behind a colon there may be prose.
        let telling = value.bytes().any(|byte| byte.is_ascii_digit()) || value.len() >= 16;
        let shortest = if sign == "=" { 4 } else { 6 };
        (value.len() >= shortest && (sign == "=" || telling)).then_some(value)
    });
    let signed = text.match_indices("eyJ").filter_map(|(at, _)| {
        let part = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let rest = &text[at..];
        let token = &rest[..rest.len() - rest.trim_start_matches(part).len()];
        (token.matches('.').count() == 2 && token.len() > 20).then_some(token)
    });
    named.chain(signed)
}

/// What a text holds in another encoding: percent-encoded, escaped as in JSON or in HTML, as base64.
pub(super) fn views(bytes: &[u8]) -> Vec<Vec<u8>> {
    let has = |byte: u8| bytes.contains(&byte);
    let percent = has(b'%').then(|| View::of_percent(bytes).plain);
    let form = (has(b'+') && !has(b' ')).then(|| View::of_form(bytes).plain);
    let json = has(b'\\').then(|| View::of_json(bytes).plain);
    let html = has_references(bytes).then(|| View::of_html(bytes).plain);
    let mut views: Vec<_> = [percent, form, json, html].into_iter().flatten().collect();
    views.retain(|plain| plain != bytes);
    views.extend(runs(bytes).filter_map(|run| {
        let end = run.iter().rposition(|byte| *byte != b'=')?;
        let plain = engine_of(run).decode(&run[..=end]).ok()?;
        is_readable(&plain).then_some(plain)
    }));
    views
}

/// Whether bytes are a text, rather than what was made a text by decoding what was none.
pub(super) fn is_readable(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes);
    text.is_ok_and(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()))
}

pub(super) const fn is_of_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

pub(super) fn engine_of(run: &[u8]) -> &'static GeneralPurpose {
    if run.iter().any(|byte| b"-_".contains(byte)) { &URL } else { &PLAIN }
}

fn runs(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| !is_of_base64(*byte) && *byte != b'=')
        .flat_map(|run| run.split_inclusive(|byte| *byte == b'='))
        .flat_map(|run| {
            let parts = run.split(|byte| *byte == b'/').filter(|part| part.len() < run.len());
            std::iter::once(run).chain(parts)
        })
        .filter(|run| run.len() >= SHORTEST_RUN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_between_other_things() {
        let text = "to='o'brien@a-b.example', <zoë+x@müller.example>. x@y a@b.1 @ joe@host";
        let found: Vec<_> = emails(text).collect();
        assert_eq!(found, ["o'brien@a-b.example", "zoë+x@müller.example"]);
        assert!(is_email("ada@example.com") && !is_email("ada@example.com."));
    }

    #[test]
    fn secrets_have_names_or_signatures() {
        let found = |text| secrets(text).collect::<Vec<_>>();
        assert_eq!(found("https://x.example/j?token=abc-d&room=linux1"), ["abc-d"]);
        assert_eq!(found("{\"apiKey\": \"s3cr3t\", \"room\": \"linux1\""), ["s3cr3t"]);
        assert_eq!(found("Authorization: Bearer abc123def"), ["abc123def"]);
        assert!(found("API Key: invalid, token: expired").is_empty());
        let signed = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
        assert_eq!(found(&format!("({signed})")), [signed]);
    }

    #[test]
    fn other_encodings_are_looked_into() {
        let views = |text: &str| views(text.as_bytes());
        assert!(views("ada%40example.com").contains(&b"ada@example.com".to_vec()));
        assert!(views("a\\u0040b\\\"").contains(&b"a@b\"".to_vec()));
        assert!(views("a&#64;b&semi;").contains(&b"a@b;".to_vec()));
        assert!(views("x YWRhQGV4YW1wbGUuY29t").contains(&b"ada@example.com".to_vec()));
        assert!(views("plain").is_empty());
    }
}
