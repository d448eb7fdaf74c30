//! News of changed memberships and of content, for whoever follows them while connected.
//!
//! A transaction announces what it changes; nobody hears of it before the commit, and never after a rollback. On
//! PostgreSQL the announcement is a notification that every gateway on the same schema hears; on SQLite it stays in
//! this process, which is the only one that serves. Whoever follows hears every change in the order of the commits, or
//! is told that some may have been missed ([`News::Gap`]).

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime};
use diesel::sql_types::BigInt;
use tokio::sync::broadcast;

use super::listen;
use super::pool::Manager;
use super::text_enum::text_enum;
use super::{Conn, Dialect, Sql};
use crate::error::Error;

/// The most changes in one piece of news: three numbers of 19 digits each must fit into a notification of 8,000 bytes.
const BATCH: usize = 100;
/// How many pieces of news may wait for one listener before it has missed some.
const WAITING: usize = 1_024;

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
    /// These changes were committed.
    Changes(Arc<[Change]>),
    /// Changes may have been missed.
    Gap,
}

thread_local! {
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
                    " || ' ' || string_agg(id || ':' || group_id || ':' || participant_id, ',' ORDER BY id)) \
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
            sql.string(payload()).text(")) sent").load::<BigInt, i64>(conn)?;
        }
    }
    Ok(())
}

/// Reads a notification.
pub(super) fn parse(payload: &str) -> Option<Vec<Change>> {
    let (word, changes) = payload.split_once(' ')?;
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
    changes.split(',').map(change).collect()
}

/// Where news comes together. It costs nothing while nobody listens: only then is a connection to PostgreSQL kept.
pub struct Hub {
    sender: broadcast::Sender<News>,
    manager: Manager,
    /// Whether a thread listens to PostgreSQL.
    listening: Mutex<bool>,
}

impl Hub {
    pub(super) fn new(manager: Manager) -> Arc<Self> {
        let (sender, _) = broadcast::channel(WAITING);
        Arc::new(Self { sender, manager, listening: Mutex::new(false) })
    }

    /// Listens from now on: what is committed after this returns is heard. Blocks until PostgreSQL has agreed.
    ///
    /// # Errors
    /// `Unavailable` when it does not answer.
    pub fn listen(self: &Arc<Self>) -> Result<broadcast::Receiver<News>, Error> {
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = self.sender.subscribe();
        if self.manager.dialect() == Dialect::Postgres && !*listening {
            let conn = listen::open(&self.manager)?;
            let hub = Arc::downgrade(self);
            std::thread::Builder::new()
                .name("news".to_owned())
                .spawn(move || listen::run(hub, conn))
                .map_err(|error| Error::internal(format!("no thread: {error}")))?;
            *listening = true;
        }
        Ok(receiver)
    }

    /// Forgets what an unfinished transaction of this thread has announced.
    pub(super) fn forget() {
        PENDING.with_borrow_mut(Vec::clear);
    }

    /// Passes on what the transaction has announced, which was committed just now.
    pub(super) fn committed(&self) {
        let pending = PENDING.take();
        for batch in pending.chunks(BATCH) {
            self.publish(News::Changes(batch.into()));
        }
    }

    pub(super) fn publish(&self, news: News) {
        // Without listeners there is nobody to tell.
        let _ = self.sender.send(news);
    }

    /// Ends the listening, if nobody is left: `false` when somebody is.
    pub(super) fn is_deserted(&self) -> bool {
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        let deserted = self.sender.receiver_count() == 0;
        if deserted {
            *listening = false;
        }
        deserted
    }

    /// Tells everybody that changes may have been missed, and lets the next listener start anew.
    pub(super) fn lost(&self) {
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        *listening = false;
        self.publish(News::Gap);
    }
}

/// How often the connection is asked for news, and how long news may be on its way.
pub(super) const PAUSE: Duration = Duration::from_millis(25);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notifications_are_read_back() {
        let at = DateTime::from_timestamp_micros(1_789_466_400_000_001).unwrap_or_default().naive_utc();
        for (payload, change) in [
            ("ENDED 1:2:3", Change::Membership { kind: Kind::Ended, membership: 1, group: 2, participant: 3 }),
            ("GUARDIANSHIP 7:0:0", Change::Guardianship { guardian: 7 }),
            ("CONTENT 5:1789466400000001:1", Change::Content(ContentChange { content: 5, at, was_published: true })),
        ] {
            assert_eq!(parse(payload), Some(vec![change]), "{payload}");
        }
        for payload in ["", "CONTENT", "CONTENT 5", "CONTENT 5:x:1", "NOTHING 1:2:3", "ENDED 1:2"] {
            assert_eq!(parse(payload), None, "{payload}");
        }
    }
}
