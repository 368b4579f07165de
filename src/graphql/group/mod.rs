//! Groups in the schema.

mod change;
mod filter;

pub use change::GroupMutation;
pub use filter::{GroupOrderBy, GroupWhere};

use std::collections::HashMap;

use async_graphql::{ID, SimpleObject};

use crate::authz::Resource;
use crate::context::OpContext;
use crate::directory::group::Group;
use crate::directory::organization::Organization;
use crate::directory::role::{self, Assigned};
use crate::directory::user::User;
use crate::graphql::organization::{OrganizationObject, beside as organizations_beside};
use crate::graphql::role::{
    RoleObject, TenantRoleObject, beside as roles_beside, for_tenants_beside as tenant_roles_beside,
};
use crate::graphql::user::{UserObject, UserOrderBy, UserWhere};
use crate::graphql::{
    DateTime, List, Listing, Nested, Related, Selection, Shared, connection_type, list_fields, listing, node_fields,
};
use crate::list::Link;
use crate::store::entity::group_member;

/// A named set of users of one organization. Members have the group's roles.
///
/// Readable with `read:group`; users can always see the groups they are in.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "Group", complex)]
pub struct GroupObject {
    /// A UUID.
    pub id: ID,
    /// Derived from the `name` at creation: in upper case, with `_` for every sequence of characters that are neither
    /// letters nor digits, for example `VIDEO_EDITORS`. Unique in the organization. It never changes.
    pub key: String,
    /// 1 to 255 characters.
    pub name: String,
    /// Its description; null if none.
    pub description: Option<String>,
    /// The id that the system gave it which provisions it; null if none.
    pub external_id: Option<String>,
    /// The organization it belongs to. It never changes.
    pub organization: Option<Shared<OrganizationObject>>,
    /// The id of the organization it belongs to.
    pub organization_id: ID,
    /// The roles that its members get for the whole organization.
    pub roles: List<Shared<RoleObject>>,
    /// The roles that its members get for single tenants, ordered by name.
    pub tenant_roles: List<TenantRoleObject>,
    /// Incremented by every change, except when members are added or removed. Pass it as `expectedVersion`: the
    /// mutation then fails with `CONFLICT` if the group has changed since you read it.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime,
    /// When it was last updated.
    pub updated_at: DateTime,
    /// Number of its members that the caller may see.
    pub user_count: i64,
    #[graphql(skip)]
    users: Nested<UserObject>,
}

node_fields! {
    GroupObject as "Group" {
        /// Its members that the caller may see.
        users: UserObject, UserWhere, UserOrderBy;
        where "Filter. Default: all users.";
    }
}

connection_type!(GroupConnection, GroupEdge, GroupObject, "groups");

impl Listing for Group {
    type Object = GroupObject;
    type Where = GroupWhere;
    type OrderBy = GroupOrderBy;
    type Preloaded = Preloaded;

    async fn preload(
        op: &OpContext,
        things: &[Self],
        selection: &Selection<'_>,
    ) -> crate::model::error::Result<Self::Preloaded> {
        let keys: Vec<i64> = things.iter().map(|thing| thing.pk).collect();
        let members =
            || Link::through::<group_member::Entity>(group_member::Column::UserPk, group_member::Column::GroupPk);
        let granted = crate::directory::user::readable(op);
        let users = listing::nest_linked::<User>(op, selection, "users", granted, members(), &keys).await?;
        let user_counts = listing::count_nested::<User>(op, selection, members(), &keys).await?;
        let owners = things.iter().map(|thing| thing.organization_pk);
        let organizations = organizations_beside(op, selection, owners).await?;
        let (mut roles, mut tenant_roles) = (HashMap::new(), HashMap::new());
        if selection.has("roles") || selection.has("tenantRoles") {
            let carried: HashMap<i64, Vec<Assigned>> = role::of_groups_in_answer(op, keys).await?;
            let (everywhere, for_tenants) = role::by_scope(carried);
            if let Some(under) = selection.under_field("roles") {
                let carried = everywhere.iter().map(|(group, roles)| (*group, roles.as_slice()));
                roles = roles_beside(op, carried, &under).await?;
            }
            if let Some(under) = selection.under_field("tenantRoles") {
                tenant_roles = tenant_roles_beside(op, Resource::Group, for_tenants, &under).await?;
            }
        }
        Ok(Preloaded {
            users,
            user_counts,
            organizations,
            roles,
            tenant_roles,
        })
    }

    fn object(self, _op: &OpContext, preloaded: &Preloaded) -> GroupObject {
        GroupObject {
            users: preloaded.users.get(&self.pk).cloned().unwrap_or_default(),
            roles: preloaded.roles.get(&self.pk).cloned().unwrap_or_default(),
            tenant_roles: preloaded.tenant_roles.get(&self.pk).cloned().unwrap_or_default(),
            id: ID(self.id.to_string()),
            key: self.key,
            name: self.name,
            description: self.description,
            external_id: self.external_id,
            organization_id: preloaded.organizations.id(self.organization_pk).unwrap_or_default(),
            organization: preloaded.organizations.object(self.organization_pk),
            version: self.version,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
            user_count: preloaded.user_counts.get(&self.pk).copied().unwrap_or_default(),
        }
    }
}

/// The relations of a page of groups.
pub struct Preloaded {
    users: HashMap<i64, Nested<UserObject>>,
    user_counts: HashMap<i64, i64>,
    organizations: Related<Organization>,
    roles: HashMap<i64, List<Shared<RoleObject>>>,
    tenant_roles: HashMap<i64, List<TenantRoleObject>>,
}

/// The groups of several users. A caller that may not read groups still sees its own groups on itself. On other users
/// it gets an error.
pub async fn of_users(
    op: &OpContext,
    selection: &Selection<'_>,
    user_pks: &[i64],
) -> crate::model::error::Result<HashMap<i64, Nested<Shared<GroupObject>>>> {
    const FIELD: &str = "groups";
    let link = || Link::shared::<group_member::Entity>(group_member::Column::GroupPk, group_member::Column::UserPk);
    let by_list = crate::directory::group::readable(op);
    // A caller who may read the groups of single tenants sees all of its own groups on itself.
    if by_list.as_ref().is_ok_and(|granted| granted.tenants().is_none()) {
        return listing::nest_shared::<Group>(op, selection, FIELD, by_list, link(), user_pks).await;
    }
    let (own, others): (Vec<i64>, Vec<i64>) = user_pks.iter().partition(|pk| op.actor().is(**pk));
    let mut groups = HashMap::new();
    if !others.is_empty() {
        groups = listing::nest_shared::<Group>(op, selection, FIELD, by_list, link(), &others).await?;
    }
    if !own.is_empty() {
        let granted = crate::directory::group::readable_of_oneself(op);
        groups.extend(listing::nest_shared::<Group>(op, selection, FIELD, granted, link(), &own).await?);
    }
    Ok(groups)
}

list_fields! {
    GroupQuery of Group as GroupObject, GroupWhere, GroupOrderBy, GroupConnection;
    where "Filter. Default: all groups.";
    /// The groups that the caller may read (`read:group`): those of the caller's organization; for a super admin, all. With
    /// `read:group` for single tenants, the groups that have one of their users as a member or give a role for them.
    groups;
    /// Number of groups that `groups` lists for this `where`.
    count_groups;
    /// `groups` with cursor pagination. While you page, rows that do not change are neither repeated nor skipped.
    groups_connection;
    /// The group that `where` names, if `groups` would list it; otherwise null.
    group where "Which group: `id` or `key` is required; any further conditions must match too.";
}
