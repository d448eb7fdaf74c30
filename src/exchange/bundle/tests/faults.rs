//! Folders and files that cannot be read, sizes, encodings, and how errors are shown.

use std::io::{self, Read};
use std::path::PathBuf;

use super::*;

/// The codes proved by tests other than the tables, since they take more than a short text.
pub(super) const PROVED: [ErrorCode; 8] = [
    ErrorCode::FolderUnreadable,
    ErrorCode::NoKnownFile,
    ErrorCode::FileUnreadable,
    ErrorCode::FileTooLarge,
    ErrorCode::TooManyRows,
    ErrorCode::RowTooLarge,
    ErrorCode::NotUtf8,
    ErrorCode::TooLong,
];

const GUARDIANS: &str = "child,guardian\nA,B\nC,D\n";

/// A source that fails wherever it is told to.
#[derive(Default)]
struct Failing {
    names: bool,
    open: bool,
}

impl Source for Failing {
    fn names(&self) -> io::Result<Vec<String>> {
        if self.names {
            return Err(io::Error::other("gone"));
        }
        Ok(vec!["guardians.csv".to_owned()])
    }

    fn open(&self, _name: &str) -> io::Result<Box<dyn Read + '_>> {
        if self.open {
            return Err(io::Error::other("locked"));
        }
        Ok(Box::new(GUARDIANS.as_bytes().chain(Broken)))
    }
}

/// A file that stops halfway.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("worn out"))
    }
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let cases = [
        (Failing { names: true, open: false }, "bundle FOLDER_UNREADABLE"),
        (Failing { names: false, open: true }, "guardians.csv FILE_UNREADABLE"),
        (Failing::default(), "guardians.csv:3:1 FILE_UNREADABLE"),
    ];
    for (source, expected) in cases {
        assert_eq!(places(&read_from(&source, &Limits::default())), [expected]);
    }
    let nowhere = PathBuf::from("/nowhere/at/all");
    assert_eq!(places(&read(&nowhere)), ["bundle FOLDER_UNREADABLE"]);
}

#[test]
fn a_folder_in_the_place_of_a_file_is_an_error() {
    let folder = std::env::temp_dir().join(format!("kring-bundle-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("guardians.csv")).expect("a folder");
    let outcome = read(&folder);
    std::fs::remove_dir_all(&folder).expect("the folder removed");
    assert_eq!(places(&outcome), ["guardians.csv FILE_UNREADABLE"]);
}

#[test]
fn a_folder_without_any_known_file_is_refused_with_what_its_files_may_have_meant() {
    let errors = refused(&[("membership.csv", ""), ("notes.txt", ""), (".x.csv", "")]);
    assert_eq!(
        errors.to_string(),
        "warning: membership.csv: the file was not read; did you mean memberships.csv? \
         [UNKNOWN_FILE]\n\
         bundle: there is none of the files of a bundle: categories.csv, participants.csv, \
         groups.csv, group_components.csv, memberships.csv, residencies.csv, guardians.csv \
         [NO_KNOWN_FILE]\n\
         1 error in the bundle"
    );
}

#[test]
fn an_unknown_file_beside_known_ones_is_a_warning() {
    let files = [("guardians.csv", GUARDIANS), ("invoices.CSV", ""), ("readme.md", "")];
    let warnings = read_texts(&files).expect("a sound bundle").warnings;
    let files: Vec<_> = warnings.iter().map(|warning| &*warning.file).collect();
    assert_eq!(files, ["invoices.CSV"]);
}

#[test]
fn sizes_are_limited() {
    let memory: Memory = [("guardians.csv", GUARDIANS)].into_iter().collect();
    let fits = Limits { file_bytes: 23, row_bytes: 15, rows: 2 };
    assert!(read_from(&memory, &fits).is_ok());
    let cases = [
        (Limits { file_bytes: 22, ..fits }, "guardians.csv FILE_TOO_LARGE"),
        (Limits { row_bytes: 14, ..fits }, "guardians.csv:1:1 ROW_TOO_LARGE"),
        (Limits { rows: 1, ..fits }, "guardians.csv:3:1 TOO_MANY_ROWS"),
    ];
    for (limits, expected) in cases {
        assert_eq!(places(&read_from(&memory, &limits)), [expected]);
    }
    // A source that does not know the size beforehand is stopped on the way.
    let limits = Limits { file_bytes: 22, ..fits };
    let found = places(&read_from(&Failing::default(), &limits));
    assert_eq!(found, ["guardians.csv:3:1 FILE_TOO_LARGE"]);
}

#[test]
fn a_row_over_many_lines_is_limited_too() {
    let text = format!("child,guardian\nA,\"{}", "B\n".repeat(10));
    let memory: Memory = [("guardians.csv", text)].into_iter().collect();
    let limits = Limits { row_bytes: 15, ..Limits::default() };
    let found = places(&read_from(&memory, &limits));
    assert_eq!(found, ["guardians.csv:2:3 ROW_TOO_LARGE"]);
}

#[test]
fn bytes_that_are_not_utf8_are_placed_exactly() {
    let cases: [(&[u8], &str); 6] = [
        (b"child,guardian\nA,Zo\xeb\n", "guardians.csv:2:5"),
        (b"child,guardian\nA,\xc3\xa9\xe9\xe9\n", "guardians.csv:2:4"),
        (b"\xef\xbb\xbfch\xefld,guardian\n", "guardians.csv:1:3"),
        (b"child,guardian\nA,\"B\nC\xc3\n\"\n", "guardians.csv:3:2"),
        (b"child,guardian\nA,B\xe2\x82", "guardians.csv:2:4"),
        (b"\xff\xfec\0h\0", "guardians.csv:1:1"),
    ];
    for (bytes, place) in cases {
        let memory: Memory = [("guardians.csv", bytes)].into_iter().collect();
        let found = places(&read_from(&memory, &Limits::default()));
        assert_eq!(found, [format!("{place} NOT_UTF8")], "{bytes:?}");
    }
}

#[test]
fn the_first_hundred_errors_by_place_are_kept_and_all_are_counted() {
    let mut guardians = String::from("child,guardian\n");
    guardians.push_str(&"A,\n".repeat(250));
    let files = [("guardians.csv", &*guardians), ("categories.csv", "external_id,name\n,A\n")];
    let refused = refused(&files);
    assert_eq!((refused.errors.len(), refused.total), (100, 251));
    assert_eq!(refused.errors[0].at.file, "categories.csv");
    let lines: Vec<u64> = refused.errors[1..].iter().map(|error| error.at.line).collect();
    assert_eq!(lines, (2..101).collect::<Vec<_>>());
    let text = refused.to_string();
    assert!(text.ends_with("\n251 errors in the bundle, the first 100 shown"), "{text}");
    assert!(text.starts_with("categories.csv:2:1: external_id must have a value [MISSING_VALUE]\n"), "{text}");
}
