//! Settings: every one a flag and an environment variable.

mod serving;

use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::Tz;
use clap::{Args, Parser, Subcommand};

use crate::access::Role;
use crate::access::secret::strong;
use crate::access::token::LONGEST_HOURS;
use crate::content::files::objects::{Bucket, Objects};
use crate::content::kind::ContentKind;
use crate::error::Error;
use crate::http::files::Options as FileOptions;
use crate::school::year::SchoolYear;
pub use serving::Serving;

/// Group and membership administration behind one GraphQL gateway.
#[derive(Debug, Parser)]
#[command(name = "kring", version, about, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve a fresh database with an association, a school and a tenants' organization in it, and print an address
    /// and tokens to look around with.
    Demo(Demo),
    /// Serve the gateway. Brings the database's schema up to date first.
    Serve(Box<Serve>),
    /// Bring the database's schema up to date and stop.
    Migrate(Database),
    /// Write a copy of an embedded database to a new file, while it is served.
    Backup(Backup),
    /// Print the GraphQL schema.
    Schema,
    /// Import a CSV bundle (a folder with participants.csv, groups.csv, memberships.csv and so on) or the roster of a
    /// school (a file in EDEXML). All of it is imported, or nothing.
    Import(Import),
    /// Plan, look at, apply and undo the transition to the next school year.
    YearTransition(YearTransition),
    /// Print a token on the last line of standard output.
    Token(Token),
}

/// Where the data is.
#[derive(Clone, Debug, Args)]
pub struct Database {
    /// The database: `sqlite://path` or `postgres://user@host/name`.
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite://kring.db", hide_env_values = true)]
    pub database_url: String,
    /// How many requests read at once; on PostgreSQL as many connections again are kept for writing.
    #[arg(long, env = "KRING_CONNECTIONS", default_value_t = 8)]
    pub connections: u32,
    /// How long a request waits for its turn before it is answered with UNAVAILABLE, in seconds.
    #[arg(long, env = "KRING_WAIT_SECONDS", default_value_t = 3)]
    pub wait_seconds: u64,
}

/// How files of content are kept.
#[derive(Clone, Debug, Args)]
pub struct Files {
    /// Where files are kept: a folder, or `s3://bucket/prefix`.
    #[arg(long, env = "KRING_FILES", default_value = "kring-files")]
    pub files: String,
    /// The address of an S3 service other than Amazon's.
    #[arg(long, env = "KRING_S3_ENDPOINT")]
    pub s3_endpoint: Option<String>,
    /// The region of the bucket.
    #[arg(long, env = "KRING_S3_REGION")]
    pub s3_region: Option<String>,
    /// The access key of the bucket; what AWS's own variables say when absent.
    #[arg(long, env = "KRING_S3_ACCESS_KEY_ID", requires = "s3_secret_access_key")]
    pub s3_access_key_id: Option<String>,
    /// The secret of the access key.
    #[arg(long, env = "KRING_S3_SECRET_ACCESS_KEY", hide_env_values = true)]
    pub s3_secret_access_key: Option<String>,
    /// The address under which clients reach the gateway, such as `https://kring.example.org`. Links to files are relative
    /// without it.
    #[arg(long, env = "KRING_PUBLIC_URL", default_value = "")]
    pub public_url: String,
    /// The largest document, in bytes.
    #[arg(long, env = "KRING_MAX_DOCUMENT_BYTES", default_value_t = 50 * 1024 * 1024)]
    pub max_document_bytes: u64,
    /// The largest photo as it is sent, in bytes.
    #[arg(long, env = "KRING_MAX_PHOTO_BYTES", default_value_t = 20 * 1024 * 1024)]
    pub max_photo_bytes: u64,
    /// The media types of documents that are accepted, in place of the usual ones: PDF, office documents, text, archives,
    /// pictures, MP3 and MP4.
    #[arg(long, env = "KRING_DOCUMENT_TYPES", value_delimiter = ',')]
    pub document_types: Vec<String>,
}

impl Files {
    /// Opens the store.
    ///
    /// # Errors
    /// A configuration error when it cannot be had.
    pub fn open(&self) -> Result<FileOptions, Error> {
        let bucket = Bucket {
            endpoint: self.s3_endpoint.clone(),
            region: self.s3_region.clone(),
            access_key_id: self.s3_access_key_id.clone(),
            secret_access_key: self.s3_secret_access_key.clone(),
        };
        let usual = FileOptions::new(Objects::open(&self.files, &bucket)?);
        let types = self.document_types.iter().map(|media_type| media_type.trim().to_ascii_lowercase());
        let document_types = if self.document_types.is_empty() { usual.document_types } else { types.collect() };
        Ok(FileOptions {
            public_url: self.public_url.clone(),
            max_document_bytes: self.max_document_bytes,
            max_photo_bytes: self.max_photo_bytes,
            document_types,
            ..usual
        })
    }
}

/// Settings of `backup`.
#[derive(Clone, Debug, Args)]
pub struct Backup {
    /// The file to write, which must not be there yet.
    pub file: PathBuf,
    #[command(flatten)]
    pub database: Database,
}

/// Settings of `demo`.
#[derive(Clone, Debug, Args)]
pub struct Demo {
    #[command(flatten)]
    pub serving: Serving,
    /// Where to put the database; a file that is made anew. A temporary one when absent.
    #[arg(long)]
    pub file: Option<PathBuf>,
}

/// How new members are written to.
#[derive(Clone, Debug, Args)]
pub struct Mail {
    /// The mail server: `smtps://user:password@host`, or `smtp://user:password@host?tls=required` for STARTTLS. Without it
    /// nobody is written to.
    #[arg(long, env = "KRING_SMTP_URL", hide_env_values = true, requires = "mail_from")]
    pub smtp_url: Option<String>,
    /// The sender of e-mails, such as `De Linde <info@delinde.example>`.
    #[arg(long, env = "KRING_MAIL_FROM")]
    pub mail_from: Option<String>,
    /// A file with a certificate (PEM) that the mail server may show besides those that are known everywhere.
    #[arg(long, env = "KRING_SMTP_CA_FILE")]
    pub smtp_ca_file: Option<PathBuf>,
}

/// Settings of `serve`.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    pub database: Database,
    #[command(flatten)]
    pub serving: Serving,
    #[command(flatten)]
    pub mail: Mail,
    #[command(flatten)]
    pub files: Files,
    #[command(flatten)]
    pub secret: Secret,
}

/// The secret that signs tokens.
#[derive(Clone, Debug, Args)]
pub struct Secret {
    /// The secret that signs tokens, at least 32 bytes. The same for every gateway on one database.
    #[arg(long = "jwt-secret", env = "KRING_JWT_SECRET", hide_env_values = true)]
    pub jwt_secret: Option<String>,
}

impl Secret {
    /// The secret, which must have been given and resist guessing.
    ///
    /// # Errors
    /// A configuration error that says how to make one.
    pub fn get(&self) -> Result<&str, Error> {
        strong(self.jwt_secret.as_deref().unwrap_or_default()).map_err(Error::Configuration)
    }
}

/// Settings of `import`.
#[derive(Clone, Debug, Args)]
pub struct Import {
    /// The folder with the bundle, or the file with the roster.
    pub path: PathBuf,
    /// Change nothing; only report what would be.
    #[arg(long)]
    pub dry_run: bool,
    /// The organization that is to own new groups and keep new participants' records, by its external id or the id that the
    /// API prints; a roster needs one. The external ids of the bundle are then those of this organization.
    #[arg(long)]
    pub organization: Option<String>,
    /// The largest share of the memberships, in percent, that may end; what went wrong at its source must not empty the
    /// groups. 25 for a bundle, 20 for a roster when absent.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub end_limit: Option<u8>,
    /// Also report what becomes of every row. A dry run reports at least the rows that would change what is stored, with
    /// each field from what to what.
    #[arg(long)]
    pub each_row: bool,
    /// A map: what another system's export in the folder is in the files and columns of a bundle.
    #[arg(long)]
    pub map: Option<PathBuf>,
    /// Read `end_date` as the last day that counts, as most systems write it. Kring's is the first day that does not.
    #[arg(long)]
    pub last_day: bool,
    /// Let an empty cell of a bundle empty what is stored. Otherwise it leaves it alone.
    #[arg(long)]
    pub empty_clears: bool,
    /// The largest share of the stored values of a column, in percent, that empty cells may empty; 25 when absent.
    #[arg(long, requires = "empty_clears", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub empty_limit: Option<u8>,
    /// The date on which memberships start and end, in place of the roster's own.
    #[arg(long)]
    pub date: Option<NaiveDate>,
    /// Take a roster that is older than one that was imported before.
    #[arg(long)]
    pub allow_older: bool,
    /// Link the content of a group that pupils left to the group that they came to.
    #[arg(long)]
    pub link_content: bool,
    /// The time zone that decides which date is today.
    #[arg(long, env = "KRING_TIME_ZONE", default_value = "Europe/Amsterdam")]
    pub time_zone: Tz,
    #[command(flatten)]
    pub database: Database,
}

/// Settings of `year-transition`.
#[derive(Clone, Debug, Args)]
pub struct YearTransition {
    #[command(subcommand)]
    pub command: YearCommand,
    /// The time zone that decides which date is today.
    #[arg(long, global = true, env = "KRING_TIME_ZONE", default_value = "Europe/Amsterdam")]
    pub time_zone: Tz,
    #[command(flatten)]
    pub database: Database,
}

/// What to do about a transition.
#[derive(Clone, Debug, Subcommand)]
pub enum YearCommand {
    /// Plan a transition from a CSV file and print what it would do. Nothing else changes.
    Plan(PlanYear),
    /// Print the latest transitions.
    List,
    /// Print what a transition would do as things are now, and the token with which it can be applied; of one that was
    /// applied, what it did.
    Preview {
        /// The transition's id.
        transition: String,
    },
    /// Apply a transition, all of it or nothing.
    Apply {
        /// The transition's id.
        transition: String,
        /// The token that the preview printed.
        #[arg(long)]
        token: String,
    },
    /// Withdraw a plan that was not applied.
    Withdraw {
        /// The transition's id.
        transition: String,
    },
    /// Link content again that a transition took away from a group.
    Relink(RelinkYear),
    /// Undo a transition. What was erased stays erased.
    Undo {
        /// The transition's id.
        transition: String,
    },
}

/// A transition to be planned.
#[derive(Clone, Debug, Args)]
pub struct PlanYear {
    /// The CSV file with the columns `group`, `participant`, `to_group`, `include_leaders`. A row without a participant says where a group's members
    /// go, to a group or LEAVING; a row with one says of whom it is otherwise, a group, STAYS or LEAVING. Groups are named by
    /// external id or by name, participants by external id; both also by the id that the API prints.
    pub file: PathBuf,
    /// The organization whose groups are concerned, by its external id or the id that the API prints.
    #[arg(long)]
    pub organization: String,
    /// The school year that ends, such as 2025-2026.
    #[arg(long)]
    pub from: SchoolYear,
    /// The day on which the new year's memberships are in force, such as 2026-08-24.
    #[arg(long)]
    pub effective_on: NaiveDate,
}

/// Content to be linked again.
#[derive(Clone, Debug, Args)]
pub struct RelinkYear {
    /// The transition's id.
    pub transition: String,
    /// The group that showed it, by external id or by name.
    #[arg(long)]
    pub from_group: String,
    /// The group that is to show it.
    #[arg(long)]
    pub to_group: String,
    /// Only items of these kinds, such as `NEWS_ITEM`; all when absent.
    #[arg(long, value_delimiter = ',', value_parser = kind)]
    pub kinds: Vec<ContentKind>,
}

fn kind(word: &str) -> Result<ContentKind, String> {
    ContentKind::from_word(word).ok_or_else(|| {
        let all: Vec<&str> = ContentKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("there are {}", all.join(", "))
    })
}

/// Settings of `token`.
#[derive(Clone, Debug, Args)]
pub struct Token {
    /// What the bearer may do.
    #[arg(long, value_enum, required_unless_present = "withdraw")]
    pub role: Option<Role>,
    /// The participant who is signed in, by external id or the id that the API prints.
    #[arg(long)]
    pub participant: Option<String>,
    /// The name of the program that is to bear the token. History shows it, and all tokens of the program are withdrawn by it.
    #[arg(long, conflicts_with = "participant")]
    pub name: Option<String>,
    /// Withdraw a token instead, given whole or by its id; or, without either, all that --participant or --name was given up
    /// to now.
    #[arg(long, num_args = 0..=1, default_missing_value = "", value_name = "TOKEN", conflicts_with = "role")]
    pub withdraw: Option<String>,
    /// The organization in which the role holds, by external id or the id that the API prints. The participant's external
    /// id is looked up in it.
    #[arg(long)]
    pub organization: Option<String>,
    /// How long the token is valid, in hours; at most ten years.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(0..=i64::from(LONGEST_HOURS)))]
    pub hours: u32,
    #[command(flatten)]
    pub database: Database,
    #[command(flatten)]
    pub secret: Secret,
}

impl Database {
    /// As the pools take it.
    pub fn options(&self, execution: Duration) -> crate::db::Options {
        crate::db::Options {
            readers: self.connections,
            wait: Duration::from_secs(self.wait_seconds),
            statement_timeout: execution,
            ..crate::db::Options::new(self.database_url.clone())
        }
    }
}
