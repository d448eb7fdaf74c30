//! How types make themselves known to async-graphql, which validates documents and describes the schema.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::parser::types::Field as AstField;
use async_graphql::registry::{Deprecation, MetaField, MetaInputValue, MetaType, MetaTypeId, Registry};
use async_graphql::{ContextSelectionSet, InputType, OutputType, Positioned, ServerResult, Value};

use super::connection::{Asked, ConnectionRow, CursorOf, Listed, row};
use super::{Connection, Entity, Exec, Field, Pick, Selection, settle};
use crate::error::Error;
use crate::graphql::session::Session;
use crate::page::Page;

/// Registers a type and answers with its name as the schema writes it.
pub type TypeOf = fn(&mut Registry) -> String;

/// Registers an output type.
pub fn ty<T: OutputType>(registry: &mut Registry) -> String {
    T::create_type_info(registry)
}

/// Registers an input type.
pub fn input<T: InputType>(registry: &mut Registry) -> String {
    T::create_type_info(registry)
}

/// An argument of a field.
#[derive(Clone, Copy)]
pub struct Argument {
    name: &'static str,
    ty: TypeOf,
    doc: &'static str,
}

/// An argument of a field.
pub const fn arg(name: &'static str, ty: TypeOf, doc: &'static str) -> Argument {
    Argument { name, ty, doc }
}

/// Something that renders itself for a selection: what the resolvers of async-graphql answer with.
type Renderer<E> = Box<dyn Fn(&mut Exec<'_>, &Selection<E>, Asked) -> Result<Vec<u8>, Error> + Send + Sync>;

/// An object of the graph as a resolver's answer.
///
/// What it shows is decided when async-graphql hands it the selection. The JSON travels to the response as
/// [`Value::Binary`], which nothing else in the schema answers with, and is copied there as it is.
pub struct Obj<E: Entity> {
    render: Renderer<E>,
    entity: PhantomData<E>,
}

impl<E: Entity> Obj<E> {
    /// A row that is read already. It must have been read with its details.
    pub fn row(row: E::Row) -> Self {
        Self { render: Box::new(move |exec, selection, _| exec.answer(selection, &row)), entity: PhantomData }
    }
}

impl<L: Listed> Obj<Connection<L>> {
    /// A connection at the root, read when it is known what is asked of it.
    pub fn connection(
        read: impl Fn(&mut Exec<'_>, Asked) -> Result<(Page<L::Row>, CursorOf<L::Row>), Error> + Send + Sync + 'static,
    ) -> Self {
        Self {
            render: Box::new(move |exec, selection, asked| {
                let (page, cursor) = read(exec, asked)?;
                let connection: ConnectionRow<L::Row> = row(page, asked, &*cursor);
                exec.answer(selection, &connection)
            }),
            entity: PhantomData,
        }
    }
}

impl<E: Entity> OutputType for Obj<E> {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed(E::NAME)
    }

    fn create_type_info(registry: &mut Registry) -> String {
        if E::VARIANTS.is_empty() {
            registry.create_output_type::<Self, _>(MetaTypeId::Object, |registry| {
                let fields = fields_of::<E>(registry, |_| true);
                object(registry, E::NAME, E::DOC, E::INTERFACES, fields, std::any::type_name::<Self>())
            })
        } else {
            registry.create_output_type::<Self, _>(MetaTypeId::Interface, interface::<E>)
        }
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<AstField>) -> ServerResult<Value> {
        let session = ctx.data_unchecked::<Arc<Session>>();
        let pick = Pick::root(field, session.scope());
        let selection = pick.select::<E>()?;
        let asked = Asked::of(&pick, &selection);
        let json = session
            .read(|exec| (self.render)(exec, &selection, asked))
            .map_err(|error| ctx.set_error_path(pick.error(&error)))?;
        Ok(settle(ctx, session, json))
    }
}

fn fields_of<E: Entity>(
    registry: &mut Registry,
    wanted: impl Fn(&Field<E>) -> bool,
) -> async_graphql::indexmap::IndexMap<String, MetaField> {
    E::fields()
        .iter()
        .filter(|field| wanted(field))
        .map(|field| (field.name.to_owned(), meta(registry, field)))
        .collect()
}

fn meta<E: Entity>(registry: &mut Registry, field: &Field<E>) -> MetaField {
    let args = field.args.iter().map(|argument| {
        let value = MetaInputValue {
            name: argument.name.to_owned(),
            description: Some(argument.doc.to_owned()),
            ty: (argument.ty)(registry),
            deprecation: Deprecation::NoDeprecated,
            default_value: None,
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            is_secret: false,
            directive_invocations: Vec::new(),
        };
        (argument.name.to_owned(), value)
    });
    let args = args.collect();
    MetaField {
        name: field.name.to_owned(),
        description: Some(field.doc.to_owned()),
        args,
        ty: (field.ty)(registry),
        deprecation: match field.deprecated {
            None => Deprecation::NoDeprecated,
            Some(reason) => Deprecation::Deprecated { reason: Some(reason.to_owned()) },
        },
        cache_control: Default::default(),
        external: false,
        requires: None,
        provides: None,
        visible: None,
        shareable: false,
        inaccessible: false,
        tags: Vec::new(),
        override_from: None,
        compute_complexity: None,
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    }
}

fn object(
    registry: &mut Registry,
    name: &'static str,
    doc: &'static str,
    interfaces: &[&'static str],
    fields: async_graphql::indexmap::IndexMap<String, MetaField>,
    rust_typename: &'static str,
) -> MetaType {
    for interface in interfaces {
        registry.add_implements(name, interface);
    }
    MetaType::Object {
        name: name.to_owned(),
        description: Some(doc.to_owned()),
        fields,
        cache_control: Default::default(),
        extends: false,
        shareable: false,
        resolvable: true,
        keys: None,
        visible: None,
        inaccessible: false,
        interface_object: false,
        tags: Vec::new(),
        is_subscription: false,
        rust_typename: Some(rust_typename),
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    }
}

fn interface<E: Entity>(registry: &mut Registry) -> MetaType {
    let fields = fields_of::<E>(registry, |field| field.on == 0);
    for (n, variant) in E::VARIANTS.iter().enumerate() {
        let own = fields_of::<E>(registry, |field| field.on == 0 || field.on & 1 << n != 0);
        let interfaces: Vec<&'static str> =
            std::iter::once(E::NAME).chain(variant.interfaces.iter().copied()).collect();
        let object = object(registry, variant.name, variant.doc, &interfaces, own, variant.name);
        registry.types.insert(variant.name.to_owned(), object);
    }
    for interface in E::INTERFACES {
        registry.add_implements(E::NAME, interface);
    }
    MetaType::Interface {
        name: E::NAME.to_owned(),
        description: Some(E::DOC.to_owned()),
        fields,
        possible_types: E::VARIANTS.iter().map(|variant| variant.name.to_owned()).collect(),
        extends: false,
        inaccessible: false,
        tags: Vec::new(),
        keys: None,
        visible: None,
        rust_typename: Some(std::any::type_name::<Obj<E>>()),
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    }
}
