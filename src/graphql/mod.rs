//! The GraphQL face: types, fields and operations, on top of the domain.

pub mod content_changes;
pub mod content_mutation;
pub mod engine;
pub mod enums;
pub mod errors;
pub mod guardian_mutation;
pub mod inputs;
mod introspection;
pub mod loaders;
pub mod membership_inputs;
pub mod mutation;
pub mod mutation_inputs;
pub mod node;
pub mod participant_filter;
mod postal_address_input;
pub mod query;
pub mod request;
pub mod roots;
pub mod scalars;
pub mod school_mutation;
pub mod session;
pub mod subscription;
pub mod taking_part_mutation;
pub mod talk_mutation;
pub mod text;
pub mod token_mutation;
pub mod types;
pub mod user_error_code;
pub mod year_mutation;

use async_graphql::{Schema as AsyncSchema, ValidationMode};

use roots::Root;

/// The schema that the gateway serves.
pub type Schema = AsyncSchema<Root<query::Query>, Root<Mutation>, subscription::Subscription>;

/// Everything that can be changed. Each mutation is carried out whole or not at all; a refusal stands in `userErrors`.
#[derive(async_graphql::MergedObject, Default)]
pub struct Mutation(
    mutation::MembershipMutation,
    guardian_mutation::GuardianMutation,
    token_mutation::TokenMutation,
    content_mutation::ContentMutation,
    taking_part_mutation::TakingPartMutation,
    talk_mutation::TalkMutation,
    year_mutation::YearMutation,
    school_mutation::SchoolMutation,
);

/// Builds the schema. It executes what [`request`] has found valid, and takes that as given.
pub fn schema() -> Schema {
    AsyncSchema::build(Root::new(query::Query), Root::<Mutation>::default(), subscription::Subscription)
        // The guard has measured the document before; this would only measure it again.
        .limit_recursive_depth(crate::http::guard::Limits::NESTING_CEILING)
        .disable_suggestions()
        // The roots answer that themselves.
        .disable_introspection()
        .validation_mode(ValidationMode::Fast)
        .finish()
}

/// What the schema says of itself as a whole.
pub const DESCRIPTION: &str = "Groups, the people in them, and what is shown to those people: memberships, content and school records of \
    associations, schools and tenants' organizations.";

/// The schema in the schema definition language, as `schema.graphql` keeps it.
pub fn sdl() -> String {
    // The library knows no description of the schema, neither when it writes one nor when it reads one.
    let described = format!("\"\"\"\n{DESCRIPTION}\n\"\"\"\nschema {{");
    types_sdl().replace("schema {", &described)
}

/// The same without the description of the schema itself.
pub fn types_sdl() -> String {
    use async_graphql::SDLExportOptions;
    schema().sdl_with_options(
        SDLExportOptions::new().include_specified_by().sorted_fields().sorted_arguments().sorted_enum_items(),
    )
}
