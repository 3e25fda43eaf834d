//! `drillmaster config`

use clap::{ArgMatches, Args, Subcommand};
use drillmaster_transport::Rate;
use serde_json::{Value, json};

use crate::Ui;
use crate::config::{Config, Origin, Settings};
use crate::target_args::{TargetArgs, flags};
use drillmaster_runner::diagnostic::Diagnostic;
use drillmaster_runner::exit::Exit;

/// The flags of `config`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Show the settings as they would hold for a run with these flags
    ///
    /// A flag comes before the environment, that before the profile of the configuration, and that before what
    /// is usual. Of a key is shown where it comes from, never the key.
    Show {
        /// Tell where each setting comes from, too
        #[arg(long)]
        origin: bool,
        #[command(flatten)]
        target: TargetArgs,
    },
}

pub(crate) fn config(
    args: &ConfigArgs,
    matches: &ArgMatches,
    shell: &Ui,
) -> Result<Exit, Diagnostic> {
    let Task::Show { origin, target } = &args.task;
    let config = Config::open()?;
    let settings = Settings::of(&flags(matches, target.rate)?, &config)?;
    let on = match target.on {
        Some(_) => Origin::Flag("on".to_owned()),
        None => Origin::Usual,
    };
    let rate = settings.rate.value.unwrap_or_default();
    let there = if config.path.exists() { "" } else { ", not there" };
    let mut told: Vec<(String, Value, String)> = vec![
        ("configuration".to_owned(), json!(config.path), format!("{}{there}", config.origin)),
        ("profile".to_owned(), json!(settings.profile.value), settings.profile.origin.to_string()),
        ("on".to_owned(), json!(target.on.unwrap_or_default()), on.to_string()),
        (
            "dialect".to_owned(),
            json!(settings.dialect.value.name()),
            settings.dialect.origin.to_string(),
        ),
        ("rate".to_owned(), json!(Rate::to_string(&rate)), settings.rate.origin.to_string()),
    ];
    for own in &settings.services {
        let key = own.key.value.as_ref().map(ToString::to_string);
        let name = own.service.name;
        told.push((format!("{name}.url"), json!(own.url.value), own.url.origin.to_string()));
        told.push((format!("{name}.key"), json!(key), own.key.origin.to_string()));
    }
    let items = told.into_iter().map(|(setting, value, from)| match origin {
        true => json!({ "setting": setting, "value": value, "origin": from }),
        false => json!({ "setting": setting, "value": value }),
    });
    let header: &[&str] =
        if *origin { &["setting", "value", "origin"] } else { &["setting", "value"] };
    shell.list(header, items.collect())?;
    Ok(Exit::Done)
}
