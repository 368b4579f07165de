//! Roles in the schema.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::context::OpContext;
use crate::directory::role::{Assigned, Clearable, NewRole, OrganizationRole, Role, RoleChange, Term};
use crate::graphql::organization::{OrganizationObject, OrganizationWhere, beside as organizations_beside};
use crate::graphql::user::{UserObject, UserWhere};
use crate::graphql::{
    DateTime, List, Listing, Result, Selection, TextFilter, combine, connection_type, list_fields, listing, op,
    order_by, text_terms,
};
use crate::list::{Filter, Named};

/// A named set of permissions, built in or made by an organization.
///
/// Readable with `read:role`; everybody sees those that they have beside themselves.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "Role")]
pub struct RoleObject {
    /// A UUID, the same on every server for the built-in ones.
    pub id: ID,
    /// Unique within its organization, as in `organization-admin`.
    pub name: String,
    /// What it is for; null if nobody said.
    pub description: Option<String>,
    /// Whether it is one of those that every server has.
    pub built_in: bool,
    /// What it permits, as in `read:user`.
    pub permissions: Vec<&'static str>,
    /// The organization that made it; null for a built-in one.
    pub organization: Option<Box<OrganizationObject>>,
    /// The id of the organization that made it; null for a built-in one.
    pub organization_id: Option<String>,
    /// Counts the changes; give it as `expectedVersion` to change only what you have seen.
    pub version: i64,
    /// When it was made; 1970 for the built-in ones.
    pub created_at: DateTime,
    /// When it was last changed.
    pub updated_at: DateTime,
}

/// The strongest of a user's roles, in a few steps.
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

/// Which roles. Fields are AND-ed; null is not given.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "RoleWhere")]
pub struct RoleWhere {
    /// This very id.
    id: Option<ID>,
    /// One of these ids.
    id_in: Option<Vec<ID>>,
    /// Ids that start so.
    id_starts_with: Option<String>,
    /// Ids that hold this.
    id_contains: Option<String>,
    /// This very name.
    name: Option<String>,
    /// One of these names.
    name_in: Option<Vec<String>>,
    /// Names that start so.
    name_starts_with: Option<String>,
    /// Names that hold this.
    name_contains: Option<String>,
    /// The built-in ones, or those that organizations made.
    built_in: Option<bool>,
    /// Roles that an organization like this made.
    organization: Option<Box<OrganizationWhere>>,
    /// All of these.
    #[graphql(name = "AND")]
    and: Option<Vec<RoleWhere>>,
    /// At least one of these.
    #[graphql(name = "OR")]
    or: Option<Vec<RoleWhere>>,
    /// Not this.
    #[graphql(name = "NOT")]
    not: Option<Box<RoleWhere>>,
}

impl RoleWhere {
    /// The one role that a change is for.
    fn named(mut self, op: &OpContext) -> Named<Term> {
        Named {
            id: self.id.take().map(|id| id.0),
            also: self.filter(op),
        }
    }

    pub fn filter(self, op: &OpContext) -> Filter<Term> {
        let ids = TextFilter {
            equals: self.id.map(|id| id.0),
            any_of: self.id_in.map(|ids| ids.into_iter().map(|id| id.0).collect()),
            starts_with: self.id_starts_with,
            contains: self.id_contains,
        };
        let names = TextFilter {
            equals: self.name,
            any_of: self.name_in,
            starts_with: self.name_starts_with,
            contains: self.name_contains,
        };
        let mut fields = text_terms(ids, Term::Id);
        fields.extend(text_terms(names, Term::Name));
        fields.extend(self.built_in.map(|wanted| Filter::Is(Term::BuiltIn(wanted))));
        fields.extend(
            self.organization
                .map(|one| one.filter(op))
                .filter(|one| !one.is_empty())
                .map(|one| Filter::Is(Term::Organization(Box::new(one)))),
        );
        combine(
            fields,
            self.and.map(|all| all.into_iter().map(|one| one.filter(op)).collect()),
            self.or.map(|any| any.into_iter().map(|one| one.filter(op)).collect()),
            self.not.map(|one| one.filter(op)),
        )
    }
}

order_by! {
    /// What roles are ordered by, before the id.
    RoleOrderBy, "RoleOrderBy" {
        /// Oldest first, the built-in ones before all others; the default.
        CreatedAtAsc = CreatedAt false,
        /// Newest first.
        CreatedAtDesc = CreatedAt true,
        /// Least lately changed first.
        UpdatedAtAsc = UpdatedAt false,
        /// Most lately changed first.
        UpdatedAtDesc = UpdatedAt true,
        /// By name, by code point.
        NameAsc = Name false,
        /// By name, backwards.
        NameDesc = Name true,
        /// By id, by code point.
        IdAsc = Id false,
        /// By id, backwards.
        IdDesc = Id true,
    }
}

connection_type!(RoleConnection, RoleEdge, RoleObject, "roles");

impl Listing for Role {
    type Object = RoleObject;
    type Where = RoleWhere;
    type OrderBy = RoleOrderBy;

    fn filter(op: &OpContext, wanted: RoleWhere) -> Filter<Term> {
        wanted.filter(op)
    }

    fn present<'a>(
        op: &'a OpContext,
        things: Vec<Self>,
        selection: &'a Selection<'a>,
    ) -> BoxFuture<'a, crate::model::error::Result<Vec<RoleObject>>> {
        async move {
            let mut organizations = HashMap::new();
            if selection.has("organization") || selection.has("organizationId") {
                let under = selection.under_field("organization").unwrap_or_default();
                let owners = things.iter().filter_map(|role| role.organization_pk);
                organizations = organizations_beside(op, owners, &under).await?;
            }
            Ok(things
                .into_iter()
                .map(|role| {
                    let organization = role.organization_pk.and_then(|pk| organizations.get(&pk)).cloned();
                    RoleObject {
                        id: ID(role.id.to_string()),
                        description: role.description().map(str::to_owned),
                        built_in: role.organization_pk.is_none(),
                        permissions: role.permissions().names(),
                        organization_id: organization.as_ref().map(|one| one.id.0.clone()),
                        organization: organization.map(Box::new),
                        name: role.name,
                        version: role.version,
                        created_at: role.created_at.into(),
                        updated_at: role.updated_at.into(),
                    }
                })
                .collect())
        }
        .boxed()
    }
}

/// The roles that some users or groups have, each one's in the order of their names, with what is selected under them.
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
    let known = listing::beside(op, roles, selection).await?.into_iter();
    let known: HashMap<i64, Arc<RoleObject>> = known.map(|(key, role)| (key, Arc::new(role))).collect();
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
    /// 1 to 255 characters, at least one of them visible; unique within the organization. A name that is, or looks like, a word for a built-in role is
    /// `CONFLICT`; a UUID is `INVALID`.
    name: String,
    /// At most 2,000 characters.
    description: Option<String>,
    /// What it permits, as in `read:user`; nothing by default. Nobody makes a role that permits more than they may.
    permissions: Option<Vec<String>>,
    /// The caller's own by default; another organization needs a super admin.
    organization_id: Option<String>,
}

/// What is to change in a role; null is not given.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateRoleData {
    /// 1 to 255 characters, at least one of them visible; unique within the organization. A name that is, or looks like, a word for a built-in role is
    /// `CONFLICT`; a UUID is `INVALID`.
    name: Option<String>,
    /// At most 2,000 characters; the empty text clears it.
    description: Option<String>,
    /// What it permits from now on, for all who have it; the list replaces the present one.
    permissions: Option<Vec<String>>,
}

/// What can be cleared in a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "ClearableInRole", remote = "Clearable")]
pub enum ClearableValue {
    /// `description`
    Description,
}

list_fields! {
    RoleQuery of Role as RoleObject, RoleWhere, RoleOrderBy, RoleConnection;
    where "Which roles; all of them by default.";
    /// The roles that the caller may read (`read:role`): the built-in ones and those of the own organization, for a super
    /// admin those of all.
    roles;
    /// How many roles `roles` lists for this `where`.
    count_roles;
    /// `roles`, continued from a cursor instead of a number: unchanged rows neither repeat nor get lost.
    roles_connection;
}

#[derive(Default)]
pub struct RoleMutation;

#[Object]
impl RoleMutation {
    /// Makes a role of an organization. Needs `write:role`, and what the role permits.
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
        listing::one(ctx, crate::directory::role::create(op(ctx), new).await?).await
    }

    /// Changes a role of an organization, for all who have it at once. Needs `write:role`, and what the role permits before
    /// and after. Built-in roles are `FORBIDDEN`.
    async fn update_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which role: name one by `id`.")] r#where: RoleWhere,
        #[graphql(desc = "What is to change.")] data: UpdateRoleData,
        #[graphql(desc = "What is to be cleared; nothing that `data` gives.")] clear: Option<Vec<ClearableValue>>,
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
        listing::one(
            ctx,
            crate::directory::role::update(op(ctx), &named, wanted, expected_version).await?,
        )
        .await
    }

    /// Deletes a role of an organization and withdraws it from every user and group. Needs `write:role`, and what the role
    /// permits. Built-in roles are `FORBIDDEN`.
    async fn delete_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which role: name one by `id`.")] r#where: RoleWhere,
    ) -> Result<RoleObject> {
        let named = r#where.named(op(ctx));
        listing::one(ctx, crate::directory::role::delete(op(ctx), &named).await?).await
    }

    /// Gives a user one more role; nothing happens if it has it already. Needs `write:user`, and what the role permits.
    async fn assign_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which user: name one by `id` or by `email`.")] r#where: UserWhere,
        #[graphql(desc = "Which role, by name or id: a built-in one, or one of the user's organization.")] role: String,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, crate::directory::role::assign(op(ctx), &target, &role).await?).await
    }

    /// Takes a role that was assigned to a user away from it; nothing happens if it does not have it, or only by a group.
    /// Needs `write:user`.
    async fn withdraw_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which user: name one by `id` or by `email`.")] r#where: UserWhere,
        #[graphql(desc = "Which role, by name or id.")] role: String,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, crate::directory::role::withdraw(op(ctx), &target, &role).await?).await
    }
}
