//! A database many times over: every row again, with keys of its own, and everything that it points to as well.

use std::collections::BTreeMap;

use diesel::sql_types::{Bool, Text};
use kring::db::{Conn, Dialect, Sql};
use kring::error::Error;

/// By how much the keys of each copy are greater than those of the one before.
pub const STEP: i64 = 1_000_000;

/// Tables of which every copy uses the same rows, or that are not the domain's.
const SHARED: [&str; 10] = [
    "start_reasons",
    "end_reasons",
    "group_categories",
    "client_mutations",
    "composition_revision",
    "derivation_turn",
    "stored_keys",
    "outbox",
    "doomed_objects",
    "__diesel_schema_migrations",
];
/// Texts that no two rows may have in common.
const UNIQUE: [&str; 3] = ["external_id", "object_key", "preview_key"];

/// The columns of each table, and whether they hold whole numbers.
type Columns = BTreeMap<String, Vec<(String, bool)>>;

fn columns(conn: &mut Conn) -> Result<Columns, Error> {
    let text = match conn.dialect() {
        Dialect::Sqlite => {
            "SELECT m.name, x.name, x.type LIKE 'INT%' FROM sqlite_master m JOIN pragma_table_xinfo(m.name) x \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND x.hidden = 0"
        }
        Dialect::Postgres => {
            "SELECT c.table_name::text, c.column_name::text, c.data_type = 'bigint' FROM information_schema.columns c \
             JOIN information_schema.tables t ON t.table_name = c.table_name AND t.table_schema = c.table_schema \
             WHERE c.table_schema = current_schema() AND c.is_generated = 'NEVER' AND t.table_type = 'BASE TABLE' \
             ORDER BY c.ordinal_position"
        }
    };
    let mut columns = Columns::new();
    for (table, column, whole) in Sql::new(text).load::<(Text, Text, Bool), (String, String, bool)>(conn)? {
        if !SHARED.contains(&table.as_str()) {
            columns.entry(table).or_default().push((column, whole));
        }
    }
    Ok(columns)
}

/// The columns that point to rows of other tables: the table pointed to, by table and column.
type Pointers = BTreeMap<(String, String), String>;

fn pointers(conn: &mut Conn) -> Result<Pointers, Error> {
    let text = match conn.dialect() {
        Dialect::Sqlite => {
            "SELECT m.name, f.\"from\", f.\"table\" FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f \
             WHERE m.type = 'table' AND f.\"to\" IN ('id', 'content_id', 'transition_id')"
        }
        Dialect::Postgres => {
            "SELECT r.relname::text, a.attname::text, p.relname::text FROM pg_constraint k \
             JOIN pg_class r ON r.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid \
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey) \
             JOIN pg_namespace n ON n.oid = k.connamespace \
             WHERE k.contype = 'f' AND n.nspname = current_schema() AND a.atttypid = 'bigint'::regtype"
        }
    };
    let found = Sql::new(text).load::<(Text, Text, Text), (String, String, String)>(conn)?;
    let found = found.into_iter().filter(|(.., to)| !SHARED.contains(&to.as_str()));
    Ok(found.map(|(table, column, to)| ((table, column), to)).collect())
}

/// The tables, each after those that it points to as far as can be: SQLite looks for rows that pointed to nothing each time it
/// gets a row that they may have meant.
fn in_order<'c>(columns: &'c Columns, pointers: &Pointers) -> Vec<&'c String> {
    let mut order: Vec<&String> = Vec::new();
    let mut left: Vec<&String> = columns.keys().collect();
    while !left.is_empty() {
        let waits = |table: &&String| {
            let mut to = pointers.iter().filter(|((from, _), _)| from == *table).map(|(_, to)| to);
            to.any(|to| to != *table && left.contains(&to))
        };
        let ready: Vec<&String> = left.iter().copied().filter(|table| !waits(table)).collect();
        // What points round in a circle begins anywhere.
        let ready = if ready.is_empty() { left[..1].to_vec() } else { ready };
        left.retain(|table| !ready.contains(table));
        order.extend(ready);
    }
    order
}

/// Adds so many copies of all that is there.
pub fn add(conn: &mut Conn, copies: i64) -> Result<(), Error> {
    let (columns, pointers) = (columns(conn)?, pointers(conn)?);
    let postgres = conn.dialect() == Dialect::Postgres;
    // Rows may point to rows that come later.
    let later =
        if postgres { "SET LOCAL session_replication_role = replica" } else { "PRAGMA defer_foreign_keys = ON" };
    Sql::new(later).execute(conn)?;
    for table in in_order(&columns, &pointers) {
        let columns = &columns[table];
        let value = |(column, whole): &(String, bool)| {
            let key =
                column == "id" || column == "entity_id" || pointers.contains_key(&(table.clone(), column.clone()));
            match column.as_str() {
                _ if key && *whole => format!("t.{column} + n.i * {STEP}"),
                unique if UNIQUE.contains(&unique) => format!("t.{column} || '-' || n.i"),
                _ => format!("t.{column}"),
            }
        };
        let values = columns.iter().map(value).collect::<Vec<_>>().join(", ");
        let given = if postgres && columns.iter().any(|(column, whole)| column == "id" && *whole) {
            "OVERRIDING SYSTEM VALUE "
        } else {
            ""
        };
        let text = format!(
            "INSERT INTO {table} ({}) {given}WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n \
             WHERE i < {copies}) SELECT {values} FROM {table} t CROSS JOIN n{}",
            columns.iter().map(|(column, _)| column.as_str()).collect::<Vec<_>>().join(", "),
            if columns.iter().any(|(column, _)| column == "id") { " ORDER BY n.i, t.id" } else { "" }
        );
        Sql::new(text).execute(conn)?;
    }
    Sql::new("UPDATE composition_revision SET revision = revision + 1").execute(conn)?;
    Ok(())
}
