//! What files may be, and whether they are what they say.

/// The types of documents that are accepted unless others are set.
pub const DOCUMENTS: &[&str] = &[
    "application/pdf",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.presentation",
    "application/zip",
    "text/plain",
    "text/csv",
    "image/jpeg",
    "image/png",
    "image/webp",
    "audio/mpeg",
    "video/mp4",
];

/// How many bytes from the start are looked at.
pub const HEAD: usize = 8_192;

/// The type without its parameters, in lower case: what stands in `Content-Type`.
pub fn essence(declared: &str) -> String {
    declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a file that starts so can be of the type that it is said to be.
pub fn fits(declared: &str, head: &[u8]) -> bool {
    let Some(found) = infer::get(head) else {
        // Text has no mark of its own; what has no zero byte can be read.
        return declared.starts_with("text/") && !head.contains(&0);
    };
    let found = found.mime_type();
    found == declared
        // Modern documents are archives, old ones compound files, and either may be recognized as no more than that.
        || found == "application/zip" && declared.starts_with("application/vnd.o")
        || found == "application/x-ole-storage" && is_old_office(declared)
        || is_old_office(found) && is_old_office(declared)
}

fn is_old_office(media_type: &str) -> bool {
    media_type == "application/msword" || media_type.starts_with("application/vnd.ms-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_what_they_say() {
        let compound = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, 0, 0, 0, 0, 0, 0, 0, 0];
        let cases: [(&str, &[u8], bool); 10] = [
            ("application/pdf", b"%PDF-1.7 rest", true),
            ("application/pdf", b"<html>", false),
            ("application/pdf", b"MZ\x90\x00", false),
            ("text/plain", b"Beste ouders", true),
            ("text/plain", b"%PDF-1.7", false),
            ("text/plain", b"a\0b", false),
            ("application/zip", b"PK\x03\x04rest", true),
            ("application/vnd.oasis.opendocument.text", b"PK\x03\x04rest", true),
            ("application/msword", &compound, true),
            ("image/png", b"", false),
        ];
        for (declared, head, expected) in cases {
            assert_eq!(fits(declared, head), expected, "{declared} {head:?}");
        }
        assert_eq!(essence("Text/Plain; charset=utf-8"), "text/plain");
    }
}
