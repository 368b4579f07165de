//! The schema, put together from the areas.

use async_graphql::{EmptySubscription, MergedObject};

use super::limits::{COMPLEXITY_MAX, DEPTH_MAX, DIRECTIVES_MAX};
use crate::api_key::graphql::{ApiKeyMutation, ApiKeyQuery};
use crate::email::graphql::EmailMutation;
use crate::invitation::graphql::{InvitationMutation, InvitationQuery};
use crate::organization::graphql::{OrganizationMutation, OrganizationQuery};
use crate::password::graphql::PasswordMutation;
use crate::settings::graphql::SettingsMutation;
use crate::tenant::graphql::{TenantMutation, TenantQuery};
use crate::user::graphql::{UserMutation, UserQuery};

/// What can be asked. Every list answers what the caller may see, and no more.
#[derive(Default, MergedObject)]
pub struct Query(OrganizationQuery, TenantQuery, UserQuery, ApiKeyQuery, InvitationQuery);

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
);

pub type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

/// Builds the schema. It touches no database.
pub fn build(introspection: bool) -> Schema {
    let builder = async_graphql::Schema::build(Query::default(), Mutation::default(), EmptySubscription)
        .limit_depth(DEPTH_MAX)
        .limit_complexity(COMPLEXITY_MAX)
        .limit_directives(DIRECTIVES_MAX)
        .disable_suggestions();
    if introspection {
        builder.finish()
    } else {
        builder.disable_introspection().finish()
    }
}
