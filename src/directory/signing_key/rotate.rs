//! Creates the next key, and ends the previous ones.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, Condition, EntityTrait, QueryFilter, Set};

use super::current::newest;
use crate::authn::{ACCESS_LIFETIME, PUBLISHED_SECONDS};
use crate::context::OpContext;
use crate::model::Timestamp;
use crate::model::error::Result;
use crate::store::audit_trail::{self, Event};
use crate::store::entity::signing_key::{self as table, Column};

/// The time between a key's publication and its first use.
const AHEAD: Duration = Duration::from_secs(2 * PUBLISHED_SECONDS);
/// How long a key stays valid after the next one is in use.
const OVERLAP: Duration = Duration::from_secs(ACCESS_LIFETIME.as_secs() + 60);
const AGE_MAX: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Creates a new key, and ends the others: after an overlap, or at once.
pub async fn rotate(op: &OpContext, at_once: bool) -> Result<()> {
    rotate_if(op, if at_once { Why::Leak } else { Why::Wish }).await
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
pub(super) async fn rotate_if(op: &OpContext, why: Why) -> Result<()> {
    let now = op.now();
    let transaction = op.db().begin_alone().await?;
    let known = newest(&transaction, now).await?;
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
        .filter(
            Condition::any()
                .add(Column::EndsAt.is_null())
                .add(Column::EndsAt.gt(ends_at)),
        )
        .exec(&transaction)
        .await?;
    let id = op.new_id().to_string();
    let (sealed, public) = op.signing().new_pair(&id)?;
    let row = table::ActiveModel {
        sealed: Set(sealed),
        public: Set(public),
        id: Set(id.clone()),
        signs_from: Set(signs_from),
        created_at: Set(now),
        ..Default::default()
    };
    let row = row.insert(&transaction).await?;
    audit_trail::record(&transaction, op.author(), Event::new("signingKey.create", row.pk, &id)).await?;
    transaction.commit().await?;
    if why == Why::Leak {
        op.forget_credentials();
    }
    Ok(())
}
