//! Permissions in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use crate::context::OpContext;
use crate::directory::permission::{
    self, Clearable, NewPermission, Permission, PermissionChange, PermissionFields, Term,
};
use crate::directory::resource_server;
use crate::graphql::filter::equals;
use crate::graphql::role::{self, RoleObject};
use crate::graphql::{
    DateTime, List, Listing, Result, Selection, Shared, connection_type, list_fields, listing, node_fields, op,
    order_by, where_input,
};
use crate::list::Filter;
use crate::model::{BuiltIn, LadderRole};

/// A permission: built in, or declared by the product.
///
/// Built-in ones open something in this server, or belong to the API of another product. Declared ones open nothing here: the
/// product checks them, in an access token or by asking (`can`, `check`). All are granted by roles. Readable with `read:role`.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "Permission", complex)]
pub struct PermissionObject {
    /// Its name.
    pub id: ID,
    /// 2 to 4 parts, separated by `:`, for example `invoices:read`. It never changes.
    pub name: String,
    /// Its description; null if none.
    pub description: Option<String>,
    /// Whether it is built in.
    pub built_in: bool,
    /// The weakest built-in role that has it. The stronger ones have it too.
    pub lowest_role: LadderRoleValue,
    /// The built-in roles that have it.
    pub built_in_roles: List<Shared<RoleObject>>,
    /// The id of the resource server that it belongs to; null if it belongs to none. Access tokens for another resource
    /// server do not contain it.
    pub resource_server_id: Option<ID>,
    /// Whether something in this server needs it.
    pub opens_here: bool,
    /// Whether the caller has it for its whole organization, with the credential of this request.
    pub viewer_holds: bool,
    /// Incremented by every change. Pass it as `expectedVersion`: the mutation then fails with `CONFLICT` if the object
    /// has changed since you read it.
    pub version: i64,
    /// When it was declared; 1970 for built-in permissions.
    pub created_at: DateTime,
    /// When it was last updated.
    pub updated_at: DateTime,
}

node_fields! {
    PermissionObject as "Permission" {}
}

/// A built-in role that a declared permission can begin with, from the weakest to the strongest. Users have the permission
/// if they have this role or one that includes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "LadderRole", remote = "LadderRole")]
pub enum LadderRoleValue {
    /// Every built-in role except `tenant-admin`.
    TrialUser,
    /// `user`, `labeler`, `reviewer`, `api-user`, `team-manager`, `admin`, `organization-admin` and `super-admin`.
    User,
    /// `api-user`, `admin`, `organization-admin` and `super-admin`.
    ApiUser,
    /// `admin`, `organization-admin` and `super-admin`.
    Admin,
    /// `organization-admin` and `super-admin`.
    OrganizationAdmin,
    /// Only `super-admin`.
    SuperAdmin,
}

where_input! {
    /// Filter for permissions. Conditions are combined with AND; a null condition is ignored.
    PermissionWhere of Term;
    target named;
    id id id_in id_starts_with id_contains;
    {
        /// `true`: built-in permissions; `false`: declared ones.
        built_in: bool = |_, wanted| [Filter::Is(Term::BuiltIn(wanted))],
        /// Permissions that begin with this built-in role.
        lowest_role: LadderRoleValue = |_, role| [Filter::Is(Term::LowestRole(role.into()))],
        /// Permissions that belong to the resource server with this id.
        resource_server_id: ID = |_, server| equals(server.as_str(), Term::ResourceServerId),
    }
}

order_by! {
    /// Sort order of permissions; ties are in the order in which they were created.
    PermissionOrderBy {
        CreatedAt: CreatedAtAsc "Built-in ones first, then the oldest; the default.", CreatedAtDesc "Newest first.";
        UpdatedAt: UpdatedAtAsc "Least recently updated first.", UpdatedAtDesc "Most recently updated first.";
        Id: IdAsc "By name, ascending by code point.", IdDesc "By name, descending.";
    }
}

connection_type!(PermissionConnection, PermissionEdge, PermissionObject, "permissions");

impl Listing for Permission {
    type Object = PermissionObject;
    type Where = PermissionWhere;
    type OrderBy = PermissionOrderBy;
    type Preloaded = Preloaded;

    fn behind(name: &str) -> PermissionFields {
        match name {
            "resourceServerId" => PermissionFields::RESOURCE_SERVER_PK,
            _ => PermissionFields::empty(),
        }
    }

    async fn preload(
        op: &OpContext,
        things: &[Self],
        selection: &Selection<'_>,
    ) -> crate::model::error::Result<Self::Preloaded> {
        if ["builtInRoles", "opensHere", "viewerHolds"]
            .iter()
            .any(|name| selection.has(name))
        {
            op.renew_catalogue().await?;
        }
        let servers: Vec<i64> = things.iter().filter_map(|one| one.resource_server_pk).collect();
        Ok(Preloaded {
            roles: role::built_in_beside(op, selection, "builtInRoles").await?,
            servers: match selection.has("resourceServerId") && !servers.is_empty() {
                true => resource_server::ids_of(op, servers).await?,
                false => HashMap::new(),
            },
        })
    }

    fn object(self, op: &OpContext, preloaded: &Self::Preloaded) -> PermissionObject {
        let has_it = preloaded.roles.iter().filter(|(role, _)| self.is_in(op, **role));
        let mut built_in_roles: Vec<(BuiltIn, Shared<RoleObject>)> =
            has_it.map(|(role, object)| (*role, object.clone())).collect();
        built_in_roles.sort_by_key(|(role, _)| *role);
        PermissionObject {
            id: ID(self.id.clone()),
            built_in: self.is_built_in(),
            lowest_role: self.lowest_role().into(),
            built_in_roles: built_in_roles.into_iter().map(|(_, object)| object).collect(),
            resource_server_id: self
                .resource_server_pk
                .and_then(|pk| preloaded.servers.get(&pk).cloned().map(ID)),
            opens_here: self.opens_here(op),
            viewer_holds: self.is_held_by(op),
            name: self.id,
            description: self.description,
            version: self.version,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
        }
    }
}

/// What a page of permissions shows besides.
pub struct Preloaded {
    roles: HashMap<BuiltIn, Shared<RoleObject>>,
    /// The ids of resource servers, by internal key.
    servers: HashMap<i64, String>,
}

/// A new permission of the product.
#[derive(Clone, Debug, InputObject)]
pub struct CreatePermissionData {
    /// 2 to 4 parts, separated by `:`, for example `invoices:read`; at most 100 characters. A part has lower-case letters,
    /// digits, `_`, `.` and `-`, begins with a letter or digit, and has at most 63 characters. Names that begin with
    /// `tenantry:` are reserved. A name never changes.
    name: String,
    /// At most 2,000 characters.
    description: Option<String>,
    /// The weakest built-in role that has it. Default: that of the permission that it replaces, or else
    /// `ORGANIZATION_ADMIN`. Super admins have every permission.
    lowest_role: Option<LadderRoleValue>,
    /// The id of the resource server that it belongs to: access tokens for another one do not contain it. Default: that of
    /// the permission that it replaces, or else none, and every access token contains it.
    resource_server_id: Option<ID>,
    /// The name of a declared permission that this one replaces: every role and every limited API key that has the old one
    /// gets the new one as well. Delete the old one when no program asks for it any more.
    replaces: Option<String>,
}

/// Changes to a permission. Fields that are null or omitted do not change.
#[derive(Clone, Debug, InputObject)]
pub struct UpdatePermissionData {
    /// At most 2,000 characters; an empty string clears it.
    description: Option<String>,
    /// The weakest built-in role that has it. The change takes effect at once for everybody who has one of these roles.
    lowest_role: Option<LadderRoleValue>,
    /// The id of the resource server that it is to belong to; an empty string takes it out of its resource server.
    resource_server_id: Option<ID>,
}

/// Fields of a permission that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "ClearableInPermission", remote = "Clearable")]
pub enum ClearableValue {
    /// `description`
    Description,
    /// `resourceServerId`
    ResourceServerId,
}

list_fields! {
    PermissionLists of Permission as PermissionObject, PermissionWhere, PermissionOrderBy, PermissionConnection;
    where "Filter. Default: all permissions.";
    /// All permissions: the built-in ones and those that the product declared. Needs `read:role`.
    permissions;
    /// Number of permissions that `permissions` lists for this `where`.
    count_permissions;
    /// `permissions` with cursor pagination. While you page, rows that do not change are neither repeated nor skipped.
    permissions_connection;
    /// The permission that `where` names, if `permissions` would list it; otherwise null.
    permission where "Which permission: `id` is required; any further conditions must match too.";
}

#[derive(Default)]
pub struct PermissionMutation;

#[Object]
impl PermissionMutation {
    /// Declares a permission of the product. A name that is in a role or an API key already, from an import for example, is
    /// removed from it first, so that nobody has the new permission by accident. Only super admins can, and not with an API
    /// key that is limited to some permissions. At most 1,000 permissions can be declared.
    async fn create_permission(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new permission.")] data: CreatePermissionData,
    ) -> Result<PermissionObject> {
        let new = NewPermission {
            name: data.name,
            description: data.description,
            lowest_role: data.lowest_role.map(Into::into),
            resource_server_id: data.resource_server_id.map(|id| id.0),
            replaces: data.replaces,
        };
        listing::one(ctx, permission::create(op(ctx), new)).await
    }

    /// Updates a declared permission. Only super admins can, and not with an API key that is limited to some permissions.
    /// Fails with `FORBIDDEN` for a built-in permission.
    async fn update_permission(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The permission: `id` is required; any further conditions must match too.")]
        r#where: PermissionWhere,
        #[graphql(desc = "The changes.")] data: UpdatePermissionData,
        #[graphql(desc = "Fields to clear. A field must not be in both `clear` and `data`.")] clear: Option<
            Vec<ClearableValue>,
        >,
        #[graphql(desc = "Fail with `CONFLICT` unless the permission still has this `version`.")]
        expected_version: Option<i64>,
    ) -> Result<PermissionObject> {
        let wanted = PermissionChange {
            description: data.description,
            lowest_role: data.lowest_role.map(Into::into),
            resource_server_id: data.resource_server_id.map(|id| id.0),
            clear: clear.into_iter().flatten().map(Into::into).collect(),
        };
        let named = r#where.named(op(ctx));
        listing::one(ctx, permission::update(op(ctx), &named, wanted, expected_version)).await
    }

    /// Deletes a declared permission. Fails with `CONFLICT` (reason `IN_USE`) if a role or an API key has it, unless
    /// `withdraw` is true; with `FORBIDDEN` for a built-in permission. An API key that is limited to nothing else permits
    /// nothing afterwards. Only super admins can, and not with an API key that is limited to some permissions.
    async fn delete_permission(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The permission: `id` is required; any further conditions must match too.")]
        r#where: PermissionWhere,
        #[graphql(
            desc = "Whether to remove it from the roles and API keys that have it.",
            default_with = "Some(false)"
        )]
        withdraw: Option<bool>,
        #[graphql(desc = "Fail with `CONFLICT` unless the permission still has this `version`.")]
        expected_version: Option<i64>,
    ) -> Result<PermissionObject> {
        let named = r#where.named(op(ctx));
        let withdraw = withdraw.unwrap_or_default();
        listing::one(ctx, permission::delete(op(ctx), &named, withdraw, expected_version)).await
    }
}
