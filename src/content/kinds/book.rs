//! Books.

use serde::{Deserialize, Serialize};

use crate::check::{Checks, NAME, TEXT};
use crate::content::kind::{Files, Kind};
use crate::error::Code;

/// A book of the bookcase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    pub author: Option<String>,
    /// Ten or thirteen digits, without hyphens.
    pub isbn: Option<String>,
    pub publisher: Option<String>,
    pub published_year: Option<i32>,
    pub description: Option<String>,
}

impl Kind for Book {
    const FIELD: &'static str = "book";
    const FILES: Files = Files::Documents;

    fn check(&self, checks: &mut Checks) {
        checks.line(&Self::at("author"), self.author.as_deref(), NAME);
        checks.line(&Self::at("publisher"), self.publisher.as_deref(), NAME);
        checks.prose(&Self::at("description"), self.description.as_deref(), TEXT);
        if self.isbn.as_deref().is_some_and(|isbn| !is_isbn(isbn)) {
            checks.refuse(Code::InvalidValue, &Self::at("isbn"), "This is not an ISBN: its last digit does not fit.");
        }
        if self.published_year.is_some_and(|year| !(1..=9_999).contains(&year)) {
            checks.refuse(Code::InvalidValue, &Self::at("publishedYear"), "This is not a year.");
        }
    }

    fn texts(&self) -> Vec<&str> {
        [&self.author, &self.isbn, &self.publisher, &self.description]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect()
    }
}

/// Leaves the digits of an ISBN as people write it.
pub fn plain_isbn(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}' | '\u{2011}')).collect()
}

/// Whether the check digit fits (ISO 2108).
fn is_isbn(text: &str) -> bool {
    let digits: Option<Vec<u32>> = text
        .chars()
        .enumerate()
        .map(|(n, c)| if n == 9 && text.len() == 10 && c == 'X' { Some(10) } else { c.to_digit(10) })
        .collect();
    let Some(digits) = digits else { return false };
    match digits.len() {
        10 => (1..).zip(digits.iter().rev()).map(|(weight, digit): (u32, &u32)| weight * digit).sum::<u32>() % 11 == 0,
        13 => {
            digits.iter().zip([1, 3].into_iter().cycle()).map(|(digit, weight)| weight * digit).sum::<u32>() % 10 == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_isbns_pass() {
        for isbn in ["978-90-6265-768-1", "0-306-40615-2", "080442957X"] {
            assert!(is_isbn(&plain_isbn(isbn)), "{isbn}");
        }
        for isbn in ["", "9789062657680", "97890626576", "X804429570", "abcdefghij", "９７８９０６２６５７６８３"]
        {
            assert!(!is_isbn(&plain_isbn(isbn)), "{isbn}");
        }
    }
}
