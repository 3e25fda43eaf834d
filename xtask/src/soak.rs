//! `cargo xtask soak`: the property tests, with many cases and seeds that nobody has tried.
//!
//! `cargo xtask ci` runs them with one seed, so that it says the same of the same tree. What that seed does not
//! meet is looked for here.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use proc_macro2::{TokenStream, TokenTree};

use crate::{Outcome, repository};

/// What [`proptest`](https://docs.rs/proptest) takes its seed from.
pub(crate) const SEED: &str = "PROPTEST_RNG_SEED";

/// The flags of `soak`.
#[derive(Debug, Args)]
pub(crate) struct SoakArgs {
    /// How long rounds are begun
    #[arg(long, value_name = "N", default_value_t = 10)]
    minutes: u64,
    /// How many cases each test has in a round
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    cases: u32,
    /// One round, with this seed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// What the names of the tests hold; all property tests unless given
    names: Vec<String>,
}

/// Goes round after round, each with a seed of its own, up to the first finding.
pub(crate) fn run(args: &SoakArgs) -> Outcome {
    let tests = tests()?;
    let chosen = |test: &&String| {
        args.names.is_empty() || args.names.iter().any(|name| test.contains(name.as_str()))
    };
    let chosen: Vec<_> = tests.iter().filter(chosen).collect();
    if chosen.is_empty() {
        let known = tests.into_iter().collect::<Vec<_>>().join("\n  ");
        return Err(format!("no property test has such a name; there are\n  {known}"));
    }
    let (start, time) = (Instant::now(), Duration::from_secs(args.minutes.saturating_mul(60)));
    loop {
        let seed = args.seed.unwrap_or_else(|| fastrand::u64(..1 << 40));
        eprintln!("== {} cases of {} tests, seed {seed}", args.cases, chosen.len());
        round(&chosen, args.cases, seed)?;
        if args.seed.is_some() || start.elapsed() >= time {
            return Ok(());
        }
    }
}

fn round(tests: &[&String], cases: u32, seed: u64) -> Outcome {
    let mut cargo = repository::cargo();
    cargo
        .args([
            "test",
            "--release",
            "--workspace",
            "--lib",
            "--tests",
            "--no-fail-fast",
            "-q",
            "--",
        ])
        .args(tests);
    cargo.env(SEED, seed.to_string()).env("PROPTEST_CASES", cases.to_string());
    // Quick cases that still notice what a debug build would; linking as for a release is not worth its time.
    cargo.envs([
        ("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true"),
        ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ]);
    cargo.env("CARGO_TARGET_DIR", repository::root().join("target/soak"));
    let status = cargo.status().map_err(|error| format!("cannot run cargo: {error}"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!(
        "a property does not hold, or its test was not built; `cargo xtask soak --seed {seed} --cases {cases}` \
         finds it again: keep the case as a plain test, and mend what it shows"
    ))
}

/// The names of the property tests.
fn tests() -> Outcome<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let is_source =
        |path: &&String| Path::new(path).extension().is_some_and(|ending| ending == "rs");
    for path in repository::files()?.iter().filter(is_source) {
        let text = std::fs::read_to_string(repository::root().join(path))
            .map_err(|error| format!("{path}: {error}"))?;
        if text.contains("proptest!") {
            let stream = text.parse().map_err(|error| format!("{path}: {error}"))?;
            names.extend(properties(stream));
        }
    }
    Ok(names)
}

/// The functions in each `proptest! { … }`.
fn properties(stream: TokenStream) -> Vec<String> {
    let mut names = Vec::new();
    let mut tokens = stream.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(word) if word == "proptest" => {
                tokens.next_if(
                    |next| matches!(next, TokenTree::Punct(sign) if sign.as_char() == '!'),
                );
                if let Some(TokenTree::Group(body)) =
                    tokens.next_if(|next| matches!(next, TokenTree::Group(_)))
                {
                    names.extend(functions(body.stream()));
                }
            }
            TokenTree::Group(group) => names.extend(properties(group.stream())),
            _ => {}
        }
    }
    names
}

fn functions(stream: TokenStream) -> Vec<String> {
    let tokens: Vec<_> = stream.into_iter().collect();
    let named = |pair: &[TokenTree]| match pair {
        [TokenTree::Ident(word), TokenTree::Ident(name)] if word == "fn" => Some(name.to_string()),
        _ => None,
    };
    tokens.windows(2).filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn property_tests_are_found_in_their_blocks_and_no_others() {
        let source = "#[test] fn plain() {} proptest! { #[test] fn a(x in 0..3) { fn b() {} } }
            mod tests { proptest! { #![proptest_config(c())] /// Says.\n #[test] fn c(x in 1..2) {} } }";
        assert_eq!(properties(source.parse().unwrap()), ["a", "c"]);
    }

    #[test]
    fn what_is_sealed_is_soaked() {
        let tests = tests().unwrap();
        assert!(tests.contains("whatever_looks_private_anywhere_is_sealed"), "{tests:?}");
    }
}
