//! The key by which texts are compared.

use unicode_normalization::UnicodeNormalization;

use super::door::{BLANK, is_invisible};

/// Which way of folding this is. Keys that are stored were made by one of these; whoever changes what this folder makes of
/// a text adds one, and the stored keys are made anew when the database is next brought up to date.
pub const VERSION: i64 = 2;

/// What a text is compared by: letters without case and diacritics, composed as well as decomposed, one space for white
/// space, and nothing that cannot be seen.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    if text.is_ascii() {
        text.bytes().for_each(|byte| fold_into(&mut folded, char::from(byte)));
    } else {
        // Compatibility forms are letters in disguise: the ligature of "fi", full width, small capitals.
        text.nfkd().filter(|c| !is_left_out(*c)).for_each(|c| fold_into(&mut folded, c));
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// Appends what is left of one character.
fn fold_into(folded: &mut String, c: char) {
    match c {
        'a'..='z' | '0'..='9' => folded.push(c),
        c if c.is_whitespace() || c.is_control() || c == BLANK => {
            if !folded.is_empty() && !folded.ends_with(' ') {
                folded.push(' ');
            }
        }
        c if c.is_ascii() => folded.push(match c {
            '`' => '\'',
            c => c.to_ascii_lowercase(),
        }),
        c => fold_letter(folded, c),
    }
}

fn fold_letter(folded: &mut String, c: char) {
    // There and back again: "ẞ" and "ß" become "SS", "ς" and "σ" become "Σ", and "ı" becomes "I" before all are small.
    let small = c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    for c in small {
        match c {
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ø' => folded.push('o'),
            'đ' | 'ð' => folded.push('d'),
            'ł' => folded.push('l'),
            'ħ' => folded.push('h'),
            'ŧ' => folded.push('t'),
            '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2032}' | '\u{2bb}' | '\u{2bc}' | '\u{2bd}' | '\u{a78c}' => {
                folded.push('\'');
            }
            '\u{201c}'..='\u{201f}' | '\u{2033}' | '«' | '»' => folded.push('"'),
            '\u{2010}'..='\u{2015}' | '\u{2212}' => folded.push('-'),
            c if is_diacritic(c) => {}
            c => folded.push(c),
        }
    }
}

fn is_left_out(c: char) -> bool {
    is_diacritic(c) || is_invisible(c) || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A mark that is added to a letter without making another one of it. The iota that stands below a letter is none: it
/// stands beside it in capitals. Signs for vowels, as the scripts of India and Thailand write them, and the marks
/// that tell Japanese syllables apart are none either.
fn is_diacritic(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{344}' | '\u{346}'..='\u{36f}' | '\u{483}'..='\u{489}'
            | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}' | '\u{5c7}'
            | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}'
            | '\u{6df}'..='\u{6e4}' | '\u{6e7}' | '\u{6e8}' | '\u{6ea}'..='\u{6ed}' | '\u{8d3}'..='\u{8e1}'
            | '\u{8e3}'..='\u{8ff}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20f0}'
            | '\u{2de0}'..='\u{2dff}' | '\u{a66f}' | '\u{a674}'..='\u{a67d}' | '\u{fe20}'..='\u{fe2f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_finds_names_without_their_diacritics() {
        for (text, folded) in [
            ("Édith", "edith"),
            ("Müller-Lüdenscheidt", "muller-ludenscheidt"),
            ("Łukasz  Ø", "lukasz o"),
            ("ĲSSEL", "ijssel"),
            ("’s-Gravenhage", "'s-gravenhage"),
            ("\u{200b}An\u{ad}na\u{feff}", "anna"),
            ("´", ""),
            ("\u{a0}\u{2800} ", ""),
        ] {
            assert_eq!(fold(text), folded, "{text:?}");
        }
    }

    /// G10: case aside, for every letter that Unicode knows.
    #[test]
    fn every_letter_is_its_capital() {
        let cased = |c: &char| c.to_uppercase().ne([*c]) || c.to_lowercase().ne([*c]);
        for c in ('\0'..=char::MAX).filter(cased) {
            let key = fold(&format!("a{c}b"));
            let cases = [c.to_uppercase().collect::<String>(), c.to_lowercase().collect()];
            for other in cases.iter().map(|c| format!("a{c}b")) {
                assert_eq!(fold(&other), key, "U+{:04X} {c}", u32::from(c));
            }
        }
        for (one, other) in [
            ("Straße", "STRASSE"),
            ("STRAẞE", "strasse"),
            ("ΟΔΥΣΣΕΥΣ", "Οδυσσευς"),
            ("İzmir", "ızmır"),
            ("ﬁx", "FIX"),
            ("ΜΑΪΟΣ", "Μάιος"),
            ("ﬅ", "ST"),
            ("և", "ԵՒ"),
            ("Ᏸ", "ᏸ"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
    }

    /// G10: composed or decomposed, for every letter that Unicode knows.
    #[test]
    fn every_letter_is_what_it_is_composed_of() {
        let composed = |c: &char| [*c].into_iter().nfkd().ne([*c]) || [*c].into_iter().nfc().ne([*c]);
        for c in ('\0'..=char::MAX).filter(composed) {
            let text = format!("a{c}b");
            let key = fold(&text);
            for other in [text.nfd().collect::<String>(), text.nfc().collect(), text.nfkc().collect()] {
                assert_eq!(fold(&other), key, "U+{:04X} {c}", u32::from(c));
            }
            assert_eq!(fold(&key), key, "U+{:04X} {c} twice", u32::from(c));
        }
    }

    #[test]
    fn marks_that_make_another_letter_stay() {
        for (one, other) in [("कि", "कु"), ("が", "か"), ("ดี", "ดา")] {
            assert_ne!(fold(one), fold(other), "{one} {other}");
        }
    }
}
