//! What people give in place of a bundle or a roster, and what to tell them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::layout;

/// How many bytes of a file tell what it is.
const GLANCE: u64 = 64;

/// What a file is that is neither.
fn what(start: &[u8], name: &str) -> Option<&'static str> {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default();
    let is = |extensions: &[&str]| extensions.contains(&extension.as_str());
    if is(&["xlsx", "xlsm", "xls", "ods"]) || start.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return Some(
            "is a workbook of a spreadsheet program; save each sheet as CSV (UTF-8), named as the files of a bundle are, \
             into one folder, and give that folder",
        );
    }
    if start.starts_with(b"PK\x03\x04") || is(&["zip", "rar", "7z", "gz", "tar", "tgz"]) {
        return Some("is an archive; unpack it, and give the folder or the file that is in it");
    }
    if start.starts_with(b"%PDF") {
        return Some("is a PDF file, which cannot be imported");
    }
    None
}

/// Looks whether a file can be a roster, which is XML.
///
/// # Errors
/// What to give in its place, in words.
pub fn look_at(path: &Path) -> Result<(), String> {
    let shown = path.display();
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(GLANCE).read_to_end(&mut start));
    read.map_err(|error| format!("cannot read {shown}: {error}"))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if let Some(what) = what(&start, &name) {
        return Err(format!("{shown} {what}"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if layout::ALL.iter().any(|layout| layout.file.eq_ignore_ascii_case(&name)) {
        return Err(format!(
            "{shown} is one file of a CSV bundle; give the folder that it is in: {}",
            folder.display()
        ));
    }
    // UTF-16 begins with a byte order mark or has every second byte empty; rosters in it are read as such.
    let text: Vec<u8> = start.iter().copied().filter(|byte| *byte != 0).collect();
    let text = text.strip_prefix(b"\xef\xbb\xbf").or(text.strip_prefix(b"\xff\xfe")).or(text.strip_prefix(b"\xfe\xff"));
    let marked = text.map(<[u8]>::to_vec);
    let text = marked.unwrap_or_else(|| start.iter().copied().filter(|byte| *byte != 0).collect());
    let is_csv = Path::new(&name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    if is_csv && !text.trim_ascii_start().starts_with(b"<") {
        return Err(format!(
            "{shown} is a CSV file, and none of a bundle by its name. A bundle is a folder with some of these files: {}",
            layout::ALL.map(|layout| layout.file).join(", ")
        ));
    }
    Ok(())
}

/// What to tell of a folder without any file of a bundle, by the names of what is in it.
pub(super) fn hint(names: &[String]) -> String {
    let with = |extensions: &[&str]| {
        names.iter().find(|name| {
            let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
            extension.is_some_and(|extension| extensions.contains(&extension.as_str()))
        })
    };
    if let Some(name) = with(&["xml"]) {
        return format!("; {name} may be a roster: give the file itself, not its folder");
    }
    if let Some(name) = with(&["zip", "7z", "rar", "gz", "tgz"]) {
        return format!("; {name} is an archive: unpack it");
    }
    if let Some(name) = with(&["xlsx", "xls", "ods", "xlsm"]) {
        return format!("; {name} is a workbook: save its sheets as CSV (UTF-8)");
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, contents: &[u8]) -> Option<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, contents).expect("a file");
        look_at(&path).err()
    }

    #[test]
    fn what_is_given_in_place_of_a_bundle_is_told() {
        for (name, contents, expected) in [
            (
                "participants.csv",
                &b"external_id\nA"[..],
                Some("is one file of a CSV bundle; give the folder that it is in: "),
            ),
            ("Memberships.CSV", b"group", Some("is one file of a CSV bundle")),
            ("leden.csv", b"Naam;Adres", Some("is a CSV file, and none of a bundle by its name")),
            ("leden.csv", b"\xff\xfeN\0a\0", Some("is a CSV file, and none of a bundle by its name")),
            ("leden.xlsx", b"PK\x03\x04", Some("is a workbook of a spreadsheet program")),
            ("leden.xls", b"\xd0\xcf\x11\xe0", Some("is a workbook of a spreadsheet program")),
            ("bundle.zip", b"PK\x03\x04", Some("is an archive; unpack it")),
            ("roster", b"PK\x03\x04", Some("is an archive; unpack it")),
            ("roster.pdf", b"%PDF-1.7", Some("is a PDF file")),
            ("roster.xml", b"<EDEX>", None),
            ("roster.csv", b"<EDEX>", None),
            ("roster.xml", b"\xff\xfe<\0E\0", None),
            ("roster", b"", None),
        ] {
            match (told(name, contents), expected) {
                (Some(told), Some(expected)) => assert!(told.contains(expected), "{name}: {told}"),
                (told, expected) => assert_eq!(told.as_deref(), expected, "{name}"),
            }
        }
    }

    #[test]
    fn a_folder_without_a_bundle_says_what_may_be_meant() {
        let names = |name: &str| hint(&["notes.txt".to_owned(), name.to_owned()]);
        assert!(names("de-wilg.XML").contains("give the file itself"));
        assert!(names("export.zip").contains("unpack it"));
        assert!(names("leden.xlsx").contains("save its sheets as CSV"));
        assert_eq!(names("other.txt"), "");
    }
}
