//! Roles in the schema.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use crate::context::OpContext;
use crate::directory::organization::Organization;
use crate::directory::role::{self, Assigned, Clearable, NewRole, OrganizationRole, Role, RoleChange, Term};
use crate::graphql::filter::related;
use crate::graphql::organization::{OrganizationObject, OrganizationWhere, beside as organizations_beside};
use crate::graphql::user::{UserObject, UserWhere};
use crate::graphql::{
    DateTime, List, Listing, Related, Result, Selection, connection_type, list_fields, listing, op, order_by,
    where_input,
};
use crate::list::Filter;

/// A named set of permissions, built in or created by an organization.
///
/// Readable with `read:role`; users can always see the roles they have.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "Role")]
pub struct RoleObject {
    /// A UUID, the same on every server for the built-in ones.
    pub id: ID,
    /// Unique within its organization, as in `organization-admin`.
    pub name: String,
    /// Its description; null if none.
    pub description: Option<String>,
    /// Whether it is built in.
    pub built_in: bool,
    /// Its permissions, as in `read:user`.
    pub permissions: Vec<&'static str>,
    /// The organization that created it; null for a built-in role.
    pub organization: Option<Box<OrganizationObject>>,
    /// The id of the organization that created it; null for a built-in role.
    pub organization_id: Option<String>,
    /// Incremented by every change; pass it as `expectedVersion` to change only the version you have read.
    pub version: i64,
    /// When it was created; 1970 for built-in roles.
    pub created_at: DateTime,
    /// When it was last updated.
    pub updated_at: DateTime,
}

/// The strongest of a user's roles, as one of a few levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "OrganizationRole", remote = "OrganizationRole")]
pub enum OrganizationRoleValue {
    /// Administers its organization (`organization-admin`), or all of them (`super-admin`).
    Admin,
    /// Reads its organization's users and manages its groups (`team-manager`).
    TeamManager,
    /// `reviewer`.
    Reviewer,
    /// `labeler`.
    Labeler,
    /// Any other role. Setting it assigns `user`.
    User,
}

where_input! {
    /// Filter for roles. Conditions are combined with AND; null means not specified.
    RoleWhere of Term;
    target named;
    id id id_in id_starts_with id_contains;
    text name name_in name_starts_with name_contains = Name, "name", "names", "Name";
    {
        /// Built-in roles, or roles that organizations created.
        built_in: bool = |_, wanted| [Filter::Is(Term::BuiltIn(wanted))],
        /// Roles that an organization that matches this created.
        organization: Box<OrganizationWhere> = |op, one| related(one.filter(op), Term::Organization),
    }
}

order_by! {
    /// Sort order of roles; ties are ordered by id.
    RoleOrderBy {
        CreatedAt: CreatedAtAsc "Oldest first, built-in roles before all others; the default.",
            CreatedAtDesc "Newest first.";
        UpdatedAt: UpdatedAtAsc "Least recently updated first.", UpdatedAtDesc "Most recently updated first.";
        Name: NameAsc "By name, ascending by code point.", NameDesc "By name, descending.";
        Id: IdAsc "By id, ascending by code point.", IdDesc "By id, descending.";
    }
}

connection_type!(RoleConnection, RoleEdge, RoleObject, "roles");

impl Listing for Role {
    type Object = RoleObject;
    type Where = RoleWhere;
    type OrderBy = RoleOrderBy;
    type Preloaded = Related<Organization>;

    async fn preload(
        op: &OpContext,
        things: &[Self],
        selection: &Selection<'_>,
    ) -> crate::model::error::Result<Self::Preloaded> {
        organizations_beside(op, selection, things.iter().filter_map(|role| role.organization_pk)).await
    }

    fn object(self, _op: &OpContext, organizations: &Related<Organization>) -> RoleObject {
        RoleObject {
            id: ID(self.id.to_string()),
            description: self.description().map(str::to_owned),
            built_in: self.organization_pk.is_none(),
            permissions: self.permissions().names(),
            organization_id: organizations.id(self.organization_pk),
            organization: organizations.object(self.organization_pk),
            name: self.name,
            version: self.version,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
        }
    }
}

/// The roles of some users or groups, each sorted by name, with what is selected under them.
pub async fn beside<'r>(
    op: &OpContext,
    owners: impl IntoIterator<Item = (i64, &'r [Assigned])>,
    selection: &Selection<'_>,
) -> crate::model::error::Result<HashMap<i64, List<Arc<RoleObject>>>> {
    let owners: Vec<(i64, &[Assigned])> = owners.into_iter().collect();
    let pks: std::collections::BTreeSet<i64> = owners
        .iter()
        .flat_map(|(_, roles)| roles.iter().map(|role| role.role_pk))
        .collect();
    if pks.is_empty() {
        return Ok(HashMap::new());
    }
    let fields = listing::fields_of::<Role>(selection);
    let roles = crate::directory::role::by_keys(op, pks, fields).await?;
    let (keys, roles): (Vec<i64>, Vec<Role>) = roles.into_iter().unzip();
    let objects = listing::present(op, roles, selection).await?.into_iter().map(Arc::new);
    let known: HashMap<i64, Arc<RoleObject>> = keys.into_iter().zip(objects).collect();
    Ok(owners
        .into_iter()
        .map(|(owner, roles)| {
            let objects = roles.iter().filter_map(|role| known.get(&role.role_pk)).cloned();
            (owner, objects.collect())
        })
        .collect())
}

/// A new role of an organization.
#[derive(Clone, Debug, InputObject)]
pub struct CreateRoleData {
    /// 1 to 255 characters, at least one of them visible; unique within the organization. A name that is, or looks
    /// like, the name of a built-in role is `CONFLICT`; a UUID is `INVALID`.
    name: String,
    /// At most 2,000 characters.
    description: Option<String>,
    /// Its permissions, as in `read:user`; none by default. Nobody can create a role with more permissions than their
    /// own.
    permissions: Option<Vec<String>>,
    /// The caller's organization by default; another one requires a super admin.
    organization_id: Option<String>,
}

/// Changes to a role; null means not specified.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateRoleData {
    /// 1 to 255 characters, at least one of them visible; unique within the organization. A name that is, or looks
    /// like, the name of a built-in role is `CONFLICT`; a UUID is `INVALID`.
    name: Option<String>,
    /// At most 2,000 characters; an empty string clears it.
    description: Option<String>,
    /// Its new permissions, for everybody who has it; the list replaces the current one.
    permissions: Option<Vec<String>>,
}

/// Fields of a role that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "ClearableInRole", remote = "Clearable")]
pub enum ClearableValue {
    /// `description`
    Description,
}

list_fields! {
    RoleQuery of Role as RoleObject, RoleWhere, RoleOrderBy, RoleConnection;
    where "Filter; all roles by default.";
    /// The roles that the caller may read (`read:role`): built-in roles and those of the caller's organization; for a
    /// super admin, all.
    roles;
    /// Number of roles that `roles` lists for this `where`.
    count_roles;
    /// `roles` with cursor pagination: unchanged rows are neither repeated nor skipped.
    roles_connection;
}

#[derive(Default)]
pub struct RoleMutation;

#[Object]
impl RoleMutation {
    /// Creates a role of an organization. Needs `write:role`, and the role's permissions.
    async fn create_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new role.")] data: CreateRoleData,
    ) -> Result<RoleObject> {
        let new = NewRole {
            name: data.name,
            description: data.description,
            permissions: data.permissions.unwrap_or_default(),
            organization_id: data.organization_id,
        };
        listing::one(ctx, role::create(op(ctx), new)).await
    }

    /// Updates a role of an organization, for everybody who has it at once. Needs `write:role`, and the role's
    /// permissions before and after. Built-in roles are `FORBIDDEN`.
    async fn update_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The role, by `id`.")] r#where: RoleWhere,
        #[graphql(desc = "The changes.")] data: UpdateRoleData,
        #[graphql(desc = "Fields to clear; none that `data` sets.")] clear: Option<Vec<ClearableValue>>,
        #[graphql(desc = "Refuse with `CONFLICT` unless the role still has this `version`.")] expected_version: Option<
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

    /// Deletes a role of an organization and withdraws it from every user and group. Needs `write:role`, and the role's
    /// permissions. Built-in roles are `FORBIDDEN`.
    async fn delete_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The role, by `id`.")] r#where: RoleWhere,
    ) -> Result<RoleObject> {
        let named = r#where.named(op(ctx));
        listing::one(ctx, role::delete(op(ctx), &named)).await
    }

    /// Assigns a role to a user; does nothing if the user has it already. Needs `write:user`, and the role's
    /// permissions.
    async fn assign_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user, by `id` or `email`.")] r#where: UserWhere,
        #[graphql(desc = "The role, by name or id: a built-in role, or one of the user's organization.")] role: String,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, role::assign(op(ctx), &target, &role)).await
    }

    /// Removes an assigned role from a user; does nothing if the user does not have it, or has it only through a group.
    /// Needs `write:user`.
    async fn withdraw_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user, by `id` or `email`.")] r#where: UserWhere,
        #[graphql(desc = "The role, by name or id.")] role: String,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, role::withdraw(op(ctx), &target, &role)).await
    }
}
