//! Listening to PostgreSQL's notifications.

use std::sync::Weak;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use diesel::sql_types::Text;

use super::announce::{News, parse};
use super::hub::{Horizon, Hub, Question};
use super::pool::Manager;
use super::{Conn, Sql};
use crate::error::Error;
use crate::log::plain;

/// How often the connection is asked for news.
const PAUSE: Duration = Duration::from_millis(5);
/// How often a silent connection is tried.
const TRIAL: Duration = Duration::from_secs(15);
/// How long it takes until a lost connection is opened anew, if nobody asks.
const RETRIAL: Duration = Duration::from_secs(1);

/// A connection that hears what is announced in its schema.
struct Ear {
    conn: Conn,
    listen: String,
    tried: Instant,
}

impl Ear {
    fn open(manager: &Manager) -> Result<Self, Error> {
        let mut conn = manager.open().map_err(|error| {
            tracing::warn!(cause = plain(&error.to_string()), "no connection to listen on");
            Error::Unavailable
        })?;
        let sql = Sql::new("SELECT 'kring_' || md5(current_schema())");
        let channel = sql.first::<Text, String>(&mut conn)?.ok_or(Error::Unavailable)?;
        let mut ear = Self { conn, listen: format!("LISTEN {channel}"), tried: Instant::now() };
        ear.listen()?;
        Ok(ear)
    }

    /// To say so again does no harm. It shows whether the connection still works, and `pg_stat_activity` names what the
    /// connection is for.
    fn listen(&mut self) -> Result<(), Error> {
        self.tried = Instant::now();
        Ok(self.conn.batch(&self.listen)?)
    }

    /// Tells those who ask which transactions are over by now.
    fn answer(&mut self, questions: Vec<Question>) -> Result<(), Error> {
        let snapshot = Sql::new("SELECT pg_current_snapshot()::text").first::<Text, String>(&mut self.conn)?;
        let horizon = snapshot.as_deref().and_then(Horizon::parse);
        let horizon = horizon.ok_or_else(|| Error::internal("PostgreSQL's snapshot is unreadable"))?;
        for question in questions {
            // Who does not wait any more needs no answer.
            let _ = question.send(horizon.clone());
        }
        self.listen()
    }

    /// Passes on what was heard.
    fn hear(&mut self, hub: &Hub) -> Result<(), Error> {
        let Conn::Postgres(conn) = &mut self.conn else { return Ok(()) };
        for notification in conn.notifications_iter() {
            hub.publish(parse(&notification?.payload).unwrap_or(News::Gap));
        }
        if self.tried.elapsed() < TRIAL { Ok(()) } else { self.listen() }
    }
}

/// Passes on what is heard and answers questions, until nobody attends any more. When the connection breaks, everybody
/// is told of the gap, and it is opened anew.
pub fn run(hub: &Weak<Hub>, manager: &Manager, questions: &Receiver<Question>) {
    let mut ear = None;
    let mut pause = Duration::ZERO;
    loop {
        let asked: Vec<Question> = match questions.recv_timeout(pause) {
            Ok(question) => std::iter::once(question).chain(questions.try_iter()).collect(),
            Err(RecvTimeoutError::Timeout) => Vec::new(),
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let Some(hub) = hub.upgrade() else { return };
        if asked.is_empty() && hub.is_deserted() {
            return;
        }
        let was_open = ear.is_some();
        match listen(ear.take(), manager, asked, &hub) {
            Ok(open) => {
                ear = Some(open);
                pause = PAUSE;
                hub.set_listening(true);
            }
            Err(error) => {
                tracing::warn!(error = error.logged(), "the connection that listens for changes broke");
                hub.set_listening(false);
                if was_open {
                    hub.publish(News::Gap);
                }
                pause = RETRIAL;
            }
        }
    }
}

fn listen(ear: Option<Ear>, manager: &Manager, asked: Vec<Question>, hub: &Hub) -> Result<Ear, Error> {
    let mut ear = ear.map_or_else(|| Ear::open(manager), Ok)?;
    if !asked.is_empty() {
        ear.answer(asked)?;
    }
    ear.hear(hub)?;
    Ok(ear)
}
