//! How words are found: what is looked in, and what is looked for.
//!
//! A searched text is kept as its words, each after a space, folded and without punctuation. A search takes its own text
//! apart in the same way, so that "Berg, Jan van den" finds whom "jan van den berg" finds. A single letter is an initial:
//! it stands for any word that begins with it.

use std::collections::HashSet;

use super::fold::fold;
use super::order::with_prefix;

/// The most words of one search.
pub const MAX_WORDS: usize = 20;

/// The words of a text, in order. None when there is nothing in it to look for.
pub fn words(text: &str) -> Vec<String> {
    fold(text).split(|c| !is_of_a_word(c)).filter(|word| !word.is_empty()).map(ToOwned::to_owned).collect()
}

/// What a search looks in: the words of these texts, each once.
pub fn searchable<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut found = Found::default();
    for text in texts {
        found.add(text);
    }
    found.text
}

/// What a search for a person looks in: the name, with what its abbreviations stand for and what it is abbreviated to.
pub fn searchable_person(given: Option<&str>, prefix: Option<&str>, family: Option<&str>) -> String {
    let mut found = Found::default();
    for part in [given, prefix, family, with_prefix(prefix, family).as_deref()].into_iter().flatten() {
        found.add(part);
    }
    found.initials(&words(given.unwrap_or_default()));
    // A prefix is recorded in a field of its own or with the family name that it belongs to.
    let mut before = words(prefix.unwrap_or_default());
    found.initials(&before);
    let mut family = words(family.unwrap_or_default());
    family.pop();
    before.append(&mut family);
    for word in before {
        for full in spelled_out(&word) {
            found.word(full);
        }
    }
    found.text
}

/// The pattern of `LIKE` by which a word is found, to be used with `ESCAPE '\'`.
pub fn pattern(word: &str) -> String {
    let mut pattern = String::with_capacity(word.len() + 3);
    pattern.push('%');
    if word.len() == 1 {
        // An initial.
        pattern.push(' ');
    }
    for c in word.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// Words as they are collected, each once.
#[derive(Default)]
struct Found {
    known: HashSet<String>,
    text: String,
}

impl Found {
    /// Adds the words of a text, and what stands between two spaces as one word too: "o'brien" is also found as "obrien",
    /// "j.f." as "jf".
    fn add(&mut self, text: &str) {
        for word in words(text) {
            self.word(&word);
        }
        for chunk in fold(text).split(' ') {
            let joined: String = chunk.chars().filter(|c| is_of_a_word(*c)).collect();
            if joined.len() < chunk.len() {
                self.word(&joined);
            }
        }
    }

    /// Adds the initials of several words as one word: "vd" for "van den".
    fn initials(&mut self, words: &[String]) {
        if words.len() > 1 {
            let initials: String = words.iter().filter_map(|word| word.chars().next()).collect();
            self.word(&initials);
        }
    }

    fn word(&mut self, word: &str) {
        if !word.is_empty() && self.known.insert(word.to_owned()) {
            self.text.push(' ');
            self.text.push_str(word);
        }
    }
}

/// What an abbreviated prefix of a Dutch family name may stand for.
fn spelled_out(word: &str) -> &'static [&'static str] {
    match word {
        "a" => &["aan"],
        "d" => &["de", "den", "der"],
        "h" => &["het"],
        "o" => &["op", "over"],
        "t" => &["het", "te", "ten", "ter"],
        "u" => &["uit"],
        "v" => &["van", "von", "voor"],
        "vd" => &["van", "de", "den", "der"],
        "vh" => &["van", "het"],
        _ => &[],
    }
}

/// Whether a character is part of a word. Symbols are, so that a name of nothing else can be found.
fn is_of_a_word(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    c.is_alphanumeric() || !is_punctuation(c)
}

fn is_punctuation(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '\u{a0}'..='\u{bf}' | '\u{d7}' | '\u{f7}' | '\u{2b9}'..='\u{2df}' | '\u{37e}' | '\u{387}'
                | '\u{55a}'..='\u{55f}' | '\u{589}' | '\u{58a}' | '\u{5be}' | '\u{5c0}' | '\u{5c3}' | '\u{5f3}'
                | '\u{5f4}' | '\u{60c}' | '\u{61b}' | '\u{61f}' | '\u{66a}'..='\u{66d}' | '\u{6d4}'
                | '\u{964}' | '\u{965}' | '\u{2000}'..='\u{206f}' | '\u{2e00}'..='\u{2e7f}'
                | '\u{3000}'..='\u{303f}' | '\u{30fb}' | '\u{fe10}'..='\u{fe1f}' | '\u{fe30}'..='\u{fe6f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a search for one text finds another, as the databases do it.
    fn finds(search: &str, searched: &str) -> bool {
        let words = words(search);
        let found = |word: &String| searched.contains(pattern(word).trim_matches('%'));
        !words.is_empty() && words.iter().all(found)
    }

    #[test]
    fn names_are_found_in_every_way_that_they_are_written() {
        let people = [
            (Some("Jan"), Some("van den"), Some("Berg")),
            (Some("Jeanne"), Some("d'"), Some("Arc")),
            (Some("Piet"), Some("v.d."), Some("Linden")),
            (Some("Piet"), None, Some("v/d Linden")),
            (Some("J.F."), None, Some("O’Brien")),
            (Some("Jean-Pierre"), None, Some("Dupont")),
            (Some("Ann"), Some("'t"), Some("Hoen")),
        ];
        let texts = people.map(|(given, prefix, family)| searchable_person(given, prefix, family));
        for (n, searches) in [
            (0, &["Berg, Jan van den", "berg, v.d.", "j. van den berg", "v d berg", "vd berg", "bérg"][..]),
            (1, &["d'Arc", "d’arc", "Arc, Jeanne d'", "darc", "jeanne d' arc", "J. d'Arc"]),
            (2, &["van der linden", "linden, v.d.", "v.d. linden", "p. v/d linden", "vd linden"]),
            (3, &["van der linden", "Linden, Piet van der", "v.d. linden"]),
            (4, &["o'brien", "obrien", "O'Brien, J.F.", "jf o'brien", "brien"]),
            (5, &["jean-pierre", "jeanpierre", "jean pierre", "j.p. dupont", "jp dupont", "Dupont, J.-P."]),
            (6, &["'t hoen", "hoen, a. 't", "het hoen"]),
        ] {
            for search in searches {
                assert!(finds(search, &texts[n]), "{search:?} in {:?}", texts[n]);
            }
        }
        for (search, n) in [("berg", 1), ("jan x", 0), ("´", 0), ("", 0), ("k. berg", 0)] {
            assert!(!finds(search, &texts[n]), "{search:?} in {:?}", texts[n]);
        }
    }

    #[test]
    fn words_are_taken_apart() {
        for (text, expected) in [
            ("Dorpsstraat 1a, 3511 AB", &["dorpsstraat", "1a", "3511", "ab"][..]),
            ("50%_a\\", &["50", "a"]),
            ("🎉", &["🎉"]),
            ("´ - …", &[]),
            ("«Élan»", &["elan"]),
        ] {
            assert_eq!(words(text), expected, "{text:?}");
        }
        assert_eq!(pattern("ab"), "%ab%");
        assert_eq!(pattern("a"), "% a%");
        assert_eq!(searchable(["Groep 1/2", "Groep"]), " groep 1 2 12");
    }
}
