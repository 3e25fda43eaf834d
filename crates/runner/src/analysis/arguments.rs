//! What can be seen of an argument without running anything.

use rhai::{Array, Dynamic, Expr, FnPtr, ImmutableString, Position, Stmt};

/// A function that is handed over: its name, and how many values it has captured.
#[derive(Clone)]
pub(super) struct Closure {
    pub(super) name: ImmutableString,
    pub(super) captured: usize,
}

/// What a closure was hoisted to.
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

/// What an argument can be seen to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    List,
    Map,
    Function,
    Other,
}

/// Whether an argument is of this kind, or cannot be seen to be of another.
pub(super) fn may_be(expr: &Expr, due: Kind) -> bool {
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
    kind == due
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

/// A field of a map that stands in the text.
pub(super) struct Given {
    pub(super) name: String,
    pub(super) position: Position,
    /// Its value, where that can be seen.
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
