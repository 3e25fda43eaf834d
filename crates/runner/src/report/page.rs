//! The page: one file that asks nothing of any network.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use sha2::{Digest, Sha256};

use super::Report;
use super::views::SectionView;
use crate::diagnostic::Diagnostic;
use crate::report_data::Section;
use drillmaster_transport::files;

/// The built-in template, to begin one's own with.
pub const TEMPLATE: &str = include_str!("report.html.j2");
const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");
/// The most rows of a table on a page: more are not looked at, and make it slow.
const MOST_ROWS: usize = 2_000;

/// What a page is made with: the built-in template, or a user's.
pub struct Template {
    name: String,
    environment: Environment<'static>,
}

impl Template {
    /// The template in a file, or the built-in one.
    pub fn open(path: Option<&Path>) -> Result<Self, Diagnostic> {
        let Some(path) = path else {
            return Self::of("report.html.j2".to_owned(), TEMPLATE.to_owned());
        };
        let source = files::read_text(path, files::BY_HAND).map_err(|error| {
            Diagnostic::usage(format!("cannot read the template {}: {error}", path.display()))
        })?;
        Self::of(path.display().to_string(), source)
    }

    fn of(name: String, source: String) -> Result<Self, Diagnostic> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        // A misspelt name is a mistake, and not an empty place on the page.
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| misfit(&error))?);
        environment.add_template_owned(name.clone(), source).map_err(|error| misfit(&error))?;
        Ok(Self { name, environment })
    }

    /// The page of a report.
    pub(crate) fn render(
        &self,
        facts: &Report,
        views: &[SectionView],
    ) -> Result<String, Diagnostic> {
        let short: Vec<SectionView> = views.iter().map(|view| view.at_most(MOST_ROWS)).collect();
        let page = self.environment.get_template(&self.name).and_then(|template| {
            template.render(context! {
                report => facts.head(),
                sections => Serde(short),
                order => Section::ALL.map(Section::name),
                style => STYLE,
                script => SCRIPT,
                policy => policy(),
            })
        });
        page.map_err(|error| misfit(&error))
    }
}

/// What the page may do: run its own script, and nothing else.
fn policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(SCRIPT));
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; img-src data:; \
         base-uri 'none'; form-action 'none'"
    )
}

fn misfit(error: &minijinja::Error) -> Diagnostic {
    let place = match (error.name(), error.line()) {
        (Some(name), Some(line)) => format!("{name}:{line}: "),
        (Some(name), None) => format!("{name}: "),
        _ => String::new(),
    };
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    Diagnostic::usage(format!("{place}the template cannot be used: {what}"))
        .with_help("`drillmaster definitions FOLDER` writes the built-in one, to compare with")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_the_page_cannot_end_each_other() {
        assert!(!SCRIPT.contains("</") && !STYLE.contains("</"));
    }

    #[test]
    fn the_built_in_template_can_be_used() {
        assert_eq!(Template::open(None).err().map(|problem| problem.message), None);
    }

    #[test]
    fn what_is_wrong_with_a_template_is_told_with_its_line() {
        let told = |source: &str| {
            let template = Template::of("own.j2".to_owned(), source.to_owned());
            template.err().map(|problem| problem.message)
        };
        assert_eq!(told("{{ report.title }}"), None);
        let problem = told("fine\n{% if %}").unwrap();
        assert!(problem.starts_with("own.j2:2: the template cannot be used: "), "{problem}");
    }
}
