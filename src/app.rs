//! From settings to a running gateway, and the other commands.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::sql_types::{BigInt, Text};

use crate::access::token::{Keys, MIN_SECRET};
use crate::access::{Role, Viewer};
use crate::config::{Database, Mail, Secret, Serve, Serving, Token};
use crate::db::lock::Lock;
use crate::db::{Db, Sql};
use crate::error::Error;
use crate::graphql::session::Shared;
use crate::groups::store::CompositionCache;
use crate::http::files::Options as FileOptions;
use crate::http::{self, Gateway};
use crate::keys;
use crate::mail::transport::Mailer;
use crate::mail::worker;
use crate::people::ParticipantKind;
use crate::scope::{Clock, Scope};

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
    check_strength(&settings.secret, settings.serving.listen)?;
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

/// A guessed secret opens everything, so a weak one is for trying things out on one's own machine.
fn check_strength(secret: &Secret, listen: SocketAddr) -> Result<(), Error> {
    if secret.is_strong() {
        return Ok(());
    }
    if !listen.ip().is_loopback() {
        return Err(Error::Configuration(format!(
            "KRING_JWT_SECRET must have at least {MIN_SECRET} bytes when the gateway listens on {listen}; \
             `openssl rand -base64 48` makes a good one"
        )));
    }
    tracing::warn!("KRING_JWT_SECRET has fewer than {MIN_SECRET} bytes; it will do for this machine only");
    Ok(())
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
            tracing::warn!(%error, "the store of files was not swept");
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
pub fn token(settings: &Token) -> Result<String, Error> {
    let keys = Keys::from_secret(settings.secret.get()?);
    let needs_organization = matches!(settings.role, Role::MembershipAdministrator | Role::Staff);
    if needs_organization != settings.organization.is_some() {
        return Err(Error::Configuration(if needs_organization {
            "this role holds in an organization: name it with --organization".to_owned()
        } else {
            "this role holds everywhere: leave --organization out".to_owned()
        }));
    }
    if settings.role == Role::Participant && settings.participant.is_none() {
        return Err(Error::Configuration("name the participant with --participant".to_owned()));
    }
    let (mut participant, mut organization) = (None, None);
    let mut name = format!("{:?} (token)", settings.role);
    if settings.participant.is_some() || settings.organization.is_some() {
        let db = open(&settings.database, Duration::from_secs(10))?;
        participant = settings.participant.as_deref().map(|id| find(&db, id)).transpose()?;
        organization = settings.organization.as_deref().map(|id| find(&db, id)).transpose()?;
    }
    if let Some((_, kind, _)) = &organization
        && *kind != ParticipantKind::Organization
    {
        return Err(Error::Configuration("--organization names a participant that is no organization".to_owned()));
    }
    if let Some((_, _, display_name)) = &participant {
        name.clone_from(display_name);
    }
    let grants = [(settings.role, organization.map(|(id, ..)| id))];
    let now = Clock::System.now();
    keys.sign(participant.map(|(id, ..)| id), &grants, &name, now, chrono::Duration::hours(settings.hours.into()))
}

/// A participant by its external id: key, kind and name.
///
/// # Errors
/// A configuration error when there is none, or more than one.
pub fn find(db: &Db, external_id: &str) -> Result<(i64, ParticipantKind, String), Error> {
    let mut found = db.read(|conn| {
        Ok(Sql::new("SELECT id, kind, display_name FROM participants WHERE external_id = ")
            .string(external_id)
            .load::<(BigInt, Text, Text), (i64, ParticipantKind, String)>(conn)?)
    })?;
    match (found.pop(), found.is_empty()) {
        (Some(participant), true) => Ok(participant),
        (None, _) => {
            Err(Error::Configuration(format!("there is no participant with the external id \"{external_id}\"")))
        }
        (Some(_), false) => Err(Error::Configuration(format!(
            "several organizations have a participant with the external id \"{external_id}\"; give it another one first"
        ))),
    }
}

/// The scope of a command of the command line.
pub fn operator(name: &str, zone: chrono_tz::Tz) -> Scope {
    Scope::new(Viewer::operator(name), Clock::System, zone)
}
