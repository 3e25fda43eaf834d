//! Texts in the patterns of `match` arms and of `matches!`.

use std::str::FromStr;

use proc_macro2::{Delimiter, Ident, Literal, TokenStream, TokenTree};

/// A token stream of a source file.
pub(super) fn tokens(source: &str) -> Result<TokenStream, String> {
    TokenStream::from_str(source).map_err(|error| format!("cannot be read as Rust: {error}"))
}

/// The plain texts in patterns, with their lines.
pub(super) fn texts(stream: &TokenStream) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    walk(stream, &mut found);
    found
}

/// Macros that are called, with their lines.
pub(super) fn macros(stream: &TokenStream) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let trees: Vec<TokenTree> = stream.clone().into_iter().collect();
    for (index, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Group(group) => found.extend(macros(&group.stream())),
            TokenTree::Ident(name) if is_call(&trees, index) => {
                found.push((line(name), name.to_string()));
            }
            _ => {}
        }
    }
    found
}

/// Names that are called without arguments, and other names of these, with their lines.
pub(super) fn uses(stream: &TokenStream, names: &[&str]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let trees: Vec<TokenTree> = stream.clone().into_iter().collect();
    for (index, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Group(group) => found.extend(uses(&group.stream(), names)),
            TokenTree::Ident(name) => {
                let call = match trees.get(index + 1) {
                    Some(TokenTree::Group(group)) if group.stream().is_empty() => {
                        format!("{name}()")
                    }
                    _ => name.to_string(),
                };
                if names.contains(&call.as_str()) {
                    found.push((line(name), call));
                }
            }
            _ => {}
        }
    }
    found
}

/// Looks at one level: what stands before `=>` is a pattern, back to the arm before.
fn walk(stream: &TokenStream, found: &mut Vec<(usize, String)>) {
    let trees: Vec<TokenTree> = stream.clone().into_iter().collect();
    let mut start = 0;
    for (index, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Punct(mark) if matches!(mark.as_char(), ',' | ';') => start = index + 1,
            TokenTree::Punct(_) if is_arrow(&trees, index) => {
                for tree in &trees[start..index] {
                    collect(tree, found);
                }
                start = index + 2;
            }
            TokenTree::Group(group) => {
                walk(&group.stream(), found);
                if index >= 2
                    && is_bang(&trees[index - 1])
                    && is_named(&trees[index - 2], "matches")
                {
                    let pattern = group.stream().into_iter().skip_while(|tree| !is_comma(tree));
                    pattern.for_each(|tree| collect(&tree, found));
                }
                let ends_arm = group.delimiter() == Delimiter::Brace
                    && (index >= 2 && is_arrow(&trees, index - 2) || !goes_on(&trees, index + 1));
                if ends_arm {
                    start = index + 1;
                }
            }
            _ => {}
        }
    }
}

fn collect(tree: &TokenTree, found: &mut Vec<(usize, String)>) {
    match tree {
        TokenTree::Literal(literal) => {
            if let Some(text) = text_of(literal) {
                found.push((literal.span().start().line, text));
            }
        }
        TokenTree::Group(group) => {
            group.stream().into_iter().for_each(|tree| collect(&tree, found));
        }
        _ => {}
    }
}

/// Whether a pattern can go on with this token after braces.
fn goes_on(trees: &[TokenTree], index: usize) -> bool {
    match trees.get(index) {
        Some(TokenTree::Punct(mark)) => mark.as_char() == '|' || is_arrow(trees, index),
        Some(TokenTree::Ident(word)) => word == "if",
        _ => false,
    }
}

fn is_arrow(trees: &[TokenTree], index: usize) -> bool {
    let is = |index: usize, sign| matches!(trees.get(index), Some(TokenTree::Punct(mark)) if mark.as_char() == sign);
    is(index, '=') && is(index + 1, '>')
}

fn is_call(trees: &[TokenTree], index: usize) -> bool {
    trees.get(index + 1).is_some_and(is_bang)
        && matches!(trees.get(index + 2), Some(TokenTree::Group(_)))
}

fn is_bang(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Punct(mark) if mark.as_char() == '!')
}

fn is_comma(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Punct(mark) if mark.as_char() == ',')
}

fn is_named(tree: &TokenTree, name: &str) -> bool {
    matches!(tree, TokenTree::Ident(word) if word == name)
}

fn line(name: &Ident) -> usize {
    name.span().start().line
}

/// What stands between plain quotes.
fn text_of(literal: &Literal) -> Option<String> {
    let spelt = literal.to_string();
    Some(spelt.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts_of(source: &str) -> Vec<String> {
        texts(&tokens(source).unwrap()).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn texts_of_patterns_are_found() {
        assert_eq!(texts_of(r#"match x { "a" | "b" => 1, ("c", _) => 2 }"#), ["a", "b", "c"]);
        assert_eq!(texts_of(r#"match x { Some(Y { name: "a", .. }) => 1 }"#), ["a"]);
        assert_eq!(texts_of(r#"match x { Y { name: "a" } if y => 1, _ => 2 }"#), ["a"]);
        assert_eq!(texts_of(r#"match x { y if y == "a" => 1, _ => 2 }"#), ["a"]);
        assert_eq!(texts_of(r#"f(|| match x { A => match y { "a" => 1 } })"#), ["a"]);
        assert_eq!(texts_of(r#"matches!(x, "a" | "b")"#), ["a", "b"]);
    }

    #[test]
    fn texts_elsewhere_are_not() {
        assert!(texts_of(r#"match f("a") { A => f("b"), B => { f("c") } C => "d" }"#).is_empty());
        assert!(texts_of(r#"match x { A => if y { "b" } else { "c" } B => 1 }"#).is_empty());
        assert!(texts_of(r#"match x { A => { "b" } | B => 1 }"#).is_empty());
        assert!(texts_of(r#"let x = "a"; // match y { "b" => 1 }"#).is_empty());
        assert!(texts_of(r#"matches!(f("a"), Some(_))"#).is_empty());
    }

    #[test]
    fn lines_are_told() {
        let found = texts(&tokens("match x {\n    \"a\" => 1,\n}").unwrap());
        assert_eq!(found, [(2, "a".to_owned())]);
    }

    #[test]
    fn calls_without_arguments_are_told_from_others() {
        let source = "fn f() { io::stdout().lock(); command.stdout(Stdio::null()); A::stderr() }";
        let found = uses(&tokens(source).unwrap(), &["stdout()", "stderr()", "A"]);
        let due = ["stdout()", "A", "stderr()"].map(|name| (1, name.to_owned()));
        assert_eq!(found, due);
    }

    #[test]
    fn macros_are_found_where_they_are_called() {
        let stream = tokens("fn f() { if x { one!(\"two!()\") } /* three!() */ }").unwrap();
        assert_eq!(macros(&stream), [(1, "one".to_owned())]);
    }
}
