//! Reads a CSV bundle: a folder of files into rows that are checked as far as that goes without
//! knowing what is stored, or a list of everything that is wrong, each with file, line and column.
//!
//! Nothing here touches the database. What the bundle refers to and does not hold itself is handed
//! over as [`Bundle::unresolved`], and every [`Reference`] knows its place, so that whoever looks
//! it up can refuse it just as exactly.
//!
//! ```text
//! source     names and bytes, from a folder or from memory
//!   scan     bytes into records: RFC 4180, UTF-8, size limits
//!   table    records into rows with named columns (header, layout) and typed fields (value)
//!   map      another system's files and columns in place of those of a bundle
//!   rows     what the fields of one row owe each other
//!   check    what the rows owe each other: references, repeats, periods
//!   graph    circles among groups
//! ```
//!
//! All errors of a bundle are reported at once. A row that is refused is left out of the checks
//! between rows, and a file whose header is refused is not read any further, so that one mistake
//! does not bring on others that are not there.

mod check;
mod error;
mod glance;
mod graph;
mod header;
mod layout;
mod map;
mod model;
mod rows;
mod scan;
mod source;
mod suggest;
mod table;
mod value;
mod vocabulary;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::Path;

pub use glance::look_at;

pub use error::{At, BundleError, BundleErrors, ErrorCode, Warning, WarningCode};
pub use map::{Map, read_map};
pub use model::{
    Bundle, Category, Component, ComponentMode, Composition, ExternalId, FileSummary, Gender, Group, Guardian, Lack,
    Membership, MembershipRole, NeighbourhoodRole, Participant, ParticipantKind, Reference, Residency, Target,
    Unresolved,
};
pub use rows::kinds_of_field;
pub use source::{Folder, Memory, Source};
pub use vocabulary::Vocabulary;

pub(super) use error::Log;
pub(super) use value::{Problem, Shown, date, email, line, prose, words};

use error::Checked;
use layout::Layout;
use scan::file_too_large;
use table::{Context, Names, Row};

/// How many unknown files are warned about.
const WARNINGS: usize = 100;

/// How much a bundle may hold. The defaults keep the largest bundle within a few gigabytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of a file.
    pub file_bytes: u64,
    /// Most bytes of a row.
    pub row_bytes: u64,
    /// Most rows of a file, the header not counted.
    pub rows: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 512 << 20, row_bytes: 1 << 20, rows: 5_000_000 }
    }
}

/// How the files are to be understood.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading<'m> {
    /// What another system's export is in the files and columns of a bundle.
    pub map: Option<&'m Map>,
    /// Whether `end_date` is the last day that counts, rather than the first that does not.
    pub last_day: bool,
}

/// Reads and checks the bundle in a folder.
///
/// # Errors
///
/// Everything that is wrong with the bundle, by file, line and column.
pub fn read(folder: &Path) -> Result<Bundle, BundleErrors> {
    read_from(&Folder::new(folder), &Limits::default())
}

/// Reads and checks the bundle in any set of files.
///
/// # Errors
///
/// Everything that is wrong with the bundle, by file, line and column.
pub fn read_from(source: &dyn Source, limits: &Limits) -> Result<Bundle, BundleErrors> {
    read_with(source, limits, &Reading::default())
}

/// The same, understood as asked.
///
/// # Errors
///
/// Everything that is wrong with the bundle, by file, line and column.
pub fn read_with(source: &dyn Source, limits: &Limits, reading: &Reading<'_>) -> Result<Bundle, BundleErrors> {
    let context = Context {
        limits,
        log: Log::default(),
        names: Names::default(),
        files: Vec::new(),
        exported: BTreeMap::new(),
        last_day: reading.last_day || reading.map.is_some_and(|map| map.last_day),
    };
    let mut reader = Reader { source, map: reading.map, present: Vec::new(), context };
    let mut warnings = reader.list();
    let mut bundle = Bundle {
        categories: reader.file(&layout::CATEGORIES, rows::category),
        participants: reader.file(&layout::PARTICIPANTS, rows::participant),
        groups: reader.file(&layout::GROUPS, rows::group),
        components: reader.file(&layout::COMPONENTS, rows::component),
        memberships: reader.file(&layout::MEMBERSHIPS, rows::membership),
        residencies: reader.file(&layout::RESIDENCIES, rows::residency),
        guardians: reader.file(&layout::GUARDIANS, rows::guardian),
        ..Bundle::default()
    };
    warnings.extend(reader.map.map(|map| map.unread(&reader.context)).into_iter().flatten());
    let Context { mut log, files, .. } = reader.context;
    bundle.files = files;
    bundle.unresolved = check::references(&bundle, &mut log);
    check::repeated_rows(&bundle, &mut log);
    check::overlaps(&bundle, &mut log);
    graph::check(&bundle, &mut log);
    if log.is_empty() {
        bundle.warnings = warnings;
        Ok(bundle)
    } else {
        Err(log.into_errors(warnings))
    }
}

/// Reads the files of a source one after the other.
struct Reader<'r> {
    source: &'r dyn Source,
    map: Option<&'r Map>,
    /// The files of a bundle that the source has.
    present: Vec<&'static str>,
    context: Context<'r>,
}

impl Reader<'_> {
    /// Finds out which files there are, and warns of those that no bundle has.
    fn list(&mut self) -> Vec<Warning> {
        let mut names = match self.source.names() {
            Ok(names) => names,
            Err(error) => {
                let message = format!("the folder cannot be read: {error}");
                let log = &mut self.context.log;
                log.report(At::FOLDER, ErrorCode::FolderUnreadable, message);
                return Vec::new();
            }
        };
        names.sort_unstable();
        if let Some(map) = self.map {
            let files = map.files();
            let others = names.into_iter().filter(|name| is_csv(name) && !files.contains(name.as_str()));
            let message = || "the file was not read; the map does not name it".to_owned();
            let warning = |file| Warning { code: WarningCode::UnknownFile, file, message: message() };
            return others.take(WARNINGS).map(warning).collect();
        }
        let known = |name: &String| layout::ALL.iter().any(|layout| layout.file == name);
        let (found, others): (Vec<_>, Vec<_>) = names.into_iter().partition(known);
        self.present =
            layout::ALL.iter().map(|layout| layout.file).filter(|file| found.iter().any(|name| name == file)).collect();
        if self.present.is_empty() {
            let hint = glance::hint(&others);
            let message = format!("there is none of the files of a bundle: {}{hint}", known_files());
            let log = &mut self.context.log;
            log.report(At::FOLDER, ErrorCode::NoKnownFile, message);
        }
        others.into_iter().filter(|name| is_csv(name)).take(WARNINGS).map(unknown_file).collect()
    }

    /// Reads a file, if the source has it.
    fn file<T>(&mut self, layout: &'static Layout, parse: fn(&mut Row<'_>) -> Checked<T>) -> Vec<T> {
        if let Some(map) = self.map {
            return map.rows(layout, self.source, &mut self.context, parse);
        }
        if !self.present.contains(&layout.file) {
            return Vec::new();
        }
        let at = At::file(layout.file);
        let limits = self.context.limits;
        if self.source.size(layout.file).is_some_and(|size| size > limits.file_bytes) {
            let log = &mut self.context.log;
            log.report(at, ErrorCode::FileTooLarge, file_too_large(limits));
            return Vec::new();
        }
        match self.source.open(layout.file) {
            Ok(input) => self.context.read(layout, BufReader::new(input), parse),
            Err(error) => {
                let message = format!("the file cannot be opened: {error}");
                self.context.log.report(at, ErrorCode::FileUnreadable, message);
                Vec::new()
            }
        }
    }
}

/// Whether a file looks like a part of the bundle. Names that begin with a dot are the leavings of
/// other programs.
fn is_csv(name: &str) -> bool {
    let extension = Path::new(name).extension();
    !name.starts_with('.') && extension.is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}

fn unknown_file(name: String) -> Warning {
    let message = match suggest::nearest(&name, layout::ALL.iter().map(|layout| layout.file)) {
        Some(file) => format!("the file was not read; did you mean {file}?"),
        None => format!("the file was not read; those of a bundle are: {}", known_files()),
    };
    Warning { code: WarningCode::UnknownFile, file: name, message }
}

fn known_files() -> String {
    layout::ALL.map(|layout| layout.file).join(", ")
}
