//! Members and groups of many at once, for responses that show all of them.

use std::collections::{HashMap, VecDeque};

use futures::Stream;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query, SelectStatement, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityName, IntoSimpleExpr, QueryResult};

use super::{Group, GroupFields, readable, readable_of_oneself};
use crate::authz::{Granted, Scope};
use crate::context::OpContext;
use crate::directory::user::{self, User, UserFields};
use crate::list::{Listed, Weigh};
use crate::model::Timestamp;
use crate::model::error::{Error, Result};
use crate::store::entity::any_of;
use crate::store::entity::group::{self as table};
use crate::store::entity::group_member::{self, Column as Member};
use crate::store::entity::user as user_table;

/// What tells whether the members of a group are the same as before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// How many the caller may see.
    pub members: i64,
    /// When the last one of them became a member.
    pub newest: Option<Timestamp>,
}

/// Whom callers may see as members of groups that they may read: the users that they may read. Who may read no other
/// users sees which ones they are, and nothing more of them.
pub fn members_readable(op: &OpContext) -> Result<Granted> {
    let users = user::readable(op)?;
    match users.scope() {
        Scope::Oneself(_) => Ok(readable(op).unwrap_or(users)),
        Scope::Everything | Scope::Organization(_) | Scope::Tenants(_) => Ok(users),
    }
}

/// What may be read of members: their ids, for who may read no other users.
fn readable_fields(op: &OpContext, wanted: UserFields) -> Result<UserFields> {
    Ok(match user::readable(op)?.scope() {
        Scope::Oneself(_) => UserFields::empty(),
        Scope::Everything | Scope::Organization(_) | Scope::Tenants(_) => wanted,
    })
}

/// The memberships of users within a scope.
fn of_visible(granted: &Granted) -> Condition {
    let user = || Member::UserPk.into_simple_expr();
    match granted.scope() {
        Scope::Everything => Condition::all(),
        Scope::Organization(pk) => Condition::all().add(Member::OrganizationPk.eq(*pk)),
        Scope::Oneself(pk) => Condition::all().add(user().eq(*pk)),
        Scope::Tenants(_) => Condition::all().add(user().in_subquery(user_table::pks_within(granted))),
    }
}

/// How many members each of these groups has, and since when the newest one; groups without any are left out.
pub async fn fingerprints(op: &OpContext, pks: impl IntoIterator<Item = i64>) -> Result<HashMap<i64, Fingerprint>> {
    let granted = members_readable(op)?;
    let pks: Vec<i64> = pks.into_iter().collect();
    if pks.is_empty() {
        return Ok(HashMap::new());
    }
    let mut select = Query::select();
    select
        .expr(Member::GroupPk.into_simple_expr())
        .expr(Expr::cust("COUNT(*)"))
        .expr(Member::CreatedAt.max())
        .from(group_member::Entity.table_ref())
        .and_where(any_of(op.db().backend(), Member::GroupPk, pks))
        .cond_where(of_visible(&granted))
        .add_group_by([Member::GroupPk.into_simple_expr()]);
    let rows = op.db().reader().query_all(&select).await?;
    let of_group = |row: &QueryResult| -> Result<(i64, Fingerprint)> {
        let fingerprint = Fingerprint {
            members: row.try_get_by_index(1)?,
            newest: row.try_get_by_index(2)?,
        };
        Ok((row.try_get_by_index(0)?, fingerprint))
    };
    rows.iter().map(of_group).collect()
}

/// The groups of these users which the caller may see, by the users' keys, oldest first: all of them for a caller who
/// may read groups, otherwise the caller's.
pub async fn of_users(op: &OpContext, users: &[User], fields: GroupFields) -> Result<HashMap<i64, Vec<Group>>> {
    let own = op.actor().caller().map(|caller| caller.user_pk);
    let own = own.filter(|own| users.iter().any(|user| user.pk == *own));
    let mut visible = Vec::new();
    if let Ok(granted) = readable(op) {
        visible.push(
            Condition::all()
                .add(Member::UserPk.is_not_null())
                .add(table::within(&granted)),
        );
    }
    if let (Some(own), Ok(granted)) = (own, readable_of_oneself(op)) {
        visible.push(
            Condition::all()
                .add(Member::UserPk.eq(own))
                .add(table::within(&granted)),
        );
    }
    if users.is_empty() || visible.is_empty() {
        return Ok(HashMap::new());
    }
    let visible = visible.into_iter().fold(Condition::any(), Condition::add);
    let columns = Group::columns(fields);
    let place = columns.len();
    let mut select = Query::select();
    select
        .exprs(columns.into_iter().map(IntoSimpleExpr::into_simple_expr))
        .expr(Member::UserPk.into_simple_expr())
        .from(group_member::Entity.table_ref())
        .cond_where(any_of(
            op.db().backend(),
            Member::UserPk,
            users.iter().map(|user| user.pk),
        ))
        .cond_where(
            Group::pk_column()
                .into_simple_expr()
                .eq(Member::GroupPk.into_simple_expr()),
        )
        .cond_where(visible)
        .order_by_expr(Member::UserPk.into_simple_expr(), Order::Asc)
        .order_by_expr(Member::GroupPk.into_simple_expr(), Order::Asc);
    and_from::<Group>(&mut select, op.db().backend());
    let mut groups: HashMap<i64, Vec<Group>> = HashMap::new();
    let read = |row: QueryResult| -> Result<()> {
        let group = Group::read(&row, fields)?;
        op.charge_read(group.weigh())?;
        groups.entry(row.try_get_by_index(place)?).or_default().push(group);
        Ok(())
    };
    let statement = op.db().backend().build(&select);
    op.db().reader().each_row(statement, read).await?;
    Ok(groups)
}

/// Adds the table of the things to a select from their memberships.
fn and_from<L: Listed>(select: &mut SelectStatement, backend: DbBackend) {
    match backend {
        // It might rather walk all things, so it has to start from the memberships.
        DbBackend::Sqlite => select.cross_join(L::Entity::default()),
        _ => select.from(L::Entity::default().table_ref()),
    };
}

/// How many members are read at once.
const STRETCH: usize = 1_000;

/// The members of these groups that the caller may see, each with the key of its group: group by group in this order,
/// the users of each in the order in which they were made. The numbers of members, by [`fingerprints`], only decide how
/// many groups are read at once.
///
/// It is never all in memory, and no database connection is held while the client reads slowly. The caller is decided
/// about again for each stretch.
pub fn members_in_stretches(
    op: &OpContext,
    groups: Vec<(i64, i64)>,
    fields: UserFields,
) -> impl Stream<Item = Result<Vec<(i64, User)>>> + Send + use<> {
    let groups: VecDeque<(i64, i64)> = groups.into_iter().filter(|(_, members)| *members > 0).collect();
    let start = Progress {
        groups,
        after: None,
        begun: false,
    };
    futures::stream::try_unfold((op.clone(), start), move |(op, mut progress)| async move {
        let op = match progress.begun {
            true if !progress.groups.is_empty() => op.decided_again().await?,
            _ => op,
        };
        progress.begun = true;
        let next = progress.next(&op, fields).await?;
        Ok::<_, Error>(next.map(|rows| (rows, (op, progress))))
    })
}

/// How far the members are read.
struct Progress {
    /// The groups whose members are not all read, with their numbers of members.
    groups: VecDeque<(i64, i64)>,
    /// The last user that was read of the first group.
    after: Option<i64>,
    begun: bool,
}

impl Progress {
    async fn next(&mut self, op: &OpContext, fields: UserFields) -> Result<Option<Vec<(i64, User)>>> {
        let some = self.together();
        if some.is_empty() {
            return Ok(None);
        }
        let rows = members_of(op, &some, self.after, fields).await?;
        // A stretch that is full may lack the rest of its last group.
        let full = rows
            .last()
            .filter(|_| rows.len() >= STRETCH)
            .map(|(group, user)| (*group, user.pk));
        match full {
            Some((last, user_pk)) => {
                while self.groups.front().is_some_and(|(group, _)| *group != last) {
                    self.groups.pop_front();
                }
                self.after = Some(user_pk);
            }
            None => {
                self.groups.drain(..some.len());
                self.after = None;
            }
        }
        Ok(Some(rows))
    }

    /// The groups that are read in one statement: the first one alone if it is large, or if some of it was read.
    fn together(&self) -> Vec<i64> {
        let mut members = 0_i64;
        let most = i64::try_from(STRETCH).unwrap_or(i64::MAX);
        let mut some = Vec::new();
        for (group, count) in &self.groups {
            members = members.saturating_add(*count);
            if !some.is_empty() && (members >= most || self.after.is_some()) {
                break;
            }
            some.push(*group);
        }
        some
    }
}

/// The members of these groups, up to a stretch; of a single one after a user.
async fn members_of(
    op: &OpContext,
    groups: &[i64],
    after: Option<i64>,
    fields: UserFields,
) -> Result<Vec<(i64, User)>> {
    let granted = members_readable(op)?;
    let fields = readable_fields(op, fields)?;
    let backend = op.db().backend();
    let columns = User::columns(fields);
    let place = columns.len();
    let mut select = Query::select();
    select
        .exprs(columns.into_iter().map(IntoSimpleExpr::into_simple_expr))
        .expr(Member::GroupPk.into_simple_expr())
        .from(group_member::Entity.table_ref())
        .cond_where(
            User::pk_column()
                .into_simple_expr()
                .eq(Member::UserPk.into_simple_expr()),
        )
        .cond_where(User::within(&granted))
        .limit(STRETCH as u64);
    match groups {
        [group] => {
            select.and_where(Member::GroupPk.eq(*group));
        }
        groups => {
            select.and_where(any_of(backend, Member::GroupPk, groups.iter().copied()));
            select.order_by_expr(place_among(backend, groups), Order::Asc);
        }
    }
    if let Some(after) = after {
        select.and_where(Member::UserPk.gt(after));
    }
    select.order_by_expr(Member::UserPk.into_simple_expr(), Order::Asc);
    and_from::<User>(&mut select, backend);
    let mut members = Vec::new();
    let read = |row: QueryResult| -> Result<()> {
        let user = User::read(&row, fields)?;
        op.charge_read(user.weigh())?;
        members.push((row.try_get_by_index(place)?, user));
        Ok(())
    };
    op.db().reader().each_row(backend.build(&select), read).await?;
    Ok(members)
}

/// The place of a membership's group among these.
fn place_among(backend: DbBackend, groups: &[i64]) -> SimpleExpr {
    let key = Member::GroupPk.into_simple_expr();
    match backend {
        DbBackend::Postgres => Expr::cust_with_exprs(
            "array_position(CAST($1 AS bigint[]), $2)",
            [Expr::val(groups.to_vec()), key],
        ),
        // A path is looked up faster than a list is searched.
        _ => {
            let places: serde_json::Map<String, serde_json::Value> = groups
                .iter()
                .enumerate()
                .map(|(place, group)| (group.to_string(), place.into()))
                .collect();
            let places = serde_json::Value::Object(places).to_string();
            Expr::cust_with_exprs("json_extract(?, '$.\"' || ? || '\"')", [Expr::val(places), key])
        }
    }
}
