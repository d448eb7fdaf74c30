//! Keyset pages: a cursor holds the position of a row in its order, so that a page stays right while rows come and go.
//!
//! A cursor belongs to one list: the field of the schema that it came from, and what that is ordered by. It begins with a
//! digest of the list and the position, so that a cursor of another list, or one that was changed on its way, is known as
//! such before anything is made of it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Datelike;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::db::Sql;
use crate::error::Error;

/// The most rows that one page holds.
pub const MAX_PAGE: i32 = 100;
/// The rows of a page when the client names no number.
pub const DEFAULT_PAGE: i32 = 20;

/// One part of a row's position.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Key {
    Int(i64),
    Text(String),
}

/// A list of the schema, as its cursors know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct List([u8; DIGEST]);

/// How many bytes of a digest are kept: enough that no two lists and no two positions meet by chance.
const DIGEST: usize = 8;
/// The longest cursor, in characters.
const LONGEST: usize = 4_096;

impl List {
    /// The list that a field of a type leads to.
    pub fn of(parent: &str, field: &str) -> Self {
        Self(short(Sha256::new().chain_update(parent).chain_update(".").chain_update(field)))
    }

    /// Writes the position of a row as a cursor.
    pub fn cursor(self, keys: &[Key]) -> String {
        let keys = serde_json::to_vec(keys).unwrap_or_default();
        let mut bytes = self.seal(&keys).to_vec();
        bytes.extend(keys);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads the position back; nothing for what is no cursor of this list.
    fn position(self, text: &str) -> Option<Vec<Key>> {
        if text.len() > LONGEST {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (seal, keys) = bytes.split_at_checked(DIGEST)?;
        if seal != self.seal(keys) {
            return None;
        }
        serde_json::from_slice(keys).ok().filter(|keys: &Vec<Key>| keys.iter().all(Key::can_be))
    }

    fn seal(self, keys: &[u8]) -> [u8; DIGEST] {
        short(Sha256::new().chain_update(self.0).chain_update(keys))
    }
}

fn short(digest: Sha256) -> [u8; DIGEST] {
    let mut short = [0; DIGEST];
    short.iter_mut().zip(digest.finalize()).for_each(|(kept, byte)| *kept = byte);
    short
}

impl Key {
    /// Whether a row can be at such a place: no text that is stored holds a NUL.
    fn can_be(&self) -> bool {
        !matches!(self, Self::Text(text) if text.contains('\0'))
    }
}

/// What the columns of an order hold, to bind them with their own type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    Int,
    Text,
    Date,
    Instant,
}

/// An order of rows: expressions that together are unique, all in one direction.
#[derive(Clone, Debug)]
pub struct Order {
    /// Tells its cursors from those of the other orders of the same list.
    pub name: &'static str,
    pub columns: &'static [(&'static str, KeyType)],
    pub descending: bool,
}

/// Which page is asked for, as the client says it.
#[derive(Clone, Debug, Default)]
pub struct PageArgs {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

/// A page that can be read: its size, its direction and where it starts.
#[derive(Clone, Debug)]
pub struct Window {
    pub limit: i64,
    pub backward: bool,
    after: Option<Vec<Key>>,
    before: Option<Vec<Key>>,
}

/// Rows of one page, in the order asked for.
#[derive(Clone, Debug)]
pub struct Page<Row> {
    pub rows: Vec<Row>,
    pub has_next: bool,
    pub has_previous: bool,
    /// All rows of the list, known only when it was asked for.
    pub total: Option<i64>,
}

impl<Row> Default for Page<Row> {
    fn default() -> Self {
        Self { rows: Vec::new(), has_next: false, has_previous: false, total: None }
    }
}

impl PageArgs {
    /// Checks what the client sent for a list.
    ///
    /// # Errors
    /// `BadInput` for numbers out of range, `first` and `last` together, or a cursor that is not one of the list.
    pub fn window(&self, list: List) -> Result<Window, Error> {
        let (limit, backward) = match (self.first, self.last) {
            (Some(_), Some(_)) => {
                return Err(Error::BadInput("Ask for `first` or for `last`, not for both.".to_owned()));
            }
            (None, Some(last)) => (checked("last", last)?, true),
            (Some(first), None) => (checked("first", first)?, false),
            (None, None) => (i64::from(DEFAULT_PAGE), self.before.is_some() && self.after.is_none()),
        };
        let after = self.after.as_deref().map(|text| cursor(list, "after", text)).transpose()?;
        let before = self.before.as_deref().map(|text| cursor(list, "before", text)).transpose()?;
        Ok(Window { limit, backward, after, before })
    }
}

fn checked(name: &str, number: i32) -> Result<i64, Error> {
    if (1..=MAX_PAGE).contains(&number) {
        Ok(i64::from(number))
    } else {
        Err(Error::BadInput(format!("`{name}` must be from 1 to {MAX_PAGE}, not {number}.")))
    }
}

fn cursor(list: List, name: &str, text: &str) -> Result<Vec<Key>, Error> {
    list.position(text).ok_or_else(|| Error::BadInput(format!("`{name}` is not a cursor of this list.")))
}

/// The position of a row in the order of this name.
pub fn position(order: &str, keys: impl IntoIterator<Item = Key>) -> Vec<Key> {
    std::iter::once(Key::Text(order.to_owned())).chain(keys).collect()
}

impl Window {
    /// The rows to fetch: one more than the page holds, to know whether there is another page.
    pub fn fetch(&self) -> i64 {
        self.limit + 1
    }

    /// Appends `AND …` conditions for the cursors.
    ///
    /// # Errors
    /// `BadInput` when a cursor belongs to another order.
    pub fn conditions(&self, mut sql: Sql, order: &Order) -> Result<Sql, Error> {
        for (keys, forward) in [(&self.after, true), (&self.before, false)] {
            let Some(keys) = keys else { continue };
            let greater = forward != order.descending;
            sql = sql.text(" AND (");
            for (n, (expression, _)) in order.columns.iter().enumerate() {
                sql = sql.text(if n > 0 { ", " } else { "" }).text(*expression);
            }
            sql = sql.text(if greater { ") > (" } else { ") < (" });
            sql = bind(sql, keys, order)?.text(")");
        }
        Ok(sql)
    }

    /// Appends ` ORDER BY …`, turned round when the page is read from its end.
    #[must_use]
    pub fn order_by(&self, mut sql: Sql, order: &Order) -> Sql {
        let direction = if order.descending == self.backward { "" } else { " DESC" };
        for (n, (expression, _)) in order.columns.iter().enumerate() {
            sql = sql.text(if n > 0 { ", " } else { " ORDER BY " }).text(*expression).text(direction);
        }
        sql
    }

    /// The page of a list that is held in memory as a whole, in its order.
    pub fn within<Row>(&self, rows: Vec<Row>, position: &dyn Fn(&Row) -> Vec<Key>) -> Page<Row> {
        let passes = |row: &Row| {
            let at = position(row);
            self.after.as_ref().is_none_or(|after| at > *after)
                && self.before.as_ref().is_none_or(|before| at < *before)
        };
        let mut rows: Vec<Row> = rows.into_iter().filter(passes).collect();
        if self.backward {
            rows.reverse();
        }
        self.page(rows)
    }

    /// How long the list is, if this page holds all of it.
    pub fn total<Row>(&self, page: &Page<Row>) -> Option<i64> {
        let whole = self.after.is_none() && self.before.is_none() && !page.has_next && !page.has_previous;
        whole.then(|| i64::try_from(page.rows.len()).ok()).flatten()
    }

    /// Makes the page of fetched rows.
    pub fn page<Row>(&self, mut rows: Vec<Row>) -> Page<Row> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let (has_next, has_previous) = if self.backward {
            rows.reverse();
            (self.before.is_some(), more)
        } else {
            (more, self.after.is_some())
        };
        Page { rows, has_next, has_previous, total: None }
    }
}

fn bind(mut sql: Sql, keys: &[Key], order: &Order) -> Result<Sql, Error> {
    let bad = || Error::BadInput("The cursor belongs to another order of this list.".to_owned());
    let keys = match keys {
        [Key::Text(name), keys @ ..] if *name == order.name && keys.len() == order.columns.len() => keys,
        _ => return Err(bad()),
    };
    for (n, (key, (_, kind))) in keys.iter().zip(order.columns).enumerate() {
        if n > 0 {
            sql = sql.text(", ");
        }
        sql = match (kind, key) {
            (KeyType::Int, Key::Int(value)) => sql.int(*value),
            (KeyType::Text, Key::Text(value)) => sql.string(value.clone()),
            (KeyType::Date, Key::Text(value)) => sql.date(stored::<chrono::NaiveDate>(value).ok_or_else(bad)?),
            (KeyType::Instant, Key::Text(value)) => {
                sql.instant(stored::<chrono::NaiveDateTime>(value).ok_or_else(bad)?)
            }
            _ => return Err(bad()),
        };
    }
    Ok(sql)
}

/// A date or a moment that a database can hold.
fn stored<T: std::str::FromStr + Datelike>(text: &str) -> Option<T> {
    text.parse::<T>().ok().filter(|at| (1..=9_999).contains(&at.year()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: Order = Order { name: "id", columns: &[("id", KeyType::Int)], descending: false };

    fn list() -> List {
        List::of("Query", "groups")
    }

    fn is_taken(list: List, order: &Order, after: &str) -> bool {
        let args = PageArgs { after: Some(after.to_owned()), ..PageArgs::default() };
        args.window(list).and_then(|window| window.conditions(Sql::default(), order)).is_ok()
    }

    #[test]
    fn page_arguments_are_checked() {
        let args = |first, last| PageArgs { first, last, ..PageArgs::default() };
        for (first, last) in [(Some(0), None), (Some(101), None), (None, Some(-1)), (Some(1), Some(1))] {
            assert!(args(first, last).window(list()).is_err(), "{first:?} {last:?}");
        }
        assert!(args(Some(100), None).window(list()).is_ok());
    }

    #[test]
    fn a_cursor_belongs_to_its_list_and_order() {
        let cursor = list().cursor(&position("id", [Key::Int(7)]));
        assert!(is_taken(list(), &ORDER, &cursor));
        assert!(!is_taken(List::of("Query", "participants"), &ORDER, &cursor));
        assert!(!is_taken(list(), &Order { name: "name", ..ORDER }, &cursor));
        for after in ["", "x", "W10x", "e30", "AAAAAAAAAAA", &"A".repeat(5_000)] {
            assert!(!is_taken(list(), &ORDER, after), "{after:.20}");
        }
        for n in 0..cursor.len() {
            for other in ["A", "b", "_", "=", "+", "\0", "é"] {
                let garbled = format!("{}{other}{}", &cursor[..n], &cursor[n + 1..]);
                assert!(garbled == cursor || !is_taken(list(), &ORDER, &garbled), "{garbled:?}");
            }
            assert!(!is_taken(list(), &ORDER, &cursor[..n]), "{n} characters");
        }
    }

    #[test]
    fn no_row_stands_where_none_can_be() {
        let at = |kind: KeyType, key: Key| {
            let columns: &'static [(&'static str, KeyType)] = match kind {
                KeyType::Date => &[("x", KeyType::Date)],
                KeyType::Instant => &[("x", KeyType::Instant)],
                KeyType::Text => &[("x", KeyType::Text)],
                KeyType::Int => &[("x", KeyType::Int)],
            };
            let order = Order { name: "x", columns, descending: false };
            is_taken(list(), &order, &list().cursor(&position("x", [key])))
        };
        let text = |text: &str| Key::Text(text.to_owned());
        assert!(
            at(KeyType::Date, text("2026-01-01")) && at(KeyType::Text, text("a")) && at(KeyType::Int, Key::Int(-1))
        );
        for (kind, key) in [
            (KeyType::Text, text("a\0b")),
            (KeyType::Text, Key::Int(1)),
            (KeyType::Int, text("1")),
            (KeyType::Date, text("+262142-12-31")),
            (KeyType::Date, text("0000-01-01")),
            (KeyType::Date, text("soon")),
            (KeyType::Instant, text("-99999-01-01T00:00:00")),
        ] {
            assert!(!at(kind, key.clone()), "{key:?}");
        }
    }

    #[test]
    fn a_page_knows_its_neighbours() {
        let window = PageArgs { first: Some(2), ..PageArgs::default() }.window(list());
        let page = window.map(|window| window.page(vec![1, 2, 3])).unwrap_or_default();
        assert_eq!((page.rows, page.has_next, page.has_previous), (vec![1, 2], true, false));
        let window = PageArgs { last: Some(2), ..PageArgs::default() }.window(list());
        let page = window.map(|window| window.page(vec![3, 2, 1])).unwrap_or_default();
        assert_eq!((page.rows, page.has_next, page.has_previous), (vec![2, 3], false, true));
    }
}
