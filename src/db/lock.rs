//! One gateway on one embedded database: each keeps things in memory that another would not hear of.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};

use crate::error::Error;

/// The right to serve a database, until it is dropped or the process ends, however that happens.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held for its lock")] Option<File>);

impl Lock {
    /// Takes the right for this process. On PostgreSQL any number may have it.
    ///
    /// # Errors
    /// A configuration error when another process has it, or the file beside the database cannot be written.
    pub fn take(url: &str) -> Result<Self, Error> {
        let Some(path) = url.trim().strip_prefix("sqlite://") else { return Ok(Self(None)) };
        // The database's own file has SQLite's locks, which end when anybody in the process closes it.
        let path = format!("{path}-serving");
        let wrong = |error: &dyn std::fmt::Display| Error::Configuration(format!("cannot lock {path}: {error}"));
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(|error| wrong(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who holds it may not have said so yet.
                let _ = file.read_to_string(&mut holder);
                return Err(Error::Configuration(format!(
                    "another gateway serves this database already (process {}): an embedded database has one gateway. \
                     Stop that one first, or use PostgreSQL",
                    holder.trim()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(wrong(&error)),
        }
        let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(|error| wrong(&error))?;
        Ok(Self(Some(file)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("kring.db").display());
        let first = Lock::take(&url).unwrap();
        let refusal = Lock::take(&url).unwrap_err().to_string();
        assert!(refusal.contains(&format!("process {}", std::process::id())), "{refusal}");
        drop(first);
        assert!(Lock::take(&url).is_ok());
        assert!(Lock::take("postgres://localhost/kring").and(Lock::take("postgres://localhost/kring")).is_ok());
    }
}
