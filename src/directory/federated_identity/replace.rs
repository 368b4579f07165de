//! Sets identities. The calling verb opens the transaction and writes the event.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};

use super::FederatedIdentity;
use crate::model;
use crate::model::error::{Error, Result, shown};
use crate::store::db::rows_at_once;
use crate::store::entity::federated_identity::{self as table, Column};

const FIELD: &str = "federatedIdentities";
const IDENTITIES_MAX: usize = 20;

/// Validates the caller's input, and sorts it by provider.
pub fn parse(given: &[FederatedIdentity]) -> Result<Vec<FederatedIdentity>> {
    if given.len() > IDENTITIES_MAX {
        return Err(Error::invalid(
            FIELD,
            format!("A user can have at most {IDENTITIES_MAX} federated identities."),
        ));
    }
    let mut identities = Vec::with_capacity(given.len());
    for (number, one) in given.iter().enumerate() {
        let place = |field: &str| format!("{FIELD}.{number}.{field}");
        identities.push(FederatedIdentity {
            identity_provider: model::name(&place("identityProvider"), &one.identity_provider)?,
            user_id: model::name(&place("userId"), &one.user_id)?,
            user_name: model::name(&place("userName"), &one.user_name)?,
        });
    }
    identities.sort_by(|a, b| a.identity_provider.cmp(&b.identity_provider));
    let twice = identities
        .iter()
        .zip(identities.iter().skip(1))
        .find(|(one, next)| one.identity_provider == next.identity_provider);
    match twice {
        Some((one, _)) => Err(Error::invalid(
            FIELD,
            format!(
                "A user can have at most one identity per provider; two are given for '{}'.",
                shown(&one.identity_provider)
            ),
        )),
        None => Ok(identities),
    }
}

/// Replaces the user's identities with these.
pub async fn replace_in_txn(
    connection: &impl ConnectionTrait,
    user_pk: i64,
    identities: &[FederatedIdentity],
) -> Result<()> {
    table::Entity::delete_many()
        .filter(Column::UserPk.eq(user_pk))
        .exec(connection)
        .await?;
    insert_in_txn(connection, identities.iter().map(|one| (user_pk, one)).collect()).await
}

/// Adds the identities of users who have none.
pub async fn insert_in_txn(
    connection: &impl ConnectionTrait,
    identities: Vec<(i64, &FederatedIdentity)>,
) -> Result<()> {
    /// The columns of an identity.
    const VALUES: usize = 4;
    let rows = identities.into_iter().map(|(user_pk, one)| table::ActiveModel {
        user_pk: Set(user_pk),
        identity_provider: Set(one.identity_provider.clone()),
        user_id: Set(one.user_id.clone()),
        user_name: Set(one.user_name.clone()),
        ..Default::default()
    });
    let rows: Vec<table::ActiveModel> = rows.collect();
    for some in rows.chunks(rows_at_once(VALUES)) {
        table::Entity::insert_many(some.iter().cloned())
            .exec_without_returning(connection)
            .await?;
    }
    Ok(())
}
