//! Statements written once for both databases.
//!
//! A [`Sql`] is text with typed values in between. Values always travel as bind parameters. Diesel prepares the text, and
//! keeps the prepared statement if the text comes often: see [`statements`].

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;

use chrono::{NaiveDate, NaiveDateTime};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Bool, Date, Nullable, Text, Timestamp};
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, RunQueryDsl};

use super::{Conn, statements};

/// One piece of a statement.
#[derive(Clone, Debug)]
enum Part {
    Text(Cow<'static, str>),
    Int(Option<i64>),
    String(Option<String>),
    Date(Option<NaiveDate>),
    Instant(NaiveDateTime),
    Flag(bool),
    Array(Vec<i64>),
    Ids { ids: Vec<i64>, json: String },
    Strings { values: Vec<String>, json: String },
}

/// The text of a statement and the values bound into it.
#[derive(Clone, Debug, Default)]
pub struct Sql {
    parts: Vec<Part>,
    /// Whether its text is not worth keeping.
    once: bool,
}

impl Sql {
    /// Starts a statement with literal text.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self::default().text(text)
    }

    /// Appends literal text. Never pass what a client sent.
    #[must_use]
    pub fn text(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.parts.push(Part::Text(text.into()));
        self
    }

    /// Binds an integer.
    #[must_use]
    pub fn int(mut self, value: impl Into<Option<i64>>) -> Self {
        self.parts.push(Part::Int(value.into()));
        self
    }

    /// Binds a text.
    #[must_use]
    pub fn string(mut self, value: impl Into<String>) -> Self {
        self.parts.push(Part::String(Some(value.into())));
        self
    }

    /// Binds a calendar date or null.
    #[must_use]
    pub fn date(mut self, value: impl Into<Option<NaiveDate>>) -> Self {
        self.parts.push(Part::Date(value.into()));
        self
    }

    /// Binds an instant in UTC.
    #[must_use]
    pub fn instant(mut self, value: NaiveDateTime) -> Self {
        self.parts.push(Part::Instant(value));
        self
    }

    /// Binds a truth value.
    #[must_use]
    pub fn flag(mut self, value: bool) -> Self {
        self.parts.push(Part::Flag(value));
        self
    }

    /// Appends ` IN (ids)`, whatever their number, as one bind parameter.
    #[must_use]
    pub fn in_ids(mut self, ids: &[i64]) -> Self {
        self.parts.push(Part::Ids { ids: ids.to_vec(), json: json_ids(ids) });
        self
    }

    /// Binds an array of integers; only PostgreSQL has such a value.
    #[must_use]
    pub fn id_array(mut self, ids: &[i64]) -> Self {
        self.parts.push(Part::Array(ids.to_vec()));
        self
    }

    /// Appends ` IN (values)`, whatever their number, as one bind parameter.
    #[must_use]
    pub fn in_strings(mut self, values: &[String]) -> Self {
        let mut values = values.to_vec();
        values.sort_unstable();
        values.dedup();
        let json = serde_json::Value::from(values.clone()).to_string();
        self.parts.push(Part::Strings { values, json });
        self
    }

    /// Appends another statement's parts.
    #[must_use]
    pub fn then(mut self, other: Sql) -> Self {
        self.parts.extend(other.parts);
        self.once |= other.once;
        self
    }

    /// Marks a statement whose text follows from rows. There is no end of such texts, so that none is kept prepared.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// What tells it from statements with other texts, whatever their values.
    fn shape(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => hasher.write(text.as_bytes()),
                value => std::mem::discriminant(value).hash(&mut hasher),
            }
        }
        hasher.finish()
    }

    /// Runs the statement and reads its rows; `St` is the tuple of SQL types of its columns.
    ///
    /// # Errors
    /// What the database answers.
    pub fn load<St, Row>(self, conn: &mut Conn) -> QueryResult<Vec<Row>>
    where
        for<'q> Typed<St>: diesel::query_dsl::LoadQuery<'q, diesel::SqliteConnection, Row>
            + diesel::query_dsl::LoadQuery<'q, diesel::PgConnection, Row>,
    {
        let query = Typed::<St>::new(self);
        match conn {
            Conn::Sqlite(conn) => query.load(conn),
            Conn::Postgres(conn) => query.load(conn),
        }
    }

    /// Runs a statement that answers with at most one row.
    ///
    /// # Errors
    /// What the database answers.
    pub fn first<St, Row>(self, conn: &mut Conn) -> QueryResult<Option<Row>>
    where
        for<'q> Typed<St>: diesel::query_dsl::LoadQuery<'q, diesel::SqliteConnection, Row>
            + diesel::query_dsl::LoadQuery<'q, diesel::PgConnection, Row>,
    {
        Ok(self.load::<St, Row>(conn)?.into_iter().next())
    }

    /// Runs a statement that answers with no rows, and says how many it touched.
    ///
    /// # Errors
    /// What the database answers.
    pub fn execute(self, conn: &mut Conn) -> QueryResult<usize> {
        let query = Typed::<()>::new(self);
        match conn {
            Conn::Sqlite(conn) => query.execute(conn),
            Conn::Postgres(conn) => query.execute(conn),
        }
    }
}

fn json_ids(ids: &[i64]) -> String {
    let mut json = String::with_capacity(2 + ids.len() * 8);
    let mut number = itoa::Buffer::new();
    json.push('[');
    for (n, id) in ids.iter().enumerate() {
        if n > 0 {
            json.push(',');
        }
        json.push_str(number.format(*id));
    }
    json.push(']');
    json
}

/// A [`Sql`] that knows the types of its columns.
pub struct Typed<St> {
    sql: Sql,
    /// Whether the connection keeps it prepared.
    kept: bool,
    columns: PhantomData<St>,
}

impl<St> Typed<St> {
    fn new(sql: Sql) -> Self {
        Self { kept: !sql.once && statements::comes_often(sql.shape()), sql, columns: PhantomData }
    }
}

impl<St> Query for Typed<St> {
    type SqlType = St;
}

impl<St> QueryId for Typed<St> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<St, C> RunQueryDsl<C> for Typed<St> {}

macro_rules! push_scalars {
    ($out:ident, $part:expr, $($other:tt)*) => {
        match $part {
            Part::Text(text) => $out.push_sql(text),
            Part::Int(value) => $out.push_bind_param::<Nullable<BigInt>, _>(value)?,
            Part::String(value) => $out.push_bind_param::<Nullable<Text>, _>(value)?,
            Part::Date(value) => $out.push_bind_param::<Nullable<Date>, _>(value)?,
            Part::Instant(value) => $out.push_bind_param::<Timestamp, _>(value)?,
            Part::Flag(value) => $out.push_bind_param::<Bool, _>(value)?,
            $($other)*
        }
    };
}

impl<St> QueryFragment<Sqlite> for Typed<St> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        if !self.kept {
            out.unsafe_to_cache_prepared();
        }
        for part in &self.sql.parts {
            push_scalars!(out, part,
                Part::Array(_) => {
                    return Err(diesel::result::Error::QueryBuilderError("SQLite has no arrays".into()));
                }
                Part::Ids { json, .. } | Part::Strings { json, .. } => {
                    out.push_sql(" IN (SELECT value FROM json_each(");
                    out.push_bind_param::<Text, _>(json)?;
                    out.push_sql("))");
                }
            );
        }
        Ok(())
    }
}

impl<St> QueryFragment<Pg> for Typed<St> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if !self.kept {
            out.unsafe_to_cache_prepared();
        }
        for part in &self.sql.parts {
            push_scalars!(out, part,
                Part::Array(ids) => out.push_bind_param::<Array<BigInt>, _>(ids)?,
                Part::Ids { ids, .. } => {
                    out.push_sql(" = ANY(");
                    out.push_bind_param::<Array<BigInt>, _>(ids)?;
                    out.push_sql(")");
                }
                Part::Strings { values, .. } => {
                    out.push_sql(" = ANY(");
                    out.push_bind_param::<Array<Text>, _>(values)?;
                    out.push_sql(")");
                }
            );
        }
        Ok(())
    }
}
