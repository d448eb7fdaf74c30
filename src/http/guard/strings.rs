//! What strings of a document say (section 2.9.4).

/// What stands between the quotes of a string, escapes read.
///
/// # Errors
///
/// The offset of an escape that does not exist.
pub(super) fn plain(raw: &str) -> Result<String, usize> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        text.push_str(before);
        let (character, length) = unescaped(escape).ok_or(raw.len() - escape.len())?;
        text.push(character);
        rest = escape.get(length..).unwrap_or_default();
    }
    text.push_str(rest);
    Ok(text)
}

/// The character that an escape stands for, and the length of the escape in bytes.
fn unescaped(escape: &str) -> Option<(char, usize)> {
    let simple = match escape.as_bytes().get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(escape),
        _ => return None,
    };
    Some((simple, 2))
}

/// `\u00e9`, `\u{1F600}`, or a pair of surrogates, which together stand for one character.
fn unicode(escape: &str) -> Option<(char, usize)> {
    if let Some(braced) = escape.strip_prefix("\\u{") {
        let digits = braced.split_once('}')?.0;
        return Some((char::from_u32(hexadecimal(digits)?)?, digits.len() + 4));
    }
    let first = hexadecimal(escape.get(2..6)?)?;
    if !(0xD800..0xDC00).contains(&first) {
        return Some((char::from_u32(first)?, 6));
    }
    let second = hexadecimal(escape.get(6..12)?.strip_prefix("\\u")?)?;
    let low = second.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
    Some((char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + low)?, 12))
}

fn hexadecimal(digits: &str) -> Option<u32> {
    // The parser of numbers would take a sign.
    let all = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| all)
}

/// What stands between the quotes of a block string: without the indentation that its lines have in common, and
/// without empty lines around it.
pub(super) fn block(raw: &str) -> String {
    let raw = raw.replace("\\\"\"\"", "\"\"\"").replace("\r\n", "\n");
    let lines: Vec<&str> = raw.split(['\n', '\r']).collect();
    let indent = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let is_blank = |line: &&str| indent(line) == line.len();
    let indented = lines.iter().skip(1).filter(|line| !is_blank(line));
    let common = indented.map(|line| indent(line)).min().unwrap_or_default();
    let first = lines.iter().position(|line| !is_blank(line)).unwrap_or(lines.len());
    let last = lines.iter().rposition(|line| !is_blank(line)).unwrap_or_default();
    let said = lines.iter().enumerate().take(last + 1).skip(first);
    let said = said.map(|(n, line)| if n == 0 { line } else { line.get(common..).unwrap_or_default() });
    said.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_the_specification() {
        for (raw, text) in [
            ("", ""),
            ("é 😀", "é 😀"),
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"a\u00e9b\u00E9", "aébé"),
            (r"\u{1F600}\u{e9}\u{00000041}\u{10FFFF}", "😀éA\u{10FFFF}"),
            (r"\uD83D\uDE00!", "😀!"),
            (r"\uE000\uD7FF", "\u{E000}\u{D7FF}"),
        ] {
            assert_eq!(plain(raw).as_deref(), Ok(text), "{raw}");
        }
        for (raw, at) in [
            (r"ab\x", 2),
            (r"\u12", 0),
            (r"\u+123", 0),
            (r"\u{}", 0),
            (r"\u{110000}", 0),
            (r"\u{D83D}", 0),
            (r"\u{1F600", 0),
            (r"\uD83D", 0),
            (r"é\uD83Dx", 2),
            (r"\uD83D\u0041", 0),
            (r"\uDE00\uD83D", 0),
            (r"\u12é", 0),
            ("\\", 0),
        ] {
            assert_eq!(plain(raw), Err(at), "{raw}");
        }
    }

    #[test]
    fn block_strings_lose_their_indentation() {
        for (raw, text) in [
            ("", ""),
            ("\n \n\t\n", ""),
            ("abc", "abc"),
            ("  abc  ", "  abc  "),
            ("\n    Hello,\n      World!\n\n    Yours,\n      GraphQL.\n  ", "Hello,\n  World!\n\nYours,\n  GraphQL."),
            ("one\r\n   two\n     three\r    four", "one\ntwo\n  three\n four"),
            // A line shorter than the indentation is empty.
            ("\n    a\n  \n    b", "a\n\nb"),
            (r#"say \"""hi\""" \n"#, r#"say """hi""" \n"#),
            ("\n\té\n\t\tx", "é\n\tx"),
        ] {
            assert_eq!(block(raw), text, "{raw:?}");
        }
    }
}
