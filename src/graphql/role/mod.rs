//! Roles in the schema.

mod change;
mod check;
mod grant;
mod holders;
mod tenant;

pub use change::{ClearableValue, CreateRoleData, RoleMutation, UpdateRoleData};
pub use check::{CheckData, PermissionAnswerObject, PermissionQuery};
pub use grant::{RoleGrantObject, grants_beside};
use holders::Holders;
pub use tenant::{OutsiderQuery, TenantRoleData, TenantRoleObject, for_tenants_beside};

use std::collections::HashMap;

use async_graphql::{Enum, ID, SimpleObject};

use crate::context::OpContext;
use crate::directory::organization::Organization;
use crate::directory::role::{self, Assigned, OrganizationRole, Role, RoleScope, Term};
use crate::graphql::filter::related;
use crate::graphql::group::{GroupObject, GroupOrderBy, GroupWhere};
use crate::graphql::organization::{OrganizationObject, OrganizationWhere, beside as organizations_beside};
use crate::graphql::user::{UserObject, UserOrderBy, UserWhere};
use crate::graphql::{
    DateTime, List, Listing, Nested, Related, Selection, Shared, connection_type, list_fields, listing, node_fields,
    order_by, where_input,
};
use crate::list::Filter;
use crate::model::BuiltIn;

/// A named set of permissions: a built-in role, a product-wide role, or a custom role, which belongs to an organization.
///
/// Readable with `read:role`; users can always see the roles they have.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "Role", complex)]
pub struct RoleObject {
    /// A UUID. A built-in role has the same id on every server.
    pub id: ID,
    /// Unique within its organization, for example `organization-admin`.
    pub name: String,
    /// Its description; null if none.
    pub description: Option<String>,
    /// Whether it is built in.
    pub built_in: bool,
    /// Who can have it.
    pub scope: RoleScopeValue,
    /// Its permissions, for example `read:user`.
    pub permissions: Vec<String>,
    /// The organization it belongs to; null for a built-in or product-wide role.
    pub organization: Option<Shared<OrganizationObject>>,
    /// The id of the organization it belongs to; null for a built-in or product-wide role.
    pub organization_id: Option<ID>,
    /// Incremented by every change. Pass it as `expectedVersion`: the mutation then fails with `CONFLICT` if the object
    /// has changed since you read it.
    pub version: i64,
    /// When it was created; 1970 for built-in roles.
    pub created_at: DateTime,
    /// When it was last updated.
    pub updated_at: DateTime,
    /// Number of users that `users` contains; 10,001 if there are more than 10,000. Null without `read:user` or `read:role`.
    pub user_count: Option<i64>,
    /// Number of groups that `groups` contains; 10,001 if there are more than 10,000. Null without `read:group`.
    pub group_count: Option<i64>,
    #[graphql(skip)]
    users: Nested<UserObject>,
    #[graphql(skip)]
    groups: Nested<GroupObject>,
}

node_fields! {
    RoleObject as "Role" {
        /// The users that have it and that the caller may see: directly or through a group, for the whole organization or for a
        /// tenant. Without `read:role`, only the caller; with `read:role` for single tenants, only the users of these tenants,
        /// and roles for other tenants do not count.
        users: UserObject, UserWhere, UserOrderBy;
        where "Filter. Default: all users.";
        /// The groups that give it to their members and that the caller may see. Needs `read:group`; with `read:group` for
        /// single tenants, roles for other tenants do not count.
        groups: GroupObject, GroupWhere, GroupOrderBy;
        where "Filter. Default: all groups.";
    }
}

/// Who can have a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "RoleScope", remote = "RoleScope")]
pub enum RoleScopeValue {
    /// Users of every organization. It is the same on every server, and nobody can change it.
    BuiltIn,
    /// Users of every organization. Super admins create and change it, and its name is in access tokens.
    Product,
    /// Users of its own organization, whose administrators create and change it.
    Organization,
}

/// A simplified view of a user's roles: the first of these values that applies. The Kili API uses the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "OrganizationRole", remote = "OrganizationRole")]
pub enum OrganizationRoleValue {
    /// The user has the role `organization-admin` or `super-admin`. Setting it assigns `organization-admin`.
    Admin,
    /// The user has the role `team-manager`. Setting it assigns this role. This and the next two
    /// exist only while the Kili API is on.
    TeamManager,
    /// The user has the role `reviewer`. Setting it assigns this role.
    Reviewer,
    /// The user has the role `labeler`. Setting it assigns this role.
    Labeler,
    /// The user has only other roles. Setting it assigns the role `user`.
    User,
}

where_input! {
    /// Filter for roles. Conditions are combined with AND; a null condition is ignored.
    RoleWhere of Term;
    target named;
    id id id_in id_starts_with id_contains;
    text name name_in name_starts_with name_contains = Name, "name", "names", "Name";
    {
        /// `true`: built-in roles; `false`: all others.
        built_in: bool = |_, wanted| {
            let built_in = Filter::Is(Term::Scope(RoleScope::BuiltIn));
            [if wanted { built_in } else { Filter::Not(Box::new(built_in)) }]
        },
        /// Roles with this scope.
        scope: RoleScopeValue = |_, scope| [Filter::Is(Term::Scope(scope.into()))],
        /// Roles with this permission, for example `read:user`. A name that is not a permission matches no role.
        permission: String = |op, name| [match Term::with_permission(op, &name) {
            Some(term) => Filter::Is(term),
            None => Filter::Any(Vec::new()),
        }],
        /// Custom roles of an organization that matches this.
        organization: Box<OrganizationWhere> = |op, one| related(one.filter(op), Term::Organization),
    }
}

order_by! {
    /// Sort order of roles; ties are in the order in which they were created.
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
    type Preloaded = Preloaded;

    async fn preload(
        op: &OpContext,
        things: &[Self],
        selection: &Selection<'_>,
    ) -> crate::model::error::Result<Self::Preloaded> {
        let permissions = selection.has("permissions");
        if permissions {
            op.renew_catalogue().await?;
        }
        let keys: Vec<i64> = things.iter().map(|role| role.pk).collect();
        let owners = things.iter().filter_map(|role| role.organization_pk);
        Ok(Preloaded {
            permissions,
            organizations: organizations_beside(op, selection, owners).await?,
            holders: Holders::load(op, &keys, selection).await?,
        })
    }

    fn object(self, op: &OpContext, preloaded: &Preloaded) -> RoleObject {
        let Preloaded {
            organizations, holders, ..
        } = preloaded;
        let names = || {
            let catalogue = op.catalogue();
            catalogue.names(self.permissions(&catalogue))
        };
        let pk = self.pk;
        RoleObject {
            user_count: holders.user_count(pk),
            group_count: holders.group_count(pk),
            users: holders.users(pk),
            groups: holders.groups(pk),
            id: ID(self.id.to_string()),
            description: self.description().map(str::to_owned),
            built_in: self.scope() == RoleScope::BuiltIn,
            scope: self.scope().into(),
            permissions: preloaded.permissions.then(names).unwrap_or_default(),
            organization_id: organizations.id(self.organization_pk),
            organization: organizations.object(self.organization_pk),
            name: self.name,
            version: self.version,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
        }
    }
}

/// The relations of a page of roles.
pub struct Preloaded {
    /// Whether they are selected. A role can have a thousand.
    permissions: bool,
    organizations: Related<Organization>,
    holders: Holders,
}

/// The roles of some users or groups, each sorted by name, with what is selected under them.
pub async fn beside<'r>(
    op: &OpContext,
    owners: impl IntoIterator<Item = (i64, &'r [Assigned])>,
    selection: &Selection<'_>,
) -> crate::model::error::Result<HashMap<i64, List<Shared<RoleObject>>>> {
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
    let objects = listing::present(op, roles, selection)
        .await?
        .into_iter()
        .map(Shared::from);
    let known: HashMap<i64, Shared<RoleObject>> = keys.into_iter().zip(objects).collect();
    Ok(owners
        .into_iter()
        .map(|(owner, roles)| {
            let objects = roles.iter().filter_map(|role| known.get(&role.role_pk)).cloned();
            (owner, objects.collect())
        })
        .collect())
}

/// The built-in roles, if this field is selected, with what is selected under it.
pub async fn built_in_beside(
    op: &OpContext,
    selection: &Selection<'_>,
    field: &str,
) -> crate::model::error::Result<HashMap<BuiltIn, Shared<RoleObject>>> {
    let Some(under) = selection.under_field(field) else {
        return Ok(HashMap::new());
    };
    let pks = role::built_in_keys(op).await?;
    let fields = listing::fields_of::<Role>(&under);
    let roles = role::by_keys(op, pks, fields).await?.into_values();
    let (known, roles): (Vec<BuiltIn>, Vec<Role>) = roles.filter_map(|role| Some((role.built_in()?, role))).unzip();
    let objects = listing::present(op, roles, &under).await?.into_iter().map(Shared::from);
    Ok(known.into_iter().zip(objects).collect())
}

list_fields! {
    RoleQuery of Role as RoleObject, RoleWhere, RoleOrderBy, RoleConnection;
    where "Filter. Default: all roles.";
    /// The built-in and product-wide roles and the custom roles of the caller's organization; for a super admin, all roles. Needs
    /// `read:role`.
    roles;
    /// Number of roles that `roles` lists for this `where`.
    count_roles;
    /// `roles` with cursor pagination. While you page, rows that do not change are neither repeated nor skipped.
    roles_connection;
    /// The role that `where` names, if `roles` would list it; otherwise null.
    role where "Which role: `id` is required; any further conditions must match too.";
}
