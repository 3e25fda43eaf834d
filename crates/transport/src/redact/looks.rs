//! What is told to be private by its looks, wherever it stands.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use drillmaster_models::Holds;

use super::names;

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
        if name.is_empty() || names::holds(name) != Some(Holds::Secret) {
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

/// The texts that a text holds in another encoding: percent-encoded, escaped as in JSON, as base64.
pub(super) fn views(text: &str) -> Vec<String> {
    let mut views = Vec::new();
    if text.contains('%') {
        let plain = percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        views.extend((plain != text).then_some(plain));
    }
    if text.contains('+') && !text.contains(' ') {
        let spaced = text.replace('+', " ");
        views.push(percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned());
    }
    if text.contains('\\') {
        let plain = unescaped(text);
        views.extend((plain != text).then_some(plain));
    }
    views.extend(runs(text).filter_map(|run| {
        let bytes = engine_of(run).decode(run.trim_end_matches('=')).ok()?;
        let plain = String::from_utf8(bytes).ok()?;
        (!plain.chars().any(|c| c.is_control() && !c.is_whitespace())).then_some(plain)
    }));
    views
}

/// A text without the escapes of JSON. What is none stays.
pub(super) fn unescaped(text: &str) -> String {
    let quoted = format!("\"{}\"", text.replace('"', "\\\"").replace("\\\\\"", "\\\""));
    serde_json::from_str(&quoted).unwrap_or_else(|_| {
        let mut plain = text.to_owned();
        for (escape, character) in [("\\\"", "\""), ("\\n", "\n"), ("\\t", "\t"), ("\\/", "/")] {
            plain = plain.replace(escape, character);
        }
        plain
    })
}

pub(super) fn is_of_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)
}

pub(super) fn engine_of(run: &str) -> &'static GeneralPurpose {
    if run.contains(['-', '_']) { &URL } else { &PLAIN }
}

fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii() || !(is_of_base64(c as u8) || c == '='))
        .flat_map(|run| run.split_inclusive('='))
        .flat_map(|run| {
            std::iter::once(run).chain(run.split('/').filter(|part| part.len() < run.len()))
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
        assert!(views("ada%40example.com").contains(&"ada@example.com".to_owned()));
        assert!(views("a\\u0040b\\\"").contains(&"a@b\"".to_owned()));
        assert!(views("x YWRhQGV4YW1wbGUuY29t").contains(&"ada@example.com".to_owned()));
        assert!(views("plain").is_empty());
    }
}
