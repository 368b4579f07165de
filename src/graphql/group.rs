//! Groups in the schema.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, SimpleObject};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::context::OpContext;
use crate::directory::group::{Clearable, Group, GroupChange, NewGroup, Target, Term};
use crate::directory::role::{self, Assigned};
use crate::directory::user::User;
use crate::graphql::organization::{OrganizationObject, OrganizationWhere, beside as organizations_beside};
use crate::graphql::role::{RoleObject, beside as roles_beside};
use crate::graphql::user::{UserObject, UserOrderBy, UserWhere};
use crate::graphql::{
    DateTime, List, Listing, Nested, PageSize, Result, Selection, TextFilter, combine, connection_type, list_fields,
    listing, op, order_by, text_terms,
};
use crate::list::{Filter, Link};
use crate::store::entity::group_member;

/// A named set of users of one organization. Its members have the roles that it carries.
///
/// Readable with `read:group`; everybody sees the groups they are in beside themselves.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "Group", complex)]
pub struct GroupObject {
    /// A UUID.
    pub id: ID,
    /// Made from the first name, in upper case with `_` for all but letters and digits, as in `VIDEO_EDITORS`. Unique within
    /// the organization; it never changes.
    pub key: String,
    /// 1 to 255 characters.
    pub name: String,
    /// What it is for; null if nobody said.
    pub description: Option<String>,
    /// The organization it belongs to. It never changes.
    pub organization: Option<Box<OrganizationObject>>,
    /// The id of the organization it belongs to.
    pub organization_id: String,
    /// The roles that its members have by it.
    pub roles: List<Arc<RoleObject>>,
    /// Counts the changes; give it as `expectedVersion` to change only what you have seen. Members coming and going do not
    /// count.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime,
    /// When it was last changed.
    pub updated_at: DateTime,
    #[graphql(skip)]
    users: Nested<UserObject>,
}

#[ComplexObject]
impl GroupObject {
    /// Its members, as far as the caller may see them.
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which users; all of them by default.")] r#where: Option<UserWhere>,
        #[graphql(desc = "In which order; oldest first by default.")] order_by: Option<UserOrderBy>,
        #[graphql(desc = "At most so many, from 1 to 100.", default_with = "Some(PageSize(100))")] first: Option<
            PageSize,
        >,
        #[graphql(desc = "Passing over so many.", default = 0)] skip: Option<i32>,
    ) -> Result<List<UserObject>> {
        let _ = (r#where, order_by);
        self.users.list(ctx, first, skip)
    }
}

/// Which groups. Fields are AND-ed; null is not given.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "GroupWhere")]
pub struct GroupWhere {
    /// This very id.
    id: Option<ID>,
    /// One of these ids.
    id_in: Option<Vec<ID>>,
    /// Ids that start so.
    id_starts_with: Option<String>,
    /// Ids that hold this.
    id_contains: Option<String>,
    /// This very key.
    key: Option<String>,
    /// One of these keys.
    key_in: Option<Vec<String>>,
    /// Keys that start so.
    key_starts_with: Option<String>,
    /// Keys that hold this.
    key_contains: Option<String>,
    /// This very name.
    name: Option<String>,
    /// One of these names.
    name_in: Option<Vec<String>>,
    /// Names that start so.
    name_starts_with: Option<String>,
    /// Names that hold this.
    name_contains: Option<String>,
    /// Groups of an organization like this.
    organization: Option<Box<OrganizationWhere>>,
    /// Groups that a user like this is in, of those that the caller may see.
    user: Option<Box<UserWhere>>,
    /// All of these.
    #[graphql(name = "AND")]
    and: Option<Vec<GroupWhere>>,
    /// At least one of these.
    #[graphql(name = "OR")]
    or: Option<Vec<GroupWhere>>,
    /// Not this.
    #[graphql(name = "NOT")]
    not: Option<Box<GroupWhere>>,
}

impl GroupWhere {
    /// The one group that a change is for.
    fn target(mut self, op: &OpContext) -> Target {
        let organization = self.organization.as_deref().cloned();
        Target {
            id: self.id.take().map(|id| id.0),
            key: self.key.take(),
            elsewhere: organization.is_some_and(|one| !one.filter(op).is_empty()),
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
        let keys = TextFilter {
            equals: self.key,
            any_of: self.key_in,
            starts_with: self.key_starts_with,
            contains: self.key_contains,
        };
        let names = TextFilter {
            equals: self.name,
            any_of: self.name_in,
            starts_with: self.name_starts_with,
            contains: self.name_contains,
        };
        let mut fields = text_terms(ids, Term::Id);
        fields.extend(text_terms(keys, Term::Key));
        fields.extend(text_terms(names, Term::Name));
        fields.extend(
            self.organization
                .map(|one| one.filter(op))
                .filter(|one| !one.is_empty())
                .map(|one| Filter::Is(Term::Organization(Box::new(one)))),
        );
        fields.extend(
            self.user
                .map(|one| one.filter(op))
                .filter(|one| !one.is_empty())
                .map(|one| {
                    Filter::Is(Term::User {
                        filter: Box::new(one),
                        seen_by: crate::directory::user::readable(op).ok(),
                    })
                }),
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
    /// What groups are ordered by, before the id.
    GroupOrderBy, "GroupOrderBy" {
        /// Oldest first; the default.
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

connection_type!(GroupConnection, GroupEdge, GroupObject, "groups");

impl Listing for Group {
    type Object = GroupObject;
    type Where = GroupWhere;
    type OrderBy = GroupOrderBy;

    fn filter(op: &OpContext, wanted: GroupWhere) -> Filter<Term> {
        wanted.filter(op)
    }

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
                        // Not taken out: under users, a group stands once for each of its members.
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

/// The groups of several users. Who may not read groups sees their own beside themselves, and is told so by others.
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

list_fields! {
    GroupQuery of Group as GroupObject, GroupWhere, GroupOrderBy, GroupConnection;
    where "Which groups; all of them by default.";
    /// The groups that the caller may read (`read:group`): those of the own organization, all of them for a super admin.
    groups;
    /// How many groups `groups` lists for this `where`.
    count_groups;
    /// `groups`, continued from a cursor instead of a number: unchanged rows neither repeat nor get lost.
    groups_connection;
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
