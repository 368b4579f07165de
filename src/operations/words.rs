//! Makes all folded texts again when a release folds differently: the words of what can be searched, and what lists by
//! name are sorted by.
//!
//! The database records by which version of the rules they were made. A process of a newer version makes them again, a few
//! rows in each transaction, while it serves; until then, a search and a filter by name may miss what is folded differently,
//! and lists by name have it in its earlier place. Processes of the earlier release must have ended by then, as what they
//! write in the meantime may stay as it was.

use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ModelTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio_util::sync::CancellationToken;

use crate::model::FOLD;
use crate::model::error::{Error, Result};
use crate::store::db::Database;
use crate::store::entity::{Worded, group, organization, tenant, user, word_fold};

/// The number of rows per transaction.
const STEP: u64 = 200;

/// The columns that are read and written.
struct Columns<E: EntityTrait> {
    pk: E::Column,
    sort_name: E::Column,
    words: E::Column,
}

macro_rules! columns {
    ($table:ident) => {
        Columns::<$table::Entity> {
            pk: $table::Column::Pk,
            sort_name: $table::Column::SortName,
            words: $table::Column::Words,
        }
    };
}

/// Makes all of them again if they were made by an earlier version of the rules; returns the number of rows that it changed.
/// Stops early if it has to; the next call begins again.
pub async fn renew(db: &Database, stop: &CancellationToken) -> Result<u64> {
    let found = word_fold::Entity::find().one(db.reader()).await?;
    let found = found.ok_or_else(|| Error::internal("no version of the words"))?;
    if found.version >= FOLD {
        return Ok(0);
    }
    let mut changed = 0;
    changed += renew_all(db, stop, columns!(organization)).await?;
    changed += renew_all(db, stop, columns!(tenant)).await?;
    changed += renew_all(db, stop, columns!(group)).await?;
    changed += renew_all(db, stop, columns!(user)).await?;
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

async fn renew_all<E>(db: &Database, stop: &CancellationToken, columns: Columns<E>) -> Result<u64>
where
    E: EntityTrait,
    E::Model: Worded + ModelTrait<Entity = E>,
{
    let (mut changed, mut after) = (0, 0);
    while !stop.is_cancelled() {
        let transaction = db.begin().await?;
        let rows = E::find()
            .filter(columns.pk.gt(after))
            .order_by_asc(columns.pk)
            .limit(STEP)
            .lock(LockType::NoKeyUpdate)
            .all(&transaction)
            .await?;
        let Some(last) = rows.last() else { break };
        after = last.pk();
        for row in rows {
            changed += u64::from(renew_row(&transaction, &row, &columns).await?);
        }
        transaction.commit().await?;
    }
    Ok(changed)
}

async fn renew_row<E>(connection: &impl ConnectionTrait, row: &E::Model, columns: &Columns<E>) -> Result<bool>
where
    E: EntityTrait,
    E::Model: Worded,
{
    let made = row.made();
    if made == row.stored() {
        return Ok(false);
    }
    E::update_many()
        .col_expr(columns.sort_name, Expr::val(made.sort_name))
        .col_expr(columns.words, Expr::val(made.words))
        .filter(columns.pk.eq(row.pk()))
        .exec(connection)
        .await?;
    Ok(true)
}
