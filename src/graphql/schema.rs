//! The schema, put together from the areas.

use std::collections::HashSet;
use std::sync::LazyLock;

use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use async_graphql::{EmptySubscription, MergedObject, SchemaBuilder};

use super::limits::DIRECTIVES_MAX;
use crate::api_key::graphql::{ApiKeyMutation, ApiKeyQuery};
use crate::audit::graphql::AuditQuery;
use crate::email::graphql::EmailMutation;
use crate::group::graphql::{GroupMutation, GroupQuery};
use crate::invitation::graphql::{InvitationMutation, InvitationQuery};
use crate::organization::graphql::{OrganizationMutation, OrganizationQuery};
use crate::password::graphql::PasswordMutation;
use crate::role::graphql::{RoleMutation, RoleQuery};
use crate::session::graphql::{SessionMutation, SessionQuery};
use crate::settings::graphql::SettingsMutation;
use crate::tenant::graphql::{TenantMutation, TenantQuery};
use crate::user::graphql::{UserMutation, UserQuery};

/// What can be asked. Every list answers what the caller may see, and no more.
#[derive(Default, MergedObject)]
pub struct Query(
    OrganizationQuery,
    TenantQuery,
    UserQuery,
    ApiKeyQuery,
    GroupQuery,
    RoleQuery,
    InvitationQuery,
    SessionQuery,
    AuditQuery,
);

/// What can be changed. Each change is one transaction, with its audit event in it; refused, it changes nothing.
#[derive(Default, MergedObject)]
pub struct Mutation(
    OrganizationMutation,
    TenantMutation,
    UserMutation,
    PasswordMutation,
    EmailMutation,
    InvitationMutation,
    SettingsMutation,
    ApiKeyMutation,
    GroupMutation,
    RoleMutation,
    SessionMutation,
);

pub type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

/// Builds the schema. It touches no database.
pub fn build(introspection: bool) -> Schema {
    if introspection {
        builder().finish()
    } else {
        builder().disable_introspection().finish()
    }
}

/// The schema on its way. What a document may cost is checked before, in [`super::limits`].
pub fn builder() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    async_graphql::Schema::build(Query::default(), Mutation::default(), EmptySubscription)
        .limit_directives(DIRECTIVES_MAX)
        .disable_suggestions()
}

/// The names of the fields that give a page, which are those that take `first`.
pub fn paged_fields() -> &'static HashSet<String> {
    static NAMES: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let definitions = async_graphql::parser::parse_schema(build(true).sdl()).map(|schema| schema.definitions);
        let mut names = HashSet::new();
        for definition in definitions.unwrap_or_default() {
            if let TypeSystemDefinition::Type(definition) = definition
                && let TypeKind::Object(object) = definition.node.kind
            {
                let paged = object.fields.into_iter().map(|field| field.node).filter(|field| {
                    let mut arguments = field.arguments.iter();
                    arguments.any(|argument| argument.node.name.node == "first")
                });
                names.extend(paged.map(|field| field.name.node.to_string()));
            }
        }
        names
    });
    &NAMES
}
