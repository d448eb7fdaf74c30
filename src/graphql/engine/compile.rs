//! Selections: what a client asked of a type, checked and merged as the GraphQL specification says (section 6.3.2).

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use async_graphql::parser::types::Field as AstField;
use async_graphql::{InputType, Pos, Positioned, ServerError, ServerResult};

use super::collect::{Collected, Occurrence, collect, every_variant, narrowed};
use super::out::too_long;
use super::{Entity, Exec, Field, Link, Out, ROOT, Values};
use crate::access::table::{self, Rule};
use crate::error::Error;
use crate::graphql::errors::server_error;
use crate::scope::Scope;

/// Makes the link of a field from what was selected of it.
pub type Linker<E> = fn(&Pick<'_>) -> ServerResult<Box<dyn Link<<E as Entity>::Row>>>;

/// How the value of a field comes about.
pub enum Read<E: Entity> {
    /// It stands in the row.
    Value(fn(&E::Row, &mut Out)),
    /// It leads to other rows.
    Link(Linker<E>),
}

/// A field as selected: its occurrences in the document, merged.
pub struct Pick<'a> {
    pub(super) parent: &'static str,
    pub(super) nodes: Vec<&'a Positioned<AstField>>,
    pub scope: &'a Scope,
}

/// What was selected of a type.
pub struct Selection<E: Entity> {
    items: Vec<Item<E>>,
    details: bool,
}

/// One entry of the objects to be written.
pub struct Item<E: Entity> {
    /// The response key as JSON, with its colon.
    key: Vec<u8>,
    /// The variants that have it, a bit for each.
    on: u16,
    /// Where it stands in the document.
    pos: Pos,
    read: Compiled<E>,
}

enum Compiled<E: Entity> {
    TypeName,
    Value(fn(&E::Row, &mut Out)),
    Guarded(Rule, fn(&E::Row, &mut Out)),
    Link {
        link: Box<dyn Link<E::Row>>,
        rule: Option<Rule>,
    },
    /// An argument makes no sense: the field fails, and nothing else does.
    Failed(ServerError),
}

/// What is written of one entry for all rows.
enum Column {
    /// What stands in the row.
    InRow,
    Values(Values),
    /// The mark of a field that fails.
    Failed(Vec<u8>),
}

impl Column {
    fn size(&self) -> usize {
        match self {
            Self::Values(values) => values.size(),
            Self::InRow | Self::Failed(_) => 0,
        }
    }
}

impl<'a> Pick<'a> {
    /// A field that async-graphql resolves. Its other occurrences at the root are merged into it.
    pub fn root(field: &'a Positioned<AstField>, scope: &'a Scope) -> Self {
        Self { parent: ROOT, nodes: vec![field], scope }
    }

    /// Where the field stands in the document.
    pub fn pos(&self) -> Pos {
        self.nodes.first().map(|node| node.pos).unwrap_or_default()
    }

    /// An error at this field.
    pub fn error(&self, error: &Error) -> ServerError {
        server_error(error, self.pos())
    }

    /// An argument; `None` passed to the type's own parser when it is absent.
    ///
    /// # Errors
    /// When the value does not fit the type.
    pub fn arg<T: InputType>(&self, name: &str) -> ServerResult<T> {
        let argument = self.nodes.first().and_then(|node| node.node.get_argument(name));
        let (pos, value) = match argument {
            None => (self.pos(), None),
            Some(value) => (value.pos, value.node.clone().into_const()),
        };
        T::parse(value).map_err(|error| error.into_server_error(pos))
    }

    /// What was selected of the field's type.
    ///
    /// # Errors
    /// When an argument below does not fit its type.
    pub fn select<E: Entity>(&self) -> ServerResult<Selection<E>> {
        Selection::compile(self)
    }

    /// The field of the given name right below, if it is selected.
    pub fn below(&self, name: &str) -> Option<Pick<'a>> {
        let nodes: Vec<_> = self.children(name);
        (!nodes.is_empty()).then_some(Pick { nodes, ..*self })
    }

    /// Whether a field of the given name is selected right below.
    pub fn wants(&self, name: &str) -> bool {
        !self.children(name).is_empty()
    }

    fn children(&self, name: &str) -> Vec<&'a Positioned<AstField>> {
        let mut found = Collected::default();
        let all = |_: &str| Some(1);
        for node in &self.nodes {
            collect(&node.node.selection_set.node, &all, 1, &mut found);
        }
        let nodes = found.entries.into_iter().flat_map(|(_, nodes)| nodes).map(|occurrence| occurrence.node);
        nodes.filter(|node| node.node.name.node == name).collect()
    }
}

impl<E: Entity> Selection<E> {
    /// Compiles what was selected below a field. The entries stand in the order in which each variant first has them.
    ///
    /// # Errors
    /// When a field is not known here.
    pub fn compile(pick: &Pick<'_>) -> ServerResult<Self> {
        let mut found = Collected::default();
        for node in &pick.nodes {
            collect(&node.node.selection_set.node, &narrowed::<E>, every_variant::<E>(), &mut found);
        }
        let mut selection = Self { items: Vec::with_capacity(found.entries.len()), details: false };
        let mut entries: Vec<_> = found
            .entries
            .iter()
            .flat_map(|(key, nodes)| by_variant::<E>(nodes).into_iter().map(move |entry| (*key, entry)))
            .collect();
        entries.sort_by_key(|(_, entry)| entry.place);
        for (key, Entry { on, nodes, .. }) in entries {
            selection.add(key, on, &Pick { parent: E::NAME, nodes, scope: pick.scope })?;
        }
        Ok(selection)
    }

    /// Whether more than the usual columns are needed.
    pub fn details(&self) -> bool {
        self.details
    }

    fn add(&mut self, key: &str, on: u16, pick: &Pick<'_>) -> ServerResult<()> {
        let Some(node) = pick.nodes.first() else { return Ok(()) };
        let name = node.node.name.node.as_str();
        let mut json = Out::with_capacity(key.len() + 3);
        json.str(key);
        json.raw(b":");
        let key = json.into_bytes();
        if name == "__typename" {
            self.items.push(Item { key, on, pos: pick.pos(), read: Compiled::TypeName });
            return Ok(());
        }
        let field = field_of::<E>(name, on).ok_or_else(|| {
            ServerError::new(format!("Cannot query field \"{name}\" on type \"{}\".", E::NAME), Some(pick.pos()))
        })?;
        let rule = match table::rule(owner::<E>(field), name) {
            Some(rule @ (Rule::Personal | Rule::Contact | Rule::Home)) => Some(rule),
            Some(_) => None,
            // Nothing is read without a permission: a field that the table forgot is nobody's.
            None => return Err(pick.error(&Error::internal(format!("{}.{name} has no permission", E::NAME)))),
        };
        self.details |= field.details || rule.is_some();
        let read = match (&field.read, rule) {
            (Read::Value(write), None) => Compiled::Value(*write),
            (Read::Value(write), Some(rule)) => Compiled::Guarded(rule, *write),
            (Read::Link(link), rule) => match link(pick) {
                Ok(link) => {
                    self.details |= link.details();
                    Compiled::Link { link, rule }
                }
                Err(error) => Compiled::Failed(error),
            },
        };
        self.items.push(Item { key, on, pos: pick.pos(), read });
        Ok(())
    }

    /// Writes one object for each row, following every link once for all rows.
    ///
    /// # Errors
    /// What the database answers.
    pub fn render(&self, exec: &mut Exec<'_>, rows: &[&E::Row]) -> Result<Values, Error> {
        let mut columns = Vec::with_capacity(self.items.len());
        let mut kept = 0;
        for item in &self.items {
            let column = item.column(exec, rows)?;
            exec.keep(column.size())?;
            kept += column.size();
            columns.push(column);
        }
        let room = exec.room();
        let mut values = Values::with_capacity(rows.len());
        for (n, row) in rows.iter().enumerate() {
            let variant = E::variant(row);
            values.push(|out| {
                let mut separator: &[u8] = b"{";
                for (item, column) in self.items.iter().zip(&columns) {
                    if item.on & 1 << variant == 0 {
                        continue;
                    }
                    out.raw(separator);
                    separator = b",";
                    out.raw(&item.key);
                    match (&item.read, column) {
                        (_, Column::Values(values)) => out.raw(values.get(n)),
                        (_, Column::Failed(mark)) => out.raw(mark),
                        (Compiled::Value(write), _) => write(row, out),
                        (Compiled::Guarded(rule, write), _) if E::opens(row, *rule) => write(row, out),
                        (Compiled::TypeName, _) => out.str(E::VARIANTS.get(variant).map_or(E::NAME, |v| v.name)),
                        _ => out.null(),
                    }
                }
                out.raw(if separator == b"{" { b"{}" } else { b"}" });
            });
            if values.size() > room {
                return Err(too_long());
            }
        }
        exec.let_go(kept);
        Ok(values)
    }
}

impl<E: Entity> Item<E> {
    fn column(&self, exec: &mut Exec<'_>, rows: &[&E::Row]) -> Result<Column, Error> {
        match &self.read {
            Compiled::TypeName | Compiled::Value(_) | Compiled::Guarded(..) => Ok(Column::InRow),
            Compiled::Failed(error) => Ok(Column::Failed(exec.fail(error.clone()))),
            Compiled::Link { link, rule } => {
                let kept = exec.memory.kept;
                match follow::<E>(link.as_ref(), *rule, self.on, exec, rows) {
                    Ok(values) => Ok(Column::Values(values)),
                    // What the client asked for makes no sense; the rest of the answer does.
                    Err(error @ (Error::BadInput(_) | Error::Rejected(_))) => {
                        exec.memory.kept = kept;
                        Ok(Column::Failed(exec.fail(server_error(&error, self.pos))))
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }
}

/// Follows a link for the rows that have it, and lines its values up with all rows.
fn follow<E: Entity>(
    link: &dyn Link<E::Row>,
    rule: Option<Rule>,
    on: u16,
    exec: &mut Exec<'_>,
    rows: &[&E::Row],
) -> Result<Values, Error> {
    let has = |row: &E::Row| on & 1 << E::variant(row) != 0 && rule.is_none_or(|rule| E::opens(row, rule));
    if rows.iter().all(|row| has(row)) {
        return link.follow(exec, rows);
    }
    let some: Vec<&E::Row> = rows.iter().copied().filter(|row| has(row)).collect();
    let values = if some.is_empty() { Values::default() } else { link.follow(exec, &some)? };
    let mut next = 0;
    let positions = rows.iter().map(|row| {
        has(row).then(|| {
            next += 1;
            next - 1
        })
    });
    Ok(values.arranged(positions.collect::<Vec<_>>().into_iter()))
}

/// The occurrences of one response key that some variants share.
struct Entry<'a> {
    on: u16,
    /// The place of the first.
    place: usize,
    nodes: Vec<&'a Positioned<AstField>>,
}

/// Variants that select the same occurrences share one entry.
fn by_variant<'a, E: Entity>(occurrences: &[Occurrence<'a>]) -> Vec<Entry<'a>> {
    let mut split: Vec<Entry<'a>> = Vec::new();
    for bit in (0..16).map(|n| 1_u16 << n).filter(|bit| every_variant::<E>() & bit != 0) {
        let of = occurrences.iter().filter(|occurrence| occurrence.on & bit != 0);
        let Some(place) = of.clone().map(|occurrence| occurrence.place).next() else { continue };
        let nodes: Vec<_> = of.map(|occurrence| occurrence.node).collect();
        match split.iter_mut().find(|known| same(&known.nodes, &nodes)) {
            Some(entry) => entry.on |= bit,
            None => split.push(Entry { on: bit, place, nodes }),
        }
    }
    split
}

fn same(a: &[&Positioned<AstField>], b: &[&Positioned<AstField>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| std::ptr::eq(*a, *b))
}

/// The field of this name that is on the given variants.
fn field_of<E: Entity>(name: &str, on: u16) -> Option<&'static Field<E>> {
    let position = positions::<E>().get(name)?;
    position.iter().filter_map(|n| E::fields().get(*n)).find(|field| field.on == 0 || field.on & on != 0)
}

/// The name of the type on which the table lists a field.
fn owner<E: Entity>(field: &Field<E>) -> &'static str {
    let only = E::VARIANTS.iter().enumerate().find(|(n, _)| field.on != 0 && field.on & 1 << n != 0);
    only.map_or(E::NAME, |(_, variant)| variant.name)
}

type Positions = HashMap<&'static str, Vec<usize>>;

/// Where the fields of a type stand in its table, by name; made once for each type.
fn positions<E: Entity>() -> &'static Positions {
    static KNOWN: OnceLock<Mutex<HashMap<&'static str, &'static Positions>>> = OnceLock::new();
    let mut known = KNOWN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(E::NAME).or_insert_with(|| {
        let mut positions = Positions::new();
        for (n, field) in E::fields().iter().enumerate() {
            positions.entry(field.name).or_default().push(n);
        }
        Box::leak(Box::new(positions))
    })
}
