//! Maps: what another system's export is in the files and columns of a bundle.
//!
//! A map is a TOML file. Each of its sections is called after a file of a bundle and makes rows of that file from the rows
//! of one file of the export. [`parse`] reads the map, [`apply`] the export. What is wrong with a map is told with its line
//! and key, and what is wrong with the export with its own file, line and column.

mod apply;
mod parse;
mod section;
mod value;

use std::fs;
use std::path::Path;

use super::error::{At, BundleErrors, ErrorCode, Log};
use section::Section;

/// What a map may hold.
const MAP_BYTES: u64 = 1 << 20;

/// How the files of an export become those of a bundle.
#[derive(Debug, Default)]
pub struct Map {
    sections: Vec<Section>,
    /// Whether `end_date` is the last day that counts.
    pub(super) last_day: bool,
}

/// Reads a map.
///
/// # Errors
/// Everything that is wrong with it, by line and key.
pub fn read_map(path: &Path) -> Result<Map, BundleErrors> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut log = Log::default();
    let file = interned(&name);
    let found = fs::metadata(path).and_then(|found| {
        if found.len() > MAP_BYTES { Err(std::io::Error::other("it is too large for a map")) } else { fs::read(path) }
    });
    let map = match found.map(String::from_utf8) {
        Ok(Ok(text)) => parse::map(file, &text, &mut log),
        Ok(Err(_)) => {
            log.report(At::file(file), ErrorCode::NotUtf8, "the map is not UTF-8; save it as UTF-8");
            Map::default()
        }
        Err(error) => {
            log.report(At::file(file), ErrorCode::FileUnreadable, format!("the map cannot be read: {error}"));
            Map::default()
        }
    };
    if log.is_empty() { Ok(map) } else { Err(BundleErrors { what: "map", ..log.into_errors(Vec::new()) }) }
}

/// A name that places can have. Places are copied by the million, and a map names a handful of files, each kept for as long
/// as the process runs.
fn interned(name: &str) -> &'static str {
    Box::leak(name.to_owned().into_boxed_str())
}
