//! Makes the words of everything that can be searched again when a release folds texts differently.
//!
//! The database records by which version of the rules its words were made. A process of a newer version makes them again,
//! a few rows in each transaction, while it serves; until then, a search may miss what is folded differently. Processes of
//! the earlier release must have ended by then, as what they write in the meantime may stay as it was.

use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ModelTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio_util::sync::CancellationToken;

use crate::model::FOLD;
use crate::model::error::{Error, Result};
use crate::store::db::Database;
use crate::store::entity::{Worded, group, organization, tenant, user, word_fold};

/// The number of rows per transaction.
const STEP: u64 = 200;

/// Makes all words again if they were made by an earlier version of the rules; returns the number of rows that it changed.
/// Stops early if it has to; the next call begins again.
pub async fn renew(db: &Database, stop: &CancellationToken) -> Result<u64> {
    let found = word_fold::Entity::find().one(db.reader()).await?;
    let found = found.ok_or_else(|| Error::internal("no version of the words"))?;
    if found.version >= FOLD {
        return Ok(0);
    }
    let mut changed = 0;
    changed +=
        renew_all::<organization::Entity>(db, stop, organization::Column::Pk, organization::Column::Words).await?;
    changed += renew_all::<tenant::Entity>(db, stop, tenant::Column::Pk, tenant::Column::Words).await?;
    changed += renew_all::<group::Entity>(db, stop, group::Column::Pk, group::Column::Words).await?;
    changed += renew_all::<user::Entity>(db, stop, user::Column::Pk, user::Column::Words).await?;
    if !stop.is_cancelled() {
        let transaction = db.begin().await?;
        word_fold::Entity::update_many()
            .col_expr(word_fold::Column::Version, Expr::val(FOLD))
            .exec(&transaction)
            .await?;
        transaction.commit().await?;
    }
    Ok(changed)
}

async fn renew_all<E>(db: &Database, stop: &CancellationToken, pk: E::Column, words: E::Column) -> Result<u64>
where
    E: EntityTrait,
    E::Model: Worded + ModelTrait<Entity = E>,
{
    let (mut changed, mut after) = (0, 0);
    while !stop.is_cancelled() {
        let transaction = db.begin().await?;
        let rows = E::find()
            .filter(pk.gt(after))
            .order_by_asc(pk)
            .limit(STEP)
            .lock(LockType::NoKeyUpdate)
            .all(&transaction)
            .await?;
        let Some(last) = rows.last() else { break };
        after = last.pk();
        for row in rows {
            changed += u64::from(renew_row::<E>(&transaction, &row, pk, words).await?);
        }
        transaction.commit().await?;
    }
    Ok(changed)
}

async fn renew_row<E>(
    connection: &impl ConnectionTrait,
    row: &E::Model,
    pk: E::Column,
    words: E::Column,
) -> Result<bool>
where
    E: EntityTrait,
    E::Model: Worded,
{
    let made = row.made_words();
    if made == row.stored_words() {
        return Ok(false);
    }
    E::update_many()
        .col_expr(words, Expr::val(made))
        .filter(pk.eq(row.pk()))
        .exec(connection)
        .await?;
    Ok(true)
}
