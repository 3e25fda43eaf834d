//! Where calls go: the embedded sandbox, the live services, or a cassette.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, ValueEnum};
use drillmaster_models::{Dialect, SERVICES, Service};
use drillmaster_sandbox::{Options, Sandbox};
use drillmaster_transport::cassette::Header;
use drillmaster_transport::{
    Connection, Error, Http, Pace, Rate, Record, Replay, Request, Response, Retry, Route, Scope,
    SecretString, Transport, base_url,
};
use serde_json::Value;

use crate::console::Console;
use crate::problem::Problem;

/// Which services are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum On {
    /// The embedded sandbox: nothing leaves this machine
    Sandbox,
    /// The services at their addresses, with your credentials
    Live,
}

/// The flags of commands that call.
#[derive(Debug, Clone, Args)]
pub(crate) struct TargetArgs {
    /// Which services are called
    #[arg(long, value_enum, default_value_t = On::Sandbox, global = true)]
    pub(crate) on: On,
    /// How often each live service is called at most, such as 5/s or 30/m; 5/s unless set, and no limit for a
    /// sandbox on this machine
    #[arg(long, value_name = "N/s", global = true)]
    pub(crate) rate: Option<Rate>,
}

/// The flags that record and replay.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct CassetteArgs {
    /// Write all that travels to a cassette (links and addresses are in it, credentials never)
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Answer from a cassette and send nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["record", "on"])]
    pub(crate) replay: Option<PathBuf>,
}

/// Adds `--thm-url` and its like: the flags that are made from the list of services.
pub(crate) fn with_service_flags(mut command: Command) -> Command {
    for service in SERVICES {
        let title = service.title;
        let url = Arg::new(url_flag(service))
            .long(url_flag(service))
            .global(true)
            .value_name("URL")
            .help(format!("Where {title} is, instead of {} (with --on live)", service.base_url));
        command = command.arg(url);
        if service.has_legacy {
            let dialect = Arg::new(dialect_flag(service))
                .long(dialect_flag(service))
                .global(true)
                .value_name("DIALECT")
                .value_parser(Dialect::ALL.map(Dialect::name))
                .default_value(Dialect::Current.name())
                .help(format!("The dialect in which {title} is spoken to"));
            command = command.arg(dialect);
        }
    }
    command
}

fn url_flag(service: &Service) -> String {
    format!("{}-url", service.name)
}

fn dialect_flag(service: &Service) -> String {
    format!("{}-dialect", service.name)
}

/// Refuses the flags of [`with_service_flags`] where nothing is called.
pub(crate) fn refuse_service_flags(matches: &ArgMatches, help: &str) -> Result<(), Problem> {
    let given = |flag: &String| matches.value_source(flag) == Some(ValueSource::CommandLine);
    let flags = SERVICES.into_iter().flat_map(|service| {
        let dialect = service.has_legacy.then(|| dialect_flag(service));
        [Some(url_flag(service)), dialect].into_iter().flatten()
    });
    match flags.into_iter().find(given) {
        Some(flag) => Err(Problem::usage(format!("--{flag} does nothing here")).with_help(help)),
        None => Ok(()),
    }
}

/// A connection, and what must be done with it at the end.
pub(crate) struct Target {
    pub(crate) connection: Connection,
    record: Option<Arc<Record<Arc<dyn Transport>>>>,
    replay: Option<Arc<Replay>>,
}

impl Target {
    /// Connects to what the flags name. `needed` are the services that will be called; a missing
    /// credential for one of them is told now.
    pub(crate) fn connect(
        matches: &ArgMatches,
        args: &TargetArgs,
        cassettes: &CassetteArgs,
        header: Header,
        needed: &[&'static str],
        trace: Option<Console>,
    ) -> Result<Self, Problem> {
        let dialect = dialect(matches);
        let urls = urls(matches, args.on)?;
        if let Some(path) = &cassettes.replay {
            let replay = Arc::new(Replay::open(path).map_err(|error| Problem::call(&error))?);
            let connection = Connection::new(traced(replay.clone(), trace)).with_dialect(dialect);
            return Ok(Self { connection, record: None, replay: Some(replay) });
        }
        let transport: Arc<dyn Transport> = match args.on {
            On::Sandbox => Arc::new(Sandbox::with(Options { dialect, ..Options::default() })),
            On::Live => Arc::new(live(&urls, needed, args.rate)?),
        };
        let Some(path) = &cassettes.record else {
            let connection = Connection::new(traced(transport, trace)).with_dialect(dialect);
            return Ok(Self { connection, record: None, replay: None });
        };
        let record = Record::to_file(path, header, transport)
            .map_err(|error| Problem::usage(format!("cannot write {}: {error}", path.display())))?;
        let record = Arc::new(record);
        let connection = Connection::new(traced(record.clone(), trace)).with_dialect(dialect);
        Ok(Self { connection, record: Some(record), replay: None })
    }

    /// Puts the recording in its place; fails when a replay was not used up.
    pub(crate) fn finish(&self) -> Result<(), Problem> {
        if let Some(record) = &self.record {
            record.finish().map_err(|error| {
                Problem::usage(format!("the recording cannot be written: {error}"))
            })?;
        }
        if let Some(replay) = &self.replay {
            replay.finish().map_err(|error| Problem::call(&error))?;
        }
        Ok(())
    }
}

/// Where to write a file, links followed. Refused before anything is sent: a folder, a device, a place in no
/// folder, and a file that the run is made from or that it writes already.
pub(crate) fn output(file: &Path, taken: &[&Path]) -> Result<PathBuf, Problem> {
    let refuse = |why: &str, help: &str| {
        Err(Problem::usage(format!("cannot write {}: {why}", file.display())).with_help(help))
    };
    if let Some(folder) =
        file.parent().filter(|folder| *folder != Path::new("") && !folder.is_dir())
    {
        return refuse(
            &format!("there is no folder {}", folder.display()),
            "make the folder first",
        );
    }
    if file == Path::new("-") {
        return refuse("`-` is no file", "standard output is the script's; name a file");
    }
    let path = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    if path.exists() && !path.is_file() {
        return refuse("it is no plain file", "name a file");
    }
    let same =
        |other: &&&Path| other.canonicalize().is_ok_and(|other| other == path) || **other == file;
    match taken.iter().find(same) {
        Some(_) => refuse("the run needs it for something else", "name another file"),
        None => Ok(path),
    }
}

/// The dialect is one setting: a service that has but one is not affected.
fn dialect(matches: &ArgMatches) -> Dialect {
    let mut with_dialects = SERVICES.into_iter().filter(|service| service.has_legacy);
    let named = with_dialects.find_map(|service| matches.get_one::<String>(&dialect_flag(service)));
    named.and_then(|name| name.parse().ok()).unwrap_or_default()
}

/// The address of each service, checked before anything else is done.
fn urls(matches: &ArgMatches, on: On) -> Result<Vec<(&'static Service, String)>, Problem> {
    SERVICES
        .into_iter()
        .map(|service| match matches.get_one::<String>(&url_flag(service)) {
            Some(url) => {
                base_url(url)
                    .map_err(|error| Problem::usage(format!("--{}: {error}", url_flag(service))))?;
                if on != On::Live {
                    let problem = format!("--{} is for --on live", url_flag(service));
                    return Err(Problem::usage(problem)
                        .with_help("add --on live, or leave the address out for the sandbox"));
                }
                Ok((service, url.clone()))
            }
            None => Ok((service, service.base_url.to_owned())),
        })
        .collect()
}

fn live(
    urls: &[(&'static Service, String)],
    needed: &[&str],
    rate: Option<Rate>,
) -> Result<Route, Problem> {
    let mut route = Route::default();
    for (service, url) in urls {
        let variable = service.credential_variable;
        let credential = std::env::var(variable).ok().filter(|value| !value.is_empty());
        let Some(credential) = credential else {
            if needed.contains(&service.name) {
                let problem =
                    format!("there is no key for {}: {variable} is not set", service.title);
                return Err(Problem::usage(problem)
                    .with_help(format!("put it into {variable} as {}", service.credential_form)));
            }
            continue;
        };
        if !service.accepts_form(&credential) {
            // The value itself stays unsaid: it may be a key with a typing error.
            let form = service.credential_form;
            return Err(Problem::usage(format!("{variable} does not have the form {form}"))
                .with_help("is something missing, or a line break in it?"));
        }
        let http = Http::new(url, SecretString::from(credential))
            .map_err(|error| Problem::call(&error))?;
        // A sandbox on this machine has no budget to keep to.
        let rate = rate.or_else(|| (!http.is_local()).then(Rate::default));
        route = match rate {
            Some(rate) => route.to(service.name, Retry::new(Pace::new(http, rate))),
            None => route.to(service.name, Retry::new(http)),
        };
    }
    Ok(route)
}

/// Tells each call to a person, if there is a console for it.
fn traced(transport: impl Transport + 'static, console: Option<Console>) -> Arc<dyn Transport> {
    match console {
        None => Arc::new(transport),
        Some(console) => Arc::new(Trace { inner: transport, console }),
    }
}

struct Trace<T> {
    inner: T,
    console: Console,
}

#[async_trait]
impl<T: Transport> Transport for Trace<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        // Without the query, which may hold a token.
        let path = request.wire.target.split('?').next().unwrap_or_default().to_owned();
        let told = format!("{} {} {path}", request.spec.name, request.wire.method);
        let answer = self.inner.send(request).await;
        let ended = match &answer {
            Ok(answer) => answer.status.to_string(),
            Err(error) => error.to_string(),
        };
        self.console.warn(&format!("{told}: {ended}"));
        answer
    }

    fn value(&self, scope: &Scope, name: &str, fresh: Value) -> Result<Value, Error> {
        self.inner.value(scope, name, fresh)
    }
}
