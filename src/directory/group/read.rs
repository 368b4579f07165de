//! Reads groups, and looks up the one that a mutation changes.

use std::collections::HashMap;

use futures::Stream;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, LockType, SelectStatement, SimpleExpr};
use sea_orm::{Condition, ConnectionTrait, DbBackend, IntoSimpleExpr, QueryOrder, QuerySelect, QueryTrait};

use super::{Group, GroupFields};
use crate::authn::rights_of_members;
use crate::authz::escalation::{Managing, may_manage, may_manage_group};
use crate::authz::{Action, Granted, Resource, Scope};
use crate::context::OpContext;
use crate::directory::role::{self, Assigned, union};
use crate::directory::user::User;
use crate::directory::{organization, user};
use crate::list::{self, Comparison, Filter, Pairs, Search, Several, Sql, TextTest, names_one, none_named};
use crate::model::Actor;
use crate::model::error::{Error, Result, shown};
use crate::model::{GroupId, Timestamp, is_storable};
use crate::store::catalogue::Catalogued;
use crate::store::entity::group::{self as table, Column};
use crate::store::entity::{group_member, group_role, user as user_table};

/// The groups that the caller may list.
pub fn readable(op: &OpContext) -> Result<Granted> {
    op.authorize(Action::Read, Resource::Group)
}

/// The groups that the caller may create, change and delete: for products that are refused before anything else about a
/// request is looked at.
pub fn changeable(op: &OpContext) -> Result<Granted> {
    op.authorize(Action::Modify, Resource::Group)
}

/// The groups that callers may see on their own user.
pub fn readable_of_oneself(op: &OpContext) -> Result<Granted> {
    op.authorize(Action::Read, Resource::Membership)
}

/// All groups of a user, for a caller who sees that user and may read groups, or is that user.
pub fn of_user(
    op: &OpContext,
    user: &User,
    fields: GroupFields,
) -> impl Stream<Item = Result<Vec<Group>>> + Send + use<> {
    let pk = user.pk;
    let gate = move |op: &OpContext| match op.actor().is(pk) {
        true => readable_of_oneself(op),
        false => readable(op),
    };
    let is_user = user::Term::Id(TextTest::Equals(user.id.to_string()));
    let filter = Filter::Is(Term::User {
        filter: Box::new(Filter::Is(is_user)),
        seen_by: user::readable(op).ok(),
    });
    list::all_seen_by(op, gate, filter, fields)
}

/// How many keys of groups are read at most: far more than fit into a token.
const KEYS_MAX: u64 = 1_000;

/// The keys of a user's groups, sorted.
pub async fn keys_of_user(connection: &impl ConnectionTrait, user_pk: i64) -> Result<Vec<String>> {
    let theirs = group_member::Entity::find()
        .select_only()
        .column(group_member::Column::GroupPk)
        .filter(group_member::Column::UserPk.eq(user_pk));
    let keys = table::Entity::find()
        .select_only()
        .column(Column::Key)
        .filter(Column::Pk.in_subquery(theirs.into_query()))
        .order_by_asc(Column::Key)
        .limit(KEYS_MAX);
    Ok(keys.into_tuple().all(connection).await?)
}

/// Groups by internal key, for visible users who have roles through them: those that the caller may read, and those that
/// it is in.
pub async fn by_keys(op: &OpContext, pks: Vec<i64>, fields: GroupFields) -> Result<HashMap<i64, Group>> {
    let mut found = HashMap::new();
    if let Ok(granted) = readable(op) {
        found = list::by_keys(op, &granted, pks.iter().copied(), fields).await?;
    }
    let missing: Vec<i64> = pks.into_iter().filter(|pk| !found.contains_key(pk)).collect();
    if !missing.is_empty()
        && let Ok(granted) = readable_of_oneself(op)
    {
        found.extend(list::by_keys::<Group>(op, &granted, missing, fields).await?);
    }
    Ok(found)
}

/// The groups within a scope that give roles to their members, as a link to the roles. For single tenants, the roles for
/// the whole organization and for these tenants.
pub fn giving_roles(granted: Option<&Granted>) -> Several {
    use group_role::Column as Given;
    let mut given = group_role::Entity::find().select_only();
    if let Some(pk) = granted.and_then(Granted::organization) {
        given = given.filter(Given::OrganizationPk.eq(pk));
    }
    let tenants = granted.and_then(Granted::tenants);
    if let Some(tenants) = tenants {
        let theirs = Given::TenantPk.is_in(tenants.keys.iter().copied());
        given = given.filter(Condition::any().add(Given::TenantPk.is_null()).add(theirs));
    }
    let pairs = vec![Pairs {
        from: given.into_query(),
        child: Given::GroupPk.into_simple_expr(),
        parent: Given::RolePk.into_simple_expr(),
    }];
    Several {
        tested: pairs.clone(),
        looked_up: pairs,
        such: Condition::all(),
        all_visible: tenants.is_none(),
    }
}

/// A condition on a group.
#[derive(Clone, Debug)]
pub enum Term {
    Id(TextTest),
    Key(TextTest),
    Name(TextTest),
    /// The id that another system gave it.
    ExternalId(TextTest),
    /// The name without regard to case; the text is such a one.
    NameKey(TextTest),
    Created(Comparison, Timestamp),
    Updated(Comparison, Timestamp),
    /// Every word begins a word of the name or the id.
    Text(Search),
    /// Its organization matches.
    Organization(Filter<organization::Term>),
    /// It has a matching member within the scope `seen_by`.
    User {
        filter: Box<Filter<user::Term>>,
        seen_by: Option<Granted>,
    },
}

pub(super) fn condition(sql: &mut Sql, term: &Term) -> Result<Condition> {
    Ok(match term {
        Term::Id(test) => sql.text(Column::Id, test),
        Term::Key(test) => sql.text(Column::Key, test),
        Term::Name(test) => sql.name(Column::SortName, Column::Name, test),
        Term::ExternalId(test) => sql.text(Column::ExternalId, test),
        Term::NameKey(test) => sql.text(Column::NameKey, test),
        Term::Created(how, time) => Condition::all().add(how.of(Column::CreatedAt, *time)),
        Term::Updated(how, time) => Condition::all().add(how.of(Column::UpdatedAt, *time)),
        Term::Text(search) => search.condition(sql.backend(), Column::Words, Column::Pk),
        Term::Organization(filter) => organization::is_one_of(sql, Column::OrganizationPk, filter)?,
        Term::User { seen_by: None, .. } => nothing(),
        Term::User {
            filter,
            seen_by: Some(granted),
        } => {
            let users = user_table::Entity::find()
                .select_only()
                .column(user_table::Column::Pk)
                .filter(user_table::within(granted))
                .filter(filter.nested::<user::User>(sql)?);
            let groups = group_member::Entity::find()
                .select_only()
                .column(group_member::Column::GroupPk)
                .filter(group_member::Column::UserPk.in_subquery(users.into_query()));
            Condition::all().add(Column::Pk.in_subquery(groups.into_query()))
        }
    })
}

fn nothing() -> Condition {
    Condition::all().add(Column::Pk.is_null())
}

/// Which groups a user is to be a member of: matching ones within the scope `seen_by`.
#[derive(Clone, Debug)]
pub struct Membership {
    filter: Filter<Term>,
    seen_by: Option<Granted>,
    /// Whether a list is read in its order, and each user looked for among the members, instead of starting from them.
    looks_for_each: bool,
}

impl Membership {
    pub fn seen_by_caller(op: &OpContext, filter: Filter<Term>) -> Self {
        Self {
            filter,
            seen_by: readable_of_oneself(op).ok(),
            looks_for_each: false,
        }
    }

    /// `user` is the key of such a member, and `organization` the user's.
    pub fn condition<C: ColumnTrait>(&self, sql: &mut Sql, user: C, organization: C) -> Result<Condition> {
        let groups = self.groups(self.filter.nested::<Group>(sql)?);
        let mut members = self.members(groups.clone());
        if !self.looks_for_each {
            return Ok(Condition::all().add(user.in_subquery(members)));
        }
        // For callers who see all organizations: of no other one.
        let mut theirs = groups;
        let theirs = theirs
            .clear_selects()
            .column((table::Entity, Column::OrganizationPk))
            .take();
        let theirs = organization
            .into_simple_expr()
            .eq(Expr::SubQuery(None, Box::new(theirs.into())));
        members.and_where(Expr::col((group_member::Entity, group_member::Column::UserPk)).eq(user.into_simple_expr()));
        // Not a join, which would read all members first.
        let is_member = match sql.backend() {
            DbBackend::Postgres => Expr::exists(members.offset(0).take()),
            _ => Expr::cust_with_exprs("(?) IS TRUE", [Expr::exists(members)]),
        };
        Ok(Condition::all().add(theirs).add(is_member))
    }

    /// How many there are, counted up to a maximum.
    pub fn count(&self, backend: DbBackend, most: u64) -> Result<SimpleExpr> {
        let groups = self.groups(self.filter.to_sql::<Group>(backend)?);
        Ok(list::count_of(self.members(groups), most))
    }

    /// Whether it names one group, by its id.
    pub fn names_one(&self) -> bool {
        let mut required = self.filter.required().into_iter();
        required.any(|term| matches!(term, Term::Id(TextTest::Equals(_))))
    }

    /// Evaluates it user by user. Only for one that names one group.
    pub fn look_for_each(&mut self) {
        self.looks_for_each = self.names_one();
    }

    fn groups(&self, such: Condition) -> SelectStatement {
        let reach = self.seen_by.as_ref().map_or_else(nothing, table::within);
        let groups = table::Entity::find().select_only().column(Column::Pk);
        groups.filter(reach).filter(such).into_query()
    }

    fn members(&self, groups: SelectStatement) -> SelectStatement {
        let group = group_member::Column::GroupPk;
        let is_theirs = match self.names_one() {
            true => group
                .into_simple_expr()
                .eq(Expr::SubQuery(None, Box::new(groups.into()))),
            false => group.in_subquery(groups),
        };
        let mut members = group_member::Entity::find().select_only();
        // A caller who may read no groups sees no other user's memberships.
        if let Some(Scope::Oneself(pk)) = self.seen_by.as_ref().map(Granted::scope) {
            members = members.filter(group_member::Column::UserPk.eq(*pk));
        }
        members
            .column(group_member::Column::UserPk)
            .filter(is_theirs)
            .into_query()
    }
}

/// The group that a mutation changes: identified by id, by key, or by both, which must match the same one; possibly
/// with further conditions.
///
/// A key alone refers to the caller's organization. For another organization, a condition must specify it.
#[derive(Clone, Debug, Default)]
pub struct Target {
    pub id: Option<String>,
    pub key: Option<String>,
    /// Whether `also` specifies the organization.
    pub elsewhere: bool,
    pub also: Filter<Term>,
}

impl Target {
    pub fn id(id: impl Into<String>) -> Self {
        Self {
            id: Some(id.into()),
            ..Self::default()
        }
    }

    pub fn key(key: impl Into<String>) -> Self {
        Self {
            key: Some(key.into()),
            ..Self::default()
        }
    }

    fn by(&self) -> [(&'static str, Option<&str>); 2] {
        [("id", self.id.as_deref()), ("key", self.key.as_deref())]
    }

    fn not_found(&self) -> Error {
        none_named("group", &self.by(), self.also.is_of_caller())
    }
}

/// Looks up the group that a mutation changes, within the caller's scope, and locks it until the transaction ends.
pub async fn locate(
    connection: &impl ConnectionTrait,
    actor: &Actor,
    granted: &Granted,
    target: &Target,
) -> Result<table::Model> {
    locate_with(connection, actor, granted, target, LockType::Update).await
}

/// The same for a change of its members, with a shared lock.
pub(super) async fn locate_shared(
    connection: &impl ConnectionTrait,
    actor: &Actor,
    granted: &Granted,
    target: &Target,
) -> Result<table::Model> {
    locate_with(connection, actor, granted, target, LockType::Share).await
}

async fn locate_with(
    connection: &impl ConnectionTrait,
    actor: &Actor,
    granted: &Granted,
    target: &Target,
    lock: LockType,
) -> Result<table::Model> {
    names_one("where", "group", &target.by())?;
    let not_found = || target.not_found();
    let mut wanted = Condition::all();
    match (&target.id, actor.caller()) {
        (Some(id), _) => wanted = wanted.add(Column::Id.eq(GroupId::existing(id).ok_or_else(not_found)?)),
        (None, Some(caller)) if !target.elsewhere => {
            wanted = wanted.add(Column::OrganizationPk.eq(caller.organization_pk));
        }
        (None, _) => {}
    }
    if let Some(key) = &target.key {
        if !is_storable(key) {
            return Err(not_found());
        }
        wanted = wanted.add(Column::Key.eq(key.as_str()));
    }
    let mut found = table::Entity::find()
        .filter(table::within(granted))
        .filter(wanted)
        .filter(target.also.to_sql::<Group>(connection.get_database_backend())?)
        .limit(2)
        .lock(lock)
        .all(connection)
        .await?;
    let row = found.pop().ok_or_else(not_found)?;
    if found.is_empty() {
        return Ok(row);
    }
    Err(Error::invalid(
        "where",
        format!(
            "Several organizations have a group with the key '{}'; specify the group by 'id'.",
            shown(&row.key)
        ),
    ))
}

/// Refuses to change which roles the members have, if their permissions go beyond the caller's.
pub(super) async fn may_change_roles_of_members(
    connection: &impl Catalogued,
    actor: &Actor,
    row: &table::Model,
) -> Result<()> {
    may_manage(actor, Managing::Roles, &rights_of_members(connection, row.pk).await?)
}

/// A group's roles, if they do not go beyond the caller's permissions; otherwise `FORBIDDEN`.
pub(super) async fn roles_within(
    connection: &impl Catalogued,
    actor: &Actor,
    row: &table::Model,
) -> Result<Vec<Assigned>> {
    let roles = role::of_groups(connection, [row.pk])
        .await?
        .remove(&row.pk)
        .unwrap_or_default();
    may_manage_group(actor, &union(&roles))?;
    Ok(roles)
}
