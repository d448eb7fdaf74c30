//! Names of files as people give them, made safe.

/// The longest name, in characters.
const LONGEST: usize = 120;

/// The name without folders, without characters that cannot be seen or that change the direction of reading, and without
/// those that some system gives a meaning. A name of which nothing is left is `file`.
pub fn safe(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept = |c: char| !c.is_control() && !is_invisible(c) && !matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*');
    let clean: String = last.chars().filter(|c| kept(*c)).map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let clean = clean.trim_matches(|c: char| c == '.' || c == ' ');
    if clean.is_empty() {
        return "file".to_owned();
    }
    match clean.rsplit_once('.') {
        Some((stem, extension)) if extension.chars().count() <= 10 => {
            let room = LONGEST - extension.chars().count() - 1;
            format!("{}.{extension}", stem.chars().take(room).collect::<String>())
        }
        _ => clean.chars().take(LONGEST).collect(),
    }
}

/// The same with the extension that fits what is in the file.
pub fn with_extension(name: &str, extension: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    safe(&format!("{stem}.{extension}"))
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_safe() {
        for (name, expected) in [
            ("notulen.pdf", "notulen.pdf"),
            ("Notulen 1 maart.pdf", "Notulen 1 maart.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\x\\foto.jpg", "foto.jpg"),
            ("a\r\nSet-Cookie: x=1.txt", "aSet-Cookie x=1.txt"),
            ("gpj.\u{202e}exe.pdf", "gpj.exe.pdf"),
            ("..", "file"),
            ("", "file"),
            ("\u{200b}", "file"),
            (".htaccess", "htaccess"),
            ("naam\u{1}\".pdf. ", "naam.pdf"),
        ] {
            assert_eq!(safe(name), expected, "{name:?}");
        }
        let long = safe(&format!("{}.pdf", "é".repeat(500)));
        assert_eq!((long.chars().count(), long.ends_with("é.pdf")), (120, true));
        assert_eq!(with_extension("foto.PNG", "jpg"), "foto.jpg");
    }
}
