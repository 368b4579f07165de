//! Ends sessions.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Set,
};

use super::read::resource;
use super::{Session, Term};
use crate::authn::Claims;
use crate::authz::escalation::{Managing, may_manage};
use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::directory::{email_verification, role};
use crate::list::{Filter, Named};
use crate::model::error::{Error, Result};
use crate::model::{SessionId, Timestamp, digest};
use crate::store::audit_trail::Event;
use crate::store::catalogue::Catalogued;
use crate::store::entity::session::{self as table, Column};
use crate::store::entity::{any_of, api_key, user};

/// How many sessions one call ends.
const SESSIONS_MAX: u64 = 1_000;
/// How long an ended session is kept in the user's list.
const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Ends one of the caller's sessions, effective with the next request. `NOT_FOUND` for one that is not the caller's or
/// has ended. The other conditions in `named` must match too.
pub async fn revoke(op: &OpContext, named: &Named<Term>) -> Result<Session> {
    let granted = op.authorize(Action::Delete, Resource::Session)?;
    let not_found = || named.not_found("session");
    let known = SessionId::existing(named.required_id("session")?).ok_or_else(not_found)?;
    let which = Condition::all()
        .add(Column::Id.eq(known))
        .add(named.also.to_sql::<Session>(op.db().backend())?);
    let ended = end_one(op, &granted, "session.revoke", which).await;
    match ended {
        Err(Error::NotFound(_)) => Err(not_found()),
        other => other,
    }
}

/// Ends sessions of the caller; with a condition on the user, those of all users whom the caller may change. At most
/// `SESSIONS_MAX`, the oldest first; returns their number. `keep_current` keeps the session of this request. Somebody
/// who used one of them may have requested another address, to which a new password could be sent: these requests end too.
pub async fn revoke_all(op: &OpContext, which: &Filter<Term>, keep_current: bool) -> Result<i64> {
    let granted = op.authorize(Action::Delete, resource(which))?;
    let now = op.now();
    let mut wanted = Condition::all()
        .add(table::within(&granted))
        .add(which.to_sql::<Session>(op.db().backend())?)
        .add(Column::EndedAt.is_null())
        .add(Column::ExpiresAt.gt(now));
    let caller = op.actor().caller();
    if keep_current {
        let begun_with = caller.and_then(|caller| caller.impersonator.as_ref()?.session_pk);
        let current = caller
            .and_then(|caller| caller.session_pk)
            .into_iter()
            .chain(begun_with);
        wanted = wanted.add(Column::Pk.is_not_in(current));
    }
    let mut change = op.begin().await?;
    // The session of this request may be one of them.
    change.hold_caller().await?;
    // Always in the same order; see `end`.
    let rows = table::Entity::find()
        .filter(wanted)
        .order_by_asc(Column::Pk)
        .limit(SESSIONS_MAX)
        .lock_exclusive()
        .all(&*change)
        .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let owners = owners(&*change, op, &rows).await?;
    let pks = rows.iter().map(|row| row.pk);
    table::Entity::update_many()
        .col_expr(Column::EndedAt, Expr::val(now.micros()))
        .filter(any_of(op.db().backend(), Column::Pk, pks))
        .exec(&*change)
        .await?;
    email_verification::forget_changes_in_txn(&*change, owners.keys().copied()).await?;
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        let event = Event::new("session.revoke", row.pk, &row.id).access();
        events.push(owners.get(&row.user_pk).into_iter().fold(event, Event::of_user));
    }
    change.commit(events).await?;
    Ok(i64::try_from(rows.len()).unwrap_or(i64::MAX))
}

/// The users of some sessions, by internal key. `FORBIDDEN` if the caller may not end the sessions of one of them.
async fn owners(
    connection: &impl Catalogued,
    op: &OpContext,
    rows: &[table::Model],
) -> Result<HashMap<i64, user::Model>> {
    let pks: BTreeSet<i64> = rows.iter().map(|row| row.user_pk).collect();
    // Callers end their own sessions, and those in which they impersonate somebody, whatever their permissions.
    let is_own =
        |row: &&table::Model| op.actor().is(row.user_pk) || row.impersonator_pk.is_some_and(|pk| op.actor().is(pk));
    let others: BTreeSet<i64> = rows.iter().filter(|row| !is_own(row)).map(|row| row.user_pk).collect();
    if !others.is_empty() {
        for held in role::held(connection, others).await?.values() {
            may_manage(op.actor(), Managing::Access, &held.rights())?;
        }
    }
    let owners = user::Entity::find().filter(any_of(op.db().backend(), user::Column::Pk, pks));
    let owners = owners.all(connection).await?;
    Ok(owners.into_iter().map(|owner| (owner.pk, owner)).collect())
}

pub(super) async fn end_one(
    op: &OpContext,
    granted: &Granted,
    action: &'static str,
    which: Condition,
) -> Result<Session> {
    let now = op.now();
    let mut change = op.begin().await?;
    // It may be the session of this request.
    change.hold_caller().await?;
    let row = table::Entity::find()
        .filter(table::within(granted))
        .filter(which)
        .filter(Column::EndedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .lock_exclusive()
        .one(&*change)
        .await?
        .ok_or_else(|| Error::NotFound("The session has ended.".to_owned()))?;
    let mut ended = row.into_active_model();
    ended.ended_at = Set(Some(now));
    let ended = ended.update(&*change).await?;
    let owner = user::Entity::find_by_id(ended.user_pk).one(&*change).await?;
    let event = Event::new(action, ended.pk, &ended.id).access();
    change.commit([owner.iter().fold(event, Event::of_user)]).await?;
    Ok(ended.into())
}

/// Ends the session of a refresh token, known by the part that all of its tokens have in common, for everybody who
/// has one; returns whether it was active.
pub async fn end_by_family(op: &OpContext, family: &str) -> Result<bool> {
    end_found(op, Column::Family.eq(digest(family))).await
}

/// Ends the session of an access token, for everybody who has it; returns whether it was active.
pub async fn end_by_token(op: &OpContext, claims: &Claims) -> Result<bool> {
    match claims.sid.as_deref().and_then(SessionId::existing) {
        Some(id) => end_found(op, Column::Id.eq(id)).await,
        None => Ok(false),
    }
}

async fn end_found(op: &OpContext, which: SimpleExpr) -> Result<bool> {
    let now = op.now();
    let active = || {
        table::Entity::find()
            .filter(which.clone())
            .filter(Column::EndedAt.is_null())
            .filter(Column::ExpiresAt.gt(now))
    };
    // Guesses, which need no credential, get no transaction.
    if active().count(op.db().reader()).await? == 0 {
        return Ok(false);
    }
    let change = op.begin().await?;
    let Some(row) = active().lock_exclusive().one(&*change).await? else {
        return Ok(false);
    };
    let mut ended = row.into_active_model();
    ended.ended_at = Set(Some(now));
    let ended = ended.update(&*change).await?;
    let owner = user::Entity::find_by_id(ended.user_pk).one(&*change).await?;
    let event = Event::new("session.revoke", ended.pk, &ended.id).access();
    change.commit([owner.iter().fold(event, Event::of_user)]).await?;
    Ok(true)
}

/// Ends all sessions of a user, and those in which it impersonates somebody. For verbs that change the user, in their
/// transaction; the event they record must change access.
pub async fn end_all(connection: &impl ConnectionTrait, user_pk: i64, now: Timestamp) -> Result<()> {
    let of_user = Condition::any()
        .add(Column::UserPk.eq(user_pk))
        .add(Column::ImpersonatorPk.eq(user_pk));
    end(connection, of_user, now).await
}

/// Ends all sessions of a user except one. Impersonations that were started with the others end too.
pub async fn end_all_but(
    connection: &impl ConnectionTrait,
    user_pk: i64,
    kept: Option<i64>,
    now: Timestamp,
) -> Result<()> {
    let mut others = Condition::all().add(Column::UserPk.eq(user_pk));
    if let Some(kept) = kept {
        others = others.add(Column::Pk.ne(kept));
    }
    end(connection, others, now).await
}

async fn end(connection: &impl ConnectionTrait, which: Condition, now: Timestamp) -> Result<()> {
    // Always in the same order, to avoid a deadlock: two administrators who are deactivated at the same time may
    // impersonate each other, and then both changes end both sessions.
    table::Entity::find()
        .select_only()
        .column(Column::Pk)
        .filter(which.clone())
        .order_by_asc(Column::Pk)
        .lock_exclusive()
        .into_tuple::<i64>()
        .all(connection)
        .await?;
    table::Entity::update_many()
        .col_expr(Column::EndedAt, Expr::val(now.micros()))
        .filter(which)
        .filter(Column::EndedAt.is_null())
        .exec(connection)
        .await?;
    Ok(())
}

/// Whether the credential that started an impersonation is still valid; true for other sessions.
pub(super) async fn begun_with_is_in_force(
    connection: &impl ConnectionTrait,
    row: &table::Model,
    now: Timestamp,
) -> Result<bool> {
    if let Some(parent) = row.parent_pk {
        let parent = table::Entity::find_by_id(parent)
            .filter(Column::EndedAt.is_null())
            .filter(Column::ExpiresAt.gt(now));
        return Ok(parent.count(connection).await? > 0);
    }
    if let Some(key) = row.api_key_pk {
        let later = |column: api_key::Column| Condition::any().add(column.is_null()).add(column.gt(now));
        let key = api_key::Entity::find_by_id(key)
            .filter(later(api_key::Column::RevokedAt))
            .filter(later(api_key::Column::ExpiresAt));
        return Ok(key.count(connection).await? > 0);
    }
    Ok(true)
}

/// Sessions started before this time ended long ago and can be deleted.
pub fn forgotten_before(now: Timestamp) -> Timestamp {
    now.before(super::sign_in::LIFETIME + KEPT)
}
