//! One section of a map: rows of one file of a bundle, from one file of the export.

use std::collections::BTreeMap;

use super::value::{Charset, DateFormat};
use crate::exchange::bundle::error::At;
use crate::exchange::bundle::layout::Layout;

/// How the files of an export are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub delimiter: u8,
    pub charset: Charset,
    pub dates: DateFormat,
}

impl Default for Style {
    fn default() -> Self {
        Self { delimiter: b',', charset: Charset::Utf8, dates: DateFormat::default() }
    }
}

/// A piece of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// What stands in a column of the export.
    Column(String),
}

/// What a column of ours is made of.
#[derive(Debug)]
pub(super) struct Made {
    pub column: &'static str,
    pub pieces: Vec<Piece>,
    /// Where the map says so.
    pub at: At,
}

/// Which rows of the export count.
#[derive(Debug)]
pub(super) struct Only {
    pub column: String,
    /// What must stand in it; anything but nothing when absent.
    pub value: Option<String>,
    pub at: At,
}

/// A section of a map.
#[derive(Debug)]
pub(super) struct Section {
    pub layout: &'static Layout,
    /// Where it begins in the map.
    pub at: At,
    /// The file of the export. Without one there is a single row, of what is fixed.
    pub file: Option<&'static str>,
    pub style: Style,
    pub columns: Vec<Made>,
    pub fixed: Vec<(&'static str, String)>,
    /// For a column of ours, what the words of the export are in ours.
    pub words: BTreeMap<&'static str, BTreeMap<String, String>>,
    pub only: Vec<Only>,
    /// Whether rows that come out the same count once.
    pub once: bool,
}

impl Section {
    /// The columns of ours that it fills, in the order of its rows.
    pub(super) fn filled(&self) -> Vec<&'static str> {
        let made = self.columns.iter().map(|made| made.column);
        made.chain(self.fixed.iter().map(|(column, _)| *column)).collect()
    }

    /// The columns of the export that it reads, and where the map names them.
    pub(super) fn read(&self) -> impl Iterator<Item = (&str, At)> {
        let made = self.columns.iter().flat_map(|made| made.pieces.iter().map(|piece| (piece, made.at)));
        let made = made.filter_map(|(piece, at)| match piece {
            Piece::Column(column) => Some((column.as_str(), at)),
            Piece::Text(_) => None,
        });
        made.chain(self.only.iter().map(|only| (only.column.as_str(), only.at)))
    }
}

/// The pieces of a text such as `{Straat} {Huisnummer}`; a text without braces is the name of a column.
pub(super) fn pieces(text: &str) -> Option<Vec<Piece>> {
    if !text.contains(['{', '}']) {
        return Some(vec![Piece::Column(text.to_owned())]);
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (column, behind) = after.split_once('}')?;
        if before.contains('}') || column.contains('{') || column.is_empty() {
            return None;
        }
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        pieces.push(Piece::Column(column.to_owned()));
        rest = behind;
    }
    if rest.contains('}') {
        return None;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Some(pieces)
}
