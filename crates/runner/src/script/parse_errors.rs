//! Errors of Rhai's parser, with help for people who write a script now and then and bring habits from another
//! language, a word processor or a spreadsheet.

use drillmaster_models::{SERVICES, nearest};
use rhai::{LexError, ParseErrorType};

/// Words of other languages, and what to write here.
const FOREIGN_WORDS: [(&[&str], &str); 8] = [
    (&["None", "null", "nil", "undefined"], "write nothing as ()"),
    (&["True", "TRUE"], "write it as true"),
    (&["False", "FALSE"], "write it as false"),
    (&["elif", "elseif", "elsif"], "write it as `else if`"),
    (&["function", "def", "func"], "write a function as fn name(value) { … }"),
    (&["var"], "declare a variable with `let`, and a constant with `const`"),
    (&["and", "or", "not"], "write these as &&, || and !"),
    (&["print", "debug"], "it is a function: write print(value)"),
];

/// Symbols that Rhai refuses, and what to write instead.
const SYMBOLS: [(&str, &str); 10] = [
    ("eval", "scripts are checked before they run, so all code must be in the file"),
    ("#!", "only the first line of a script may start with this"),
    ("++", "add one with n += 1"),
    ("--", "subtract one with n -= 1"),
    ("===", "compare two values with =="),
    ("!==", "compare two values with !="),
    ("#", "a comment starts with //, and a map with #{"),
    ("=", "`=` assigns a value, `==` compares two"),
    ("\u{201c}", "write text in straight quotes, such as \"linux1\""),
    ("\u{201d}", "write text in straight quotes, such as \"linux1\""),
];

/// The message of a parse error, and what to do about it. `rest` is the line from the error's position on;
/// `is_function` and `is_declared` say whether the script has a function or a variable of a name.
pub(super) fn explain(
    error: &ParseErrorType,
    rest: &str,
    is_function: impl Fn(&str) -> bool,
    is_declared: impl Fn(&str) -> bool,
) -> (String, Option<String>) {
    let mut message = error.to_string();
    if let Some(first) = message.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    let message = message.trim_end_matches('.').to_owned();
    let help = match error {
        ParseErrorType::ModuleUndefined(name) => Some(module_help(name)),
        ParseErrorType::VariableUndefined(name) => {
            Some(variable_help(name, rest, is_function, is_declared))
        }
        other => help(other, rest).map(str::to_owned),
    };
    (message, help)
}

fn help(error: &ParseErrorType, rest: &str) -> Option<&'static str> {
    // The word in place of what the parser expected.
    let word = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    match error {
        ParseErrorType::MissingToken(..) if matches!(word, "and" | "or") => foreign_word(word),
        ParseErrorType::VariableExpected if matches!(word, "let" | "var" | "const") => {
            Some("write a loop as for i in 0..3 { … }")
        }
        ParseErrorType::MissingToken(token, _) => match token.as_str() {
            ";" => Some("is a `;` or a closing bracket missing before this?"),
            "}" => Some("is a closing bracket missing?"),
            "in" => Some("write it as for row in roster() { … }"),
            _ => None,
        },
        ParseErrorType::BadInput(LexError::MalformedChar(_)) => {
            Some("write text in double quotes, such as \"linux1\"")
        }
        ParseErrorType::Reserved(name) => foreign_word(name)
            .or_else(|| symbol(name))
            .or(Some("use a reserved word as a key in quotes, such as role[\"default\"]")),
        ParseErrorType::UnknownOperator(text)
        | ParseErrorType::BadInput(
            LexError::UnexpectedInput(text) | LexError::ImproperSymbol(text, _),
        ) => symbol(text),
        _ => None,
    }
}

fn symbol(text: &str) -> Option<&'static str> {
    SYMBOLS.iter().find(|(own, _)| *own == text).map(|(_, help)| *help)
}

fn foreign_word(name: &str) -> Option<&'static str> {
    FOREIGN_WORDS.iter().find(|(names, _)| names.contains(&name)).map(|(_, help)| *help)
}

fn module_help(name: &str) -> String {
    let modules = || SERVICES.into_iter().map(|service| service.name);
    match nearest(name, modules()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the modules are {}", modules().collect::<Vec<_>>().join(" and ")),
    }
}

fn variable_help(
    name: &str,
    rest: &str,
    is_function: impl Fn(&str) -> bool,
    is_declared: impl Fn(&str) -> bool,
) -> String {
    let next = rest.strip_prefix(name).unwrap_or_default().trim_start();
    match foreign_word(name) {
        Some(help) => help.to_owned(),
        None if SERVICES.iter().any(|service| service.name == name) => {
            format!("call an endpoint as {name}::endpoint(#{{ field: value }})")
        }
        None if is_declared(name) => {
            "functions cannot see the script's variables, so pass it as an argument; \
                                      a variable can be used only after its `let`"
                .to_owned()
        }
        None if is_function(name) => format!("it is a function: write {name}()"),
        None if next.starts_with(':') => {
            format!("a map starts with `#`: write #{{ {name}: value }}")
        }
        None => "declare it with `let`, or check the spelling".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::script::Script;

    fn help(source: &str) -> String {
        let problem = Script::parse("a.rhai", source)
            .and_then(|script| script.check().map_err(|mut problems| problems.remove(0)));
        problem.unwrap_err().help.unwrap_or_default()
    }

    #[test]
    fn habits_from_other_languages_get_help() {
        for (source, wanted) in [
            ("if 1 == 1 { } elif 2 == 2 { }", "write it as `else if`"),
            ("function f() { }", "write a function as fn name(value) { … }"),
            ("let n = None;", "write nothing as ()"),
            ("thm.add_seat(#{ email: \"x\" })", "call an endpoint as thm::endpoint("),
            ("each(roster, |row| row.email)", "it is a function: write roster()"),
            ("let m = { email: \"x\" };", "a map starts with `#`: write #{ email: value }"),
            ("print('hello')", "write text in double quotes"),
            ("print(\u{201c}hi\u{201d})", "write text in straight quotes"),
            ("let a = 1; if a = 1 { }", "`=` assigns a value, `==` compares two"),
            ("let x = 5\nprint(x)\n", "is a `;` or a closing bracket missing before this?"),
            ("for i = 0; i < 3; i++ { }", "write it as for row in roster() { … }"),
            ("let i = 1; i++;", "add one with n += 1"),
            ("for (let i = 0; i < 3; i++) { }", "write a loop as for i in 0..3 { … }"),
            ("if true and false { }", "write these as &&, || and !"),
            ("let a = true or false;", "write these as &&, || and !"),
            ("if not true { }", "write these as &&, || and !"),
            ("let f = |x| x; print(f(1));", "call a function in a variable with f.call(…)"),
            ("let x = [1]; print(x.length());", "did you mean `len`?"),
            ("let x = null;", "write nothing as ()"),
            ("print 5;", "it is a function: write print(value)"),
            (
                "fn f() { print(room) } let room = 1; f();",
                "functions cannot see the script's variables",
            ),
            ("eval(\"1\")", "scripts are checked before they run"),
            ("let a = 1 === 1;", "compare two values with =="),
            ("let a = 1 !== 1;", "compare two values with !="),
            ("let i = 1; i--;", "subtract one with n -= 1"),
            ("# a comment", "a comment starts with //, and a map with #{"),
            ("print(1);\n#! x", "only the first line of a script may start with this"),
            ("let m = #{ a: 1 }; print(m.default);", "use a reserved word as a key in quotes"),
            ("if true { print(1);", "is a closing bracket missing?"),
            ("thn::users()", "did you mean `thm`?"),
            ("print(rooom)", "declare it with `let`, or check the spelling"),
        ] {
            assert!(help(source).starts_with(wanted), "{source}: {}", help(source));
        }
    }

    #[test]
    fn a_byte_order_mark_and_an_interpreter_line_are_ignored() {
        for first in ["\u{feff}", "#!/usr/bin/env -S drillmaster run\n", "\u{feff}#! x\n", "#!\n"] {
            let source = format!("{first}//! Says hello.\nprint(\"hi\");\n");
            let script = Script::parse("a.rhai", &source).unwrap();
            assert_eq!(script.doc(), "Says hello.");
        }
        let problem = Script::parse("a.rhai", "#! x\nprint(n)").unwrap_err();
        assert_eq!(problem.location.unwrap().line, 2);
    }
}
