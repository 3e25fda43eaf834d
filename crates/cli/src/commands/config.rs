//! `drillmaster config`

use clap::{ArgMatches, Args, Subcommand};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;
use drillmaster_transport::Rate;
use serde_json::{Value, json};

use crate::config::{Config, Origin, Settings};
use crate::target_args::{TargetArgs, flags};
use crate::ui::Ui;

/// The arguments of `config`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show effective settings
    ///
    /// Flags override the environment, the environment overrides the configuration profile, and the profile
    /// overrides the defaults. For API keys the source is shown, never the key.
    Show {
        /// Show where each setting comes from
        #[arg(long)]
        origin: bool,
        #[command(flatten)]
        target: TargetArgs,
    },
}

pub(crate) fn run(args: &ConfigArgs, matches: &ArgMatches, ui: &Ui) -> Result<Exit, Diagnostic> {
    let Command::Show { origin, target } = &args.command;
    let config = Config::open()?;
    let settings = Settings::resolve(&flags(matches, target.rate)?, &config)?;
    let on = match target.on {
        Some(_) => Origin::Flag("on".to_owned()),
        None => Origin::Default,
    };
    let rate = settings.rate.value.unwrap_or_default();
    let missing = if config.path.exists() { "" } else { " (missing)" };
    let mut rows: Vec<(String, Value, String)> = vec![
        ("configuration".to_owned(), json!(config.path), format!("{}{missing}", config.origin)),
        ("profile".to_owned(), json!(settings.profile.value), settings.profile.origin.to_string()),
        ("on".to_owned(), json!(target.on.unwrap_or_default()), on.to_string()),
        (
            "dialect".to_owned(),
            json!(settings.dialect.value.name()),
            settings.dialect.origin.to_string(),
        ),
        ("rate".to_owned(), json!(Rate::to_string(&rate)), settings.rate.origin.to_string()),
    ];
    for service in &settings.services {
        let key = service.key.value.as_ref().map(ToString::to_string);
        let name = service.service.name;
        rows.push((
            format!("{name}.url"),
            json!(service.url.value),
            service.url.origin.to_string(),
        ));
        rows.push((format!("{name}.key"), json!(key), service.key.origin.to_string()));
    }
    let items = rows.into_iter().map(|(setting, value, from)| match origin {
        true => json!({ "setting": setting, "value": value, "origin": from }),
        false => json!({ "setting": setting, "value": value }),
    });
    let header: &[&str] =
        if *origin { &["setting", "value", "origin"] } else { &["setting", "value"] };
    ui.list(header, items.collect());
    Ok(Exit::Done)
}
