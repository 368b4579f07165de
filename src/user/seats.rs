//! Seats: an organization may have a limit on its activated users.

use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};

use crate::entity::{organization, user};
use crate::error::{Error, Result};

/// Refuses one more activated user where the limit is reached. Called in the transaction that adds it, before it does.
///
/// With a limit, the organization's row is locked first: of two that want the last seat, the second waits and then
/// counts the first one's user. Without a limit nothing is locked.
pub async fn take(connection: &impl ConnectionTrait, organization: &organization::Model) -> Result<()> {
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
    let used = user::Entity::find()
        .filter(user::Column::OrganizationPk.eq(organization.pk))
        .filter(user::Column::Activated.eq(true))
        .count(connection)
        .await?;
    if used >= limit.unsigned_abs() {
        return Err(Error::SeatLimitReached(format!(
            "All {limit} seats of the organization '{}' are taken; deactivate somebody or raise its seat limit.",
            organization.id
        )));
    }
    Ok(())
}
