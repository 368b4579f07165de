//! Reads identities.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};

use super::FederatedIdentity;
use crate::model::error::Result;
use crate::store::entity::any_of;
use crate::store::entity::federated_identity::{self as table, Column};
use crate::store::entity::user;

/// The identities of several users, each user's by provider; a user without any is absent.
pub async fn of_users(
    connection: &impl ConnectionTrait,
    user_pks: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, Vec<FederatedIdentity>>> {
    let rows = table::Entity::find()
        .filter(any_of(connection.get_database_backend(), Column::UserPk, user_pks))
        .order_by_asc(Column::IdentityProvider)
        .all(connection)
        .await?;
    let mut identities: HashMap<i64, Vec<FederatedIdentity>> = HashMap::new();
    for row in rows {
        identities.entry(row.user_pk).or_default().push(FederatedIdentity {
            identity_provider: row.identity_provider,
            user_id: row.user_id,
            user_name: row.user_name,
        });
    }
    Ok(identities)
}

/// Whether the user has no password here and signs in with another provider.
pub async fn is_only_federated(connection: &impl ConnectionTrait, user: &user::Model) -> Result<bool> {
    if user.password_hash.is_some() {
        return Ok(false);
    }
    let identities = table::Entity::find()
        .filter(Column::UserPk.eq(user.pk))
        .count(connection)
        .await?;
    Ok(identities > 0)
}
