//! Delays: how often signing in may fail.
//!
//! Two buckets, in the database, so that all processes share them: one of the address that was typed, whether or not
//! somebody has it, and one of the client's network address. A full bucket refuses at once, before anything is hashed, and
//! says for how long; the wait doubles with each further failure. No request is ever held.
//!
//! Nobody can lock another out for good. Whoever fails on purpose fills the bucket of an address, but a client from which
//! its owner has signed in before has a bucket of its own with that address, and passes by the other.
//!
//! Who changes a password with a credential has a bucket for the old one; see [`Attempt::of_old_password`].
//!
//! What counts is counted after the hash, under a lock on the bucket, and there the bucket is looked at once more: of a
//! hundred guesses sent at the same moment all pass the first look, but only as many as the limit allows are told whether
//! they were right. Counting before the hash instead would refuse those who sign in at the same moment and are right.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Set,
};

use crate::authn::digest;
use crate::context::OpContext;
use crate::entity::sign_in_attempt::{self as table, Column};
use crate::error::{Error, Result};
use crate::value::{Email, Timestamp};

const ACCOUNT_FAILURES_MAX: i64 = 20;
const CLIENT_FAILURES_MAX: i64 = 100;
const WINDOW: Duration = Duration::from_secs(15 * 60);
const WAIT_SECONDS_MIN: u64 = 30;
const WAIT_SECONDS_MAX: u64 = 15 * 60;
/// How long a client is known after its last success.
const KNOWN: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The buckets of one attempt.
pub(crate) struct Attempt {
    client: Option<String>,
    account: String,
    /// Of this address from this client; it exists only once it has succeeded.
    known: Option<String>,
}

impl Attempt {
    pub fn new(client: Option<IpAddr>, email: &str) -> Self {
        let client = client.map(network);
        // In its one form: however a domain is spelled, its guesses are of one account.
        let email = Email::normalize(email).map_or_else(|| email.trim().to_lowercase(), |email| email.to_string());
        Self {
            known: client.map(|client| digest(&format!("known {client} {email}"))),
            client: client.map(|client| digest(&format!("client {client}"))),
            account: digest(&format!("account {email}")),
        }
    }

    /// Of an old password that somebody must know beside a credential. A bucket of its own: whoever fills that of an
    /// address, and anybody can, must not keep its owner from changing the password. The client's is left out, since the
    /// credential has shown who it is, and it may stand for many.
    pub fn of_old_password(user_pk: i64) -> Self {
        Self {
            client: None,
            account: digest(&format!("old password {user_pk}")),
            known: None,
        }
    }

    /// Refuses while a bucket is full. Before the hash, and without a lock.
    pub async fn check(&self, op: &OpContext) -> Result<()> {
        let buckets = [self.client.as_ref(), Some(&self.account), self.known.as_ref()];
        let rows = table::Entity::find()
            .filter(Column::Bucket.is_in(buckets.into_iter().flatten().map(String::as_str)))
            .all(op.db().reader())
            .await?;
        let row = |bucket: Option<&String>| bucket.and_then(|bucket| rows.iter().find(|row| row.bucket == *bucket));
        let known = row(self.known.as_ref()).filter(|row| row.forget_at > op.now());
        let account = known.or_else(|| row(Some(&self.account)));
        for bucket in [row(self.client.as_ref()), account].into_iter().flatten() {
            refuse_if_full(bucket, op.now())?;
        }
        Ok(())
    }

    /// Counts a failure; or refuses, if others have filled a bucket meanwhile.
    pub async fn failed(&self, op: &OpContext) -> Result<()> {
        let now = op.now();
        let transaction = op.db().begin().await?;
        // Always the client's first: two that fail together never wait for each other in a circle.
        if let Some(client) = &self.client {
            fail(&transaction, client, CLIENT_FAILURES_MAX, now).await?;
        }
        let known = match &self.known {
            Some(known) => locked(&transaction, known)
                .await?
                .filter(|row| row.forget_at > now)
                .map(|row| row.bucket),
            None => None,
        };
        fail(
            &transaction,
            known.as_ref().unwrap_or(&self.account),
            ACCOUNT_FAILURES_MAX,
            now,
        )
        .await?;
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

    /// The right password: clears the address's count and remembers the client. Refuses, if others have filled a bucket
    /// since it was looked at.
    pub async fn succeeded(&self, connection: &impl ConnectionTrait, now: Timestamp) -> Result<()> {
        if let Some(client) = &self.client
            && let Some(row) = table::Entity::find_by_id(client).one(connection).await?
        {
            refuse_if_full(&row, now)?;
        }
        let known = match &self.known {
            Some(known) => locked(connection, known).await?.filter(|row| row.forget_at > now),
            None => None,
        };
        let account = locked(connection, &self.account).await?;
        if let Some(row) = known.as_ref().or(account.as_ref()) {
            refuse_if_full(row, now)?;
        }
        if account.is_some() {
            table::Entity::delete_by_id(&self.account).exec(connection).await?;
        }
        if let Some(known) = &self.known {
            let row = table::ActiveModel {
                bucket: Set(known.clone()),
                failures: Set(0),
                started_at: Set(now),
                blocked_until: Set(Timestamp::default()),
                forget_at: Set(now.after(KNOWN)),
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

async fn locked(connection: &impl ConnectionTrait, bucket: &str) -> Result<Option<table::Model>> {
    Ok(table::Entity::find_by_id(bucket)
        .lock_exclusive()
        .one(connection)
        .await?)
}

async fn fail(connection: &impl ConnectionTrait, bucket: &str, limit: i64, now: Timestamp) -> Result<()> {
    let empty = table::ActiveModel {
        bucket: Set(bucket.to_owned()),
        failures: Set(0),
        started_at: Set(now),
        blocked_until: Set(Timestamp::default()),
        forget_at: Set(now.after(2 * WINDOW)),
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
    refuse_if_full(&row, now)?;
    // A count below the limit is that of one window. One that has reached it lasts until nothing was refused, and nothing
    // failed, for as long; until then each further failure doubles the wait.
    let over = row.forget_at <= now
        || if row.failures < limit {
            row.started_at.after(WINDOW) <= now
        } else {
            row.blocked_until.after(WINDOW) <= now
        };
    let (failures, started_at) = if over {
        (1, now)
    } else {
        (row.failures + 1, row.started_at)
    };
    let blocked_until = match u32::try_from(failures - limit) {
        Ok(further) => {
            let seconds = WAIT_SECONDS_MIN.saturating_mul(2_u64.saturating_pow(further));
            now.after(Duration::from_secs(seconds.min(WAIT_SECONDS_MAX)))
        }
        Err(_) => Timestamp::default(),
    };
    // Rows that are forgotten are swept away now and then; what is still there of one counts for nothing.
    let forget_at = row.forget_at.max(now.after(3 * WINDOW));
    let mut row = row.into_active_model();
    row.failures = Set(failures);
    row.started_at = Set(started_at);
    row.blocked_until = Set(blocked_until);
    row.forget_at = Set(forget_at);
    row.update(connection).await?;
    Ok(())
}

fn refuse_if_full(row: &table::Model, now: Timestamp) -> Result<()> {
    let micros = row.blocked_until.micros() - now.micros();
    let retry_after_seconds = u64::try_from(micros).unwrap_or(0).div_ceil(1_000_000);
    if retry_after_seconds == 0 {
        return Ok(());
    }
    Err(Error::RateLimited {
        message: format!("The password was wrong too often. Try again in {retry_after_seconds} seconds."),
        retry_after_seconds,
    })
}

/// What one client can be told by: an IPv4 address, or the /64 network of an IPv6 address, of which everybody has many.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}
