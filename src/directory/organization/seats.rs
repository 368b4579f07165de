//! Seats: an organization may have a limit on its activated users. Services may be exempt.
//!
//! While there is a limit, the organization's row has the number of seats that are taken, so that nobody has to count
//! them. Every verb that changes who takes a seat calls [`follow`] or [`take`] for it. Setting a limit counts them once:
//! it locks the row against all of these, which lock its key.

use std::collections::HashMap;

use sea_orm::sea_query::{CaseStatement, Condition, Expr, ExprTrait, Func, LockType};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoSimpleExpr, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
};

use crate::authz::Granted;
use crate::context::Change;
use crate::model::error::{Error, Result};
use crate::store::entity::{any_of, organization, user};

/// Notes that a user changed: the row as it was, and as it is now, each `None` if there is none. It frees the seat that
/// the user took, and takes the one that it needs, or refuses that if the limit is reached. Called after the change of the user's
/// row, as late as possible: from here on, others who take seats of the same organization wait for the commit. So the
/// caller's access is locked before that: who withdraws it may need the same seats.
///
/// Callers who manage single tenants do not learn the limit.
pub async fn follow(
    change: &mut Change<'_>,
    before: Option<&user::Model>,
    after: Option<&user::Model>,
    granted: &Granted,
) -> Result<()> {
    let seat_of = |row: Option<&user::Model>| {
        let takes = row.filter(|row| row.activated && row.takes_seat);
        takes.map(|row| row.organization_pk)
    };
    let (left, taken) = (seat_of(before), seat_of(after));
    if left == taken {
        return Ok(());
    }
    // In the order of the keys, so that two who move in opposite directions do not wait for each other.
    let mut organizations: Vec<i64> = left.into_iter().chain(taken).collect();
    organizations.sort_unstable();
    for pk in organizations {
        let Some(row) = locked(&**change, pk).await? else {
            continue;
        };
        if taken == Some(pk) {
            take(change, &row, Some(granted)).await?;
        } else if row.seat_limit.is_some() {
            change.hold_caller().await?;
            shift(&**change, row.pk, -1).await?;
        }
    }
    Ok(())
}

/// The organization, whose limit does not change until the transaction ends.
async fn locked(connection: &impl ConnectionTrait, pk: i64) -> Result<Option<organization::Model>> {
    let row = organization::Entity::find_by_id(pk).lock(LockType::KeyShare);
    Ok(row.one(connection).await?)
}

/// Takes a seat for a new user, or refuses it if the limit is reached. The organization's key is locked already; without
/// a limit, nothing is done.
pub async fn take(
    change: &mut Change<'_>,
    organization: &organization::Model,
    granted: Option<&Granted>,
) -> Result<()> {
    match take_some(change, &[(organization, 1)]).await?.get(&organization.pk) {
        Some(0) => Err(none_left(organization, granted)),
        Some(_) | None => Ok(()),
    }
}

/// Takes seats for several new users: how many in which organizations, each once. Their keys are locked already. Returns
/// how many there were, of each organization that has a limit: none, or fewer than wanted, if it is reached.
pub async fn take_some(change: &mut Change<'_>, wanted: &[(&organization::Model, i64)]) -> Result<HashMap<i64, i64>> {
    let limited = wanted
        .iter()
        .filter(|(organization, _)| organization.seat_limit.is_some());
    let limited: Vec<(i64, i64)> = limited.map(|(organization, seats)| (organization.pk, *seats)).collect();
    if limited.is_empty() {
        return Ok(HashMap::new());
    }
    change.hold_caller().await?;
    if let [(pk, seats)] = limited.as_slice() {
        if shift(&**change, *pk, *seats).await? {
            return Ok(HashMap::from([(*pk, *seats)]));
        }
        if *seats == 1 {
            return Ok(HashMap::from([(*pk, 0)]));
        }
    }
    let taken = seats_left(&**change, &limited).await?;
    let some: Vec<(i64, i64)> = taken
        .iter()
        .map(|(pk, seats)| (*pk, *seats))
        .filter(|(_, seats)| *seats > 0)
        .collect();
    if !some.is_empty() {
        add(&**change, &some).await?;
    }
    Ok(taken)
}

/// How many of the wanted seats each organization has left. Nobody else takes or frees one until the transaction ends.
async fn seats_left(connection: &impl ConnectionTrait, wanted: &[(i64, i64)]) -> Result<HashMap<i64, i64>> {
    let backend = connection.get_database_backend();
    let pks = wanted.iter().map(|(pk, _)| *pk);
    let left: Vec<(i64, Option<i64>, Option<i64>)> = organization::Entity::find()
        .select_only()
        .columns([
            organization::Column::Pk,
            organization::Column::SeatLimit,
            organization::Column::SeatsUsed,
        ])
        .filter(any_of(backend, organization::Column::Pk, pks))
        .order_by_asc(organization::Column::Pk)
        .lock(LockType::NoKeyUpdate)
        .into_tuple()
        .all(connection)
        .await?;
    let left: HashMap<i64, i64> = left
        .into_iter()
        .map(|(pk, limit, used)| (pk, limit.unwrap_or_default() - used.unwrap_or_default()))
        .collect();
    let granted = |(pk, seats): &(i64, i64)| (*pk, left.get(pk).map_or(0, |left| (*left).clamp(0, *seats)));
    Ok(wanted.iter().map(granted).collect())
}

/// Adds to the numbers of several organizations, in one statement.
async fn add(connection: &impl ConnectionTrait, seats: &[(i64, i64)]) -> Result<()> {
    let backend = connection.get_database_backend();
    let more = seats.iter().fold(CaseStatement::new(), |more, (pk, seats)| {
        more.case(organization::Column::Pk.eq(*pk), *seats)
    });
    organization::Entity::update_many()
        .col_expr(
            organization::Column::SeatsUsed,
            Expr::col(organization::Column::SeatsUsed).add(more.finally(0)),
        )
        .filter(any_of(
            backend,
            organization::Column::Pk,
            seats.iter().map(|(pk, _)| *pk),
        ))
        .exec(connection)
        .await?;
    Ok(())
}

/// The refusal of who finds no seat left. Callers who manage single tenants do not learn the limit.
pub fn none_left(organization: &organization::Model, granted: Option<&Granted>) -> Error {
    if granted.is_some_and(|granted| granted.tenants().is_some()) {
        return Error::SeatLimitReached(
            "All seats of the organization are taken. Ask an administrator of the organization.".to_owned(),
        );
    }
    Error::SeatLimitReached(format!(
        "All {} seats of the organization '{}' are taken; deactivate a user or raise the seat limit.",
        organization.seat_limit.unwrap_or_default(),
        organization.id
    ))
}

/// Adds to the number of seats that are taken; returns whether it did. It never rises above the limit, nor falls below
/// none: a wrong number, which `tenantry doctor` reports, must not keep anybody from ending somebody's access.
async fn shift(connection: &impl ConnectionTrait, organization_pk: i64, by: i64) -> Result<bool> {
    let used = || Expr::col(organization::Column::SeatsUsed);
    let mut shifted = organization::Entity::update_many()
        .col_expr(organization::Column::SeatsUsed, used().add(by))
        .filter(organization::Column::Pk.eq(organization_pk));
    shifted = shifted.filter(match by > 0 {
        true => used().add(by).lte(Expr::col(organization::Column::SeatLimit)),
        false => used().gt(0),
    });
    Ok(shifted.exec(connection).await?.rows_affected > 0)
}

/// The number to keep for an organization with this limit. Its row is locked already, so that nobody takes a seat until the
/// transaction ends.
pub(super) async fn kept(
    connection: &impl ConnectionTrait,
    organization_pk: i64,
    limit: Option<i64>,
) -> Result<Option<i64>> {
    if limit.is_none() {
        return Ok(None);
    }
    let counted = user::Entity::find()
        .filter(user::Column::OrganizationPk.eq(organization_pk))
        .filter(taken())
        .count(connection)
        .await?;
    Ok(Some(i64::try_from(counted).unwrap_or(i64::MAX)))
}

/// The number of seats that are taken in several organizations, in one statement: the kept number, or where there is no
/// limit, that of the users who take one.
pub async fn seats_used(connection: &impl ConnectionTrait, organization_pks: &[i64]) -> Result<HashMap<i64, i64>> {
    let owner = Expr::col((organization::Entity, organization::Column::Pk));
    let mut counted = user::Entity::find()
        .select_only()
        .expr(Expr::cust("COUNT(*)"))
        .filter(taken())
        .into_query();
    counted.and_where(user::Column::OrganizationPk.into_simple_expr().eq(owner));
    let kept = Expr::col((organization::Entity, organization::Column::SeatsUsed));
    let used = Func::coalesce([kept, Expr::SubQuery(None, Box::new(counted.into()))]);
    let backend = connection.get_database_backend();
    let found: Vec<(i64, i64)> = organization::Entity::find()
        .select_only()
        .column(organization::Column::Pk)
        .expr(used)
        .filter(any_of(
            backend,
            organization::Column::Pk,
            organization_pks.iter().copied(),
        ))
        .into_tuple()
        .all(connection)
        .await?;
    Ok(found.into_iter().collect())
}

/// Who takes a seat.
fn taken() -> Condition {
    Condition::all()
        .add(user::Column::Activated.eq(true))
        .add(user::Column::TakesSeat.eq(true))
}
