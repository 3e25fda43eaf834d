//! The names of rows' scopes, which contain the rows' keys.
//!
//! Each `#` in a key is doubled, and the key `main` becomes `#main`. A second pass over the same row adds `#2`, and a
//! nested row is appended after `#/`.

use crate::request::Scope;

/// Replaces each key in a name.
pub(crate) fn with_keys(scope: &str, mut other: impl FnMut(&str) -> String) -> String {
    let mut name = String::new();
    let mut rest = scope;
    loop {
        let (key, after) = split(rest);
        let key = doubled(other(&key));
        if key == Scope::MAIN {
            name.push('#');
        }
        name.push_str(&key);
        // Nearly all names consist of one key.
        let inner = if after.is_empty() { None } else { after.find("#/") };
        let Some(end) = inner.map(|at| at + 2) else {
            name.push_str(after);
            return name;
        };
        name.push_str(&after[..end]);
        rest = &after[end..];
    }
}

/// The key of the outermost row.
pub(crate) fn key_of(scope: &str) -> String {
    split(scope).0
}

/// The keys, the outermost first.
pub(crate) fn keys_of(scope: &str) -> Vec<String> {
    let mut keys = Vec::new();
    with_keys(scope, |key| {
        keys.push(key.to_owned());
        String::new()
    });
    keys
}

/// The part of a scope's name for its outermost row, without the number of the pass and without nested rows: up to the
/// first `#` that is not doubled.
pub(crate) fn row_of(scope: &str) -> &str {
    let mut from = usize::from(scope.starts_with("#main"));
    while let Some(at) = scope[from..].find('#').map(|found| from + found) {
        if !scope[at + 1..].starts_with('#') {
            return &scope[..at];
        }
        from = at + 2;
    }
    scope
}

/// A key as it is written in a name.
fn doubled(key: String) -> String {
    if key.contains('#') { key.replace('#', "##") } else { key }
}

/// The first key, and what comes after it.
fn split(scope: &str) -> (String, &str) {
    let row = row_of(scope);
    let key = match row {
        "#main" => Scope::MAIN.to_owned(),
        row if row.contains('#') => row.replace("##", "#"),
        row => row.to_owned(),
    };
    (key, &scope[row.len()..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(scope: &str, keys: &[&str]) {
        assert_eq!(keys_of(scope), keys, "{scope}");
        assert_eq!(with_keys(scope, str::to_owned), scope);
    }

    #[test]
    fn keys_are_found_in_names() {
        check("ada", &["ada"]);
        check("ada#2", &["ada"]);
        check("a##2", &["a#2"]);
        check("a##2#3#/#main#2#/c", &["a#2", "main", "c"]);
        check("#main", &["main"]);
        check("##main", &["#main"]);
    }

    #[test]
    fn another_key_takes_the_place_of_one() {
        assert_eq!(with_keys("ada#2#/b", |key| format!("{key}#")), "ada###2#/b##");
    }

    #[test]
    fn a_row_is_told_from_its_passes_its_inner_rows_and_keys_that_look_like_them() {
        for (scope, row) in [
            ("a", "a"),
            ("a#2", "a"),
            ("a#/b", "a"),
            ("a#2#/b#3", "a"),
            ("a##2", "a##2"),
            ("a###2", "a##"),
            ("a##/b", "a##/b"),
            ("a###/b", "a##"),
            ("ß#2", "ß"),
            ("#main", "#main"),
            ("#main#2", "#main"),
            ("##main", "##main"),
            ("#2", ""),
            ("", ""),
        ] {
            assert_eq!(row_of(scope), row, "{scope}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_put_together_again(keys in prop::collection::vec("[a#/2é]{0,6}", 1..4)) {
            let name = keys
                .iter()
                .map(|key| with_keys("", |_| key.clone()))
                .collect::<Vec<_>>()
                .join("#/");
            prop_assert_eq!(keys_of(&name), keys);
            prop_assert_eq!(with_keys(&name, str::to_owned), name);
        }
    }
}
