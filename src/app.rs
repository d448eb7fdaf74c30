//! From settings to a running gateway, and the other commands.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::access::token::{Keys, id_of};
use crate::access::withdrawals::{self, Which};
use crate::access::{Role, Viewer};
use crate::config::{Database, Mail, Serve, Serving, Token};
use crate::db::Db;
use crate::db::lock::Lock;
use crate::error::Error;
use crate::graphql::session::Shared;
use crate::groups::store::CompositionCache;
use crate::http::files::Options as FileOptions;
use crate::http::{self, Gateway};
use crate::keys;
use crate::mail::transport::Mailer;
use crate::mail::worker;
use crate::people::named_store::{self, Named, Unnamed, Whose};
use crate::scope::{Clock, Scope};
use crate::text::shown;

/// How often the store of files is swept.
const SWEEPING: Duration = Duration::from_mins(1);

/// Opens the database and brings its schema up to date.
///
/// # Errors
/// `Unavailable` when it cannot be reached, a configuration error when its address makes no sense.
pub fn open(database: &Database, execution: Duration) -> Result<Db, Error> {
    let db = Db::open(&database.options(execution))?;
    for version in migrate(&db)? {
        tracing::info!(version, "migration applied");
    }
    Ok(db)
}

/// Brings the schema up to date, and with it the keys by which stored texts are compared.
///
/// # Errors
/// What the database answers.
pub fn migrate(db: &Db) -> Result<Vec<String>, Error> {
    let applied = db.migrate()?;
    let renewed = keys::renew(db)?;
    if renewed > 0 {
        tracing::info!(rows = renewed, "keys of stored texts made anew");
    }
    Ok(applied)
}

/// Puts the gateway on a database together.
///
/// # Errors
/// `Internal` when the schema cannot be described.
pub fn gateway(
    db: Db,
    keys: Keys,
    serving: &Serving,
    wait: Duration,
    mail: bool,
    files: Option<FileOptions>,
) -> Result<Arc<Gateway>, Error> {
    let shared = Shared { db, compositions: Arc::new(CompositionCache::default()) };
    let options = http::Options {
        limits: serving.limits(),
        execution: serving.execution(),
        change: serving.change(),
        wait,
        clock: Clock::System,
        zone: serving.time_zone,
        mail,
        files,
    };
    Gateway::new(shared, keys, options)
}

/// `kring serve`.
///
/// # Errors
/// A configuration error, or `Unavailable` when the database or the address cannot be had.
pub async fn serve(settings: Serve) -> Result<(), Error> {
    let secret = settings.secret.get()?;
    let keys = Keys::from_secret(secret);
    let _lock = Lock::take(&settings.database.database_url)?;
    let db = open(&settings.database, settings.serving.execution())?;
    let mailer = mailer(&settings.mail)?;
    let wait = Duration::from_secs(settings.database.wait_seconds);
    let files = settings.files.open()?;
    let gateway = gateway(db.clone(), keys, &settings.serving, wait, mailer.is_some(), Some(files))?;
    let listener = listen(settings.serving.listen).await?;
    let address = listener.local_addr().map_err(|error| Error::internal(error.to_string()))?;
    tracing::info!(%address, "serving");
    let post = mailer.map(|mailer| Post::open(db, mailer, settings.serving.time_zone));
    run(listener, gateway, &settings.serving).await;
    if let Some(post) = post {
        post.close().await;
    }
    Ok(())
}

fn mailer(settings: &Mail) -> Result<Option<Mailer>, Error> {
    let (Some(url), Some(from)) = (&settings.smtp_url, &settings.mail_from) else { return Ok(None) };
    Mailer::new(url, from, settings.smtp_ca_file.as_deref()).map(Some)
}

/// The thread that sends e-mails.
struct Post {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Post {
    fn open(db: Db, mailer: Mailer, zone: chrono_tz::Tz) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || worker::run(&db, &mailer, || operator("kring serve", zone), &told));
        Self { stop, thread }
    }

    /// Ends after the message that is under way, unless the mail server keeps it waiting: what was not sent for sure is
    /// sent when the gateway runs again.
    async fn close(self) {
        self.stop.store(true, Ordering::Relaxed);
        for _ in 0..30 {
            if self.thread.is_finished() {
                if self.thread.join().is_err() {
                    tracing::error!("the thread that sends e-mails failed");
                }
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tracing::warn!("an e-mail is still under way");
    }
}

/// Listens on an address.
///
/// # Errors
/// A configuration error when the address cannot be had.
pub async fn listen(address: SocketAddr) -> Result<tokio::net::TcpListener, Error> {
    tokio::net::TcpListener::bind(address)
        .await
        .map_err(|error| Error::Configuration(format!("cannot listen on {address}: {error}")))
}

/// Serves until the process is told to stop, and then finishes what is under way, as far as there is time for it.
pub async fn run(listener: tokio::net::TcpListener, gateway: Arc<Gateway>, serving: &Serving) {
    let closing = Arc::clone(&gateway);
    let sweeping = tokio::spawn(sweep(Arc::clone(&gateway)));
    let stop = async move {
        stopped().await;
        tracing::info!("stopping");
        closing.stop_following();
    };
    let router = http::router(Arc::clone(&gateway));
    http::server::serve_until(listener, router, &serving.connections(), stop, serving.stopping()).await;
    sweeping.abort();
    gateway.followers_gone().await;
}

/// Removes what uploads and deletions have left in the store of files, now and then.
async fn sweep(gateway: Arc<Gateway>) {
    loop {
        // What could not be removed now is noted, and removed next time.
        if let Err(error) = http::files::sweep(&gateway).await {
            tracing::warn!(error = error.logged(), "the store of files was not swept");
        }
        tokio::time::sleep(SWEEPING).await;
    }
}

async fn stopped() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
}

/// `kring token`.
///
/// # Errors
/// A configuration error when the role lacks what it needs, or an external id is unknown.
pub fn token(settings: &Token, role: Role) -> Result<String, Error> {
    let keys = Keys::from_secret(settings.secret.get()?);
    check_token(settings, role)?;
    let (mut participant, mut organization) = (None, None);
    let mut name = settings.name.clone().unwrap_or_else(|| format!("{role:?} (token)"));
    if settings.participant.is_some() || settings.organization.is_some() {
        (participant, organization) = named(&open(&settings.database, Duration::from_secs(10))?, settings)?;
    }
    if let Some(Named { display_name, .. }) = &participant {
        name.clone_from(display_name);
    }
    // A participant is one everywhere; the organization only said whose external id it was.
    let grants = [(role, organization.filter(|_| role != Role::Participant))];
    let now = Clock::System.now();
    keys.sign(participant.map(|it| it.id), &grants, &name, now, chrono::Duration::hours(settings.hours.into()))
}

/// The participant and the organization that the settings name; the participant's external id is that of the organization.
fn named(db: &Db, settings: &Token) -> Result<(Option<Named>, Option<i64>), Error> {
    let organization = settings.organization.as_deref().map(|id| find(db, id, Whose::Organizations)).transpose()?;
    let whose = organization.as_ref().map_or(Whose::Anybody, |organization| Whose::Of(organization.id));
    let participant = settings.participant.as_deref().map(|id| find(db, id, whose)).transpose()?;
    Ok((participant, organization.map(|organization| organization.id)))
}

/// Checks that a role has what it needs and no more.
fn check_token(settings: &Token, role: Role) -> Result<(), Error> {
    let refuse = |message: &str| Err(Error::Configuration(message.to_owned()));
    match (role, &settings.organization, &settings.participant) {
        (Role::MembershipAdministrator | Role::Staff, None, _) => {
            refuse("this role holds in an organization: name it with --organization")
        }
        (Role::Administrator, Some(_), _) => refuse("this role holds everywhere: leave --organization out"),
        (Role::Participant, _, None) => refuse("name the participant with --participant"),
        _ => Ok(()),
    }
}

/// `kring token --withdraw`.
///
/// # Errors
/// A configuration error when it is not said which tokens, or the participant is unknown.
pub fn withdraw(settings: &Token, token: &str) -> Result<&'static str, Error> {
    let wrong = |message: &str| Err(Error::Configuration(message.to_owned()));
    let db = open(&settings.database, Duration::from_secs(10))?;
    let (participant, _) = named(&db, settings)?;
    let (which, said) = match (token, participant, &settings.name) {
        ("", Some(participant), None) => {
            (Which::Participant(participant.id), "All tokens that this participant has up to now are withdrawn.")
        }
        ("", None, Some(name)) => {
            (Which::Program(shown(name)), "All tokens that this program has up to now are withdrawn.")
        }
        ("", ..) => return wrong("name the token to withdraw, or say whose with --participant or --name"),
        (token, None, None) if token.contains('.') => match id_of(token) {
            Some(id) => (Which::Token(id), "The token is withdrawn."),
            None => return wrong("this token has no id; withdraw all of the participant or of the program"),
        },
        (id, None, None) => (Which::Token(id.to_owned()), "The token is withdrawn."),
        _ => return wrong("withdraw either one token, or all of a participant or a program"),
    };
    let scope = operator("kring token", chrono_tz::Tz::UTC);
    db.write(|conn| withdrawals::withdraw(conn, &scope, &which, |_, _| Ok(())))?;
    Ok(said)
}

/// A participant by its external id or the id that the API prints.
///
/// # Errors
/// A configuration error when there is none, or more than one.
pub fn find(db: &Db, name: &str, whose: Whose) -> Result<Named, Error> {
    let what = if whose == Whose::Organizations { "organization" } else { "participant" };
    let of = if matches!(whose, Whose::Of(_)) { ", neither of the organization nor of nobody" } else { "" };
    db.read(|conn| named_store::find(conn, name, whose))?.map_err(|unnamed| {
        Error::Configuration(match unnamed {
            Unnamed::Nobody => format!(
                "there is no {what} \"{name}\"{of}; give its external id, or the id that the API prints"
            ),
            Unnamed::Several => format!(
                "several organizations have the external id \"{name}\"; name yours with --organization, or give the id that \
                 the API prints"
            ),
        })
    })
}

/// The scope of a command of the command line.
pub fn operator(name: &str, zone: chrono_tz::Tz) -> Scope {
    Scope::new(Viewer::operator(name), Clock::System, zone)
}
