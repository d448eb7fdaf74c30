//! The root fields: who may use each, and what becomes of the answer when one fails.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::parser::types::Field;
use async_graphql::registry::{MetaType, Registry};
use async_graphql::resolver_utils::{ContainerType, resolve_container};
use async_graphql::{Context, ContextSelectionSet, ObjectType, OutputType, Positioned, ServerResult, Value};

use super::errors::server_error;
use super::introspection;
use super::session::Session;
use crate::access::table::{self, Rule};

/// The root of queries or of mutations. A field that the viewer may not use is null with an error, and so is one that
/// fails. The other fields are answered all the same.
///
/// Which fields can be refused is said by the table of access alone: here their types become nullable.
#[derive(Default)]
pub struct Root<T>(T);

impl<T> Root<T> {
    /// The root with these fields.
    pub fn new(fields: T) -> Self {
        Self(fields)
    }
}

impl<T: ObjectType> ContainerType for Root<T> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        let (owner, name) = (T::type_name(), ctx.item.node.name.node.as_str());
        if name.starts_with("__") {
            return Ok(Some(introspection::answer(&ctx.item.node)));
        }
        let viewer = &ctx.data_unchecked::<Arc<Session>>().scope().viewer;
        let answer = match table::permit(&owner, name, viewer) {
            Ok(()) => self.0.resolve_field(ctx).await,
            Err(error) => Err(ctx.set_error_path(server_error(&error, ctx.item.pos))),
        };
        match answer {
            Err(error) if is_nullable(ctx, &owner, name) => {
                ctx.add_error(error);
                Ok(Some(Value::Null))
            }
            other => other,
        }
    }
}

fn is_nullable(ctx: &Context<'_>, owner: &str, field: &str) -> bool {
    let owner = ctx.schema_env.registry.types.get(owner);
    owner.and_then(|owner| owner.field_by_name(field)).is_some_and(|field| !field.ty.ends_with('!'))
}

impl<T: ObjectType> OutputType for Root<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        let qualified = T::create_type_info(registry);
        let owner = T::type_name();
        if let Some(MetaType::Object { fields, .. }) = registry.types.get_mut(owner.as_ref()) {
            for (name, field) in fields {
                let may_be_refused = table::rule(&owner, name) != Some(Rule::Anyone);
                if may_be_refused && field.ty.ends_with('!') {
                    field.ty.pop();
                }
            }
        }
        qualified
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        resolve_container(ctx, self).await
    }
}

impl<T: ObjectType> ObjectType for Root<T> {}
