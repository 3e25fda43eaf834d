//! Completes a line of script.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use drillmaster_models::{EndpointDef, Field, SERVICES, Service, endpoint};
use rhai::{Dynamic, Map, Scope, Token};

use super::tokens;
use drillmaster_runner::language::definitions;
use drillmaster_runner::language::endpoints::WALK;

/// A completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The name that is shown.
    pub(crate) name: String,
    /// The text that is inserted.
    pub(crate) text: String,
}

/// The names that every script can use.
struct Vocabulary {
    /// Functions, services and keywords.
    words: BTreeSet<String>,
    /// Functions that are called on a value.
    methods: BTreeSet<String>,
}

const KEYWORDS: [&str; 19] = [
    "let", "const", "if", "else", "for", "while", "loop", "in", "return", "throw", "try", "catch",
    "fn", "import", "as", "true", "false", "print", "debug",
];

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    let services = SERVICES.iter().map(|service| service.name);
    let words = services.chain(KEYWORDS).map(str::to_owned);
    Vocabulary {
        words: words.chain(definitions::function_names()).collect(),
        methods: definitions::method_names(),
    }
});

/// The completions at the end of a text, and the index at which they start. `functions` are those of the script itself.
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
        // Inside of a string.
        [.., Token::LexError(_)] => Vec::new(),
        [.., Token::Identifier(service), Token::DoubleColon] => {
            functions_of_service(service).map(plain).collect()
        }
        [.., Token::Period | Token::Elvis] => properties_of(&before, scope),
        tokens => fields_at(tokens).unwrap_or_else(|| words(scope, functions)),
    };
    (start, names.into_iter().filter(|candidate| candidate.name.starts_with(word)).collect())
}

/// The completions at the start of a statement or an expression.
fn words(scope: &Scope, functions: impl Iterator<Item = String>) -> Vec<Candidate> {
    let variables = scope.iter().map(|(name, ..)| name.to_owned());
    // Functions without a name have one that nobody can write.
    let own = functions.chain(variables).filter(|name| !name.contains('$'));
    let all: BTreeSet<String> = own.chain(VOCABULARY.words.iter().cloned()).collect();
    all.into_iter().map(plain).collect()
}

/// What may stand behind a dot. A map has its fields, and hardly ever is something else asked of it.
fn properties_of(tokens: &[Token], scope: &Scope) -> Vec<Candidate> {
    let fields = value_at(tokens, scope).and_then(|value| {
        let map = value.read_lock::<Map>()?;
        Some(map.keys().map(ToString::to_string).collect::<Vec<_>>())
    });
    let names = fields.unwrap_or_else(|| VOCABULARY.methods.iter().cloned().collect());
    names.into_iter().map(plain).collect()
}

/// The missing fields, if the tokens end in the map of an endpoint's fields.
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

fn functions_of_service(service: &str) -> impl Iterator<Item = String> {
    let service = SERVICES.into_iter().find(|own| own.name == service);
    service.into_iter().flat_map(Service::endpoints).flat_map(|endpoint| {
        let stem = endpoint.metadata.stem();
        let walk = endpoint.metadata.list.is_some().then(|| format!("{WALK}{stem}"));
        [Some(stem.to_owned()), walk].into_iter().flatten()
    })
}

/// The value of `answer.roomInfo.`, if it is a variable's.
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

/// The endpoint whose map of fields the tokens end in, and the fields that the map has.
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
