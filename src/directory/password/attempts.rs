//! Delays: how often a password may be wrong.
//!
//! Two buckets, in the database, so that all processes share them: one of the account and one of the client's network
//! address. Of somebody who signs in, the account is the address that was typed, whether or not somebody has it. A full
//! bucket refuses at once, before anything is hashed, and says for how long; the wait doubles with each further failure.
//!
//! Nobody can lock another out for good. Whoever fails on purpose fills the bucket of an address, but a client from which
//! its owner has signed in before has a bucket of its own with that address, and passes by the other. Who changes a
//! password with a credential has other buckets; see [`Attempt::of_old_password`].
//!
//! What counts is counted after the hash, under a lock on the bucket, and there the bucket is looked at once more: of a
//! hundred guesses sent at the same moment all pass the first look, but only as many as the limit allows are told whether
//! they were right. Counting before the hash instead would refuse those who sign in at the same moment and are right.
//!
//! The times in a bucket are those of the clock when it was written, which may have been wrong. So none of them is believed
//! that today's clock could not have written: a wait is never longer than what its failures earn.

use std::net::IpAddr;
use std::time::Duration;

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Set};

use crate::context::OpContext;
use crate::model::digest;
use crate::model::error::{Error, Result};
use crate::model::{Email, Timestamp};
use crate::services::network::network;
use crate::store::entity::sign_in_attempt::{self as table, Column};

const ACCOUNT_FAILURES_MAX: i64 = 20;
const CLIENT_FAILURES_MAX: i64 = 100;
const WINDOW: Duration = Duration::from_secs(15 * 60);
const WAIT_SECONDS_MIN: u64 = 30;
const WAIT_SECONDS_MAX: u64 = 15 * 60;
/// How long a client is known after its last success.
const KNOWN: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long a count is kept after its last failure: until its longest wait, and the window after it, are over.
const FORGOTTEN: Duration = Duration::from_secs(3 * 15 * 60);

/// One of the counts that an attempt is under.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bucket {
    name: String,
    failures_max: i64,
    /// How long it is kept at the most after it was written.
    kept: Duration,
}

impl Bucket {
    fn of_client(what: &str) -> Self {
        Self {
            name: digest(what),
            failures_max: CLIENT_FAILURES_MAX,
            kept: FORGOTTEN,
        }
    }

    fn of_account(what: &str) -> Self {
        Self {
            name: digest(what),
            failures_max: ACCOUNT_FAILURES_MAX,
            kept: FORGOTTEN,
        }
    }

    fn of_known_client(what: &str) -> Self {
        Self {
            kept: KNOWN,
            ..Self::of_account(what)
        }
    }

    /// What so many failures earn.
    fn wait(&self, failures: i64) -> Duration {
        match u32::try_from(failures - self.failures_max) {
            Ok(further) => {
                let seconds = WAIT_SECONDS_MIN.saturating_mul(2_u64.saturating_pow(further));
                Duration::from_secs(seconds.min(WAIT_SECONDS_MAX))
            }
            Err(_) => Duration::ZERO,
        }
    }

    /// The row with the times that can be true at this moment.
    fn believed(&self, row: table::Model, now: Timestamp) -> table::Model {
        table::Model {
            started_at: row.started_at.min(now),
            blocked_until: row.blocked_until.min(now.after(self.wait(row.failures))),
            forget_at: row.forget_at.min(now.after(self.kept)),
            ..row
        }
    }

    async fn locked(&self, connection: &impl ConnectionTrait, now: Timestamp) -> Result<Option<table::Model>> {
        let row = table::Entity::find_by_id(&self.name)
            .lock_exclusive()
            .one(connection)
            .await?;
        Ok(row.map(|row| self.believed(row, now)))
    }
}

/// The buckets of one attempt.
pub(crate) struct Attempt {
    client: Option<Bucket>,
    account: Bucket,
    /// Of this address from this client; it exists only once it has succeeded.
    known: Option<Bucket>,
}

impl Attempt {
    /// Of an address and a password.
    pub fn by_address(client: Option<IpAddr>, email: &str) -> Self {
        let client = client.map(network);
        // In its one form: however a domain is spelled, its guesses are of one account.
        let email = Email::normalize(email).map_or_else(|| email.trim().to_lowercase(), |email| email.to_string());
        Self {
            known: client.map(|client| Bucket::of_known_client(&format!("known {client} {email}"))),
            client: client.map(|client| Bucket::of_client(&format!("client {client}"))),
            account: Bucket::of_account(&format!("account {email}")),
        }
    }

    /// Of an old password that somebody must know beside a credential. The buckets are others than those of signing in:
    /// whoever fills those, and anybody can, must not keep an owner from changing the password. For the same reason the
    /// owner's failures are counted apart from those of who manages the account.
    pub fn of_old_password(client: Option<IpAddr>, user_pk: i64, by_owner: bool) -> Self {
        let who = if by_owner { "its owner" } else { "another" };
        Self {
            client: client.map(|client| Bucket::of_client(&format!("old passwords from {}", network(client)))),
            account: Bucket::of_account(&format!("old password of {user_pk} by {who}")),
            known: None,
        }
    }

    /// Refuses while a bucket is full. Before the hash, and without a lock.
    pub async fn check(&self, op: &OpContext) -> Result<()> {
        let now = op.now();
        let buckets = [self.client.as_ref(), Some(&self.account), self.known.as_ref()];
        let rows = table::Entity::find()
            .filter(Column::Bucket.is_in(buckets.into_iter().flatten().map(|bucket| bucket.name.as_str())))
            .all(op.db().reader())
            .await?;
        let row = |bucket: Option<&Bucket>| {
            let bucket = bucket?;
            let row = rows.iter().find(|row| row.bucket == bucket.name)?;
            Some((row, bucket.believed(row.clone(), now)))
        };
        let known = row(self.known.as_ref()).filter(|(_, believed)| believed.forget_at > now);
        let account = known.or_else(|| row(Some(&self.account)));
        for (stored, believed) in [row(self.client.as_ref()), account].into_iter().flatten() {
            if believed.blocked_until < stored.blocked_until {
                write_believed(op, stored, &believed).await?;
            }
            refuse_if_full(&believed, now)?;
        }
        Ok(())
    }

    /// Counts a failure; or refuses, if others have filled a bucket meanwhile.
    pub async fn failed(&self, op: &OpContext) -> Result<()> {
        let now = op.now();
        let transaction = op.db().begin().await?;
        // Always the client's first: two that fail together never wait for each other in a circle.
        if let Some(client) = &self.client {
            fail(&transaction, client, now).await?;
        }
        let account = match &self.known {
            Some(known)
                if known
                    .locked(&transaction, now)
                    .await?
                    .is_some_and(|row| row.forget_at > now) =>
            {
                known
            }
            Some(_) | None => &self.account,
        };
        fail(&transaction, account, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The same in a transaction of its own, before a right password is answered by anything but a session: such an answer
    /// says that it was right.
    pub async fn right(&self, op: &OpContext) -> Result<()> {
        let transaction = op.db().begin().await?;
        self.succeeded(&transaction, op.now()).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The right password: clears the account's count and remembers the client. Refuses, if others have filled a bucket
    /// since it was looked at.
    pub async fn succeeded(&self, connection: &impl ConnectionTrait, now: Timestamp) -> Result<()> {
        if let Some(client) = &self.client
            && let Some(row) = table::Entity::find_by_id(&client.name).one(connection).await?
        {
            refuse_if_full(&client.believed(row, now), now)?;
        }
        let known = match &self.known {
            Some(known) => known.locked(connection, now).await?.filter(|row| row.forget_at > now),
            None => None,
        };
        let account = self.account.locked(connection, now).await?;
        if let Some(row) = known.as_ref().or(account.as_ref()) {
            refuse_if_full(row, now)?;
        }
        if account.is_some() {
            table::Entity::delete_by_id(&self.account.name).exec(connection).await?;
        }
        if let Some(known) = &self.known {
            let row = table::ActiveModel {
                bucket: Set(known.name.clone()),
                failures: Set(0),
                started_at: Set(now),
                blocked_until: Set(Timestamp::default()),
                forget_at: Set(now.after(known.kept)),
            };
            let all = [
                Column::Failures,
                Column::StartedAt,
                Column::BlockedUntil,
                Column::ForgetAt,
            ];
            table::Entity::insert(row)
                .on_conflict(OnConflict::column(Column::Bucket).update_columns(all).to_owned())
                .exec_without_returning(connection)
                .await?;
        }
        Ok(())
    }
}

/// Stores what is believed of a bucket, unless somebody has written to it meanwhile. Else a wait that a wrong clock wrote
/// would begin anew with each look at it.
async fn write_believed(op: &OpContext, stored: &table::Model, believed: &table::Model) -> Result<()> {
    let transaction = op.db().begin().await?;
    table::Entity::update_many()
        .col_expr(Column::StartedAt, Expr::val(believed.started_at.micros()))
        .col_expr(Column::BlockedUntil, Expr::val(believed.blocked_until.micros()))
        .col_expr(Column::ForgetAt, Expr::val(believed.forget_at.micros()))
        .filter(Column::Bucket.eq(stored.bucket.as_str()))
        .filter(Column::BlockedUntil.eq(stored.blocked_until))
        .exec(&transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

async fn fail(connection: &impl ConnectionTrait, bucket: &Bucket, now: Timestamp) -> Result<()> {
    let empty = table::ActiveModel {
        bucket: Set(bucket.name.clone()),
        failures: Set(0),
        started_at: Set(now),
        blocked_until: Set(Timestamp::default()),
        forget_at: Set(now.after(FORGOTTEN)),
    };
    // Made or locked in one statement: between two, somebody who signs in could remove it.
    let row = table::Entity::insert(empty)
        .on_conflict(
            OnConflict::column(Column::Bucket)
                .update_column(Column::Bucket)
                .to_owned(),
        )
        .exec_with_returning(connection)
        .await?;
    let row = bucket.believed(row, now);
    refuse_if_full(&row, now)?;
    // A count below the limit is that of one window. One that has reached it lasts until nothing was refused, and nothing
    // failed, for as long; until then each further failure doubles the wait.
    let over = row.forget_at <= now
        || if row.failures < bucket.failures_max {
            row.started_at.after(WINDOW) <= now
        } else {
            row.blocked_until.after(WINDOW) <= now
        };
    let (failures, started_at) = if over {
        (1, now)
    } else {
        (row.failures + 1, row.started_at)
    };
    let wait = bucket.wait(failures);
    table::ActiveModel {
        bucket: Set(row.bucket),
        failures: Set(failures),
        started_at: Set(started_at),
        blocked_until: Set(if wait.is_zero() {
            Timestamp::default()
        } else {
            now.after(wait)
        }),
        // Rows that are forgotten are swept away now and then; what is still there of one counts for nothing.
        forget_at: Set(row.forget_at.max(now.after(FORGOTTEN))),
    }
    .update(connection)
    .await?;
    Ok(())
}

fn refuse_if_full(row: &table::Model, now: Timestamp) -> Result<()> {
    let retry_after_seconds = now.seconds_until(row.blocked_until);
    if retry_after_seconds == 0 {
        return Ok(());
    }
    Err(Error::RateLimited {
        message: format!("Too many wrong passwords. Try again in {retry_after_seconds} seconds."),
        retry_after_seconds,
    })
}
