//! How names are written, and the order of names: keys that are compared by code point.

use super::fold::fold;

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

/// A family name with what stands before it: "van den Berg", and "d'Arc" where an apostrophe binds the two.
pub fn with_prefix(prefix: Option<&str>, family: Option<&str>) -> Option<String> {
    match (prefix, family) {
        (Some(prefix), Some(family)) if prefix.ends_with(['\'', '\u{2019}', '\u{2018}', '\u{2bc}']) => {
            Some(format!("{prefix}{family}"))
        }
        (Some(prefix), Some(family)) => Some(format!("{prefix} {family}")),
        (prefix, family) => prefix.or(family).map(ToOwned::to_owned),
    }
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
}
