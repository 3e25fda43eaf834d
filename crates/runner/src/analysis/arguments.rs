//! What is known about an argument without running the script.

use rhai::{Array, Dynamic, Expr, FnPtr, ImmutableString, Position, Stmt};

/// A function passed as an argument: its name, and how many variables it captures.
#[derive(Clone)]
pub(super) struct Closure {
    pub(super) name: ImmutableString,
    pub(super) captured: usize,
}

/// The function that Rhai made of a closure.
pub(super) fn closure(expr: &Expr) -> Option<Closure> {
    match expr {
        Expr::DynamicConstant(value, _) => value
            .read_lock::<FnPtr>()
            .map(|pointer| Closure { name: pointer.fn_name().into(), captured: 0 }),
        // A closure that captures: `{ share …; curry(Fn("…"), …) }`.
        Expr::Stmt(block) => block.iter().find_map(|statement| match statement {
            Stmt::Expr(expr) => closure(expr),
            _ => None,
        }),
        Expr::FnCall(call, _) if call.name == "curry" => {
            let inner = call.args.first().and_then(closure)?;
            Some(Closure { captured: inner.captured + call.args.len() - 1, ..inner })
        }
        _ => None,
    }
}

/// What an argument is, if that is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    List,
    Map,
    Function,
    Other,
}

/// Whether an argument is of this kind, or its kind is unknown.
pub(super) fn may_be(expr: &Expr, wanted: Kind) -> bool {
    let kind = match expr {
        Expr::StringConstant(..) | Expr::InterpolatedString(..) => Kind::Text,
        Expr::Array(..) => Kind::List,
        Expr::Map(..) => Kind::Map,
        Expr::IntegerConstant(..)
        | Expr::FloatConstant(..)
        | Expr::BoolConstant(..)
        | Expr::CharConstant(..)
        | Expr::Unit(..) => Kind::Other,
        Expr::DynamicConstant(value, _) if value.is_array() => Kind::List,
        Expr::DynamicConstant(value, _) if value.is_map() => Kind::Map,
        _ if closure(expr).is_some() => Kind::Function,
        _ => return true,
    };
    kind == wanted
}

pub(super) fn literal(expr: &Expr) -> Option<Dynamic> {
    match expr {
        Expr::StringConstant(text, _) => Some(text.clone().into()),
        Expr::IntegerConstant(number, _) => Some((*number).into()),
        Expr::FloatConstant(number, _) => Some((**number).into()),
        Expr::BoolConstant(flag, _) => Some((*flag).into()),
        Expr::DynamicConstant(value, _) => Some((**value).clone()),
        Expr::Array(items, _) => {
            items.iter().map(literal).collect::<Option<Array>>().map(Dynamic::from_array)
        }
        _ => None,
    }
}

/// A field of a map literal.
pub(super) struct Given {
    pub(super) name: String,
    pub(super) position: Position,
    /// Its value, if it is a literal.
    pub value: Option<Dynamic>,
}

pub(super) fn map_fields(expr: &Expr) -> Option<Vec<Given>> {
    match expr {
        Expr::Map(parts, _) => {
            let fields = parts.0.iter().map(|(ident, value)| Given {
                name: ident.name.to_string(),
                position: ident.pos,
                value: literal(value),
            });
            Some(fields.collect())
        }
        Expr::DynamicConstant(value, position) => {
            let map = value.read_lock::<rhai::Map>()?;
            let fields = map.iter().map(|(name, value)| Given {
                name: name.to_string(),
                position: *position,
                value: Some(value.clone()),
            });
            Some(fields.collect())
        }
        _ => None,
    }
}
