//! Groups in the schema.

mod change;
mod filter;

pub use change::GroupMutation;
pub use filter::{GroupOrderBy, GroupWhere};

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{ID, SimpleObject};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::context::OpContext;
use crate::directory::group::Group;
use crate::directory::role::{self, Assigned};
use crate::directory::user::User;
use crate::graphql::organization::{OrganizationObject, beside as organizations_beside};
use crate::graphql::role::{RoleObject, beside as roles_beside};
use crate::graphql::user::{UserObject, UserOrderBy, UserWhere};
use crate::graphql::{DateTime, List, Listing, Nested, Selection, connection_type, list_fields, listing, nested_lists};
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
    /// The organization it belongs to. It never changes.
    pub organization: Option<Box<OrganizationObject>>,
    /// The id of the organization it belongs to.
    pub organization_id: String,
    /// The roles that its members get.
    pub roles: List<Arc<RoleObject>>,
    /// Incremented by every change, except when members are added or removed. Pass it as `expectedVersion`: the
    /// mutation then fails with `CONFLICT` if the group has changed since you read it.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime,
    /// When it was last updated.
    pub updated_at: DateTime,
    #[graphql(skip)]
    users: Nested<UserObject>,
}

nested_lists! {
    GroupObject {
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

    fn present<'a>(
        op: &'a OpContext,
        things: Vec<Self>,
        selection: &'a Selection<'a>,
    ) -> BoxFuture<'a, crate::model::error::Result<Vec<GroupObject>>> {
        async move {
            if things.is_empty() {
                return Ok(Vec::new());
            }
            let keys: Vec<i64> = things.iter().map(|thing| thing.pk).collect();
            let mut users: HashMap<i64, Nested<UserObject>> = HashMap::new();
            if selection.has("users") {
                let link =
                    Link::through::<group_member::Entity>(group_member::Column::UserPk, group_member::Column::GroupPk);
                let granted = crate::directory::user::readable(op);
                users = listing::nest_linked::<User>(op, selection, "users", granted, link, &keys).await?;
            }
            let mut organizations = HashMap::new();
            if selection.has("organization") || selection.has("organizationId") {
                let under = selection.under_field("organization").unwrap_or_default();
                let owners = things.iter().map(|thing| thing.organization_pk);
                organizations = organizations_beside(op, owners, &under).await?;
            }
            let mut roles: HashMap<i64, List<Arc<RoleObject>>> = HashMap::new();
            if let Some(under) = selection.under_field("roles") {
                let carried: HashMap<i64, Vec<Assigned>> = role::of_groups_in_answer(op, keys).await?;
                let carried = carried.iter().map(|(group, roles)| (*group, roles.as_slice()));
                roles = roles_beside(op, carried, &under).await?;
            }
            Ok(things
                .into_iter()
                .map(|thing| {
                    let organization = organizations.get(&thing.organization_pk).cloned();
                    GroupObject {
                        // Cloned instead of moved, because under users a group appears once for each of its members.
                        users: users.get(&thing.pk).cloned().unwrap_or_default(),
                        roles: roles.get(&thing.pk).cloned().unwrap_or_default(),
                        id: ID(thing.id.to_string()),
                        key: thing.key,
                        name: thing.name,
                        description: thing.description,
                        organization_id: organization.as_ref().map(|one| one.id.0.clone()).unwrap_or_default(),
                        organization: organization.map(Box::new),
                        version: thing.version,
                        created_at: thing.created_at.into(),
                        updated_at: thing.updated_at.into(),
                    }
                })
                .collect())
        }
        .boxed()
    }
}

/// The groups of several users. A caller that may not read groups still sees its own groups on itself. On other users
/// it gets an error.
pub async fn of_users(
    op: &OpContext,
    selection: &Selection<'_>,
    user_pks: &[i64],
) -> crate::model::error::Result<HashMap<i64, Nested<GroupObject>>> {
    const FIELD: &str = "groups";
    let link = || Link::through::<group_member::Entity>(group_member::Column::GroupPk, group_member::Column::UserPk);
    let by_list = crate::directory::group::readable(op);
    if by_list.is_ok() {
        return listing::nest_linked::<Group>(op, selection, FIELD, by_list, link(), user_pks).await;
    }
    let (own, others): (Vec<i64>, Vec<i64>) = user_pks.iter().partition(|pk| op.actor().is(**pk));
    let mut groups = HashMap::new();
    if !others.is_empty() {
        groups = listing::nest_linked::<Group>(op, selection, FIELD, by_list, link(), &others).await?;
    }
    if !own.is_empty() {
        let granted = crate::directory::group::readable_of_oneself(op);
        groups.extend(listing::nest_linked::<Group>(op, selection, FIELD, granted, link(), &own).await?);
    }
    Ok(groups)
}

list_fields! {
    GroupQuery of Group as GroupObject, GroupWhere, GroupOrderBy, GroupConnection;
    where "Filter. Default: all groups.";
    /// The groups that the caller may read (`read:group`): those of the caller's organization; for a super admin, all.
    groups;
    /// Number of groups that `groups` lists for this `where`.
    count_groups;
    /// `groups` with cursor pagination. While you page, rows that do not change are neither repeated nor skipped.
    groups_connection;
}
