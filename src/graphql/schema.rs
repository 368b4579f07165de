//! The schema, assembled from the areas.

use async_graphql::{EmptySubscription, MergedObject, SDLExportOptions, SchemaBuilder, ValidationMode};

use crate::graphql::access::AccessQuery;
use crate::graphql::api_key::{ApiKeyMutation, ApiKeyQuery};
use crate::graphql::audit_event::AuditQuery;
use crate::graphql::email_verification::EmailMutation;
use crate::graphql::group::{GroupMutation, GroupQuery};
use crate::graphql::invitation::{InvitationMutation, InvitationQuery};
use crate::graphql::node::NodeQuery;
use crate::graphql::nullable::Mutation;
use crate::graphql::organization::{OrganizationMutation, OrganizationQuery};
use crate::graphql::password::PasswordMutation;
use crate::graphql::permission::{PermissionLists, PermissionMutation};
use crate::graphql::resource_server::{ResourceServerMutation, ResourceServerQuery};
use crate::graphql::role::{OutsiderQuery, PermissionQuery, RoleMutation, RoleQuery};
use crate::graphql::session::{SessionMutation, SessionQuery};
use crate::graphql::settings::SettingsMutation;
use crate::graphql::tenant::{TenantMutation, TenantQuery};
use crate::graphql::user::{OneselfMutation, UserLists, UserMutation, UserQuery};

/// Queries. Every list returns only what the caller may see.
#[derive(Default, MergedObject)]
pub struct Query(
    OrganizationQuery,
    TenantQuery,
    UserQuery,
    UserLists,
    ApiKeyQuery,
    GroupQuery,
    RoleQuery,
    OutsiderQuery,
    PermissionQuery,
    PermissionLists,
    ResourceServerQuery,
    AccessQuery,
    InvitationQuery,
    SessionQuery,
    AuditQuery,
    NodeQuery,
);

/// Mutations. Each field runs in its own transaction, which also writes the audit event. A field that fails changes
/// nothing and is null; the other fields of the same document run all the same, in order, and stay committed.
#[derive(Default, MergedObject)]
#[graphql(name = "Mutation")]
pub struct Mutations(
    OrganizationMutation,
    TenantMutation,
    UserMutation,
    OneselfMutation,
    PasswordMutation,
    EmailMutation,
    InvitationMutation,
    SettingsMutation,
    ApiKeyMutation,
    GroupMutation,
    RoleMutation,
    PermissionMutation,
    ResourceServerMutation,
    SessionMutation,
);

pub type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

/// Builds the schema. This does not use the database.
pub fn build(introspection: bool) -> Schema {
    if introspection {
        builder().finish()
    } else {
        builder().disable_introspection().finish()
    }
}

/// The schema before it is finished. [`super::document`] parses, limits and validates documents before the library gets
/// them. The library then only runs those of its own checks that cannot be switched off.
pub fn builder() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    async_graphql::Schema::build(Query::default(), Mutation::default(), EmptySubscription)
        .validation_mode(ValidationMode::Fast)
        .disable_suggestions()
}

/// The schema as text, including where its scalars are specified, which the library leaves out by default.
pub fn sdl(schema: &Schema) -> String {
    schema.sdl_with_options(SDLExportOptions::new().include_specified_by())
}
