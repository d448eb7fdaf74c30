//! Where the bytes of files are kept: a local folder, or a bucket of S3.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::stream::BoxStream;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt, WriteMultipart};

use crate::error::Error;
use crate::log::plain;

/// How much of a file is in memory while it is written, in bytes. S3 takes no smaller parts.
const PART: usize = 5 * 1024 * 1024;

/// How to reach a bucket.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    /// The address of a service other than Amazon's.
    pub endpoint: Option<String>,
    pub region: Option<String>,
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<String>,
}

/// The store of objects.
#[derive(Clone, Debug)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    /// The folder, where it is one.
    folder: Option<PathBuf>,
}

/// An object being written.
pub struct Writing {
    upload: WriteMultipart,
}

/// What comes out of the store, piece by piece.
pub type Pieces = BoxStream<'static, object_store::Result<bytes::Bytes>>;

impl Objects {
    /// Opens a folder, which is made when it is not there, or `s3://bucket/prefix`.
    ///
    /// # Errors
    /// A configuration error when it cannot be had.
    pub fn open(location: &str, bucket: &Bucket) -> Result<Self, Error> {
        let wrong = |error: &dyn std::fmt::Display| {
            Error::Configuration(format!("the store of files at {location} cannot be opened: {error}"))
        };
        let Some(rest) = location.strip_prefix("s3://") else {
            make_private(location).map_err(|error| wrong(&error))?;
            let store = LocalFileSystem::new_with_prefix(location).map_err(|error| wrong(&error))?;
            // What is acknowledged must survive a power cut, the entry in its folder too.
            let store = Arc::new(store.with_automatic_cleanup(true).with_fsync(true));
            return Ok(Self { store, folder: Some(PathBuf::from(location)) });
        };
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(name);
        if let Some(endpoint) = &bucket.endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(is_loopback(endpoint));
        }
        if let Some(region) = &bucket.region {
            builder = builder.with_region(region);
        }
        if let (Some(id), Some(secret)) = (&bucket.access_key_id, &bucket.secret_access_key) {
            builder = builder.with_access_key_id(id).with_secret_access_key(secret);
        }
        let store = builder.build().map_err(|error| wrong(&error))?;
        Ok(Self { store: Arc::new(PrefixStore::new(store, Path::from(prefix))), folder: None })
    }

    /// A key for a new object, which cannot be guessed.
    ///
    /// # Errors
    /// `Internal` when the system has no randomness.
    pub fn new_key() -> Result<String, Error> {
        let mut bytes = [0_u8; 24];
        getrandom::fill(&mut bytes).map_err(|error| Error::internal(format!("no randomness: {error}")))?;
        let text = URL_SAFE_NO_PAD.encode(bytes);
        let (folder, name) = text.split_at_checked(2).unwrap_or(("", &text));
        Ok(format!("{folder}/{name}"))
    }

    /// Writes a whole object.
    ///
    /// # Errors
    /// `Unavailable` when the store does not take it.
    pub async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), Error> {
        self.store.put(&Path::from(key), bytes.into()).await.map(drop).map_err(|error| unavailable(&error))
    }

    /// Starts to write an object piece by piece; it is there only when it is finished.
    ///
    /// # Errors
    /// `Unavailable` when the store does not take it.
    pub async fn write(&self, key: &str) -> Result<Writing, Error> {
        let upload = self.store.put_multipart(&Path::from(key)).await.map_err(|error| unavailable(&error))?;
        Ok(Writing { upload: WriteMultipart::new_with_chunk_size(upload, PART) })
    }

    /// Reads an object or a part of it.
    ///
    /// # Errors
    /// `Unavailable` when the store does not answer, or has no such object.
    pub async fn read(&self, key: &str, range: Option<Range<u64>>) -> Result<Pieces, Error> {
        let options = GetOptions::new().with_range(range);
        let found = self.store.get_opts(&Path::from(key), options).await.map_err(|error| unavailable(&error))?;
        Ok(found.into_stream())
    }

    /// Removes an object, if it is there, and what was written of it in vain.
    ///
    /// # Errors
    /// `Unavailable` when the store does not answer.
    pub async fn remove(&self, key: &str) -> Result<(), Error> {
        if let Some(folder) = &self.folder {
            let (folder, key) = (folder.clone(), key.to_owned());
            let removed = tokio::task::spawn_blocking(move || remove_parts(&folder, &key)).await;
            removed.map_err(|error| Error::internal(error.to_string()))?.map_err(|error| unavailable(&error))?;
        }
        match self.store.delete(&Path::from(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(unavailable(&error)),
        }
    }
}

/// Makes a folder that its owner alone can read.
fn make_private(location: &str) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(location)
}

/// Removes what the store keeps beside an object while it is written, in files called `KEY#1` and so on: a process that was
/// killed has left it.
fn remove_parts(folder: &std::path::Path, key: &str) -> std::io::Result<()> {
    let path = folder.join(key);
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let start = format!("{}#", name.to_string_lossy());
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&start) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

impl Writing {
    /// Writes a piece, and waits while the store is behind.
    ///
    /// # Errors
    /// `Unavailable` when the store does not take it.
    pub async fn piece(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.upload.wait_for_capacity(2).await.map_err(|error| unavailable(&error))?;
        self.upload.write(bytes);
        Ok(())
    }

    /// Makes the object be there.
    ///
    /// # Errors
    /// `Unavailable` when the store does not take it.
    pub async fn finish(self) -> Result<(), Error> {
        self.upload.finish().await.map(drop).map_err(|error| unavailable(&error))
    }

    /// Leaves nothing behind.
    pub async fn abandon(self) {
        if let Err(error) = self.upload.abort().await {
            tracing::warn!(
                cause = plain(&error.to_string()),
                "an unfinished file stays in the store until it is swept"
            );
        }
    }
}

fn unavailable(error: &(dyn std::error::Error + 'static)) -> Error {
    tracing::error!(cause = plain(&error.to_string()), "the store of files did not do what it was asked");
    if is_full(error) { Error::Full } else { Error::Unavailable }
}

/// Whether the disk has no room left; the error of the system lies somewhere inside.
fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded))
}

/// Unencrypted only to this machine.
fn is_loopback(endpoint: &str) -> bool {
    let host = endpoint.split("://").nth(1).unwrap_or_default();
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| {
        host.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(':') || rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    #[test]
    fn a_full_disk_is_told_from_a_store_that_does_not_answer() {
        for (kind, is_full) in
            [(ErrorKind::StorageFull, true), (ErrorKind::QuotaExceeded, true), (ErrorKind::PermissionDenied, false)]
        {
            let source = object_store::Error::Generic { store: "inner", source: std::io::Error::from(kind).into() };
            let error = unavailable(&object_store::Error::Generic { store: "outer", source: source.into() });
            assert_eq!(matches!(error, Error::Full), is_full, "{kind}");
        }
    }
}
