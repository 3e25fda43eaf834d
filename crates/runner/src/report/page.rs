//! The page: a single file that loads nothing from any network.

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

/// The built-in template, as a start for one's own.
pub const TEMPLATE: &str = include_str!("report.html.j2");
const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");
/// The maximum number of rows in a table: more would make the page slow.
const MAX_ROWS: usize = 2_000;

/// The template of a page: the built-in one, or a user's.
pub struct Template {
    name: String,
    environment: Environment<'static>,
}

impl Template {
    /// The template in a file, or the built-in one.
    pub fn open(path: Option<&Path>) -> Result<Self, Diagnostic> {
        let Some(path) = path else {
            return Self::new("report.html.j2".to_owned(), TEMPLATE.to_owned());
        };
        let source = files::read_text(path, files::BY_HAND).map_err(|error| {
            Diagnostic::usage(format!("cannot read the template {}: {error}", path.display()))
        })?;
        Self::new(path.display().to_string(), source)
    }

    fn new(name: String, source: String) -> Result<Self, Diagnostic> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        // A misspelled name is an error, not a gap on the page.
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| template_error(&error))?);
        environment
            .add_template_owned(name.clone(), source)
            .map_err(|error| template_error(&error))?;
        Ok(Self { name, environment })
    }

    /// The page of a report.
    pub(crate) fn render(
        &self,
        report: &Report,
        views: &[SectionView],
    ) -> Result<String, Diagnostic> {
        let short: Vec<SectionView> = views.iter().map(|view| view.at_most(MAX_ROWS)).collect();
        let page = self.environment.get_template(&self.name).and_then(|template| {
            template.render(context! {
                report => report.head(),
                sections => Serde(short),
                order => Section::ALL.map(Section::name),
                style => STYLE,
                script => SCRIPT,
                policy => policy(),
            })
        });
        page.map_err(|error| template_error(&error))
    }
}

/// The content security policy: the page may run its own script and nothing else.
fn policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(SCRIPT));
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; img-src data:; \
         base-uri 'none'; form-action 'none'"
    )
}

fn template_error(error: &minijinja::Error) -> Diagnostic {
    let place = match (error.name(), error.line()) {
        (Some(name), Some(line)) => format!("{name}:{line}: "),
        (Some(name), None) => format!("{name}: "),
        _ => String::new(),
    };
    let cause = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    Diagnostic::usage(format!("{place}invalid template: {cause}")).with_help(
        "compare it with the built-in template, which `drillmaster definitions FOLDER` writes",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_and_script_cannot_end_their_elements() {
        assert!(!SCRIPT.contains("</") && !STYLE.contains("</"));
    }

    #[test]
    fn the_built_in_template_is_valid() {
        assert_eq!(Template::open(None).err().map(|problem| problem.message), None);
    }

    #[test]
    fn an_error_in_a_template_has_its_line() {
        let error = |source: &str| {
            let template = Template::new("own.j2".to_owned(), source.to_owned());
            template.err().map(|problem| problem.message)
        };
        assert_eq!(error("{{ report.title }}"), None);
        let problem = error("fine\n{% if %}").unwrap();
        assert!(problem.starts_with("own.j2:2: invalid template: "), "{problem}");
    }
}
