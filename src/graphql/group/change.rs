//! Changing groups.

use async_graphql::{Context, Enum, ID, InputObject, Object};

use super::{GroupObject, GroupWhere};
use crate::directory::group::{self, Clearable, GroupChange, NewGroup};
use crate::graphql::role::TenantRoleData;
use crate::graphql::user::UserWhere;
use crate::graphql::{Result, listing, op};

/// A new group. Its `key` is derived from the `name`.
#[derive(Clone, Debug, InputObject)]
pub struct CreateGroupData {
    /// 1 to 255 characters with at least one letter or digit; leading and trailing spaces are removed.
    name: String,
    /// At most 2,000 characters.
    description: Option<String>,
    /// The id that another system gave it: at most 255 characters. Need not be unique.
    external_id: Option<String>,
    /// Default: the caller's organization. Only a super admin can choose another one.
    organization_id: Option<ID>,
    /// Names or ids of the roles that its members get; none by default. The caller must have all permissions of these
    /// roles.
    roles: Option<Vec<String>>,
    /// The roles that its members get for single tenants; none by default. The caller must have all permissions of these
    /// roles.
    tenant_roles: Option<Vec<TenantRoleData>>,
}

/// Changes to a group. Fields that are null or omitted do not change; `key` never changes.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateGroupData {
    /// 1 to 255 characters; leading and trailing spaces are removed.
    name: Option<String>,
    /// At most 2,000 characters; an empty string clears it.
    description: Option<String>,
    /// The id that another system gave it: at most 255 characters; an empty string clears it.
    external_id: Option<String>,
    /// Names or ids of roles. They replace the group's current roles, effective immediately for all members. The caller
    /// must have all permissions of these roles.
    roles: Option<Vec<String>>,
    /// Roles for single tenants. They replace the group's current ones, effective immediately for all members. The caller
    /// must have all permissions of these roles.
    tenant_roles: Option<Vec<TenantRoleData>>,
}

/// Fields of a group that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "ClearableInGroup", remote = "Clearable")]
pub enum ClearableValue {
    /// `description`
    Description,
    /// `externalId`
    ExternalId,
}

#[derive(Default)]
pub struct GroupMutation;

#[Object]
impl GroupMutation {
    /// Creates a group. Needs `write:group` and every permission of the group's roles.
    async fn create_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new group.")] data: CreateGroupData,
    ) -> Result<GroupObject> {
        let new = NewGroup {
            name: data.name,
            description: data.description,
            external_id: data.external_id,
            organization_id: data.organization_id.map(|id| id.0),
            roles: data.roles.unwrap_or_default(),
            tenant_roles: data.tenant_roles.into_iter().flatten().map(Into::into).collect(),
            ..NewGroup::default()
        };
        listing::one(ctx, group::create(op(ctx), new)).await
    }

    /// Updates a group; its `key` does not change. Needs `write:group` and every permission of the group's current and
    /// new roles; to change the roles, also every permission of the members.
    async fn update_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The group: `id` or `key` is required; any further conditions must match too. A `key` without `organization` is looked up in the caller's organization."
        )]
        r#where: GroupWhere,
        #[graphql(desc = "The changes.")] data: UpdateGroupData,
        #[graphql(desc = "Fields to clear. A field must not be in both `clear` and `data`.")] clear: Option<
            Vec<ClearableValue>,
        >,
        #[graphql(desc = "Fail with `CONFLICT` unless the group still has this `version`.")] expected_version: Option<
            i64,
        >,
    ) -> Result<GroupObject> {
        let wanted = GroupChange {
            name: data.name,
            description: data.description,
            external_id: data.external_id,
            roles: data.roles,
            tenant_roles: data
                .tenant_roles
                .map(|roles| roles.into_iter().map(Into::into).collect()),
            clear: clear.into_iter().flatten().map(Into::into).collect(),
            ..GroupChange::default()
        };
        let target = r#where.target(op(ctx));
        listing::one(ctx, group::update(op(ctx), &target, wanted, expected_version)).await
    }

    /// Deletes a group and its memberships; the users are kept. Needs `write:group` and every permission of the group's
    /// roles and, if it has any, of the members.
    async fn delete_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The group: `id` or `key` is required; any further conditions must match too. A `key` without `organization` is looked up in the caller's organization."
        )]
        r#where: GroupWhere,
        #[graphql(desc = "Fail with `CONFLICT` unless the group still has this `version`.")] expected_version: Option<
            i64,
        >,
    ) -> Result<GroupObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, group::delete(op(ctx), &target, expected_version)).await
    }

    /// Adds a user of the group's organization to the group; does nothing if the user is already in it. Needs
    /// `write:group` and every permission of the group's roles and, if it has any, of the user; for a group without
    /// roles, every permission of the user that tenantry itself checks.
    async fn add_user_to_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The group: `id` or `key` is required; any further conditions must match too. A `key` without `organization` is looked up in the caller's organization."
        )]
        r#where: GroupWhere,
        #[graphql(desc = "The user: `id` or `email` is required; any further conditions must match too.")]
        user: UserWhere,
        #[graphql(desc = "Fail with `CONFLICT` unless the group still has this `version`.")] expected_version: Option<
            i64,
        >,
    ) -> Result<GroupObject> {
        let (target, member) = (r#where.target(op(ctx)), user.target(op(ctx)));
        listing::one(ctx, group::add_user(op(ctx), &target, &member, expected_version)).await
    }

    /// Removes a user from a group; does nothing if the user is not in it. Needs the same
    /// permissions as `addUserToGroup`.
    async fn remove_user_from_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The group: `id` or `key` is required; any further conditions must match too. A `key` without `organization` is looked up in the caller's organization."
        )]
        r#where: GroupWhere,
        #[graphql(desc = "The user: `id` or `email` is required; any further conditions must match too.")]
        user: UserWhere,
        #[graphql(desc = "Fail with `CONFLICT` unless the group still has this `version`.")] expected_version: Option<
            i64,
        >,
    ) -> Result<GroupObject> {
        let (target, member) = (r#where.target(op(ctx)), user.target(op(ctx)));
        listing::one(ctx, group::remove_user(op(ctx), &target, &member, expected_version)).await
    }
}
