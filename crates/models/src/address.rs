//! Comparing e-mail addresses.

use std::borrow::Cow;

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;

/// Whether two e-mail addresses belong to the same person. It ignores surrounding white space, case in any
/// script, the difference between composed and decomposed accents, and whether a domain is in Unicode or in
/// its ASCII form.
///
/// ```
/// use drillmaster_models::same_address;
/// assert!(same_address("\u{c9}VA@example.com", " e\u{301}va@example.com "));
/// assert!(same_address("bob@M\u{fc}ller.example", "BOB@xn--mller-kva.example"));
/// assert!(!same_address("bob@example.com", "bob@example.org"));
/// ```
pub fn same_address(a: &str, b: &str) -> bool {
    // The common case: plain ASCII.
    let (a, b) = (a.trim(), b.trim());
    if a.is_ascii() && b.is_ascii() && !has_ascii_form(a) && !has_ascii_form(b) {
        return a.eq_ignore_ascii_case(b);
    }
    normal(a) == normal(b)
}

/// Whether an address may contain the ASCII form of a Unicode domain.
fn has_ascii_form(address: &str) -> bool {
    address.as_bytes().windows(4).any(|letters| letters.eq_ignore_ascii_case(b"xn--"))
}

/// The normal form of an address.
fn normal(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let local: String = local.nfc().collect();
    // Case folding may decompose what was composed.
    let local: String = UniCase::unicode(local).to_folded_case().nfc().collect();
    let domain = match idna::domain_to_ascii(domain) {
        Ok(ascii) => Cow::Owned(ascii),
        Err(_) => Cow::Borrowed(domain),
    };
    format!("{local}@{}", domain.to_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_address_are_the_same() {
        for (a, b) in [
            ("ada@example.com", "ADA@Example.COM"),
            ("ada@example.com", "ada@example.com "),
            ("\u{c9}VA@example.com", "\u{e9}va@example.com"),
            ("\u{c9}va@example.com", "E\u{301}va@example.com"),
            ("bob@m\u{fc}ller.example", "bob@mu\u{308}ller.example"),
            ("bob@m\u{fc}ller.example", "bob@XN--MLLER-KVA.example"),
            ("stra\u{df}e@example.com", "STRASSE@example.com"),
            (
                "\u{3a3}\u{3af}\u{3c3}\u{3c5}\u{3c6}\u{3bf}\u{3c2}@example.gr",
                "\u{3c3}\u{3af}\u{3c3}\u{3c5}\u{3c6}\u{3bf}\u{3c3}@example.gr",
            ),
        ] {
            assert!(same_address(a, b), "{a} {b}");
            assert!(same_address(b, a), "{b} {a}");
        }
    }

    #[test]
    fn different_people_stay_different() {
        for (a, b) in [
            ("ada@example.com", "ada@example.org"),
            ("ada@example.com", "ada.b@example.com"),
            ("eva@example.com", "\u{e9}va@example.com"),
            ("ada", "ada@example.com"),
            ("", "ada@example.com"),
            ("bob@muller.example", "bob@m\u{fc}ller.example"),
        ] {
            assert!(!same_address(a, b), "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn an_address_is_the_same_as_itself_in_any_case(local in "\\PC{1,12}", domain in "[a-z\u{e4}\u{f6}]{1,8}") {
            let address = format!("{local}@{domain}.example");
            let shouted = format!(" {local}@{}.EXAMPLE", domain.to_uppercase());
            prop_assert!(same_address(&address, &address));
            prop_assert!(same_address(&address, &shouted));
        }
    }
}
