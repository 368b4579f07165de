//! The current signing key.

use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect};

use super::rotate::{Why, is_old, rotate_if};
use crate::authn::{Signer, signing_keys_in_force};
use crate::context::OpContext;
use crate::model::error::{Error, Result};
use crate::model::{SigningAlgorithm, Timestamp};
use crate::store::entity::signing_key::{Column, Model};

/// The current signing key of an algorithm; creates one if there is none. Must not be called in a transaction, because it
/// may open one.
pub async fn current(op: &OpContext, algorithm: SigningAlgorithm) -> Result<Signer> {
    if let Some(signer) = find(op, algorithm).await? {
        return Ok(signer);
    }
    rotate_if(op, Why::Need, algorithm).await?;
    find(op, algorithm)
        .await?
        .ok_or_else(|| Error::internal("the signing key that was just created is gone"))
}

async fn find(op: &OpContext, algorithm: SigningAlgorithm) -> Result<Option<Signer>> {
    // Check first that there is a secret key.
    op.signing().secret()?;
    let now = op.now();
    let keys = newest(op.db().reader(), algorithm, now).await?;
    if keys.first().is_some_and(|key| is_old(key, now)) {
        rotate_if(op, Why::Age, algorithm).await?;
    }
    let signs = keys.iter().find(|key| key.signs_from <= now);
    signs.map(|key| op.signing().signer(key)).transpose()
}

/// The newest valid keys of an algorithm, newest first: the newest one may not be in use yet.
pub(super) async fn newest(
    connection: &impl ConnectionTrait,
    algorithm: SigningAlgorithm,
    now: Timestamp,
) -> Result<Vec<Model>> {
    Ok(signing_keys_in_force(now)
        .filter(Column::Algorithm.eq(algorithm))
        .order_by_desc(Column::SignsFrom)
        .order_by_desc(Column::Pk)
        .limit(3)
        .all(connection)
        .await?)
}
