//! Listening to PostgreSQL's notifications.

use std::sync::Weak;
use std::time::{Duration, Instant};

use diesel::PgConnection;
use diesel::sql_types::Text;

use super::announce::{Hub, News, PAUSE, parse};
use super::pool::Manager;
use super::{Conn, Sql};
use crate::error::Error;

/// How often a silent connection is tried.
const TRIAL: Duration = Duration::from_secs(15);

/// A connection that hears what is announced in its schema.
///
/// # Errors
/// `Unavailable` when PostgreSQL does not answer.
pub fn open(manager: &Manager) -> Result<Conn, Error> {
    let mut conn = manager.open().map_err(|error| {
        tracing::warn!(%error, "no connection to listen on");
        Error::Unavailable
    })?;
    let sql = Sql::new("SELECT 'kring_' || md5(current_schema())");
    let channel = sql.first::<Text, String>(&mut conn)?.ok_or(Error::Unavailable)?;
    conn.batch(&format!("LISTEN {channel}"))?;
    Ok(conn)
}

/// Passes on what is heard until nobody listens any more or the connection breaks. Then everybody is told of the gap,
/// and whoever comes back opens the next connection.
pub fn run(hub: Weak<Hub>, mut conn: Conn) {
    let Conn::Postgres(conn) = &mut conn else { return };
    let mut tried = Instant::now();
    loop {
        let Some(hub) = hub.upgrade() else { return };
        let heard = hear(conn, &hub).and_then(|()| {
            if tried.elapsed() < TRIAL {
                return Ok(());
            }
            tried = Instant::now();
            diesel::connection::SimpleConnection::batch_execute(conn, "SELECT 1")
        });
        if let Err(error) = heard {
            tracing::warn!(%error, "the connection that listens for changes broke");
            hub.lost();
            return;
        }
        if hub.is_deserted() {
            return;
        }
        drop(hub);
        std::thread::sleep(PAUSE);
    }
}

fn hear(conn: &mut PgConnection, hub: &Hub) -> diesel::QueryResult<()> {
    for notification in conn.notifications_iter() {
        let notification = notification?;
        match parse(&notification.payload) {
            Some(changes) => hub.publish(News::Changes(changes.into())),
            None => hub.publish(News::Gap),
        }
    }
    Ok(())
}
