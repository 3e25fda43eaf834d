//! No code decides by the text of an error.
//!
//! Errors have variants. A text that is matched may have another wording in the next version of a dependency, and
//! then the code that matches it stops working without a failing test.

use std::collections::BTreeSet;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::Finding;

/// Methods that match or take apart a text.
const MATCHING: [&str; 12] = [
    "contains",
    "ends_with",
    "eq_ignore_ascii_case",
    "find",
    "rsplit_once",
    "split",
    "split_once",
    "splitn",
    "starts_with",
    "strip_prefix",
    "strip_suffix",
    "trim_start_matches",
];

/// Methods whose result is still the text that they are called on, or most of it.
const KEEPING: [&str; 10] = [
    "as_ref",
    "as_str",
    "clone",
    "lines",
    "next",
    "to_ascii_lowercase",
    "to_lowercase",
    "to_owned",
    "trim",
    "unwrap_or_default",
];

/// Names of errors and of their texts.
const NAMES: [&str; 8] =
    ["complaint", "diagnostic", "e", "err", "error", "failure", "message", "problem"];

/// Functions that take an error's text apart: file, function and reason.
const EXCEPTIONS: [(&str, &str, &str); 1] = [(
    "crates/transport/src/cassette/parse.rs",
    "without_position",
    "serde_json appends the position to its message; nothing is decided by the text",
)];

/// Checks a file, known by its path from the root. Tests may match texts.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let is_source = path.starts_with("crates/") && path.contains("/src/");
    let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
    let Ok(file) = syn::parse_file(text) else { return Vec::new() };
    if !is_source || is_test {
        return Vec::new();
    }
    let mut source = Source { functions: Vec::new(), texts: BTreeSet::new(), found: Vec::new() };
    source.visit_file(&file);
    let mut findings = Vec::new();
    let mut unused: Vec<_> = EXCEPTIONS.into_iter().filter(|(file, ..)| *file == path).collect();
    for (line, function) in source.found {
        let exceptions = unused.len();
        unused.retain(|(_, name, _)| *name != function);
        if unused.len() == exceptions {
            let problem = "the text of an error is matched; match its variants, or its kind";
            findings.push(Finding::new(path, line, problem));
        }
    }
    for (_, name, _) in unused {
        let problem = format!("`{name}` matches no text of an error; remove the exception for it");
        findings.push(Finding::new(path, 1, problem));
    }
    findings
}

struct Source {
    /// The functions around the current expression.
    functions: Vec<String>,
    /// Local variables that hold the text of an error.
    texts: BTreeSet<String>,
    /// The lines that match such a text, with their functions.
    found: Vec<(usize, String)>,
}

impl Source {
    fn find(&mut self, at: &impl Spanned) {
        let function = self.functions.last().cloned().unwrap_or_default();
        self.found.push((at.span().start().line, function));
    }

    fn function(&mut self, name: &syn::Ident, block: &syn::Block) {
        self.functions.push(name.to_string());
        let outer = std::mem::take(&mut self.texts);
        self.visit_block(block);
        self.texts = outer;
        self.functions.pop();
    }

    /// Whether an expression is the text of an error, or most of it.
    fn is_text(&self, expression: &syn::Expr) -> bool {
        match expression {
            syn::Expr::MethodCall(call) if call.method == "to_string" => {
                name(&call.receiver).is_some_and(|name| is_error(&name))
                    || self.is_text(&call.receiver)
            }
            syn::Expr::MethodCall(call) => {
                let method = call.method.to_string();
                (KEEPING.contains(&method.as_str()) || MATCHING.contains(&method.as_str()))
                    && self.is_text(&call.receiver)
            }
            syn::Expr::Reference(reference) => self.is_text(&reference.expr),
            syn::Expr::Paren(inner) => self.is_text(&inner.expr),
            other => name(other).is_some_and(|name| is_error(&name) || self.texts.contains(&name)),
        }
    }
}

/// The name of a variable or field.
fn name(expression: &syn::Expr) -> Option<String> {
    match expression {
        syn::Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
        syn::Expr::Field(field) => match &field.member {
            syn::Member::Named(name) => Some(name.to_string()),
            syn::Member::Unnamed(_) => None,
        },
        _ => None,
    }
}

fn is_error(name: &str) -> bool {
    NAMES.contains(&name.rsplit('_').next().unwrap_or(name))
}

fn is_literal(expression: &syn::Expr) -> bool {
    matches!(expression, syn::Expr::Lit(literal) if matches!(literal.lit, syn::Lit::Str(_)))
}

fn has_text(pattern: &syn::Pat) -> bool {
    match pattern {
        syn::Pat::Lit(literal) => matches!(literal.lit, syn::Lit::Str(_)),
        syn::Pat::Or(either) => either.cases.iter().any(has_text),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let is_test = module.attrs.iter().any(|attribute| match &attribute.meta {
            syn::Meta::List(list) => {
                list.path.is_ident("cfg") && list.tokens.to_string().contains("test")
            }
            _ => false,
        });
        if !is_test {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.function(&function.sig.ident, &function.block);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.function(&function.sig.ident, &function.block);
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        visit::visit_local(self, local);
        if let (syn::Pat::Ident(variable), Some(init)) = (&local.pat, &local.init) {
            let variable = variable.ident.to_string();
            if self.is_text(&init.expr) {
                self.texts.insert(variable);
            } else {
                self.texts.remove(&variable);
            }
        }
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        if let Ok(parts) = called.parse_body_with(
            syn::punctuated::Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated,
        ) {
            parts.iter().for_each(|part| self.visit_expr(part));
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if MATCHING.iter().any(|name| call.method == name) && self.is_text(&call.receiver) {
            self.find(&call.method);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        let is_comparison = matches!(binary.op, syn::BinOp::Eq(_) | syn::BinOp::Ne(_));
        let sides = [(&binary.left, &binary.right), (&binary.right, &binary.left)];
        if is_comparison && sides.iter().any(|(text, word)| self.is_text(text) && is_literal(word))
        {
            self.find(binary);
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_match(&mut self, matched: &'ast syn::ExprMatch) {
        if self.is_text(&matched.expr) && matched.arms.iter().any(|arm| has_text(&arm.pat)) {
            self.find(&matched.match_token);
        }
        visit::visit_expr_match(self, matched);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &str) -> Vec<String> {
        let findings = check("crates/any/src/a.rs", &format!("fn f() {{\n{body}\n}}"));
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_matched_text_of_an_error_is_found() {
        let problem = "crates/any/src/a.rs:2: the text of an error is matched; match its \
                       variants, or its kind";
        assert_eq!(found("if error.to_string().contains(\"missing\") {}"), [problem]);
    }

    #[test]
    fn every_way_to_match_is_found() {
        for body in [
            "error.inner().x(io_error.to_string().to_lowercase().starts_with(\"x\"));",
            "let text = error.to_string(); text.split_once(\": \");",
            "let text = &err.to_string(); let rest = text.trim(); rest.strip_prefix(\"a\");",
            "problem.message.starts_with(detail);",
            "match self.message.as_str() { \"a\" | \"b\" => 1, _ => 2 };",
            "if problem == \"invalid number\" {}",
            "assert!(first.map(|e| e.to_string().contains(\"x\")));",
        ] {
            assert_eq!(found(body).len(), 1, "{body}");
        }
    }

    #[test]
    fn other_texts_may_be_matched() {
        for body in [
            "errors.find(|spec| spec.matches(words));",
            "message.headers.iter().find(|(name, _)| name == \"a\");",
            "let text = error.to_string(); let text = name; text.contains(\"x\");",
            "match error { Error::Missing(field) => field.contains(\"x\"), _ => false };",
            "let shown = format!(\"cannot read: {error}\");",
            "line.to_string().contains(\"x\");",
        ] {
            assert_eq!(found(body), [""; 0], "{body}");
        }
    }

    #[test]
    fn tests_may_match_the_text_of_an_error() {
        let text = "fn f() { error.to_string().contains(\"x\"); }";
        for path in ["crates/any/tests/a.rs", "crates/any/src/tests.rs", "xtask/src/a.rs"] {
            assert!(check(path, text).is_empty(), "{path}");
        }
        let inner = format!("#[cfg(test)]\nmod tests {{ {text} }}");
        assert!(check("crates/any/src/a.rs", &inner).is_empty());
        assert_eq!(check("crates/any/src/a.rs", text).len(), 1);
    }

    #[test]
    fn an_exception_holds_for_its_function_and_while_it_is_needed() {
        let [(file, function, _)] = EXCEPTIONS;
        let in_function = |name: &str| {
            check(file, &format!("fn {name}() {{ error.to_string().split(\" at \"); }}"))
        };
        assert!(in_function(function).is_empty());
        assert_eq!(in_function("other").len(), 2);
    }
}
