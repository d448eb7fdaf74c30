//! Where the files of a bundle come from.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A set of named files.
pub trait Source {
    /// The names of the files.
    ///
    /// # Errors
    ///
    /// When the set cannot be listed.
    fn names(&self) -> io::Result<Vec<String>>;

    /// The contents of one of them.
    ///
    /// # Errors
    ///
    /// When there is no such file, or it cannot be read.
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + '_>>;

    /// How many bytes a file has, where that is known before reading it.
    fn size(&self, _name: &str) -> Option<u64> {
        None
    }
}

/// The files of a folder, those of its subfolders not counted.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder at `path`.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.into() }
    }
}

impl Source for Folder {
    fn names(&self) -> io::Result<Vec<String>> {
        fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read + '_>> {
        let path = self.path.join(name);
        // Opening a pipe would wait for a writer that may never come.
        if fs::metadata(&path)?.is_file() {
            Ok(Box::new(File::open(path)?))
        } else {
            Err(io::Error::other("not a regular file"))
        }
    }

    fn size(&self, name: &str) -> Option<u64> {
        fs::metadata(self.path.join(name)).ok().map(|found| found.len())
    }
}

/// Files held in memory, such as an upload.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    files: BTreeMap<String, Vec<u8>>,
}

impl Memory {
    /// Adds a file, or replaces the one of that name.
    pub fn insert(&mut self, name: impl Into<String>, contents: impl Into<Vec<u8>>) {
        self.files.insert(name.into(), contents.into());
    }
}

impl<N: Into<String>, C: Into<Vec<u8>>> FromIterator<(N, C)> for Memory {
    fn from_iter<I: IntoIterator<Item = (N, C)>>(files: I) -> Self {
        let mut memory = Self::default();
        for (name, contents) in files {
            memory.insert(name, contents);
        }
        memory
    }
}

impl Source for Memory {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.files.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read + '_>> {
        self.files
            .get(name)
            .map(|contents| Box::new(contents.as_slice()) as Box<dyn Read>)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn size(&self, name: &str) -> Option<u64> {
        self.files.get(name).map(|contents| contents.len() as u64)
    }
}
