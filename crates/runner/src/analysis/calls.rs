//! Calls of functions: whether the function exists and takes these arguments.

use std::any::TypeId;
use std::collections::{BTreeSet, HashMap, HashSet};

use drillmaster_models::nearest;
use rhai::{AST, Array, Dynamic, Engine, Expr, FnCallExpr, FnPtr, ImmutableString, Map, Module};

use super::arguments::closure;
use crate::execution::each::{Outcomes, RosterRows};
use crate::language::endpoints::Walk;
use crate::outcome::Outcome;
use crate::roster::Row;
use crate::value::CallError;
use crate::value::frozen::is_frozen;

/// Functions that the engine has for values of every type.
pub(super) const KEYWORDS: [&str; 12] = [
    "print",
    "debug",
    "type_of",
    "call",
    "curry",
    "is_def_var",
    "is_def_fn",
    "is_shared",
    "Fn",
    "to_string",
    "to_debug",
    "this",
];

/// The functions of the engine and of the script.
pub(crate) struct Functions {
    native: HashMap<String, Vec<Native>>,
    /// How many parameters the script's own functions have, with the captures of closures.
    own: HashMap<ImmutableString, Vec<usize>>,
    /// Our types by the names that scripts see.
    types: Types,
}

pub(super) struct Native {
    pub(super) params: Vec<TypeId>,
    /// The names and types of its parameters, then the type of its result.
    signature: Vec<String>,
    /// Whether it is one of drillmaster's functions rather than one of Rhai's.
    is_ours: bool,
}

impl Native {
    fn returns(&self) -> Option<&str> {
        // The last is the type of the result, if Rhai knows it.
        (self.signature.len() > self.params.len())
            .then(|| self.signature.last())?
            .map(String::as_str)
    }

    fn written(&self, name: &str) -> String {
        format!("{name}({})", self.signature[..self.params.len()].join(", "))
    }
}

struct Types([(&'static str, TypeId); 6]);

impl Types {
    fn name(&self, id: TypeId) -> Option<&'static str> {
        self.0.iter().find(|(_, own)| *own == id).map(|(name, _)| *name)
    }

    fn id(&self, name: &str) -> Option<TypeId> {
        self.0.iter().find(|(own, _)| *own == name).map(|(_, id)| *id)
    }
}

impl Functions {
    pub(crate) fn new(engine: &Engine, ast: &AST) -> Self {
        let all = |standard| {
            engine.collect_fn_metadata(
                None,
                |info| {
                    let about = info.metadata;
                    let is_for_scripts = info.namespace.is_empty()
                        && !about.param_types.iter().any(|id| is_frozen(*id));
                    is_for_scripts.then(|| {
                        let signature =
                            about.params_info.iter().map(ToString::to_string).collect::<Vec<_>>();
                        let returns = about.return_type.to_string();
                        (about.name.to_string(), about.param_types.to_vec(), signature, returns)
                    })
                },
                standard,
            )
        };
        let mut words = HashSet::new();
        let ours = all(false).into_iter().filter(|(.., signature, _)| !signature.is_empty());
        words.extend(ours.map(|(name, params, ..)| (name, params)));
        let mut native: HashMap<String, Vec<Native>> = HashMap::new();
        for (name, params, mut signature, returns) in all(true) {
            let is_ours = words.contains(&(name.clone(), params.clone()));
            signature.truncate(params.len());
            signature.resize(params.len(), "value".to_owned());
            signature.push(returns);
            native.entry(name).or_default().push(Native { params, signature, is_ours });
        }
        let mut own: HashMap<ImmutableString, Vec<usize>> = HashMap::new();
        for (.., function) in AsRef::<Module>::as_ref(ast).iter_script_fn_info() {
            own.entry(function.name.clone()).or_default().push(function.params.len());
        }
        let types = Types([
            ("Roster", TypeId::of::<RosterRows>()),
            ("Row", TypeId::of::<Row>()),
            ("Rows", TypeId::of::<Outcomes>()),
            ("Outcome", TypeId::of::<Outcome>()),
            ("Walk", TypeId::of::<Walk>()),
            ("CallError", TypeId::of::<CallError>()),
        ]);
        Self { native, own, types }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        KEYWORDS.contains(&name) || self.native.contains_key(name) || self.own.contains_key(name)
    }

    /// How many parameters a closure has, with its captures.
    pub(super) fn params_of(&self, closure: &str) -> Option<usize> {
        self.own.get(closure)?.first().copied()
    }

    pub(super) fn nearest(&self, name: &str) -> Option<&str> {
        let callable = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let own = self.own.keys().map(ImmutableString::as_str);
        let all = self.native.keys().map(String::as_str).chain(own).chain(KEYWORDS);
        // Sorted, so that the suggestion is the same every time.
        let all: BTreeSet<_> = all.filter(callable).collect();
        nearest(name, all)
    }

    /// What is wrong with the arguments of a call, and what to do about it.
    pub(super) fn check_call(&self, call: &FnCallExpr) -> Option<(String, String)> {
        let name = call.name.as_str();
        // The script's own function may be meant.
        if self.own.get(name).is_some_and(|own| own.contains(&call.args.len())) {
            return None;
        }
        if KEYWORDS.contains(&name) {
            return None;
        }
        let native = self.native.get(name).map_or(&[][..], Vec::as_slice);
        let same_length: Vec<&Native> =
            native.iter().filter(|native| native.params.len() == call.args.len()).collect();
        if same_length.is_empty() {
            let own = self.own.get(name).into_iter().flatten().copied();
            let lengths = own.chain(native.iter().map(|native| native.params.len()));
            let ours = native.iter().filter(|native| native.is_ours);
            let help: Vec<_> = ours.map(|native| native.written(name)).collect();
            return Some((takes(name, lengths, call.args.len()), usage(&help)));
        }
        let fits = |native: &&&Native| {
            native.params.iter().zip(&call.args).all(|(wanted, given)| may_take(*wanted, given))
        };
        if same_length.iter().all(|native| native.is_ours)
            && !same_length.iter().any(|own| fits(&own))
        {
            let help: Vec<_> = same_length.iter().map(|native| native.written(name)).collect();
            return Some((format!("`{name}` does not take values of these types"), usage(&help)));
        }
        None
    }

    /// Our type that a function returns, if all functions that may be meant return the same.
    pub(super) fn returned_type(
        &self,
        name: &str,
        first: Option<TypeId>,
        length: usize,
    ) -> Option<TypeId> {
        if self.own.contains_key(name) {
            return None;
        }
        let meant = self.native.get(name)?.iter().filter(|native| {
            native.params.len() == length
                && first.is_none_or(|first| native.params.first() == Some(&first))
        });
        let mut types: Vec<_> = meant.map(|native| native.returns()).collect();
        types.dedup();
        match types.as_slice() {
            [Some(one)] => self.types.id(one),
            _ => None,
        }
    }

    /// Whether a method returns nothing for every type that has it.
    pub(super) fn returns_nothing(&self, name: &str, length: usize) -> bool {
        let natives = self.native.get(name).into_iter().flatten();
        let mut meant = natives.filter(|native| native.params.len() == length).peekable();
        // A function that can fail returns `RhaiResultOf<()>`.
        let is_nothing = |given: &str| given == "()" || given.contains("<()");
        !self.own.contains_key(name)
            && meant.peek().is_some()
            && meant.all(|native| native.returns().is_some_and(is_nothing))
    }

    /// Whether the script itself has a function of this name.
    pub(super) fn has_own(&self, name: &str) -> bool {
        self.own.contains_key(name)
    }

    /// The name that scripts see of one of our types.
    pub(super) fn type_name(&self, id: TypeId) -> Option<&'static str> {
        self.types.name(id)
    }

    /// The methods of a type.
    pub(super) fn methods_of(&self, id: TypeId) -> impl Iterator<Item = (&str, &Native)> {
        let of_it = move |native: &Native| {
            native.params.first().is_some_and(|first| [id, TypeId::of::<Dynamic>()].contains(first))
        };
        self.native.iter().flat_map(move |(name, natives)| {
            natives.iter().filter(move |own| of_it(own)).map(move |own| (name.as_str(), own))
        })
    }
}

/// `` `skip` takes 1 value, but gets 2``
pub(super) fn takes(name: &str, lengths: impl Iterator<Item = usize>, given: usize) -> String {
    let mut lengths: Vec<usize> = lengths.collect();
    lengths.sort_unstable();
    lengths.dedup();
    let counts: Vec<String> = lengths.iter().map(ToString::to_string).collect();
    let values = if lengths == [1] { "value" } else { "values" };
    let counts = match counts.as_slice() {
        [none] if none == "0" => "no".to_owned(),
        counts => counts.join(" or "),
    };
    format!("`{name}` takes {counts} {values}, but gets {given}")
}

fn usage(signatures: &[String]) -> String {
    if signatures.is_empty() {
        String::new()
    } else {
        format!("write it as {}", signatures.join(" or "))
    }
}

/// Whether an argument may be of this type, as far as its type is known.
fn may_take(wanted: TypeId, given: &Expr) -> bool {
    let type_of = match given {
        Expr::StringConstant(..) | Expr::InterpolatedString(..) => TypeId::of::<ImmutableString>(),
        Expr::IntegerConstant(..) => TypeId::of::<i64>(),
        Expr::FloatConstant(..) => TypeId::of::<f64>(),
        Expr::BoolConstant(..) => TypeId::of::<bool>(),
        Expr::Array(..) => TypeId::of::<Array>(),
        Expr::Map(..) => TypeId::of::<Map>(),
        Expr::Unit(..) => TypeId::of::<()>(),
        _ if closure(given).is_some() => TypeId::of::<FnPtr>(),
        _ => return true,
    };
    wanted == TypeId::of::<Dynamic>() || wanted == type_of
}
