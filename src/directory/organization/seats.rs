//! Seats: an organization may have a limit on its activated users. Services may be exempt.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::authz::Granted;
use crate::model::error::{Error, Result};
use crate::store::entity::{any_of, organization, user};

/// Refuses one more activated user if the limit is reached. Called in the transaction that adds it, before adding.
///
/// With a limit, the organization's row is locked first: if two requests want the last seat, the second waits and then
/// counts the first one's user. Without a limit, nothing is locked.
///
/// Callers who manage single tenants do not learn the limit.
pub async fn take_seat(
    connection: &impl ConnectionTrait,
    organization: &organization::Model,
    granted: Option<&Granted>,
) -> Result<()> {
    if organization.seat_limit.is_none() {
        return Ok(());
    }
    let row = organization::Entity::find_by_id(organization.pk)
        .lock(LockType::NoKeyUpdate)
        .one(connection)
        .await?;
    let Some(limit) = row.and_then(|row| row.seat_limit) else {
        return Ok(());
    };
    let used = seats_used(connection, &[organization.pk]).await?;
    if used.get(&organization.pk).is_some_and(|used| *used >= limit) || limit == 0 {
        if granted.is_some_and(|granted| granted.tenants().is_some()) {
            return Err(Error::SeatLimitReached(
                "All seats of the organization are taken. Ask an administrator of the organization.".to_owned(),
            ));
        }
        return Err(Error::SeatLimitReached(format!(
            "All {limit} seats of the organization '{}' are taken; deactivate a user or raise the seat limit.",
            organization.id
        )));
    }
    Ok(())
}

/// The number of activated users of several organizations who take a seat, in one statement; one without any is absent.
pub async fn seats_used(connection: &impl ConnectionTrait, organization_pks: &[i64]) -> Result<HashMap<i64, i64>> {
    let keys = organization_pks.iter().copied();
    let counted: Vec<(i64, i64)> = user::Entity::find()
        .select_only()
        .column(user::Column::OrganizationPk)
        .expr(Expr::cust("COUNT(*)"))
        .filter(any_of(
            connection.get_database_backend(),
            user::Column::OrganizationPk,
            keys,
        ))
        // Exactly as in the partial index on those who take a seat.
        .filter(Expr::cust("activated"))
        .filter(Expr::cust("takes_seat"))
        .group_by(user::Column::OrganizationPk)
        .into_tuple()
        .all(connection)
        .await?;
    Ok(counted.into_iter().collect())
}
