//! The command line.

use std::io::{IsTerminal as _, Write as _};
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

/// How long threads are awaited when everything else is done.
const LAST_WAIT: Duration = Duration::from_secs(1);

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
        Command::Backup(settings) => {
            let db = kring::db::Db::open(&settings.database.options(Duration::from_mins(10)))?;
            db.back_up(&settings.file)?;
            say!("The database was copied to {}. Copy the files now.", settings.file.display());
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
        Command::Serve(settings) => run_async(app::serve(*settings)),
        Command::Import(settings) => cli::import(&settings),
        Command::YearTransition(settings) => cli::year::run(&settings),
        Command::Demo(settings) => run_async(cli::demo(settings)),
    }
}

fn run_async(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("no runtime: {error}")))?;
    let done = runtime.block_on(work);
    // A statement that is still at work must not hold the process up: what was not committed is rolled back.
    runtime.shutdown_timeout(LAST_WAIT);
    done
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
    // Colours are for terminals; in a file they would be noise.
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    if json { builder.json().init() } else { builder.init() }
}
