//! The command line.

use std::process::ExitCode;
use std::time::Duration;

mod cli;

use clap::Parser;
use kring::config::{Cli, Command};
use kring::error::Error;
use kring::{app, graphql};

// The system's allocator spends a good part of a request on locks when requests run side by side.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(matches!(&cli.command, Command::Serve(serve) if serve.serving.log_json));
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
            print!("{}", graphql::sdl());
            Ok(())
        }
        Command::Migrate(database) => {
            let db = kring::db::Db::open(&database.options(Duration::from_mins(10)))?;
            let applied = db.migrate()?;
            match applied.len() {
                0 => println!("The schema is up to date."),
                number => println!("{number} migrations applied: {}.", applied.join(", ")),
            }
            Ok(())
        }
        Command::Token(settings) => {
            println!("{}", app::token(&settings)?);
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

fn log_to_stderr(json: bool) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("KRING_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json { builder.json().init() } else { builder.init() }
}
