//! Creates the next key, and ends the previous ones.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, Condition, EntityTrait, QueryFilter, Set};
use strum::VariantArray;

use super::current::newest;
use crate::authn::{LIFETIME_SECONDS_MAX, PUBLISHED_SECONDS, signing_keys_in_force};
use crate::context::OpContext;
use crate::model::error::Result;
use crate::model::{SigningAlgorithm, Timestamp};
use crate::store::audit_trail::{self, Event};
use crate::store::db::Transaction;
use crate::store::entity::signing_key::{self as table, Column};

/// The time between a key's publication and its first use.
const AHEAD: Duration = Duration::from_secs(2 * PUBLISHED_SECONDS);
/// How long a key stays valid after the next one is in use.
const OVERLAP: Duration = Duration::from_secs(LIFETIME_SECONDS_MAX.unsigned_abs() + 60);
const AGE_MAX: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Creates a new key of every algorithm that is in use, and ends the others: after an overlap, or at once.
pub async fn rotate(op: &OpContext, at_once: bool) -> Result<()> {
    let why = if at_once { Why::Leak } else { Why::Wish };
    let transaction = op.db().begin_alone().await?;
    let known = signing_keys_in_force(op.now()).all(&transaction).await?;
    let mut used: Vec<SigningAlgorithm> = SigningAlgorithm::VARIANTS.to_vec();
    used.retain(|algorithm| known.iter().any(|key| key.algorithm == *algorithm));
    if used.is_empty() {
        used.push(SigningAlgorithm::default());
    }
    for algorithm in used {
        replace(op, &transaction, why, algorithm).await?;
    }
    transaction.commit().await?;
    if at_once {
        op.forget_credentials();
    }
    Ok(())
}

pub(super) fn is_old(key: &table::Model, now: Timestamp) -> bool {
    key.created_at.after(AGE_MAX) <= now
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// There is no key.
    Need,
    /// The newest key is old.
    Age,
    Wish,
    /// The old keys must become invalid.
    Leak,
}

/// Creates a key under the set-up lock, unless another process has done so in the meantime.
pub(super) async fn rotate_if(op: &OpContext, why: Why, algorithm: SigningAlgorithm) -> Result<()> {
    let transaction = op.db().begin_alone().await?;
    replace(op, &transaction, why, algorithm).await?;
    transaction.commit().await?;
    Ok(())
}

async fn replace(op: &OpContext, transaction: &Transaction, why: Why, algorithm: SigningAlgorithm) -> Result<()> {
    let now = op.now();
    let known = newest(transaction, algorithm, now).await?;
    let done = match why {
        Why::Need => known.iter().any(|key| key.signs_from <= now),
        Why::Age => known.first().is_some_and(|key| !is_old(key, now)),
        Why::Wish | Why::Leak => false,
    };
    if done {
        return Ok(());
    }
    let signs_from = match why {
        Why::Need | Why::Leak => now,
        Why::Age | Why::Wish if known.is_empty() => now,
        Why::Age | Why::Wish => now.after(AHEAD),
    };
    let ends_at = match why {
        Why::Leak => now,
        Why::Need | Why::Age | Why::Wish => signs_from.after(OVERLAP),
    };
    table::Entity::update_many()
        .col_expr(Column::EndsAt, Expr::val(ends_at.micros()))
        .filter(Column::Algorithm.eq(algorithm))
        .filter(
            Condition::any()
                .add(Column::EndsAt.is_null())
                .add(Column::EndsAt.gt(ends_at)),
        )
        .exec(transaction)
        .await?;
    let id = op.new_id().to_string();
    let (sealed, public) = op.signing().new_pair(&id, algorithm)?;
    let row = table::ActiveModel {
        algorithm: Set(algorithm),
        sealed: Set(sealed),
        public: Set(public),
        id: Set(id.clone()),
        signs_from: Set(signs_from),
        created_at: Set(now),
        ..Default::default()
    };
    let row = row.insert(transaction).await?;
    audit_trail::record(transaction, op.author(), Event::new("signingKey.create", row.pk, &id)).await
}
