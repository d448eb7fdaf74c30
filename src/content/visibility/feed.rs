//! The feed: what a viewer sees of all content, the newest first.

use diesel::sql_types::BigInt;

use super::{Vision, of_kinds};
use crate::content::kind::ContentKind;
use crate::db::{Conn, Dialect, Sql};
use crate::error::Error;
use crate::page::{KeyType, Order, Window};

/// The newest first.
pub const FEED_ORDER: Order =
    Order { name: "feed", columns: &[("c.published_at", KeyType::Instant), ("c.id", KeyType::Int)], descending: true };

/// The same over links, which repeat when their items were published.
pub const LINK_ORDER: Order = Order {
    name: "feed",
    columns: &[("x.published_at", KeyType::Instant), ("x.content_id", KeyType::Int)],
    descending: true,
};

impl Vision {
    /// The keys of items that the viewer sees and that are published now: those of one page of the feed, from each
    /// audience no more than the page holds, so that its length does not depend on how much there is.
    ///
    /// # Errors
    /// `BadInput` for a cursor of another list.
    pub fn feed(&self, dialect: Dialect, kinds: Option<&[ContentKind]>, window: &Window) -> Result<Sql, Error> {
        const OPEN: &str = " FROM content_links x WHERE x.unlinked_at IS NULL AND x.audience_key = k.value";
        if self.everything {
            let sql = Sql::new("SELECT c.id FROM content c WHERE 1 = 1");
            return self.newest(sql, kinds, window);
        }
        let link = |sql: Sql| {
            let sql = of_kinds(self.guarded(self.published(sql.text(" AND "), "x"), "x"), "x", kinds);
            let sql = window.conditions(sql, &LINK_ORDER)?;
            Ok::<_, Error>(window.order_by(sql, &LINK_ORDER).text(" LIMIT ").int(window.fetch()))
        };
        let sql = match dialect {
            Dialect::Sqlite => {
                let keys = serde_json::Value::from(self.keys.clone()).to_string();
                let sql = Sql::new("SELECT l.content_id FROM json_each(").string(keys);
                let sql = sql.text(") k CROSS JOIN content_links l ON l.id IN (SELECT x.id").text(OPEN);
                link(sql)?.text(")")
            }
            Dialect::Postgres => {
                let sql = Sql::new("SELECT l.content_id FROM unnest(").id_array(&self.keys);
                link(sql.text(") k (value) CROSS JOIN LATERAL (SELECT x.content_id").text(OPEN))?.text(") l")
            }
        };
        let mut sql = sql;
        if !self.administered.is_empty() {
            sql = sql.text(" UNION ALL ").then(self.of_administered(dialect, kinds, window)?);
        }
        if !self.works_for.is_empty() {
            let own = self.made(Sql::new("SELECT c.id FROM content c WHERE "), "c");
            sql = sql.text(" UNION ALL SELECT * FROM (").then(self.newest(own, kinds, window)?).text(") a");
        }
        Ok(sql)
    }

    /// The newest items of each organization that the viewer administers.
    fn of_administered(&self, dialect: Dialect, kinds: Option<&[ContentKind]>, window: &Window) -> Result<Sql, Error> {
        const OWN: &str = "SELECT c.id FROM content c WHERE c.organization_id = o.value";
        let own = self.newest(Sql::new(OWN), kinds, window)?;
        Ok(match dialect {
            Dialect::Sqlite => {
                let json = serde_json::Value::from(self.administered.clone()).to_string();
                let sql = Sql::new("SELECT a.id FROM json_each(").string(json);
                sql.text(") o CROSS JOIN content a ON a.id IN (").then(own).text(")")
            }
            Dialect::Postgres => {
                let sql = Sql::new("SELECT a.id FROM unnest(").id_array(&self.administered);
                sql.text(") o (value) CROSS JOIN LATERAL (").then(own).text(") a")
            }
        })
    }

    fn newest(&self, sql: Sql, kinds: Option<&[ContentKind]>, window: &Window) -> Result<Sql, Error> {
        let sql = of_kinds(self.published(sql.text(" AND "), "c"), "c", kinds);
        let sql = window.conditions(sql, &FEED_ORDER)?;
        Ok(window.order_by(sql, &FEED_ORDER).text(" LIMIT ").int(window.fetch()))
    }

    /// How many items the feed has.
    ///
    /// # Errors
    /// What the database answers.
    pub fn feed_count(&self, conn: &mut Conn, kinds: Option<&[ContentKind]>) -> Result<i64, Error> {
        const ITEMS: &str = "SELECT c.id FROM content c WHERE ";
        let own = |sql: Sql| of_kinds(self.published(sql.text(" AND "), "c"), "c", kinds);
        let sql = Sql::new("SELECT COUNT(*) FROM (");
        let sql = if self.everything {
            own(sql.text(ITEMS).text("1 = 1"))
        } else {
            let sql =
                sql.text("SELECT x.content_id FROM content_links x WHERE x.unlinked_at IS NULL AND x.audience_key");
            let sql = self.guarded(self.published(sql.in_ids(&self.keys).text(" AND "), "x"), "x");
            let sql = of_kinds(sql, "x", kinds);
            let mut sql = match (self.administered.is_empty(), self.works_for.is_empty()) {
                // Grouping hashes where DISTINCT would sort.
                (true, true) => sql.text(" GROUP BY x.content_id"),
                _ => sql.text(" UNION ").text(ITEMS).text("c.organization_id").in_ids(&self.administered),
            };
            if !self.administered.is_empty() || !self.works_for.is_empty() {
                sql = own(self.made(own(sql).text(" UNION ").text(ITEMS), "c"));
            }
            sql
        };
        Ok(sql.text(") seen").first::<BigInt, i64>(conn)?.unwrap_or_default())
    }
}
