//! The names of scopes: which row of a run a request belongs to.
//!
//! | part of a run | name of its scope |
//! |---|---|
//! | outside any row | `main` |
//! | the row with the key `ada` | `ada` |
//! | the same row in a second pass | `ada#2` |
//! | the row `linux1` within that row | `ada#/linux1` |
//!
//! A `#` within a key is doubled, and the key `main` is written `#main`.
//!
//! ```
//! use drillmaster_models::scope;
//! assert_eq!(scope::row_of("ada#2#/linux1"), "ada");
//! assert_eq!(scope::keys_of("a##1#2#/linux1"), ["a#1", "linux1"]);
//! assert_eq!(scope::with_keys("ada#2", |key| key.to_uppercase()), "ADA#2");
//! ```

/// The scope outside any row.
pub const MAIN: &str = "main";

/// The name with another key in place of each.
pub fn with_keys(scope: &str, mut other: impl FnMut(&str) -> String) -> String {
    let mut name = String::new();
    let mut rest = scope;
    loop {
        let (key, after) = split(rest);
        let key = doubled(other(&key));
        if key == MAIN {
            name.push('#');
        }
        name.push_str(&key);
        // Nearly all names are a key and nothing else.
        let inner = if after.is_empty() { None } else { after.find("#/") };
        let Some(end) = inner.map(|at| at + 2) else {
            name.push_str(after);
            return name;
        };
        name.push_str(&after[..end]);
        rest = &after[end..];
    }
}

/// The key of the outermost row, as it is in the roster.
pub fn key_of(scope: &str) -> String {
    split(scope).0
}

/// The keys of the row and of those within it, the outermost first.
pub fn keys_of(scope: &str) -> Vec<String> {
    let mut keys = Vec::new();
    with_keys(scope, |key| {
        keys.push(key.to_owned());
        String::new()
    });
    keys
}

/// The part of the name that stands for the outermost row, without its pass and the rows within it.
pub fn row_of(scope: &str) -> &str {
    // The first `#` that is not doubled ends the row's own part.
    let mut from = usize::from(scope.starts_with("#main"));
    while let Some(at) = scope[from..].find('#').map(|found| from + found) {
        if !scope[at + 1..].starts_with('#') {
            return &scope[..at];
        }
        from = at + 2;
    }
    scope
}

/// A key as a name has it.
fn doubled(key: String) -> String {
    if key.contains('#') { key.replace('#', "##") } else { key }
}

/// The first key, and what follows it.
fn split(scope: &str) -> (String, &str) {
    let row = row_of(scope);
    let key = match row {
        "#main" => MAIN.to_owned(),
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
    fn names_are_split_into_keys() {
        check("ada", &["ada"]);
        check("ada#2", &["ada"]);
        check("a##2", &["a#2"]);
        check("a##2#3#/#main#2#/c", &["a#2", "main", "c"]);
        check("#main", &["main"]);
        check("##main", &["#main"]);
    }

    #[test]
    fn keys_can_be_replaced() {
        assert_eq!(with_keys("ada#2#/b", |key| format!("{key}#")), "ada###2#/b##");
    }

    #[test]
    fn a_row_is_told_apart_from_its_passes_inner_rows_and_similar_keys() {
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
        fn any_name_round_trips(keys in prop::collection::vec("[a#/2é]{0,6}", 1..4)) {
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
