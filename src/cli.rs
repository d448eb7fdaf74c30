//! The commands that talk to the person at the terminal.

pub mod year;

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use kring::access::Role;
use kring::access::token::Keys;
use kring::app;
use kring::config::{Database, Demo, Import};
use kring::content::files::objects::{Bucket, Objects};
use kring::db::Db;
use kring::error::Error;
use kring::exchange::bundle::{BundleErrors, Folder, Limits, Reading};
use kring::exchange::import::roster::{self, RosterOptions};
use kring::exchange::import::{self, Failure, Options, Owner, Progress};
use kring::exchange::{bundle, demo, edexml};
use kring::http::files::Options as FileOptions;
use kring::people::named_store::Whose;
use kring::scope::{Clock, Scope};

/// How long one statement of an import may take.
const PATIENCE: Duration = Duration::from_hours(1);

/// `kring import`: a folder is a bundle, a file is a roster.
///
/// # Errors
/// Everything that cannot be imported, with line and column; nothing is kept then.
pub fn import(settings: &Import) -> Result<(), Error> {
    let path = settings.path.display();
    let found = std::fs::metadata(&settings.path)
        .map_err(|error| Error::Configuration(format!("cannot read {path}: {error}")))?;
    if found.is_dir() {
        import_bundle(settings)
    } else if found.is_file() && settings.map.is_some() {
        let message =
            format!("a map reads a folder with the files of an export, and {path} is a file; give its folder");
        Err(Error::Configuration(message))
    } else if found.is_file() {
        bundle::look_at(&settings.path).map_err(Error::Configuration)?;
        import_roster(settings)
    } else {
        Err(Error::Configuration(format!("{path} is neither a folder with a bundle nor a file with a roster")))
    }
}

fn import_bundle(settings: &Import) -> Result<(), Error> {
    for (given, flag) in [
        (settings.date.is_some(), "--date"),
        (settings.allow_older, "--allow-older"),
        (settings.link_content, "--link-content"),
    ] {
        if given {
            return Err(Error::Configuration(format!("{flag} is for rosters, and this is a folder with a bundle")));
        }
    }
    let refused = |errors: BundleErrors| Error::Configuration(errors.to_string());
    let map = settings.map.as_deref().map(bundle::read_map).transpose().map_err(refused)?;
    let reading = Reading { map: map.as_ref(), last_day: settings.last_day };
    let bundle = bundle::read_with(&Folder::new(&settings.path), &Limits::default(), &reading).map_err(refused)?;
    let db = app::open(&settings.database, PATIENCE)?;
    let usual = Options::default();
    let options = Options {
        dry_run: settings.dry_run,
        organization: settings.organization.clone().map(Owner::named),
        end_limit: settings.end_limit.unwrap_or(usual.end_limit),
        empty_clears: settings.empty_clears,
        empty_limit: settings.empty_limit.unwrap_or(usual.empty_limit),
        each_row: settings.each_row,
    };
    let report = metered(settings, |scope, progress| import::import(&db, scope, &bundle, &options, progress))?;
    say!("{report}");
    Ok(())
}

fn import_roster(settings: &Import) -> Result<(), Error> {
    for (given, flag) in [
        (settings.empty_clears, "--empty-clears"),
        (settings.empty_limit.is_some(), "--empty-limit"),
        (settings.last_day, "--last-day"),
    ] {
        if given {
            return Err(Error::Configuration(format!("{flag} is for bundles, and this is a file with a roster")));
        }
    }
    let Some(organization) = settings.organization.clone().map(Owner::named) else {
        let message = "a roster is of one organization: name it with --organization and its external id";
        return Err(Error::Configuration(message.to_owned()));
    };
    let roster = edexml::read(&settings.path).map_err(|errors| Error::Configuration(errors.to_string()))?;
    let db = app::open(&settings.database, PATIENCE)?;
    let usual = RosterOptions::new(organization);
    let options = RosterOptions {
        dry_run: settings.dry_run,
        end_limit: settings.end_limit.unwrap_or(usual.end_limit),
        each_row: settings.each_row,
        date: settings.date,
        allow_older: settings.allow_older,
        link_content: settings.link_content,
        ..usual
    };
    let report = metered(settings, |scope, progress| roster::import_roster(&db, scope, &roster, &options, progress))?;
    say!("{report}");
    Ok(())
}

/// Carries an import out and shows how far it is.
fn metered<T>(
    settings: &Import,
    run: impl FnOnce(&Scope, &mut dyn FnMut(Progress)) -> Result<T, Failure>,
) -> Result<T, Error> {
    let scope = app::operator("kring import", settings.time_zone);
    let mut meter = Meter::default();
    let outcome = run(&scope, &mut |Progress { step, done, total }| meter.show(step, done, total));
    meter.clear();
    outcome.map_err(failed)
}

fn failed(failure: Failure) -> Error {
    match failure {
        Failure::Refused(errors) => Error::Configuration(errors.to_string()),
        Failure::Error(error) => error,
    }
}

/// Progress on a terminal; silence in a pipe.
#[derive(Default)]
struct Meter {
    shown: bool,
}

impl Meter {
    fn show(&mut self, step: impl Display, done: impl Display, total: impl Display) {
        let mut terminal = std::io::stderr();
        if !terminal.is_terminal() {
            return;
        }
        self.shown = true;
        // A terminal that went away is no reason to stop.
        let _ = write!(terminal, "\r\x1b[K{step}: {done} of {total}").and_then(|()| terminal.flush());
    }

    fn clear(&self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// Whose eyes the demonstration can be seen through: role, participant, organization.
const VIEWERS: [(Role, Option<&str>, Option<&str>, &str); 5] = [
    (Role::Administrator, None, None, "administrator: sees and does everything"),
    (
        Role::MembershipAdministrator,
        None,
        Some("DEMO-VER"),
        "membership-administrator of the association: its people and groups",
    ),
    (Role::Staff, None, Some("DEMO-SCHOOL"), "staff of the school: its people and groups, without personal data"),
    (Role::Participant, Some("O01"), None, "participant: a mother with two children at the school"),
    (Role::Participant, Some("P003"), None, "participant: a member of the association"),
];

/// `kring demo`.
///
/// # Errors
/// A configuration error when the file or the address cannot be had.
pub async fn demo(settings: Demo) -> Result<(), Error> {
    let folder = std::env::temp_dir().join(format!("kring-demo-{}", std::process::id()));
    let file = if let Some(file) = &settings.file {
        file.clone()
    } else {
        std::fs::create_dir_all(&folder)
            .map_err(|error| Error::Configuration(format!("cannot make {}: {error}", folder.display())))?;
        folder.join("kring.db")
    };
    if file.exists() {
        return Err(Error::Configuration(format!("{} is there already; the demo makes its own file", file.display())));
    }
    let served = serve_demo(&settings, &file).await;
    if settings.file.is_none() {
        // What is left behind in the system's temporary folder is no reason to report a failure.
        let _ = std::fs::remove_dir_all(&folder);
    }
    served
}

async fn serve_demo(settings: &Demo, file: &std::path::Path) -> Result<(), Error> {
    let database = Database { database_url: format!("sqlite://{}", file.display()), connections: 4, wait_seconds: 3 };
    let db = app::open(&database, settings.serving.execution())?;
    let scope = app::operator("kring demo", settings.serving.time_zone);
    demo::fill(&db, &scope).map_err(failed)?;
    let keys = Keys::from_secret(&secret()?);
    let listener = app::listen(settings.serving.listen).await?;
    let address = listener.local_addr().map_err(|error| Error::internal(error.to_string()))?;
    say!("The demonstration is served at http://{address}/ until you press Ctrl+C.\n");
    for (role, participant, organization, title) in VIEWERS {
        let token = token(&db, &keys, role, participant, organization)?;
        say!("{title}\n  explorer: http://{address}/#token={token}\n  token:    {token}\n");
    }
    say!(
        "Stop it with Ctrl+C. The data is gone then{}.",
        if settings.file.is_some() { ", except for the file" } else { "" }
    );
    let objects = Objects::open(&format!("{}-files", file.display()), &Bucket::default())?;
    let wait = Duration::from_secs(database.wait_seconds);
    let gateway = app::gateway(db, keys, &settings.serving, wait, false, Some(FileOptions::new(objects)))?;
    app::run(listener, gateway, &settings.serving).await;
    Ok(())
}

fn token(
    db: &Db,
    keys: &Keys,
    role: Role,
    participant: Option<&str>,
    organization: Option<&str>,
) -> Result<String, Error> {
    let find = |id: Option<&str>| id.map(|id| app::find(db, id, Whose::Anybody)).transpose();
    let (participant, organization) = (find(participant)?, find(organization)?);
    let name = participant.as_ref().map_or_else(|| format!("{role:?} (demo)"), |named| named.display_name.clone());
    let grants = [(role, organization.map(|named| named.id))];
    keys.sign(participant.map(|named| named.id), &grants, &name, Clock::System.now(), chrono::Duration::hours(24))
}

/// A secret for this process alone.
fn secret() -> Result<String, Error> {
    use base64::Engine;
    let mut bytes = [0_u8; 48];
    getrandom::fill(&mut bytes).map_err(|error| Error::internal(format!("no randomness: {error}")))?;
    Ok(base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes))
}
