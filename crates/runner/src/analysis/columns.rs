//! The columns that a script takes from its rows.

use std::collections::HashSet;

use rhai::{ASTNode, Expr, Position};

use super::call_of;

/// A column that a script takes from each row.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub name: String,
    pub(crate) position: Position,
    /// The script asks first whether it is there, by `"x" in row`.
    pub(crate) optional: bool,
}

/// The columns that a piece of script takes from a row.
pub(super) struct Columns<'a> {
    row: &'a str,
    taken: Vec<Column>,
    /// Columns that the script asks for by `"x" in row`: it can do without them.
    optional: HashSet<String>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(row: &'a str) -> Self {
        Self { row, taken: Vec::new(), optional: HashSet::new() }
    }

    pub(super) fn look(&mut self, node: &ASTNode) {
        let is_row = |expr: &Expr| matches!(expr, Expr::Variable(parts, ..) if parts.1 == self.row);
        match node {
            ASTNode::Expr(Expr::Dot(parts, ..)) if is_row(&parts.lhs) => {
                if let Expr::MethodCall(call, _) = &parts.rhs
                    && call.name == "contains"
                    && let [Expr::StringConstant(name, position)] = call.args.as_slice()
                {
                    return self.ask(name, *position);
                }
                // `row.a.b` nests to the right.
                let first = match &parts.rhs {
                    Expr::Dot(rest, ..) | Expr::Index(rest, ..) => &rest.lhs,
                    other => other,
                };
                if let Expr::Property(property, position) = first {
                    self.take(&property.2, *position);
                }
            }
            ASTNode::Expr(Expr::Index(parts, ..)) if is_row(&parts.lhs) => {
                if let Expr::StringConstant(name, position) = &parts.rhs {
                    self.take(name, *position);
                }
            }
            node => {
                if let Some((call, _)) = call_of(node)
                    && call.name == "contains"
                    && let [row, Expr::StringConstant(name, position)] = call.args.as_slice()
                    && is_row(row)
                {
                    self.ask(name, *position);
                }
            }
        }
    }

    fn take(&mut self, name: &str, position: Position) {
        self.taken.push(Column { name: name.to_owned(), position, optional: false });
    }

    fn ask(&mut self, name: &str, position: Position) {
        self.take(name, position);
        self.optional.insert(name.to_lowercase());
    }

    pub(super) fn found(self) -> impl Iterator<Item = Column> {
        let optional = self.optional;
        self.taken.into_iter().map(move |column| Column {
            optional: optional.contains(&column.name.to_lowercase()),
            ..column
        })
    }
}
