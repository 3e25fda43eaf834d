//! The columns that a script reads from its rows.

use std::collections::HashSet;

use rhai::{ASTNode, Expr, Position};

use super::call_of;

/// A column that a script reads from each row.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub name: String,
    pub(crate) position: Position,
    /// The script first checks for it with `"x" in row`.
    pub(crate) optional: bool,
}

/// The columns that a part of a script reads from a row.
pub(super) struct Columns<'a> {
    row: &'a str,
    read: Vec<Column>,
    /// Columns that the script checks for with `"x" in row`.
    optional: HashSet<String>,
}

impl<'a> Columns<'a> {
    pub(super) fn new(row: &'a str) -> Self {
        Self { row, read: Vec::new(), optional: HashSet::new() }
    }

    pub(super) fn visit(&mut self, node: &ASTNode) {
        let is_row = |expr: &Expr| matches!(expr, Expr::Variable(parts, ..) if parts.1 == self.row);
        match node {
            ASTNode::Expr(Expr::Dot(parts, ..)) if is_row(&parts.lhs) => {
                if let Expr::MethodCall(call, _) = &parts.rhs
                    && call.name == "contains"
                    && let [Expr::StringConstant(name, position)] = call.args.as_slice()
                {
                    return self.check(name, *position);
                }
                // `row.a.b` nests to the right.
                let first = match &parts.rhs {
                    Expr::Dot(rest, ..) | Expr::Index(rest, ..) => &rest.lhs,
                    other => other,
                };
                if let Expr::Property(property, position) = first {
                    self.add(&property.2, *position);
                }
            }
            ASTNode::Expr(Expr::Index(parts, ..)) if is_row(&parts.lhs) => {
                if let Expr::StringConstant(name, position) = &parts.rhs {
                    self.add(name, *position);
                }
            }
            node => {
                if let Some((call, _)) = call_of(node)
                    && call.name == "contains"
                    && let [row, Expr::StringConstant(name, position)] = call.args.as_slice()
                    && is_row(row)
                {
                    self.check(name, *position);
                }
            }
        }
    }

    fn add(&mut self, name: &str, position: Position) {
        self.read.push(Column { name: name.to_owned(), position, optional: false });
    }

    fn check(&mut self, name: &str, position: Position) {
        self.add(name, position);
        self.optional.insert(name.to_lowercase());
    }

    pub(super) fn into_columns(self) -> impl Iterator<Item = Column> {
        let optional = self.optional;
        self.read.into_iter().map(move |column| Column {
            optional: optional.contains(&column.name.to_lowercase()),
            ..column
        })
    }
}
