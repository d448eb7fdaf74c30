//! Selections: what a client asked of a type, checked and merged as the GraphQL specification says (section 6.3.2).

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use async_graphql::parser::types::{Directive, Field as AstField, Selection as AstSelection, SelectionSet};
use async_graphql::{InputType, Name, Pos, Positioned, QueryEnv, ServerError, ServerResult, Value};

use async_graphql_value::Value as AstValue;

use super::{Entity, Exec, Field, Link, Out, ROOT, Values};
use crate::access::table::{self, Rule};
use crate::error::Error;
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
    env: &'a QueryEnv,
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
    read: Compiled<E>,
}

enum Compiled<E: Entity> {
    TypeName,
    Value(fn(&E::Row, &mut Out)),
    Personal(fn(&E::Row, &mut Out)),
    Link { link: Box<dyn Link<E::Row>>, personal: bool },
}

impl<'a> Pick<'a> {
    /// A field that async-graphql resolves, merged with its other occurrences under the same response key.
    ///
    /// # Errors
    /// When a condition of a directive is not a truth value.
    pub fn root(field: &'a Positioned<AstField>, env: &'a QueryEnv, scope: &'a Scope) -> ServerResult<Self> {
        let mut found = Collected::default();
        collect(&env.operation.node.selection_set.node, env, &|_| Some(1), 1, &mut found)?;
        let key = field.node.response_key().node.as_str();
        let nodes = found.entries.into_iter().find(|(name, _)| *name == key).map(|(_, nodes)| nodes);
        let nodes = nodes.map(|nodes| nodes.into_iter().map(|(_, node)| node).collect());
        Ok(Self { parent: ROOT, nodes: nodes.unwrap_or_else(|| vec![field]), env, scope })
    }

    /// Whether a field is the first of those with its response key; the others are part of its answer.
    pub fn is_first(&self, field: &Positioned<AstField>) -> bool {
        self.nodes.first().is_none_or(|first| first.pos == field.pos)
    }

    /// Where the field stands in the document.
    pub fn pos(&self) -> Pos {
        self.nodes.first().map(|node| node.pos).unwrap_or_default()
    }

    /// An error at this field.
    pub fn error(&self, error: &Error) -> ServerError {
        crate::graphql::errors::server_error(error, self.pos())
    }

    /// An argument; `None` passed to the type's own parser when it is absent.
    ///
    /// # Errors
    /// When the value does not fit the type.
    pub fn arg<T: InputType>(&self, name: &str) -> ServerResult<T> {
        let argument = self.nodes.first().and_then(|node| node.node.get_argument(name));
        let (pos, value) = match argument {
            None => (self.pos(), None),
            Some(value) => (value.pos, constant(value, self.env)?),
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
            // A condition that cannot be read is reported when the selection is compiled.
            let _ = collect(&node.node.selection_set.node, self.env, &all, 1, &mut found);
        }
        let nodes = found.entries.into_iter().flat_map(|(_, nodes)| nodes).map(|(_, node)| node);
        nodes.filter(|node| node.node.name.node == name).collect()
    }
}

/// A value with its variables filled in; `None` when the value is a variable that was not given.
fn constant(value: &Positioned<AstValue>, env: &QueryEnv) -> ServerResult<Option<Value>> {
    let lookup = |name: &Name| {
        let definition = env.operation.node.variable_definitions.iter().find(|def| def.node.name.node == *name)?;
        env.variables.get(name).or_else(|| definition.node.default_value()).cloned()
    };
    if let AstValue::Variable(name) = &value.node {
        return Ok(lookup(name));
    }
    // A variable inside a list or an object that was not given counts as null there.
    value.node.clone().into_const_with(|name| Ok::<_, ServerError>(lookup(&name).unwrap_or(Value::Null))).map(Some)
}

/// A field where it stands in the document, and the variants it is for.
type Occurrence<'a> = (u16, &'a Positioned<AstField>);

/// Fields by response key, in the order of their first occurrence; each occurrence with the variants it is for.
#[derive(Default)]
struct Collected<'a> {
    entries: Vec<(&'a str, Vec<Occurrence<'a>>)>,
}

fn collect<'a>(
    set: &'a SelectionSet,
    env: &'a QueryEnv,
    narrow: &dyn Fn(&str) -> Option<u16>,
    on: u16,
    found: &mut Collected<'a>,
) -> ServerResult<()> {
    for selection in &set.items {
        match &selection.node {
            AstSelection::Field(field) => {
                if is_skipped(&field.node.directives, env)? {
                    continue;
                }
                let key = field.node.response_key().node.as_str();
                match found.entries.iter_mut().find(|(name, _)| *name == key) {
                    Some((_, nodes)) => nodes.push((on, field)),
                    None => found.entries.push((key, vec![(on, field)])),
                }
            }
            AstSelection::InlineFragment(fragment) => {
                let fragment = &fragment.node;
                let condition = fragment.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                let narrowed = condition.map_or(Some(on), |name| narrow(name).map(|variants| variants & on));
                if let Some(on) = narrowed.filter(|on| *on != 0)
                    && !is_skipped(&fragment.directives, env)?
                {
                    collect(&fragment.selection_set.node, env, narrow, on, found)?;
                }
            }
            AstSelection::FragmentSpread(spread) => {
                if is_skipped(&spread.node.directives, env)? {
                    continue;
                }
                let Some(fragment) = env.fragments.get(&spread.node.fragment_name.node) else { continue };
                let condition = fragment.node.type_condition.node.on.node.as_str();
                if let Some(on) = narrow(condition).map(|variants| variants & on).filter(|on| *on != 0) {
                    collect(&fragment.node.selection_set.node, env, narrow, on, found)?;
                }
            }
        }
    }
    Ok(())
}

fn is_skipped(directives: &[Positioned<Directive>], env: &QueryEnv) -> ServerResult<bool> {
    for directive in directives {
        let skip = match directive.node.name.node.as_str() {
            "skip" => true,
            "include" => false,
            _ => continue,
        };
        let Some(argument) = directive.node.get_argument("if") else { continue };
        let condition = constant(argument, env)?;
        let condition = bool::parse(condition).map_err(|error| error.into_server_error(argument.pos))?;
        if condition == skip {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The variants of `E` that a type condition lets through.
fn narrowed<E: Entity>(condition: &str) -> Option<u16> {
    let all = every_variant::<E>();
    if condition == E::NAME || E::INTERFACES.contains(&condition) {
        return Some(all);
    }
    let named = E::VARIANTS
        .iter()
        .enumerate()
        .filter(|(_, variant)| variant.name == condition || variant.interfaces.contains(&condition));
    let bits = named.fold(0, |bits, (n, _)| bits | 1 << n);
    (bits != 0).then_some(bits)
}

fn every_variant<E: Entity>() -> u16 {
    match E::VARIANTS.len() {
        0 => 1,
        n => u16::try_from((1_u32 << n.min(16)) - 1).unwrap_or(u16::MAX),
    }
}

impl<E: Entity> Selection<E> {
    /// Compiles what was selected below a field.
    ///
    /// # Errors
    /// When an argument below does not fit its type.
    pub fn compile(pick: &Pick<'_>) -> ServerResult<Self> {
        let mut found = Collected::default();
        for node in &pick.nodes {
            collect(&node.node.selection_set.node, pick.env, &narrowed::<E>, every_variant::<E>(), &mut found)?;
        }
        let mut selection = Self { items: Vec::with_capacity(found.entries.len()), details: false };
        for (key, nodes) in found.entries {
            for (on, nodes) in by_variant::<E>(&nodes) {
                selection.add(key, on, &Pick { parent: E::NAME, nodes, env: pick.env, scope: pick.scope })?;
            }
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
            self.items.push(Item { key, on, read: Compiled::TypeName });
            return Ok(());
        }
        let field = field_of::<E>(name, on).ok_or_else(|| {
            ServerError::new(format!("Cannot query field \"{name}\" on type \"{}\".", E::NAME), Some(pick.pos()))
        })?;
        let personal = match table::rule(owner::<E>(field), name) {
            Some(Rule::Personal) => true,
            Some(_) => false,
            // Nothing is read without a permission: a field that the table forgot is nobody's.
            None => return Err(pick.error(&Error::internal(format!("{}.{name} has no permission", E::NAME)))),
        };
        self.details |= field.details || personal;
        let read = match (&field.read, personal) {
            (Read::Value(write), false) => Compiled::Value(*write),
            (Read::Value(write), true) => Compiled::Personal(*write),
            (Read::Link(link), personal) => {
                let link = link(pick)?;
                self.details |= link.details();
                Compiled::Link { link, personal }
            }
        };
        self.items.push(Item { key, on, read });
        Ok(())
    }

    /// Writes one object for each row, following every link once for all rows.
    ///
    /// # Errors
    /// What the database answers.
    pub fn render(&self, exec: &mut Exec<'_>, rows: &[&E::Row]) -> Result<Values, Error> {
        let mut columns = Vec::with_capacity(self.items.len());
        for item in &self.items {
            columns.push(match &item.read {
                Compiled::Link { link, personal } => Some(follow::<E>(link.as_ref(), *personal, item.on, exec, rows)?),
                _ => None,
            });
        }
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
                        (_, Some(values)) => out.raw(values.get(n)),
                        (Compiled::Value(write), _) => write(row, out),
                        (Compiled::Personal(write), _) if E::personal(row) => write(row, out),
                        (Compiled::TypeName, _) => out.str(E::VARIANTS.get(variant).map_or(E::NAME, |v| v.name)),
                        _ => out.null(),
                    }
                }
                out.raw(if separator == b"{" { b"{}" } else { b"}" });
            });
        }
        Ok(values)
    }
}

/// Follows a link for the rows that have it, and lines its values up with all rows.
fn follow<E: Entity>(
    link: &dyn Link<E::Row>,
    personal: bool,
    on: u16,
    exec: &mut Exec<'_>,
    rows: &[&E::Row],
) -> Result<Values, Error> {
    let has = |row: &E::Row| on & 1 << E::variant(row) != 0 && (!personal || E::personal(row));
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

/// Variants that select the same occurrences share one entry.
fn by_variant<'a, E: Entity>(nodes: &[Occurrence<'a>]) -> Vec<(u16, Vec<&'a Positioned<AstField>>)> {
    let mut split: Vec<(u16, Vec<&'a Positioned<AstField>>)> = Vec::new();
    for bit in (0..16).map(|n| 1_u16 << n).filter(|bit| every_variant::<E>() & bit != 0) {
        let of: Vec<&'a Positioned<AstField>> =
            nodes.iter().filter(|(on, _)| on & bit != 0).map(|(_, node)| *node).collect();
        if of.is_empty() {
            continue;
        }
        match split.iter_mut().find(|(_, known)| same(known, &of)) {
            Some((on, _)) => *on |= bit,
            None => split.push((bit, of)),
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
