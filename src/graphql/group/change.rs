//! Changing groups.

use async_graphql::{Context, Enum, InputObject, Object};

use super::{GroupObject, GroupWhere};
use crate::directory::group::{self, Clearable, GroupChange, NewGroup};
use crate::graphql::user::UserWhere;
use crate::graphql::{Result, listing, op};

/// A new group. Its key is derived from the name.
#[derive(Clone, Debug, InputObject)]
pub struct CreateGroupData {
    /// 1 to 255 characters with at least one letter or digit; leading and trailing spaces are removed.
    name: String,
    /// At most 2,000 characters.
    description: Option<String>,
    /// The caller's organization by default; another one requires a super admin.
    organization_id: Option<String>,
    /// Names or ids of the roles that its members get; none by default. Nobody can grant permissions they do not have.
    roles: Option<Vec<String>>,
}

/// Changes to a group; null means not specified. The key stays the same.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateGroupData {
    /// 1 to 255 characters; leading and trailing spaces are removed.
    name: Option<String>,
    /// At most 2,000 characters; an empty string clears it.
    description: Option<String>,
    /// Names or ids of roles; they replace the current ones, for all members at once. Nobody can grant permissions they
    /// do not have.
    roles: Option<Vec<String>>,
}

/// Fields of a group that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "ClearableInGroup", remote = "Clearable")]
pub enum ClearableValue {
    /// `description`
    Description,
}

#[derive(Default)]
pub struct GroupMutation;

#[Object]
impl GroupMutation {
    /// Creates a group. Needs `write:group`, and its roles' permissions.
    async fn create_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new group.")] data: CreateGroupData,
    ) -> Result<GroupObject> {
        let new = NewGroup {
            name: data.name,
            description: data.description,
            organization_id: data.organization_id,
            roles: data.roles.unwrap_or_default(),
        };
        listing::one(ctx, group::create(op(ctx), new)).await
    }

    /// Updates a group; its key stays. Needs `write:group`, and its roles' permissions before and after.
    async fn update_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group, by `id`, or by `key` in the caller's organization or in `organization`.")]
        r#where: GroupWhere,
        #[graphql(desc = "The changes.")] data: UpdateGroupData,
        #[graphql(desc = "Fields to clear; none that `data` sets.")] clear: Option<Vec<ClearableValue>>,
        #[graphql(desc = "Refuse with `CONFLICT` unless the group still has this `version`.")] expected_version: Option<
            i64,
        >,
    ) -> Result<GroupObject> {
        let wanted = GroupChange {
            name: data.name,
            description: data.description,
            roles: data.roles,
            clear: clear.into_iter().flatten().map(Into::into).collect(),
        };
        let target = r#where.target(op(ctx));
        listing::one(ctx, group::update(op(ctx), &target, wanted, expected_version)).await
    }

    /// Deletes a group, and its memberships with it; the users stay. Needs `write:group`, and its roles' permissions.
    async fn delete_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group, by `id`, or by `key` in the caller's organization or in `organization`.")]
        r#where: GroupWhere,
    ) -> Result<GroupObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, group::delete(op(ctx), &target)).await
    }

    /// Adds a user of the group's organization to the group; does nothing if the user is in it already. Needs
    /// `write:group`, and the permissions of the group's roles.
    async fn add_user_to_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group, by `id`, or by `key` in the caller's organization or in `organization`.")]
        r#where: GroupWhere,
        #[graphql(desc = "The user, by `id` or `email`.")] user: UserWhere,
    ) -> Result<GroupObject> {
        let (target, member) = (r#where.target(op(ctx)), user.target(op(ctx)));
        listing::one(ctx, group::add_user(op(ctx), &target, &member)).await
    }

    /// Removes a user from a group; does nothing if the user is not in it. Needs `write:group`, and the permissions of
    /// the group's roles.
    async fn remove_user_from_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group, by `id`, or by `key` in the caller's organization or in `organization`.")]
        r#where: GroupWhere,
        #[graphql(desc = "The user, by `id` or `email`.")] user: UserWhere,
    ) -> Result<GroupObject> {
        let (target, member) = (r#where.target(op(ctx)), user.target(op(ctx)));
        listing::one(ctx, group::remove_user(op(ctx), &target, &member)).await
    }
}
