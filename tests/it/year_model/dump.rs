//! Every row of every table, as text.

use std::collections::BTreeMap;

use diesel::sql_types::Text;
use kring::db::{Conn, Dialect, Sql};

use crate::harness::World;

/// The rows of each table, sorted.
pub type Dump = BTreeMap<String, Vec<String>>;

/// All rows of all tables.
pub fn dump(world: &World) -> Dump {
    world
        .db
        .read(|conn| {
            let sql = match conn.dialect() {
                Dialect::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
                Dialect::Postgres => {
                    "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
                }
            };
            let tables = Sql::new(sql).load::<Text, String>(conn)?;
            Ok(tables.into_iter().map(|table| (table.clone(), rows(conn, &table))).collect())
        })
        .unwrap()
}

fn rows(conn: &mut Conn, table: &str) -> Vec<String> {
    let row = match conn.dialect() {
        Dialect::Sqlite => {
            let columns = Sql::new(format!("SELECT name FROM pragma_table_xinfo('{table}')"));
            let columns = columns.load::<Text, String>(conn).unwrap();
            let pairs: Vec<String> = columns.iter().map(|name| format!("'{name}', \"{name}\"")).collect();
            format!("json_object({})", pairs.join(", "))
        }
        Dialect::Postgres => "CAST(to_jsonb(t) AS TEXT)".to_owned(),
    };
    let mut rows = Sql::new(format!("SELECT {row} FROM {table} t")).load::<Text, String>(conn).unwrap();
    rows.sort();
    rows
}

/// The tables that differ, with what each has lost and gained.
pub fn differing(before: &Dump, after: &Dump) -> BTreeMap<String, (Vec<String>, Vec<String>)> {
    let only = |one: &[String], other: &[String]| -> Vec<String> {
        one.iter().filter(|row| other.binary_search(row).is_err()).cloned().collect()
    };
    let pairs = before.iter().map(|(table, rows)| (table, rows, &after[table])).filter(|(_, one, other)| one != other);
    pairs.map(|(table, one, other)| (table.clone(), (only(one, other), only(other, one)))).collect()
}

/// Nothing at all is another than before.
pub fn assert_unchanged(before: &Dump, world: &World, what: &str) {
    let changed = differing(before, &dump(world));
    assert!(changed.is_empty(), "{what}: {changed:#?}");
}

/// Nothing is another than before but in these tables, or those that begin so.
pub fn assert_unchanged_but(before: &Dump, world: &World, but: &[&str], what: &str) {
    let mut changed = differing(before, &dump(world));
    changed.retain(|table, _| !but.iter().any(|start| table.starts_with(start)));
    assert!(changed.is_empty(), "{what}: {changed:#?}");
}
