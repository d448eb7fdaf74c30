//! Connections (Relay's cursor specification) over any listed type.

use std::marker::PhantomData;

use async_graphql::ServerResult;

use super::{Entity, Exec, Field, Link, Obj, Out, Pick, Selection, Values, inline, inline_list, register, ty};
use crate::error::Error;
use crate::page::{Key, List, Page, PageArgs, Window};

/// A type that stands in connections.
pub trait Listed: Entity {
    /// The type that the list shows; the same as this one, unless the edges carry something of their own.
    type Node: Entity;
    /// The name of the connection type.
    const CONNECTION: &'static str;
    /// What the schema says about the connection.
    const CONNECTION_DOC: &'static str;
    /// The name of the edge type.
    const EDGE: &'static str;
    /// Fields of the edges, besides `cursor` and `node`.
    fn edge_fields() -> &'static [Field<Edge<Self>>];
    /// What the node shows.
    fn node(row: &Self::Row) -> &<Self::Node as Entity>::Row;
}

/// One entry of a connection.
pub struct EdgeRow<Row> {
    pub row: Row,
    /// Its position; empty when nothing is selected that shows it.
    pub cursor: String,
}

/// The page of one parent.
pub struct ConnectionRow<Row> {
    edges: Vec<EdgeRow<Row>>,
    info: PageInfoRow,
    total: Option<i64>,
}

/// Where a page stands in its list.
pub struct PageInfoRow {
    has_next: bool,
    has_previous: bool,
    start: Option<String>,
    end: Option<String>,
}

/// The type of a connection.
pub struct Connection<L>(PhantomData<L>);
/// The type of an edge.
pub struct Edge<L>(PhantomData<L>);
/// The type of a page's place in its list.
pub struct PageInfo;

impl Entity for PageInfo {
    const NAME: &'static str = "PageInfo";
    const DOC: &'static str = "Where a page stands in its list.";
    type Row = PageInfoRow;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<PageInfo>] = &[
            Field::<PageInfo>::value(
                "hasNextPage",
                ty::<bool>,
                "Whether there are entries after this page.",
                |row, out| {
                    out.bool(row.has_next);
                },
            ),
            Field::<PageInfo>::value(
                "hasPreviousPage",
                ty::<bool>,
                "Whether there are entries before this page.",
                |row, out| {
                    out.bool(row.has_previous);
                },
            ),
            Field::<PageInfo>::value(
                "startCursor",
                ty::<Option<String>>,
                "The cursor of the first entry; null when the page is empty.",
                |row, out| out.opt_str(row.start.as_deref()),
            ),
            Field::<PageInfo>::value(
                "endCursor",
                ty::<Option<String>>,
                "The cursor of the last entry, to be passed as `after` for the next page; null when the page is empty.",
                |row, out| out.opt_str(row.end.as_deref()),
            ),
        ];
        FIELDS
    }
}

impl<L: Listed> Connection<L> {
    const FIELDS: &'static [Field<Self>] = &[
        Field::<Self>::value(
            "totalCount",
            ty::<i32>,
            "The number of entries on all pages together. It is counted only when it is selected.",
            |row, out| out.opt_int(row.total),
        ),
        Field::<Self>::link("pageInfo", ty::<Obj<PageInfo>>, "Where this page stands in the list.", |pick| {
            inline::<ConnectionRow<L::Row>, PageInfo>(pick, |row| &row.info)
        }),
        Field::<Self>::link("edges", ty::<Vec<Obj<Edge<L>>>>, "The entries of this page, in order.", |pick| {
            inline_list::<ConnectionRow<L::Row>, Edge<L>>(pick, |row| row.edges.as_slice())
        }),
    ];
}

impl<L: Listed> Entity for Connection<L> {
    const NAME: &'static str = L::CONNECTION;
    const DOC: &'static str = L::CONNECTION_DOC;
    type Row = ConnectionRow<L::Row>;

    fn fields() -> &'static [Field<Self>] {
        Self::FIELDS
    }
}

impl<L: Listed> Edge<L> {
    const CURSOR: Field<Self> = Field::<Self>::value(
        "cursor",
        ty::<String>,
        "The position of this entry, to be passed as `after` or `before`.",
        |row, out: &mut Out| out.str(&row.cursor),
    );
    const NODE: Field<Self> = Field::<Self>::link("node", ty::<Obj<L::Node>>, "The entry itself.", |pick| {
        inline::<EdgeRow<L::Row>, L::Node>(pick, |row| L::node(&row.row))
    });

    /// The fields that every edge has.
    pub const BASIC: &'static [Field<Self>] = &[Self::CURSOR, Self::NODE];
    /// For edges with fields of their own: `cursor`, then the first of these two.
    pub const fn cursor() -> Field<Self> {
        Self::CURSOR
    }
    /// The field `node`.
    pub const fn node() -> Field<Self> {
        Self::NODE
    }
}

impl<L: Listed> Entity for Edge<L> {
    const NAME: &'static str = L::EDGE;
    const DOC: &'static str = "An entry of a list, with its position there.";
    type Row = EdgeRow<L::Row>;

    fn fields() -> &'static [Field<Self>] {
        L::edge_fields()
    }
}

/// The arguments of every connection.
pub const PAGE_ARGS: [register::Argument; 4] = [
    register::arg(
        "first",
        register::input::<Option<i32>>,
        "The number of entries from the start, 1 to 100; 20 when neither `first` nor `last` is given.",
    ),
    register::arg("after", register::input::<Option<String>>, "Only entries after this cursor."),
    register::arg("last", register::input::<Option<i32>>, "The number of entries from the end, 1 to 100."),
    register::arg("before", register::input::<Option<String>>, "Only entries before this cursor."),
];

/// The name of the type at the root of queries.
pub(super) const ROOT: &str = "Query";

/// The list that a field at the root of queries leads to.
pub fn root_list(field: &str) -> List {
    List::of(ROOT, field)
}

impl Pick<'_> {
    /// The list that the field leads to, if it leads to one: its name and the type that it is a field of.
    fn list(&self) -> List {
        List::of(self.parent, self.nodes.first().map_or("", |node| node.node.name.node.as_str()))
    }
}

/// Reads the paging arguments of a connection.
///
/// # Errors
/// When they make no sense.
pub fn page_args(pick: &Pick<'_>) -> ServerResult<Window> {
    let args = PageArgs {
        first: pick.arg("first")?,
        after: pick.arg("after")?,
        last: pick.arg("last")?,
        before: pick.arg("before")?,
    };
    args.window(pick.list()).map_err(|error| pick.error(&error))
}

/// The position of a row in its list.
pub type CursorOf<Row> = Box<dyn Fn(&Row) -> Vec<Key>>;

/// What the pages of many parents are read with, in one go: for each parent its page, `total` filled in when
/// `count` is set, and the position of every row.
pub struct Pages<Row> {
    pub pages: Vec<Page<Row>>,
    pub cursor: CursorOf<Row>,
}

/// What is asked of the pages.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Whether the rows themselves are wanted, and not only their number.
    pub rows: bool,
    /// Whether the number of all rows is wanted.
    pub count: bool,
    /// Whether more than the usual columns are.
    pub details: bool,
    /// Whether the position of every row is wanted.
    pub cursors: bool,
    /// Whether the place of the page in its list is.
    pub info: bool,
    /// The list, to which the cursors belong.
    list: List,
}

type Reader<R, Row> = Box<dyn Fn(&mut Exec<'_>, &[&R], Asked) -> Result<Pages<Row>, Error> + Send + Sync>;

struct ToConnection<R, L: Listed> {
    read: Reader<R, L::Row>,
    selection: Selection<Connection<L>>,
    asked: Asked,
}

/// Leads to a connection.
///
/// # Errors
/// When an argument below does not fit its type.
pub fn connection<R: 'static, L: Listed>(pick: &Pick<'_>, read: Reader<R, L::Row>) -> ServerResult<Box<dyn Link<R>>> {
    let selection = pick.select()?;
    Ok(Box::new(ToConnection::<R, L> { asked: Asked::of(pick, &selection), read, selection }))
}

impl Asked {
    /// What was selected below a field.
    pub fn of<E: Entity>(pick: &Pick<'_>, selection: &Selection<E>) -> Self {
        let (edges, info) = (pick.below("edges"), pick.wants("pageInfo"));
        Self {
            rows: edges.is_some() || info,
            count: pick.wants("totalCount"),
            details: selection.details(),
            cursors: edges.is_some_and(|edges| edges.wants("cursor")),
            info,
            list: pick.list(),
        }
    }
}

impl<R, L: Listed> Link<R> for ToConnection<R, L> {
    fn follow(&self, exec: &mut Exec<'_>, rows: &[&R]) -> Result<Values, Error> {
        let Pages { pages, cursor } = (self.read)(exec, rows, self.asked)?;
        let connections: Vec<ConnectionRow<L::Row>> =
            pages.into_iter().map(|page| row(page, self.asked, &*cursor)).collect();
        self.selection.render(exec, &connections.iter().collect::<Vec<_>>())
    }
}

/// Makes what a connection shows out of a page.
pub fn row<Row>(page: Page<Row>, asked: Asked, cursor: &dyn Fn(&Row) -> Vec<Key>) -> ConnectionRow<Row> {
    let place = |row: Option<&Row>| row.filter(|_| asked.info).map(|row| asked.list.cursor(&cursor(row)));
    let info = PageInfoRow {
        has_next: page.has_next,
        has_previous: page.has_previous,
        start: place(page.rows.first()),
        end: place(page.rows.last()),
    };
    let position = |row: &Row| if asked.cursors { asked.list.cursor(&cursor(row)) } else { String::new() };
    let edges = page.rows.into_iter().map(|row| EdgeRow { cursor: position(&row), row }).collect();
    ConnectionRow { edges, info, total: page.total }
}
