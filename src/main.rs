//! The command line.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

/// Writes a line to standard output. Whoever stopped reading it is no reason to fail after something was done.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

mod cli;

use clap::Parser;
use kring::config::{Cli, Command};
use kring::error::Error;
use kring::log::{Scrubbed, plain};
use kring::{app, graphql};

// The system's allocator spends a good part of a request on locks when requests run side by side.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(matches!(&cli.command, Command::Serve(serve) if serve.serving.log_json));
    log_panics();
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kring: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Error> {
    match command {
        Command::Schema => {
            // A schema that was cut short must not pass for the whole one.
            let mut out = std::io::stdout().lock();
            let written = out.write_all(graphql::sdl().as_bytes()).and_then(|()| out.flush());
            written.map_err(|error| Error::Configuration(format!("cannot write the schema: {error}")))
        }
        Command::Migrate(database) => {
            let db = kring::db::Db::open(&database.options(Duration::from_mins(10)))?;
            let applied = app::migrate(&db)?;
            match applied.len() {
                0 => say!("The schema is up to date."),
                number => say!("{number} migrations applied: {}.", applied.join(", ")),
            }
            Ok(())
        }
        Command::Token(settings) => {
            match (&settings.withdraw, settings.role) {
                (Some(token), _) => say!("{}", app::withdraw(&settings, token)?),
                (None, Some(role)) => say!("{}", app::token(&settings, role)?),
                (None, None) => {}
            }
            Ok(())
        }
        Command::Serve(settings) => runtime()?.block_on(app::serve(*settings)),
        Command::Import(settings) => cli::import(&settings),
        Command::YearTransition(settings) => cli::year::run(&settings),
        Command::Demo(settings) => runtime()?.block_on(cli::demo(settings)),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("no runtime: {error}")))
}

/// A panic may repeat what it stumbled over.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.payload_as_str().unwrap_or_default();
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, cause = plain(text), "a panic");
    }));
}

fn log_to_stderr(json: bool) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("KRING_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Scrubbed(std::io::stderr()));
    if json { builder.json().init() } else { builder.init() }
}
