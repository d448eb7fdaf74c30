//! How names are ordered and found, the same on both databases: keys are made here and compared by code point there.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lower case without diacritics, white space folded: what a text is compared by when searching.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)) {
        match c {
            'ß' | 'ẞ' => folded.push_str("ss"),
            'æ' | 'Æ' => folded.push_str("ae"),
            'œ' | 'Œ' => folded.push_str("oe"),
            'ø' | 'Ø' => folded.push('o'),
            'đ' | 'Đ' | 'ð' | 'Ð' => folded.push('d'),
            'ł' | 'Ł' => folded.push('l'),
            'þ' | 'Þ' => folded.push_str("th"),
            'ı' => folded.push('i'),
            '\u{2019}' | '\u{2018}' | '`' | '´' => folded.push('\''),
            c if c.is_whitespace() || c.is_control() => {
                if !folded.ends_with(' ') {
                    folded.push(' ');
                }
            }
            c => folded.extend(c.to_lowercase()),
        }
    }
    folded.trim().to_owned()
}

/// The order of names: folded, punctuation ignored, runs of digits by their value ("Groep 2" before "Groep 10").
pub fn sort_key(text: &str) -> String {
    let folded = fold(text);
    let mut key = String::with_capacity(folded.len() + 4);
    let mut digits = String::new();
    for c in folded.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        push_number(&mut key, &mut digits);
        if c.is_alphanumeric() {
            key.push(c);
        } else if !key.ends_with(' ') && !key.is_empty() && c != '\'' {
            key.push(' ');
        }
    }
    push_number(&mut key, &mut digits);
    key.truncate(key.trim_end().len());
    key
}

/// A number is written after its length, which makes the order of text the order of values.
fn push_number(key: &mut String, digits: &mut String) {
    if digits.is_empty() {
        return;
    }
    let number = digits.trim_start_matches('0');
    let length = u8::try_from(number.len().min(25)).unwrap_or(25);
    key.push(char::from(b'0'.saturating_add(length)));
    key.push_str(number);
    digits.clear();
}

/// The order of persons as a Dutch reader looks for them: by family name without its prefix, then by given name, and
/// only then by prefix.
pub fn person_sort_key(given: Option<&str>, prefix: Option<&str>, family: Option<&str>) -> String {
    // A separator below every letter keeps "Berg, Zoë" before "Bergman, Anna".
    let parts = match family {
        Some(family) => [Some(family), given, prefix],
        None => [given, None, prefix],
    };
    let keys: Vec<String> = parts.iter().map(|part| sort_key(part.unwrap_or_default())).collect();
    keys.join("\u{1}").trim_end_matches('\u{1}').to_owned()
}

/// Escapes the wildcards of `LIKE`; to be used with `ESCAPE '\'`.
pub fn like_pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in fold(text).chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_stand_where_a_dutch_reader_looks() {
        let mut people = [
            ("Anna", "", "Zwart"),
            ("Jan", "van den", "Berg"),
            ("Édith", "", "Bergman"),
            ("Zoë", "", "Berg"),
            ("Édith", "", "Édouard"),
            ("Eva", "", "Eek"),
            ("Jan", "", "Berg"),
            ("Piet", "", "'t Hoen"),
            ("Ann", "", "Åberg"),
        ];
        people.sort_by_key(|(given, prefix, family)| person_sort_key(Some(given), Some(prefix), Some(family)));
        let order: Vec<String> = people.iter().map(|(g, p, f)| format!("{f}, {g} {p}").trim().to_owned()).collect();
        assert_eq!(
            order,
            [
                "Åberg, Ann",
                "Berg, Jan",
                "Berg, Jan van den",
                "Berg, Zoë",
                "Bergman, Édith",
                "Édouard, Édith",
                "Eek, Eva",
                "'t Hoen, Piet",
                "Zwart, Anna"
            ]
        );
    }

    #[test]
    fn numbers_are_ordered_by_value() {
        let mut names = ["Groep 10", "Groep 2", "Groep 1/2", "Groep 1", "groep 03"];
        names.sort_by_key(|name| sort_key(name));
        assert_eq!(names, ["Groep 1", "Groep 1/2", "Groep 2", "groep 03", "Groep 10"]);
    }

    #[test]
    fn folding_finds_names_without_their_diacritics() {
        for (text, folded) in [
            ("Édith", "edith"),
            ("Müller-Lüdenscheidt", "muller-ludenscheidt"),
            ("Łukasz  Ø", "lukasz o"),
            ("ĲSSEL", "ijssel"),
        ] {
            assert_eq!(fold(text), folded);
        }
        assert_eq!(like_pattern("50%_a\\"), "%50\\%\\_a\\\\%");
    }
}
