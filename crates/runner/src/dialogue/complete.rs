//! What may stand where somebody is about to go on writing.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use drillmaster_models::{EndpointDef, Field, SERVICES, endpoint};
use rhai::{Dynamic, Map, Scope, Token};

use super::tokens;
use crate::execution::context::RunContext;
use crate::language::endpoints::WALK;
use crate::language::{definitions, engine};

/// Something that may stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What it is called.
    pub name: String,
    /// What is written then.
    pub text: String,
}

/// What a script may say besides what it declares itself.
struct Language {
    /// Words of the runner, services, and what the syntax has.
    words: BTreeSet<String>,
    /// Functions that are called on a value.
    methods: BTreeSet<String>,
}

const SYNTAX_WORDS: [&str; 17] = [
    "let", "const", "if", "else", "for", "while", "loop", "in", "return", "throw", "try", "catch",
    "fn", "import", "as", "true", "false",
];

static LANGUAGE: LazyLock<Language> = LazyLock::new(|| {
    let own = definitions::files().into_iter().filter(|(name, _)| {
        let of_service = |service: &str| name.starts_with(&format!("{service}."));
        !SERVICES.iter().any(|service| of_service(service.name))
    });
    let own: BTreeSet<String> = own.flat_map(|(_, text)| functions_of(&text)).collect();
    let engine = engine::build(&Arc::new(RunContext::idle()), Path::new("repl"));
    let native = engine.collect_fn_metadata(
        None,
        |info| info.namespace.is_empty().then(|| info.metadata.name.to_string()),
        true,
    );
    let callable = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let methods = own.iter().cloned().chain(native.into_iter().filter(callable)).collect();
    let services = SERVICES.iter().map(|service| service.name);
    let fixed = services.chain(SYNTAX_WORDS).chain(["print", "debug"]).map(str::to_owned);
    Language { words: own.into_iter().chain(fixed).collect(), methods }
});

/// The names of the functions that definitions declare. Properties are `get name`.
fn functions_of(definitions: &str) -> Vec<String> {
    let declared = definitions.lines().filter_map(|line| line.trim().strip_prefix("fn "));
    let names = declared.filter_map(|rest| rest.split_once('(')).map(|(name, _)| name.trim());
    names.filter(|name| !name.contains(' ')).map(str::to_owned).collect()
}

/// What may stand at the end of a text, and where in it that begins. `functions` are those of the script itself.
pub(super) fn candidates(
    text: &str,
    scope: &Scope,
    functions: impl Iterator<Item = String>,
) -> (usize, Vec<Candidate>) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let start = text.trim_end_matches(is_word).len();
    let word = &text[start..];
    let before: Vec<Token> = tokens(&text[..start]).map(|(token, _)| token).collect();
    let names: Vec<Candidate> = match before.as_slice() {
        // Within a text anything may stand.
        [.., Token::LexError(_)] => Vec::new(),
        [.., Token::Identifier(service), Token::DoubleColon] => {
            endpoints_of(service).map(plain).collect()
        }
        [.., Token::Period | Token::Elvis] => properties_of(&before, scope),
        tokens => fields_at(tokens).unwrap_or_else(|| words(scope, functions)),
    };
    (start, names.into_iter().filter(|candidate| candidate.name.starts_with(word)).collect())
}

/// What may stand where a statement or an expression begins.
fn words(scope: &Scope, functions: impl Iterator<Item = String>) -> Vec<Candidate> {
    let variables = scope.iter().map(|(name, ..)| name.to_owned());
    // Functions without a name have one that nobody can write.
    let own = functions.chain(variables).filter(|name| !name.contains('$'));
    let all: BTreeSet<String> = own.chain(LANGUAGE.words.iter().cloned()).collect();
    all.into_iter().map(plain).collect()
}

/// What may stand behind a dot. A map has its fields, and hardly ever is something else asked of it.
fn properties_of(tokens: &[Token], scope: &Scope) -> Vec<Candidate> {
    let fields = value_at(tokens, scope).and_then(|value| {
        let map = value.read_lock::<Map>()?;
        Some(map.keys().map(ToString::to_string).collect::<Vec<_>>())
    });
    let names = fields.unwrap_or_else(|| LANGUAGE.methods.iter().cloned().collect());
    names.into_iter().map(plain).collect()
}

/// The fields that are not there yet, where the tokens end in the map of an endpoint's fields.
fn fields_at(tokens: &[Token]) -> Option<Vec<Candidate>> {
    let [.., Token::MapStart | Token::Comma] = tokens else { return None };
    let (endpoint, given) = call_around(tokens)?;
    let open = endpoint.fields().iter().filter(|field| !given.contains(&field.name));
    let written =
        |field: &Field| Candidate { name: field.name.clone(), text: format!("{}: ", field.name) };
    Some(open.map(written).collect())
}

fn plain(name: String) -> Candidate {
    Candidate { text: name.clone(), name }
}

fn endpoints_of(service: &str) -> impl Iterator<Item = String> {
    let service = SERVICES.into_iter().find(|own| own.name == service);
    service.into_iter().flat_map(|service| service.endpoints()).flat_map(|endpoint| {
        let stem = endpoint.metadata.stem();
        let walk = endpoint.metadata.list.is_some().then(|| format!("{WALK}{stem}"));
        [Some(stem.to_owned()), walk].into_iter().flatten()
    })
}

/// What `answer.roomInfo.` leads to, as far as variables go.
fn value_at(tokens: &[Token], scope: &Scope) -> Option<Dynamic> {
    let (Token::Period | Token::Elvis, before) = tokens.split_last()? else { return None };
    let (Token::Identifier(name), before) = before.split_last()? else { return None };
    match before.last() {
        Some(Token::Period | Token::Elvis) => {
            let outer = value_at(before, scope)?;
            let map = outer.read_lock::<Map>()?;
            map.get(name.as_str()).cloned()
        }
        Some(Token::DoubleColon) => None,
        _ => scope.get(name).cloned(),
    }
}

/// The endpoint whose map of fields the tokens end in, and the fields that are there already.
fn call_around(tokens: &[Token]) -> Option<(&'static EndpointDef, Vec<String>)> {
    use Token::{
        Colon, DoubleColon, Identifier, LeftBrace, LeftBracket, LeftParen, MapStart, RightBrace,
        RightBracket, RightParen, StringConstant,
    };
    let mut open: Vec<(usize, Vec<String>)> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token {
            LeftParen | LeftBracket | LeftBrace | MapStart => open.push((index, Vec::new())),
            RightParen | RightBracket | RightBrace => {
                open.pop();
            }
            Colon => {
                if let Some((_, given)) = open.last_mut()
                    && let Some(Identifier(name) | StringConstant(name)) = tokens.get(index - 1)
                {
                    given.push(name.to_string());
                }
            }
            _ => {}
        }
    }
    let (at, given) = open.pop()?;
    let [.., Identifier(service), DoubleColon, Identifier(name), LeftParen] = &tokens[..at] else {
        return None;
    };
    let stem = name.strip_prefix(WALK).unwrap_or(name);
    let endpoint =
        endpoint(&format!("{service}.{stem}")).ok().filter(|_| tokens[at] == MapStart)?;
    Some((endpoint, given))
}
