//! Changes many members of a group at once.
//!
//! Only the members that are named are read, locked and written, so one costs the same in a group of any size. Only who
//! replaces all of them has the database compare.
//!
//! Users are locked in the order of their keys, each against other changes of its memberships, before any membership is
//! written: so changes with the same users wait for each other at the users, and cannot deadlock. Who replaces all
//! members, who are not known before, has the group alone instead. A user who is being deleted becomes a member of nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use sea_orm::sea_query::{Expr, LockType, SimpleExpr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, IntoSimpleExpr, QueryFilter, QueryOrder, QuerySelect, Select,
    Statement, Value,
};

use super::create::for_each_tenant;
use crate::authn::rights_of_each;
use crate::authz::Granted;
use crate::authz::escalation::{Managing, may_manage};
use crate::context::{Change, OpContext};
use crate::directory::role::{Assigned, Made, Standing, union};
use crate::model::UserId;
use crate::model::error::{Error, Result, shown};
use crate::store::audit_trail::{Event, Mention};
use crate::store::entity::group as table;
use crate::store::entity::user::{self as user_table, Column};
use crate::store::entity::{among, any_of, group_member, in_parameter};

/// Which users become members, and which no longer are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MembersChange {
    /// Everybody leaves, but for those who are put in: together they replace the members.
    pub emptied: bool,
    /// The ids of users who become members, unless they are already. `INVALID` for an unknown one.
    pub put_in: Vec<String>,
    /// The ids of users who leave. One that is unknown, or no member, is nobody.
    pub taken_out: Vec<String>,
}

impl MembersChange {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        !self.emptied && self.put_in.is_empty() && self.taken_out.is_empty()
    }
}

/// What the trail says about a member.
pub(super) struct Member {
    pk: i64,
    id: UserId,
    organization_pk: i64,
    tenant_pk: Option<i64>,
    name: Option<String>,
}

impl From<&user_table::Model> for Member {
    fn from(user: &user_table::Model) -> Self {
        Self {
            pk: user.pk,
            id: user.id.clone(),
            organization_pk: user.organization_pk,
            tenant_pk: user.tenant_pk,
            name: user.plain_name(),
        }
    }
}

/// How many members are changed by one statement.
const STRETCH: usize = 500;

/// Changes the members of a group that is locked (for this change alone if they are replaced) and whose roles, `roles`, do
/// not go beyond the caller's permissions; returns whether anything changed. `FORBIDDEN` for a user whose permissions go beyond the caller's, `INVALID` if
/// callers would remove permissions from themselves, `CONFLICT` for the last super admin.
pub(super) async fn change_members(
    change: &mut Change<'_>,
    op: &OpContext,
    granted: &Granted,
    group: &table::Model,
    roles: &[Assigned],
    wanted: &MembersChange,
) -> Result<bool> {
    let named: Vec<&str> = wanted
        .put_in
        .iter()
        .chain(&wanted.taken_out)
        .map(String::as_str)
        .collect();
    let lock = match wanted.emptied {
        true => LockType::KeyShare,
        false => LockType::NoKeyUpdate,
    };
    let mut named = look_up(change, granted, group, &named, lock).await?;
    if let Some(unknown) = wanted.put_in.iter().find(|id| !named.contains_key(id.as_str())) {
        return Err(Error::invalid(
            "members",
            format!("No user of the group's organization has the id '{}'.", shown(unknown)),
        ));
    }
    let taken_out: BTreeSet<&str> = wanted.taken_out.iter().map(String::as_str).collect();
    let taken_out: Vec<Member> = taken_out.into_iter().filter_map(|id| named.remove(id)).collect();
    let put_in = in_order(named.into_values().collect());

    let takes = !roles.is_empty() && (wanted.emptied || !taken_out.is_empty());
    let standing = match takes {
        true => Some(Standing::before(&**change, op.actor()).await?),
        false => None,
    };
    let members = Members { op, group, roles };
    let mut left = false;
    if wanted.emptied {
        let others = members.others(change, granted, &put_in).await?;
        for some in others.chunks(STRETCH) {
            let some = by_keys(change, group, some).await?;
            left |= members.take_out(change, some).await?;
        }
    } else {
        let mut leaving = in_order(taken_out);
        while !leaving.is_empty() {
            let rest = leaving.split_off(leaving.len().min(STRETCH));
            left |= members.take_out(change, leaving).await?;
            leaving = rest;
        }
    }
    let (mut joining, mut joined) = (put_in, false);
    while !joining.is_empty() {
        let rest = joining.split_off(joining.len().min(STRETCH));
        joined |= members.put_in(change, joining).await?;
        joining = rest;
    }
    if let Some(standing) = standing.filter(|_| left) {
        standing.remains(&**change, &union(roles), "members").await?;
    }
    Ok(left || joined)
}

fn in_order(mut members: Vec<Member>) -> Vec<Member> {
    members.sort_by_key(|member| member.pk);
    members
}

/// The group whose members change.
struct Members<'a> {
    op: &'a OpContext,
    group: &'a table::Model,
    roles: &'a [Assigned],
}

impl Members<'_> {
    /// The keys of the members within the caller's scope who are not among these, ascending.
    async fn others(&self, change: &Change<'_>, granted: &Granted, these: &[Member]) -> Result<Vec<i64>> {
        let backend = change.get_database_backend();
        let these = keys(backend, these.iter().map(|member| member.pk));
        let key = group_member::Column::UserPk;
        let mut others = group_member::Entity::find()
            .select_only()
            .column(key)
            .filter(group_member::Column::GroupPk.eq(self.group.pk))
            .filter(not_among(backend, these))
            .order_by_asc(key);
        if granted.tenants().is_some() {
            others = others.filter(key.in_subquery(user_table::pks_within(granted)));
        }
        Ok(others.into_tuple().all(&**change).await?)
    }

    async fn put_in(&self, change: &mut Change<'_>, members: Vec<Member>) -> Result<bool> {
        let backend = change.get_database_backend();
        let made = Made::by_caller(self.op);
        let (pk, listed) = match backend {
            DbBackend::Postgres => ("listed.pk", "unnest(CAST($5 AS bigint[])) AS listed(pk)"),
            // Without a condition it would read the conflict as that of a join.
            _ => ("listed.value", "json_each($5) AS listed WHERE TRUE"),
        };
        let insertion = format!(
            "INSERT INTO group_members (group_pk, user_pk, organization_pk, created_at, created_by)
             SELECT CAST($1 AS bigint), {pk}, CAST($2 AS bigint), CAST($3 AS bigint), CAST($4 AS bigint) FROM {listed}
             ON CONFLICT (group_pk, user_pk) DO NOTHING RETURNING user_pk"
        );
        let values = [
            self.group.pk.into(),
            self.group.organization_pk.into(),
            made.at.into(),
            made.by.into(),
            keys(backend, members.iter().map(|member| member.pk)),
        ];
        let written = Statement::from_sql_and_values(backend, insertion, values);
        let actions = ["group.addUser", "user.joinGroup"];
        self.written(change, written, members, actions, Mention::added).await
    }

    async fn take_out(&self, change: &mut Change<'_>, members: Vec<Member>) -> Result<bool> {
        let backend = change.get_database_backend();
        let is_one = in_parameter(backend, "$2", "bigint[]");
        let deletion = format!("DELETE FROM group_members WHERE group_pk = $1 AND user_pk {is_one} RETURNING user_pk");
        let these = keys(backend, members.iter().map(|member| member.pk));
        let written = Statement::from_sql_and_values(backend, deletion, [self.group.pk.into(), these]);
        let actions = ["group.removeUser", "user.leaveGroup"];
        self.written(change, written, members, actions, Mention::removed).await
    }

    /// Runs a statement that returns the keys of those whose membership it changed, and writes their events.
    async fn written(
        &self,
        change: &mut Change<'_>,
        statement: Statement,
        mut members: Vec<Member>,
        actions: [&'static str; 2],
        became: fn(Mention) -> Mention,
    ) -> Result<bool> {
        let rows = change.query_all_raw(statement).await?;
        let changed: HashSet<i64> = rows
            .iter()
            .map(|row| row.try_get_by_index(0))
            .collect::<Result<_, _>>()?;
        members.retain(|member| changed.contains(&member.pk));
        if members.is_empty() {
            return Ok(false);
        }
        self.may_manage(change, &members).await?;
        let each = members.iter();
        let events: Vec<Event> = each
            .flat_map(|member| events(actions, became, self.group, member, self.roles))
            .collect();
        change.note(events).await?;
        Ok(true)
    }

    /// Refuses to change the memberships of users whose permissions go beyond the caller's. The group's own do not, so
    /// it makes no difference whether it counts already.
    async fn may_manage(&self, change: &Change<'_>, members: &[Member]) -> Result<()> {
        let what = match self.roles.is_empty() {
            true => Managing::Memberships,
            false => Managing::Roles,
        };
        let keys = members.iter().map(|member| member.pk);
        let rights = rights_of_each(&**change, keys).await?;
        rights
            .values()
            .try_for_each(|rights| may_manage(self.op.actor(), what, rights))
    }
}

/// The users with these ids who may be members, by id; locked against being deleted and against leaving the organization.
async fn look_up(
    change: &Change<'_>,
    granted: &Granted,
    group: &table::Model,
    ids: &[&str],
    lock: LockType,
) -> Result<BTreeMap<String, Member>> {
    let ids: BTreeSet<String> = ids
        .iter()
        .filter_map(|id| UserId::existing(id))
        .map(|id| id.to_string())
        .collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let id = Column::Id.into_simple_expr();
    let is_one = among(change.get_database_backend(), id, ids.into_iter().collect(), "text[]");
    let users = user_table::Entity::find()
        .filter(user_table::within(granted))
        .filter(is_one);
    let members = locked(change, group, users, lock).await?;
    Ok(members
        .into_iter()
        .map(|member| (member.id.to_string(), member))
        .collect())
}

/// The users with these keys.
async fn by_keys(change: &Change<'_>, group: &table::Model, pks: &[i64]) -> Result<Vec<Member>> {
    let is_one = any_of(change.get_database_backend(), Column::Pk, pks.iter().copied());
    locked(
        change,
        group,
        user_table::Entity::find().filter(is_one),
        LockType::KeyShare,
    )
    .await
}

/// These users, if they are of the group's organization, in the order of their keys, in which they are locked.
async fn locked(
    change: &Change<'_>,
    group: &table::Model,
    users: Select<user_table::Entity>,
    lock: LockType,
) -> Result<Vec<Member>> {
    type Row = (i64, UserId, Option<i64>, Option<String>, Option<String>, Option<String>);
    let rows: Vec<Row> = users
        .select_only()
        .columns([
            Column::Pk,
            Column::Id,
            Column::TenantPk,
            Column::Name,
            Column::Firstname,
            Column::Lastname,
        ])
        .filter(Column::OrganizationPk.eq(group.organization_pk))
        .order_by_asc(Column::Pk)
        .lock(lock)
        .into_tuple()
        .all(&**change)
        .await?;
    let member = |(pk, id, tenant_pk, name, first, last): Row| Member {
        pk,
        id,
        organization_pk: group.organization_pk,
        tenant_pk,
        name: user_table::plain_name([&name, &first, &last]),
    };
    Ok(rows.into_iter().map(member).collect())
}

/// Internal keys as one parameter.
fn keys(backend: DbBackend, pks: impl Iterator<Item = i64>) -> Value {
    match backend {
        DbBackend::Postgres => pks.collect::<Vec<i64>>().into(),
        _ => serde_json::Value::from_iter(pks).to_string().into(),
    }
}

/// A member that is not among these, whom the database looks up in a table of its own and not one by one.
fn not_among(backend: DbBackend, these: Value) -> SimpleExpr {
    let listed = match backend {
        DbBackend::Postgres => "$1 NOT IN (SELECT unnest(CAST($2 AS bigint[])))",
        _ => "? NOT IN (SELECT value FROM json_each(?))",
    };
    let key = group_member::Column::UserPk.into_simple_expr();
    Expr::cust_with_exprs(listed, [key, Expr::val(these)])
}

/// Events for the trail of the group and for that of the user, and for each tenant that the group gives a role for.
pub(super) fn events(
    [of_group, of_user]: [&'static str; 2],
    became: fn(Mention) -> Mention,
    group: &table::Model,
    user: &Member,
    roles: &[Assigned],
) -> Vec<Event> {
    let member = became(Mention::new("user", &user.id, user.name.clone()));
    let of_group = Event::new(of_group, group.pk, &group.id).named(group.name.clone());
    let of_group = of_group.with_subject(&user.id).about([member]).fields(["users"]);
    let its_group = became(Mention::new("group", &group.id, group.name.clone()));
    let of_user = Event::new(of_user, user.pk, &user.id)
        .with_subject(&user.id)
        .named(user.name.clone());
    let of_user = of_user.about([its_group]).fields(["groups"]).access();
    let mut all = for_each_tenant(of_group.access(), group.organization_pk, roles);
    // A user from outside a tenant gets roles for it, too.
    let elsewhere = roles.iter().filter(|role| role.tenant_pk != user.tenant_pk).cloned();
    let elsewhere: Vec<Assigned> = elsewhere.filter(|role| role.tenant_pk.is_some()).collect();
    if !elsewhere.is_empty() {
        all.extend(for_each_tenant(of_user.clone(), group.organization_pk, &elsewhere));
    }
    all.push(of_user.of_tenant(user.organization_pk, user.tenant_pk));
    all
}
