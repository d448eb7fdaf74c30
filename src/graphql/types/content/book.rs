//! Books as the graph shows them.

use super::files::ATTACHMENTS;
use super::{Content, ContentRow, face, input};
use crate::check::given;
use crate::content::kind::Of;
use crate::content::kinds::book::{Book, plain_isbn};
use crate::graphql::engine::{Field, Out, ty};
use crate::graphql::text::{Line, Prose};

fn text(row: &ContentRow, out: &mut Out, get: fn(&Book) -> Option<&String>) {
    out.opt_str(Book::of(row.details()).and_then(get).map(String::as_str));
}

face!(
    Book,
    "A book of the bookcase.",
    [
        Field::<Content>::value(
            "author",
            ty::<Option<String>>,
            "Who wrote it; null when nothing is said.",
            |row, out| {
                text(row, out, |book| book.author.as_ref());
            }
        ),
        Field::<Content>::value(
            "isbn",
            ty::<Option<String>>,
            "The International Standard Book Number, without hyphens; null when it is not known.",
            |row, out| {
                text(row, out, |book| book.isbn.as_ref());
            }
        ),
        Field::<Content>::value(
            "publisher",
            ty::<Option<String>>,
            "Who published it; null when nothing is said.",
            |row, out| {
                text(row, out, |book| book.publisher.as_ref());
            }
        ),
        Field::<Content>::value(
            "publishedYear",
            ty::<Option<i32>>,
            "The year in which the book came out; null when nothing is said.",
            |row, out| {
                out.opt_int(Book::of(row.details()).and_then(|book| book.published_year).map(i64::from));
            }
        ),
        Field::<Content>::value(
            "description",
            ty::<Option<String>>,
            "What it is about; null when nothing is said.",
            |row, out| {
                text(row, out, |book| book.description.as_ref());
            }
        ),
        ATTACHMENTS,
    ]
);

input!(BookInput, Book,
/// A book.
{
    /// Who wrote it.
    author: Option<Line>,
    /// The International Standard Book Number, of ten or thirteen digits; hyphens are left out.
    isbn: Option<Line>,
    /// Who published it.
    publisher: Option<Line>,
    /// The year in which it came out.
    published_year: Option<i32>,
    /// What it is about, at most 10,000 characters.
    description: Option<Prose>,
}, |input| Book {
    author: given(input.author),
    isbn: given(input.isbn).map(|isbn| plain_isbn(&isbn)),
    publisher: given(input.publisher),
    published_year: input.published_year,
    description: given(input.description),
});
