//! News of changed memberships and of content, for whoever follows them while connected.
//!
//! A transaction announces what it changes; nobody hears of it before the commit, and never after a rollback. On
//! PostgreSQL the announcement is a notification that every gateway on the same schema hears; on SQLite it stays in
//! this process, which is the only one that serves. Whoever follows hears every change in the order of the commits, or
//! is told that some may have been missed ([`News::Gap`]). [`super::hub`] passes the news on.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime};
use diesel::sql_types::BigInt;

use super::hub::Hub;
use super::text_enum::text_enum;
use super::{Conn, Dialect, Sql};
use crate::error::Error;

/// The most changes in one piece of news: three numbers of 19 digits each must fit into a notification of 8,000 bytes.
const BATCH: usize = 100;

text_enum! {
    /// What happened.
    Kind {
        Created = "CREATED",
        Updated = "UPDATED",
        Ended = "ENDED",
        Annulled = "ANNULLED",
    }
}

/// One change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Of a membership.
    Membership { kind: Kind, membership: i64, group: i64, participant: i64 },
    /// Of whose guardian a participant is.
    Guardianship { guardian: i64 },
    /// Of an item of content, or of whom it is shown to.
    Content(ContentChange),
}

/// A change of an item of content: which, when, and whether it was published until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentChange {
    pub content: i64,
    pub at: NaiveDateTime,
    pub was_published: bool,
}

/// How notifications name what is no membership.
const GUARDIANSHIP: &str = "GUARDIANSHIP";
const CONTENT: &str = "CONTENT";

/// What a listener hears.
#[derive(Clone, Debug)]
pub enum News {
    /// These changes were committed, on PostgreSQL by the transaction of this number.
    Changes { changes: Arc<[Change]>, transaction: Option<u64> },
    /// Changes may have been missed.
    Gap,
}

impl News {
    /// News that nothing has changed.
    pub fn nothing() -> Self {
        Self::Changes { changes: Arc::new([]), transaction: None }
    }
}

thread_local! {
    /// Whether the transaction of this thread withdraws tokens.
    static WITHDRAWS: Cell<bool> = const { Cell::new(false) };
    /// What the transaction of this thread has announced on SQLite. A transaction never leaves its thread.
    static PENDING: RefCell<Vec<Change>> = const { RefCell::new(Vec::new()) };
}

/// Announces memberships that the transaction has changed; to be called after they were written. It is one statement,
/// whatever their number.
///
/// # Errors
/// What the database answers.
pub fn announce(conn: &mut Conn, kind: Kind, memberships: &[i64]) -> Result<(), Error> {
    if memberships.is_empty() {
        return Ok(());
    }
    match conn.dialect() {
        Dialect::Sqlite => {
            let sql = Sql::new("SELECT id, group_id, participant_id FROM memberships WHERE id").in_ids(memberships);
            let rows = sql.text(" ORDER BY id").load::<(BigInt, BigInt, BigInt), (i64, i64, i64)>(conn)?;
            let changes = rows.into_iter().map(|(membership, group, participant)| Change::Membership {
                kind,
                membership,
                group,
                participant,
            });
            PENDING.with_borrow_mut(|pending| pending.extend(changes));
        }
        Dialect::Postgres => {
            let sql = Sql::new("SELECT COUNT(*) FROM (SELECT pg_notify('kring_' || md5(current_schema()), ")
                .string(kind.as_str())
                .text(
                    " || ' ' || string_agg(id || ':' || group_id || ':' || participant_id, ',' ORDER BY id) \
                     || ' ' || pg_current_xact_id()) \
                     FROM (SELECT id, group_id, participant_id, (row_number() OVER (ORDER BY id) - 1) / ",
                )
                .int(i64::try_from(BATCH).unwrap_or(1))
                .text(" AS batch FROM memberships WHERE id")
                .in_ids(memberships)
                .text(") changed GROUP BY batch ORDER BY batch) sent");
            sql.load::<BigInt, i64>(conn)?;
        }
    }
    Ok(())
}

/// Notes that the transaction withdraws tokens, so that this gateway knows of it at once. Others look by themselves.
pub fn withdrawal() {
    WITHDRAWS.set(true);
}

/// Announces that it has changed whose guardian this participant is.
///
/// # Errors
/// What the database answers.
pub fn guardianship(conn: &mut Conn, guardian: i64) -> Result<(), Error> {
    tell(conn, &[Change::Guardianship { guardian }], || format!("{GUARDIANSHIP} {guardian}:0:0"))
}

/// Announces that items of content, or whom they are shown to, have changed.
///
/// # Errors
/// What the database answers.
pub fn content(conn: &mut Conn, changes: &[ContentChange]) -> Result<(), Error> {
    let word = |change: &ContentChange| {
        let at = change.at.and_utc().timestamp_micros();
        format!("{}:{at}:{}", change.content, u8::from(change.was_published))
    };
    for batch in changes.chunks(BATCH) {
        let all: Vec<Change> = batch.iter().copied().map(Change::Content).collect();
        tell(conn, &all, || format!("{CONTENT} {}", batch.iter().map(word).collect::<Vec<_>>().join(",")))?;
    }
    Ok(())
}

fn tell(conn: &mut Conn, changes: &[Change], payload: impl FnOnce() -> String) -> Result<(), Error> {
    match conn.dialect() {
        Dialect::Sqlite => PENDING.with_borrow_mut(|pending| pending.extend(changes)),
        Dialect::Postgres => {
            let sql = Sql::new("SELECT COUNT(*) FROM (SELECT pg_notify('kring_' || md5(current_schema()), ");
            sql.string(payload()).text(" || ' ' || pg_current_xact_id())) sent").load::<BigInt, i64>(conn)?;
        }
    }
    Ok(())
}

/// Reads a notification: a word, the changes, and the number of the transaction that made them.
pub(super) fn parse(payload: &str) -> Option<News> {
    let (word, rest) = payload.split_once(' ')?;
    let (changes, transaction) = rest.split_once(' ')?;
    let kind = Kind::ALL.iter().copied().find(|known| known.as_str() == word);
    let change = |text: &str| {
        let mut numbers = text.split(':').map(|number| number.parse::<i64>().ok());
        let (first, second, third) = (numbers.next()??, numbers.next()??, numbers.next()??);
        match (kind, word) {
            (Some(kind), _) => Some(Change::Membership { kind, membership: first, group: second, participant: third }),
            (None, GUARDIANSHIP) => Some(Change::Guardianship { guardian: first }),
            (None, CONTENT) => {
                let at = DateTime::from_timestamp_micros(second)?.naive_utc();
                Some(Change::Content(ContentChange { content: first, at, was_published: third != 0 }))
            }
            _ => None,
        }
    };
    let changes: Option<Vec<Change>> = changes.split(',').map(change).collect();
    Some(News::Changes { changes: changes?.into(), transaction: Some(transaction.parse().ok()?) })
}

/// Forgets what an unfinished transaction of this thread has announced.
pub(super) fn forget() {
    PENDING.with_borrow_mut(Vec::clear);
    WITHDRAWS.set(false);
}

/// Passes on what the transaction has announced, which was committed just now.
pub(super) fn committed(hub: &Hub) {
    if WITHDRAWS.take() {
        hub.tokens_withdrawn();
    }
    let pending = PENDING.take();
    for batch in pending.chunks(BATCH) {
        hub.publish(News::Changes { changes: batch.into(), transaction: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notifications_are_read_back() {
        let at = DateTime::from_timestamp_micros(1_789_466_400_000_001).unwrap_or_default().naive_utc();
        for (payload, change) in [
            ("ENDED 1:2:3 99", Change::Membership { kind: Kind::Ended, membership: 1, group: 2, participant: 3 }),
            ("GUARDIANSHIP 7:0:0 99", Change::Guardianship { guardian: 7 }),
            ("CONTENT 5:1789466400000001:1 99", Change::Content(ContentChange { content: 5, at, was_published: true })),
        ] {
            let Some(News::Changes { changes, transaction: Some(99) }) = parse(payload) else { panic!("{payload}") };
            assert_eq!(*changes, [change], "{payload}");
        }
        for payload in
            ["", "CONTENT", "CONTENT 5 99", "CONTENT 5:x:1 99", "NOTHING 1:2:3 99", "ENDED 1:2 99", "ENDED 1:2:3"]
        {
            assert!(parse(payload).is_none(), "{payload}");
        }
    }
}
