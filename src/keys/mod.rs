//! The keys by which stored texts are compared, ordered and found: made anew where the gateway has come to make them in
//! another way.
//!
//! The keys of a row are written along with it. A program that folds texts in another way than the one that wrote them
//! would not find them any more, so it goes through all of them once, when it brings the database up to date.

mod store;

use crate::db::{Conn, Db};
use crate::error::Error;
use crate::text::VERSION;
use store::Renewed;

/// How many rows are looked at in one transaction. The texts of content are long.
const ROWS: i64 = 1_000;
const ITEMS: i64 = 100;

/// Looks at some rows after a key, and renews the keys of those that need it.
type Renew = fn(&mut Conn, i64, i64) -> Result<Renewed, Error>;

/// Makes the stored keys anew if they were made in another way than this program makes them, and says how many rows
/// changed. What is done is kept if it is interrupted, and it can be done by several processes at once.
///
/// # Errors
/// What the database answers.
pub fn renew(db: &Db) -> Result<usize, Error> {
    if db.read(store::version)? >= VERSION {
        return Ok(0);
    }
    let tables: [(Renew, i64); 3] = [(store::participants, ROWS), (store::groups, ROWS), (store::content, ITEMS)];
    let mut changed = db.write(store::categories)?;
    for (renew, limit) in tables {
        let mut after = 0;
        loop {
            let renewed = db.write(|conn| renew(conn, after, limit))?;
            changed += renewed.changed;
            match renewed.last {
                Some(last) => after = last,
                None => break,
            }
        }
    }
    db.write(|conn| store::set_version(conn, VERSION))?;
    Ok(changed)
}
