//! Reads the caller's settings.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::Settings;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::model::error::{Error, Result};
use crate::store::entity::setting::{self as table, Column};

/// The caller's settings.
pub async fn read(op: &OpContext) -> Result<Settings> {
    op.authorize(Action::Read, Resource::Settings)?;
    let caller = op.actor().caller().ok_or_else(nobodys)?;
    of_user(op.db().reader(), caller.user_pk).await
}

pub(super) fn nobodys() -> Error {
    Error::invalid(
        "settings",
        "Settings belong to a user, and the caller is not a user.".to_owned(),
    )
}

pub(super) async fn of_user(connection: &impl ConnectionTrait, user_pk: i64) -> Result<Settings> {
    let rows = table::Entity::find()
        .filter(Column::UserPk.eq(user_pk))
        .all(connection)
        .await?;
    Ok(Settings(rows.into_iter().map(|row| (row.key, row.value)).collect()))
}
