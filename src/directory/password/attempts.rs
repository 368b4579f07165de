//! Throttling of wrong passwords.
//!
//! There are two buckets, in the database, so that all processes share them: one for the account and one for the
//! client's network address. When signing in, the account is the address that was typed, whether or not it exists. A
//! full bucket refuses at once, before anything is hashed, and says for how long; the delay doubles with each further
//! failure.
//!
//! Nobody can lock out another user permanently. An attacker can fill the bucket of an address, but a client from which
//! the owner has signed in before has a separate bucket for that address. Changing a password with a credential uses
//! other buckets; see [`Attempt::of_old_password`].
//!
//! Failures are counted after hashing, under a lock on the bucket, and then the bucket is checked again: of a hundred
//! concurrent guesses, all pass the first check, but only as many as the limit allows learn whether they were right.
//! Counting before hashing would refuse concurrent sign-ins with the right password.
//!
//! The times in a bucket were written with a clock that may have been wrong. So times that the current clock could not
//! have written are ignored: a delay is never longer than its number of failures justifies.

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
use crate::store::entity::user;

const ACCOUNT_FAILURES_MAX: i64 = 20;
const CLIENT_FAILURES_MAX: i64 = 100;
const WINDOW: Duration = Duration::from_secs(15 * 60);
const WAIT_SECONDS_MIN: u64 = 30;
const WAIT_SECONDS_MAX: u64 = 15 * 60;
/// How long a client is remembered after its last success.
const KNOWN: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long a count is kept after its last failure: until its longest wait, and the window after it, are over.
const FORGOTTEN: Duration = Duration::from_secs(3 * 15 * 60);

/// One of the counters of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bucket {
    name: String,
    failures_max: i64,
    /// How long it is kept at most after it was written.
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

    /// The delay for this number of failures.
    fn wait(&self, failures: i64) -> Duration {
        match u32::try_from(failures - self.failures_max) {
            Ok(further) => {
                let seconds = WAIT_SECONDS_MIN.saturating_mul(2_u64.saturating_pow(further));
                Duration::from_secs(seconds.min(WAIT_SECONDS_MAX))
            }
            Err(_) => Duration::ZERO,
        }
    }

    /// The row, with only the times that are plausible at this time.
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
    /// For this address from this client; it exists only after a success.
    known: Option<Bucket>,
    /// Whether the account was described by its address alone.
    by_address_alone: bool,
}

impl Attempt {
    /// For an address and a password, and the organization that was named.
    ///
    /// Failures are counted for the address, whatever organization is named, so that naming organizations gives no more
    /// guesses. A client is known only for the same name: a caller who signs in to an account of their own organization is
    /// not known to another one with the same address.
    pub fn by_address(client: Option<IpAddr>, email: &str, organization: Option<&str>) -> Self {
        let client = client.map(network);
        // Normalized: all spellings of a domain count for the same account.
        let email = Email::normalize(email).map_or_else(|| email.trim().to_lowercase(), |email| email.to_string());
        Self {
            known: client.map(|client| {
                Bucket::of_known_client(&format!("known {client} {email} {}", organization.unwrap_or_default()))
            }),
            client: client.map(|client| Bucket::of_client(&format!("client {client}"))),
            account: Bucket::of_account(&format!("account {email}")),
            by_address_alone: organization.is_none(),
        }
    }

    /// For an old password that is required in addition to a credential. The buckets are separate from those for
    /// signing in, which anybody can fill, so that nobody can prevent the owner from changing the password. For the
    /// same reason, the owner's failures are counted separately from those of the account's managers.
    pub fn of_old_password(client: Option<IpAddr>, user_pk: i64, by_owner: bool) -> Self {
        let who = if by_owner { "its owner" } else { "another" };
        Self {
            client: client.map(|client| Bucket::of_client(&format!("old passwords from {}", network(client)))),
            account: Bucket::of_account(&format!("old password of {user_pk} by {who}")),
            known: None,
            by_address_alone: false,
        }
    }

    /// For a new password that is compared with the present one, by who may set it. The answer tells whether it was the same,
    /// but a wrong guess replaces what is guessed, so the limit is that of a client. How many accounts a client sets passwords
    /// of is not limited.
    pub fn of_new_password(user_pk: i64) -> Self {
        Self {
            client: None,
            account: Bucket::of_client(&format!("new password of {user_pk}")),
            known: None,
            by_address_alone: false,
        }
    }

    /// Whether a failure may be noted in the trail of this account's organization. An account that was chosen among
    /// several, and whose address was never verified, may belong to an organization that only made the address up. It
    /// must not learn when the person behind the address signs in.
    pub async fn names(&self, op: &OpContext, account: &user::Model) -> Result<bool> {
        if !self.by_address_alone || account.email_verified_at.is_some() {
            return Ok(true);
        }
        let others = user::Entity::find()
            .select_only()
            .column(user::Column::Pk)
            .filter(user::Column::Email.eq(account.email.clone()))
            .filter(user::Column::Pk.ne(account.pk))
            .into_tuple::<i64>()
            .one(op.db().reader())
            .await?;
        Ok(others.is_none())
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

    /// Counts a failure; or refuses if a bucket is full by now.
    pub async fn failed(&self, op: &OpContext) -> Result<()> {
        let now = op.now();
        let transaction = op.db().begin().await?;
        // Always the client's first, to avoid deadlocks between concurrent failures.
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

    /// The same in a separate transaction, before a right password leads to a response other than a session: such a
    /// response reveals that it was right.
    pub async fn right(&self, op: &OpContext) -> Result<()> {
        let transaction = op.db().begin().await?;
        self.succeeded(&transaction, op.now()).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The right password: remembers the client, or clears the account's count if the client is unknown. Refuses if a
    /// bucket has been filled since the check.
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
        // The failures of an address stay: another account with the address may be the one that is guessed at. From now
        // on, this client's failures are counted apart.
        if account.is_some() && self.known.is_none() {
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

/// Stores the corrected times of a bucket, unless it was changed in the meantime. Otherwise a delay written by a wrong
/// clock would start again with each check.
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
    // Inserted or locked in one statement: between two statements, a concurrent sign-in could delete it.
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
    // Below the limit, failures count within one window. At the limit, the count is kept until nothing was refused and
    // nothing failed for the length of a window; until then, each further failure doubles the delay.
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
        // Expired rows are deleted from time to time; until then they are ignored.
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
