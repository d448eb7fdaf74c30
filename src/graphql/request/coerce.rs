//! The document of one request, without variables, conditions and fragments that are spread.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, Field, InlineFragment, OperationDefinition, Selection,
    SelectionSet, TypeCondition,
};
use async_graphql::{Positioned, ServerError, Variables};
use async_graphql_value::Value as Literal;

use super::types::{TypeId, Types};
use super::values::Values;
use super::{coded, first_of, variables};

/// Makes the document that is executed for one operation of a valid document.
///
/// Its root fields are merged: each response key comes once, where it came first. Below, fragments stand in place, and
/// only where they tell objects of different types apart.
///
/// # Errors
/// The first variables that do not fit, and conditions that are null.
pub fn coerce(
    types: &Types,
    document: &ExecutableDocument,
    operation: &Positioned<OperationDefinition>,
    given: &Variables,
) -> Result<ExecutableDocument, Vec<ServerError>> {
    let node = &operation.node;
    let values = variables::variables(types, node, given).map_err(first_of)?;
    let mut coercion = Coercion { document, values, errors: Vec::new() };
    let mut items = Vec::new();
    if let Some(root) = types.root(node.ty) {
        let scope = Scope { objects: root, fields: root };
        coercion.selections(scope, &node.selection_set.node, &mut items);
    }
    if !coercion.errors.is_empty() {
        return Err(first_of(coercion.errors));
    }
    let selection_set = Positioned::new(SelectionSet { items: merged(items) }, node.selection_set.pos);
    let coerced =
        OperationDefinition { ty: node.ty, variable_definitions: Vec::new(), directives: Vec::new(), selection_set };
    let operations = DocumentOperations::Single(Positioned::new(coerced, operation.pos));
    Ok(ExecutableDocument { operations, fragments: Default::default() })
}

/// Fields of an object, each response key once.
fn merged(items: Vec<Positioned<Selection>>) -> Vec<Positioned<Selection>> {
    let mut fields: IndexMap<_, Positioned<Field>> = IndexMap::with_capacity(items.len());
    for item in items {
        let Selection::Field(mut field) = item.node else { continue };
        match fields.get_mut(&field.node.response_key().node) {
            Some(first) => first.node.selection_set.node.items.append(&mut field.node.selection_set.node.items),
            None => _ = fields.insert(field.node.response_key().node.clone(), field),
        }
    }
    let selection = |field: Positioned<Field>| {
        let pos = field.pos;
        Positioned::new(Selection::Field(field), pos)
    };
    fields.into_values().map(selection).collect()
}

/// Where selections stand.
#[derive(Clone, Copy)]
struct Scope {
    /// The type of the objects that they are for.
    objects: TypeId,
    /// The type that has their fields: the same, or one that all the objects are of too.
    fields: TypeId,
}

struct Coercion<'a> {
    document: &'a ExecutableDocument,
    values: Values<'a>,
    errors: Vec<ServerError>,
}

impl Coercion<'_> {
    /// Recurses as deep as the document nests with its fragments expanded, which is limited.
    fn selections(&mut self, scope: Scope, set: &SelectionSet, items: &mut Vec<Positioned<Selection>>) {
        for selection in &set.items {
            if !self.is_included(selection.node.directives()) {
                continue;
            }
            match &selection.node {
                Selection::Field(field) => {
                    if let Some(field) = self.field(scope, field) {
                        items.push(Positioned::new(Selection::Field(field), selection.pos));
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    let condition = fragment.type_condition.as_ref();
                    self.fragment(scope, condition, &fragment.selection_set, items);
                }
                Selection::FragmentSpread(spread) => {
                    let document = self.document;
                    if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                        let fragment = &fragment.node;
                        self.fragment(scope, Some(&fragment.type_condition), &fragment.selection_set, items);
                    }
                }
            }
        }
    }

    fn field(&mut self, scope: Scope, field: &Positioned<Field>) -> Option<Positioned<Field>> {
        let node = &field.node;
        let types = self.values.types;
        let known = types.field(scope.fields, &node.name.node)?;
        let below = known.ty.named();
        let mut items = Vec::with_capacity(node.selection_set.node.items.len());
        self.selections(Scope { objects: below, fields: below }, &node.selection_set.node, &mut items);
        let arguments = self.values.arguments(&known.arguments, &node.arguments, field.pos);
        let coerced = Field {
            alias: node.alias.clone(),
            name: node.name.clone(),
            arguments,
            directives: Vec::new(),
            selection_set: Positioned::new(SelectionSet { items }, node.selection_set.pos),
        };
        Some(Positioned::new(coerced, field.pos))
    }

    /// A fragment that all objects pass is taken out of its brackets.
    fn fragment(
        &mut self,
        scope: Scope,
        condition: Option<&Positioned<TypeCondition>>,
        set: &Positioned<SelectionSet>,
        items: &mut Vec<Positioned<Selection>>,
    ) {
        let types = self.values.types;
        let on = condition.map_or(Some(scope.fields), |condition| types.id(&condition.node.on.node));
        let Some(on) = on else { return };
        if types.covers(on, scope.objects) {
            return self.selections(Scope { fields: on, ..scope }, &set.node, items);
        }
        let mut inner = Vec::new();
        self.selections(Scope { objects: on, fields: on }, &set.node, &mut inner);
        if !inner.is_empty() {
            let fragment = InlineFragment {
                type_condition: condition.cloned(),
                directives: Vec::new(),
                selection_set: Positioned::new(SelectionSet { items: inner }, set.pos),
            };
            items.push(Positioned::new(Selection::InlineFragment(Positioned::new(fragment, set.pos)), set.pos));
        }
    }

    /// Looks at `@skip` and `@include` (section 3.13).
    fn is_included(&mut self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().all(|directive| {
            let arguments =
                self.values.arguments(self.values.types.condition(), &directive.node.arguments, directive.pos);
            let name = &directive.node.name.node;
            if let Some((_, Positioned { node: Literal::Boolean(condition), .. })) = arguments.first() {
                return *condition == (name == "include");
            }
            let message = format!("The condition of `@{name}` must not be null.");
            self.errors.push(coded("BAD_USER_INPUT", message, directive.pos));
            false
        })
    }
}
