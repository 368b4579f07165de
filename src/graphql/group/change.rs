//! Changing groups.

use async_graphql::{Context, Enum, InputObject, Object};

use super::{GroupObject, GroupWhere};
use crate::directory::group::{Clearable, GroupChange, NewGroup};
use crate::graphql::user::UserWhere;
use crate::graphql::{Result, listing, op};

/// A new group. Its key is made from the name.
#[derive(Clone, Debug, InputObject)]
pub struct CreateGroupData {
    /// 1 to 255 characters with at least one letter or digit; blanks at the ends are cut off.
    name: String,
    /// At most 2,000 characters.
    description: Option<String>,
    /// The caller's own by default; another organization needs a super admin.
    organization_id: Option<String>,
    /// Names or ids of the roles that its members are to have; none by default. Nobody grants more than they hold.
    roles: Option<Vec<String>>,
}

/// What is to change in a group; null is not given. The key stays.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateGroupData {
    /// 1 to 255 characters; blanks at the ends are cut off.
    name: Option<String>,
    /// At most 2,000 characters; the empty text clears it.
    description: Option<String>,
    /// Names or ids of roles; they replace the present ones, for all members at once. Nobody grants more than they hold.
    roles: Option<Vec<String>>,
}

/// What can be cleared in a group.
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
    /// Makes a group. Needs `write:group`, and what its roles permit.
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
        listing::one(ctx, crate::directory::group::create(op(ctx), new).await?).await
    }

    /// Changes a group; its key stays. Needs `write:group`, and what its roles permit before and after.
    async fn update_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which group: name one by `id`, or by `key` within the own organization or `organization`.")]
        r#where: GroupWhere,
        #[graphql(desc = "What is to change.")] data: UpdateGroupData,
        #[graphql(desc = "What is to be cleared; nothing that `data` gives.")] clear: Option<Vec<ClearableValue>>,
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
        listing::one(
            ctx,
            crate::directory::group::update(op(ctx), &target, wanted, expected_version).await?,
        )
        .await
    }

    /// Deletes a group, and its memberships with it; the users stay. Needs `write:group`, and what its roles permit.
    async fn delete_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which group: name one by `id`, or by `key` within the own organization or `organization`.")]
        r#where: GroupWhere,
    ) -> Result<GroupObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, crate::directory::group::delete(op(ctx), &target).await?).await
    }

    /// Puts a user of the group's organization into it; nothing happens if it is in it already. Needs `write:group`, and
    /// what the group's roles permit.
    async fn add_user_to_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which group: name one by `id`, or by `key` within the own organization or `organization`.")]
        r#where: GroupWhere,
        #[graphql(desc = "Which user: name one by `id` or by `email`.")] user: UserWhere,
    ) -> Result<GroupObject> {
        let (target, member) = (r#where.target(op(ctx)), user.target(op(ctx)));
        listing::one(ctx, crate::directory::group::add_user(op(ctx), &target, &member).await?).await
    }

    /// Takes a user out of a group; nothing happens if it is not in it. Needs `write:group`, and what the group's roles
    /// permit.
    async fn remove_user_from_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which group: name one by `id`, or by `key` within the own organization or `organization`.")]
        r#where: GroupWhere,
        #[graphql(desc = "Which user: name one by `id` or by `email`.")] user: UserWhere,
    ) -> Result<GroupObject> {
        let (target, member) = (r#where.target(op(ctx)), user.target(op(ctx)));
        listing::one(
            ctx,
            crate::directory::group::remove_user(op(ctx), &target, &member).await?,
        )
        .await
    }
}
