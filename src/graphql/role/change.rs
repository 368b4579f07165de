//! What changes roles in the schema, and who has them.

use async_graphql::{Context, Enum, ID, InputObject, Object};

use super::{RoleObject, RoleScopeValue, RoleWhere};
use crate::directory::role::{self, Clearable, NewRole, RoleChange};
use crate::graphql::user::{UserObject, UserWhere};
use crate::graphql::{Result, Selection, listing, op};

/// A new custom role.
#[derive(Clone, Debug, InputObject)]
pub struct CreateRoleData {
    /// 1 to 255 characters, not only spaces or other invisible characters; unique within the organization. Fails with
    /// `CONFLICT` if it is the name of a built-in role or looks like one (other case, similar letters, invisible
    /// characters), and with `INVALID` if it is a UUID.
    name: String,
    /// At most 2,000 characters.
    description: Option<String>,
    /// Its permissions, for example `read:user`; none by default. The caller must have all of them.
    permissions: Option<Vec<String>>,
    /// Default: the caller's organization. Only a super admin can choose another one.
    organization_id: Option<ID>,
    /// `ORGANIZATION`, or `PRODUCT` for a role of every organization: only super admins can create that, not with an API
    /// key that is limited to some permissions. It cannot have `write:org`, and no organization must have a role of its
    /// name. At most 200 product-wide roles can exist.
    #[graphql(default_with = "Some(RoleScopeValue::Organization)")]
    scope: Option<RoleScopeValue>,
}

/// Changes to a role. Fields that are null or omitted do not change.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateRoleData {
    /// 1 to 255 characters, not only spaces or other invisible characters; unique within the organization. Fails with
    /// `CONFLICT` if it is the name of a built-in role or looks like one (other case, similar letters, invisible
    /// characters), and with `INVALID` if it is a UUID.
    name: Option<String>,
    /// At most 2,000 characters; an empty string clears it.
    description: Option<String>,
    /// All permissions of the role: the list replaces the current one, for every user who has the role. The caller must
    /// have all of them.
    permissions: Option<Vec<String>>,
}

/// Fields of a role that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "ClearableInRole", remote = "Clearable")]
pub enum ClearableValue {
    /// `description`
    Description,
}

#[derive(Default)]
pub struct RoleMutation;

#[Object]
impl RoleMutation {
    /// Creates a role. Needs `write:role` and every permission of the new role.
    async fn create_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new role.")] data: CreateRoleData,
    ) -> Result<RoleObject> {
        let new = NewRole {
            name: data.name,
            description: data.description,
            permissions: data.permissions.unwrap_or_default(),
            organization_id: data.organization_id.map(|id| id.0),
            scope: data.scope.map(Into::into).unwrap_or_default(),
        };
        listing::one(ctx, role::create(op(ctx), new)).await
    }

    /// Updates a role. The change takes effect immediately for every user who has the role. Needs `write:role` and every
    /// current and new permission of the role. Fails with `FORBIDDEN` for a built-in role; only super admins can update a
    /// product-wide one.
    async fn update_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The role: `id` is required; any further conditions must match too.")] r#where: RoleWhere,
        #[graphql(desc = "The changes.")] data: UpdateRoleData,
        #[graphql(desc = "Fields to clear. A field must not be in both `clear` and `data`.")] clear: Option<
            Vec<ClearableValue>,
        >,
        #[graphql(desc = "Fail with `CONFLICT` unless the role still has this `version`.")] expected_version: Option<
            i64,
        >,
    ) -> Result<RoleObject> {
        let wanted = RoleChange {
            name: data.name,
            description: data.description,
            permissions: data.permissions,
            clear: clear.into_iter().flatten().map(Into::into).collect(),
        };
        let named = r#where.named(op(ctx));
        listing::one(ctx, role::update(op(ctx), &named, wanted, expected_version)).await
    }

    /// Deletes a role and removes it from every user, group and invitation. Needs `write:role` and every permission of the
    /// role. Fails with `FORBIDDEN` for a built-in role; only super admins can delete a product-wide one.
    async fn delete_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The role: `id` is required; any further conditions must match too.")] r#where: RoleWhere,
        #[graphql(desc = "Fail with `CONFLICT` unless the role still has this `version`.")] expected_version: Option<
            i64,
        >,
    ) -> Result<RoleObject> {
        let named = r#where.named(op(ctx));
        listing::one(ctx, role::delete(op(ctx), &named, expected_version)).await
    }

    /// Assigns a role to a user, for the whole organization or for one of its tenants; does nothing if it is already
    /// assigned there. Needs `write:user` and every permission of the user and of the role; for a tenant, it is enough to
    /// have them for that tenant.
    async fn assign_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user: `id` or `email` is required; any further conditions must match too.")]
        r#where: UserWhere,
        #[graphql(desc = "The name or id of a built-in role, or of a custom role of the user's organization.")]
        role: String,
        #[graphql(desc = "The id of the tenant that the role is to hold for. Default: the whole organization.")]
        tenant: Option<ID>,
        #[graphql(desc = "Fail with `CONFLICT` unless the user still has this `version`.")] expected_version: Option<
            i64,
        >,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(
            ctx,
            role::assign(
                op(ctx),
                &target,
                &role,
                tenant.as_deref().map(String::as_str),
                expected_version,
            ),
        )
        .await
    }

    /// Removes an assigned role from a user, for the whole organization or for one of its tenants; does nothing if the user
    /// does not have it there, or has it only through a group. Needs `write:user` and every permission that the user has.
    ///
    /// A caller with `write:user` for the tenant can also remove a role for it from a user outside the tenant (see
    /// `outsiders`), if the caller has every permission that the user has for the tenant. `where` must then contain
    /// nothing but `id`, and the response nothing but the `id`.
    async fn withdraw_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user: `id` or `email` is required; any further conditions must match too.")]
        r#where: UserWhere,
        #[graphql(desc = "The name or id of the role.")] role: String,
        #[graphql(desc = "The id of the tenant that the role holds for. Default: the whole organization.")]
        tenant: Option<ID>,
        #[graphql(desc = "Fail with `CONFLICT` unless the user still has this `version`.")] expected_version: Option<
            i64,
        >,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        let id_only = Selection::of(ctx)
            .names()
            .all(|name| ["id", "__typename"].contains(&name));
        let tenant = tenant.as_deref().map(String::as_str);
        listing::one(
            ctx,
            role::withdraw(op(ctx), &target, &role, tenant, id_only, expected_version),
        )
        .await
    }
}
