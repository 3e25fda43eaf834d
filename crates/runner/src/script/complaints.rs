//! What the compiler complains of, with what a person can do about it: most write a script now and then, and
//! bring the habits of another language, of a word processor or of a spreadsheet.

use drillmaster_models::{SERVICES, nearest};

/// What was found where a variable was looked for, by the habits of other languages.
const HABITS: [(&[&str], &str); 8] = [
    (&["None", "null", "nil", "undefined"], "nothing is written as ()"),
    (&["True", "TRUE"], "write it as true"),
    (&["False", "FALSE"], "write it as false"),
    (&["elif", "elseif", "elsif"], "write it as `else if`"),
    (&["function", "def", "func"], "a function is written as fn name(value) { … }"),
    (&["var"], "a variable is declared by `let`, and a value that stays by `const`"),
    (&["and", "or", "not"], "these are written as &&, || and !"),
    (&["print", "debug"], "it is a function: write print(value)"),
];

/// What complaints contain, and what helps.
const COMPLAINTS: [(&str, &str); 15] = [
    ("'eval'", "a script is looked through before it runs, so that all of it stands in its file"),
    ("'#!'", "only the first line may begin so"),
    ("'++'", "one is added by n += 1"),
    ("'--'", "one is taken away by n -= 1"),
    ("'==='", "two values are compared by =="),
    ("'!=='", "two values are compared by !="),
    ("'#'", "a comment begins with //, and a map with #{"),
    ("reserved", "reserved words are reached by index, such as role[\"default\"]"),
    ("typo of '=='", "`=` gives a value, `==` compares two"),
    ("expecting ';'", "is a `;` or a closing bracket missing before it?"),
    ("expecting '}'", "is a closing bracket missing?"),
    ("expecting 'in'", "write it as for row in roster() { … }"),
    ("invalid character", "texts stand in double quotes, such as \"linux1\""),
    ("unexpected '\u{201c}'", "texts stand in straight quotes, such as \"linux1\""),
    ("unexpected '\u{201d}'", "texts stand in straight quotes, such as \"linux1\""),
];

/// A complaint in our words, with help. `after` is the text behind the place that it is about; `is_function`
/// tells whether there is a function of a name, `is_declared` whether there is a variable somewhere.
pub fn told(
    complaint: &str,
    after: &str,
    is_function: impl Fn(&str) -> bool,
    is_declared: impl Fn(&str) -> bool,
) -> (String, Option<String>) {
    let mut text = complaint.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    let text = text.trim_end_matches('.').to_owned();
    if let Some(name) = complaint.strip_prefix("Undefined module: ") {
        return (text, Some(module(name)));
    }
    let variable = ["Undefined variable: ", "Variable not found: "];
    if let Some(name) = variable.iter().find_map(|start| complaint.strip_prefix(start)) {
        return (text, Some(variable_help(name, after, is_function, is_declared)));
    }
    let reserved = complaint.strip_prefix('\'').and_then(|rest| rest.split_once("' is a reserved"));
    if let Some(help) = reserved.and_then(|(name, _)| habit(name)) {
        return (text, Some(help.to_owned()));
    }
    // What stands where the statement was to go on, or where a loop's variable was to stand.
    let word = after.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    match word {
        "and" | "or" if text.starts_with("expecting") => {
            return (text, habit(word).map(str::to_owned));
        }
        "let" | "var" | "const" if text.contains("name of a variable") => {
            return (text, Some("a loop is written as for i in 0..3 { … }".to_owned()));
        }
        _ => {}
    }
    let help = COMPLAINTS.iter().find(|(part, _)| text.contains(part));
    (text, help.map(|(_, help)| (*help).to_owned()))
}

fn module(name: &str) -> String {
    let modules = || SERVICES.into_iter().map(|service| service.name);
    match nearest(name, modules()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the modules are {}", modules().collect::<Vec<_>>().join(" and ")),
    }
}

fn habit(name: &str) -> Option<&'static str> {
    HABITS.iter().find(|(names, _)| names.contains(&name)).map(|(_, help)| *help)
}

fn variable_help(
    name: &str,
    after: &str,
    is_function: impl Fn(&str) -> bool,
    is_declared: impl Fn(&str) -> bool,
) -> String {
    let behind = after.strip_prefix(name).unwrap_or_default().trim_start();
    match habit(name) {
        Some(help) => help.to_owned(),
        None if SERVICES.iter().any(|service| service.name == name) => {
            format!("an endpoint is called as {name}::endpoint(#{{ field: value }})")
        }
        None if is_declared(name) => {
            "a function does not see the variables of the script: hand it over as a value; \
                                      and nothing sees one before its `let`"
                .to_owned()
        }
        None if is_function(name) => format!("it is a function: write {name}()"),
        None if behind.starts_with(':') => {
            format!("a map begins with `#`: write #{{ {name}: value }}")
        }
        None => "declare it with `let`, or look for a misspelling".to_owned(),
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
    fn habits_of_elsewhere_are_answered() {
        for (source, due) in [
            ("if 1 == 1 { } elif 2 == 2 { }", "write it as `else if`"),
            ("function f() { }", "a function is written as fn name(value) { … }"),
            ("let n = None;", "nothing is written as ()"),
            ("thm.add_seat(#{ email: \"x\" })", "an endpoint is called as thm::endpoint("),
            ("each(roster, |row| row.email)", "it is a function: write roster()"),
            ("let m = { email: \"x\" };", "a map begins with `#`: write #{ email: value }"),
            ("print('hello')", "texts stand in double quotes"),
            ("print(\u{201c}hi\u{201d})", "texts stand in straight quotes"),
            ("let a = 1; if a = 1 { }", "`=` gives a value, `==` compares two"),
            ("let x = 5\nprint(x)\n", "is a `;` or a closing bracket missing before it?"),
            ("for i = 0; i < 3; i++ { }", "write it as for row in roster() { … }"),
            ("let i = 1; i++;", "one is added by n += 1"),
            ("for (let i = 0; i < 3; i++) { }", "a loop is written as for i in 0..3 { … }"),
            ("if true and false { }", "these are written as &&, || and !"),
            ("let a = true or false;", "these are written as &&, || and !"),
            ("if not true { }", "these are written as &&, || and !"),
            ("let f = |x| x; print(f(1));", "what a variable holds is called by f.call(…)"),
            ("let x = [1]; print(x.length());", "did you mean `len`?"),
            ("let x = null;", "nothing is written as ()"),
            ("print 5;", "it is a function: write print(value)"),
            ("fn f() { print(room) } let room = 1; f();", "a function does not see the variables"),
            ("print(rooom)", "declare it with `let`, or look for a misspelling"),
        ] {
            assert!(help(source).starts_with(due), "{source}: {}", help(source));
        }
    }

    #[test]
    fn what_an_editor_or_a_shell_puts_first_is_no_mistake() {
        for first in ["\u{feff}", "#!/usr/bin/env -S drillmaster run\n", "\u{feff}#! x\n", "#!\n"] {
            let source = format!("{first}//! Says hello.\nprint(\"hi\");\n");
            let script = Script::parse("a.rhai", &source).unwrap();
            assert_eq!(script.doc(), "Says hello.");
        }
        let problem = Script::parse("a.rhai", "#! x\nprint(n)").unwrap_err();
        assert_eq!(problem.location.unwrap().line, 2);
    }
}
