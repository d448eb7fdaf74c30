//! Copies of the embedded database, made while it is served.

use std::path::Path;

use super::{Db, Dialect, Sql};
use crate::error::Error;

impl Db {
    /// Writes a copy of one state of an embedded database to a new file. Readers and writers go on meanwhile.
    ///
    /// # Errors
    /// A configuration error on PostgreSQL, which has a tool of its own, and when the file is there or cannot be written.
    pub fn back_up(&self, file: &Path) -> Result<(), Error> {
        if self.dialect == Dialect::Postgres {
            let message = "back PostgreSQL up with pg_dump; `kring backup` is for the embedded database";
            return Err(Error::Configuration(message.to_owned()));
        }
        let wrong = |error: &dyn std::fmt::Display| {
            Error::Configuration(format!("cannot write the backup to {}: {error}", file.display()))
        };
        // SQLite writes into a file that is empty, and this one is its owner's from the start.
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let made = options.open(file).map_err(|error| wrong(&error))?;
        let path = file.to_str().ok_or_else(|| wrong(&"the path is no text"))?;
        let copied = self.manager.open().map_err(|error| error.to_string()).and_then(|mut conn| {
            let sql = Sql::new("VACUUM INTO ").string(path.to_owned());
            sql.execute(&mut conn).map_err(|error| error.to_string())
        });
        let synced = copied.and_then(|_| made.sync_all().map_err(|error| error.to_string()));
        synced.map_err(|error| {
            // Half a backup must not pass for a whole one.
            let _ = std::fs::remove_file(file);
            wrong(&error)
        })
    }
}
