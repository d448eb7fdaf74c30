//! Start and end reasons, and group categories.

use async_graphql::ID;

use crate::error::Error;
use crate::graphql::engine::{Edge, Entity, Exec, Field, Keyed, Listed, ty};
use crate::groups::store::{self as groups, CategoryRow};
use crate::id::Kind;
use crate::members::store::{self, ReasonRow, ReasonTable};

macro_rules! reason {
    ($name:ident, $table:expr, $kind:expr, $doc:literal) => {
        #[doc = $doc]
        pub struct $name;

        impl Entity for $name {
            const NAME: &'static str = stringify!($name);
            const DOC: &'static str = $doc;
            const INTERFACES: &'static [&'static str] = &["Node"];
            type Row = ReasonRow;

            fn fields() -> &'static [Field<Self>] {
                const FIELDS: &[Field<$name>] = &[
                    Field::<$name>::value("id", ty::<ID>, "The global identifier.", |row, out| out.id($kind, row.id)),
                    Field::<$name>::value("code", ty::<String>, "The stable code, in capitals.", |row, out| {
                        out.str(&row.code)
                    }),
                    Field::<$name>::value("label", ty::<String>, "What people read.", |row, out| out.str(&row.label)),
                    Field::<$name>::value(
                        "system",
                        ty::<bool>,
                        "Whether Kring itself gives this reason, so that it cannot be removed.",
                        |row, out| out.bool(row.system),
                    ),
                    Field::<$name>::value(
                        "retired",
                        ty::<bool>,
                        "Whether the reason is kept for old memberships but no longer offered for new ones.",
                        |row, out| out.bool(row.retired),
                    ),
                ];
                FIELDS
            }
        }

        impl Keyed for $name {
            fn by_ids(exec: &mut Exec<'_>, ids: &[i64], _details: bool) -> Result<Vec<ReasonRow>, Error> {
                store::reasons(exec.conn, $table, Some(ids))
            }

            fn key(row: &ReasonRow) -> i64 {
                row.id
            }
        }
    };
}

reason!(StartReason, ReasonTable::Start, Kind::StartReason, "Why a membership started.");
reason!(EndReason, ReasonTable::End, Kind::EndReason, "Why a membership ended.");

/// A label by which groups are kept apart.
pub struct GroupCategory;

impl Entity for GroupCategory {
    const NAME: &'static str = "GroupCategory";
    const DOC: &'static str = "A label by which groups are kept apart, such as \"Working group\".";
    const INTERFACES: &'static [&'static str] = &["Node"];
    type Row = CategoryRow;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<GroupCategory>] = &[
            Field::<GroupCategory>::value("id", ty::<ID>, "The global identifier.", |row, out| {
                out.id(Kind::GroupCategory, row.id)
            }),
            Field::<GroupCategory>::value(
                "externalId",
                ty::<Option<String>>,
                "The key of the category in the system that it was imported from.",
                |row, out| out.opt_str(row.external_id.as_deref()),
            ),
            Field::<GroupCategory>::value("name", ty::<String>, "The name.", |row, out| out.str(&row.name)),
        ];
        FIELDS
    }
}

impl Keyed for GroupCategory {
    fn by_ids(exec: &mut Exec<'_>, ids: &[i64], _details: bool) -> Result<Vec<CategoryRow>, Error> {
        groups::categories_by_ids(exec.conn, ids)
    }

    fn key(row: &CategoryRow) -> i64 {
        row.id
    }
}

impl Listed for GroupCategory {
    type Node = Self;
    const CONNECTION: &'static str = "GroupCategoryConnection";
    const CONNECTION_DOC: &'static str = "A page of group categories.";
    const EDGE: &'static str = "GroupCategoryEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Edge::<Self>::BASIC
    }

    fn node(row: &CategoryRow) -> &CategoryRow {
        row
    }
}
