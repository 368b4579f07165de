//! The worker: takes the mails that are due and sends them.

use std::time::Duration;

use futures::StreamExt;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, Set, Statement,
};
use tokio_util::sync::CancellationToken;

use super::write;
use crate::context::Services;
use crate::model::Timestamp;
use crate::model::error::Result;
use crate::services::mailer::{self, Undelivered};
use crate::store::entity::{invitation, mail as table};

/// How many mails a process takes at once, and how many of them it sends concurrently.
const BATCH: u64 = 16;
const AT_ONCE: usize = 4;
/// How long a mail is reserved for one process. Sending takes at most a minute
/// ([`crate::services::mailer::Mailer::send`]); the clocks of several processes may differ by the rest.
const LEASE: Duration = Duration::from_secs(10 * 60);
/// The wait after the first failed attempt. It doubles with each further one.
const WAIT_MIN: Duration = Duration::from_secs(10);
const WAIT_MAX: Duration = Duration::from_secs(60 * 60);
/// How long a started delivery may continue after the signal to stop. It is shorter than the process has until it must
/// exit, so that there is time to record the outcome.
const STOPPING: Duration = Duration::from_secs(2);

/// Sends all mails that are due now, and returns how many were tried. Several processes share the work. After `stop`,
/// no delivery starts, and a mail that cannot be sent soon is left for the next process.
pub async fn deliver_due(services: &Services, stop: &CancellationToken) -> Result<usize> {
    let mut tried = 0;
    while !stop.is_cancelled() {
        let taken = take(services).await?;
        if taken.is_empty() {
            break;
        }
        tried += taken.len();
        let delivered = futures::stream::iter(taken).map(|row| deliver(services, row, stop));
        let mut delivered = delivered.buffer_unordered(AT_ONCE);
        while let Some(outcome) = delivered.next().await {
            // A mail whose outcome cannot be recorded stays reserved, and is tried again when that expires.
            if let Err(error) = outcome {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "cannot record the outcome of a mail"
                );
            }
        }
    }
    Ok(tried)
}

/// Reserves some mails that are due and that no other process is sending.
async fn take(services: &Services) -> Result<Vec<table::Model>> {
    let (backend, now) = (services.db.backend(), services.clock.now());
    // No time further in the future than this is ever written. A row with one is from before the clock was set back.
    let due = "(due_at <= $1 OR due_at > $2) AND (leased_until <= $1 OR leased_until > $3)";
    let moments = [now, now.after(2 * WAIT_MAX), now.after(2 * LEASE)].map(|moment| moment.micros().into());
    // Most of the time nothing is due. This check takes no lock, and on SQLite it does not block changes.
    let any = Statement::from_sql_and_values(
        backend,
        format!("SELECT 1 FROM mails WHERE {due} LIMIT 1"),
        moments.clone(),
    );
    if services.db.reader().query_one_raw(any).await?.is_none() {
        return Ok(Vec::new());
    }
    let lock = match backend {
        DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
        _ => "",
    };
    let take = Statement::from_sql_and_values(
        backend,
        format!(
            "UPDATE mails SET leased_until = $4, attempts = attempts + 1
             WHERE pk IN (SELECT pk FROM mails WHERE {due} ORDER BY due_at, pk LIMIT {BATCH} {lock})
             RETURNING *"
        ),
        moments.into_iter().chain([now.after(LEASE).micros().into()]),
    );
    let transaction = services.db.begin().await?;
    let rows = transaction.query_all_raw(take).await?;
    transaction.commit().await?;
    rows.iter()
        .map(|row| Ok(table::Model::from_query_result(row, "")?))
        .collect()
}

/// Sends one mail, and records the outcome.
async fn deliver(services: &Services, row: table::Model, stop: &CancellationToken) -> Result<()> {
    if stop.is_cancelled() {
        return give_back(services, &row).await;
    }
    // Recorded like a mail that was sent: its organization must not learn that others write to the address.
    if row.withheld {
        services.mailer.count(mailer::WITHHELD);
        return finish(services, &row, Outcome::Sent, services.clock.now()).await;
    }
    let written = write::open(&row, services.signing.secret())
        .map_err(|error| format!("the mail cannot be opened: {error}"))
        .and_then(|draft| {
            let written = services.mailer.write(&draft.letter, &draft.head);
            written.map_err(|fault| format!("the mail cannot be written: {fault}"))
        });
    let sent = match written {
        Ok(mail) => {
            let sending = services.mailer.send(row.pk, &row.id, &row.recipient, mail);
            // A reply of the mail server takes precedence over the end of the wait.
            tokio::select! {
                biased;
                sent = sending => sent,
                () = stopped(stop) => return give_back(services, &row).await,
            }
        }
        // Another process may have the key, or this one after it is restarted.
        Err(said) => Err(Undelivered::Later(said)),
    };
    let now = services.clock.now();
    match sent {
        Ok(()) => {
            services.mailer.count(mailer::SENT);
            finish(services, &row, Outcome::Sent, now).await
        }
        Err(Undelivered::Later(said)) => {
            let due_at = now.after(wait_after(row.attempts));
            if due_at >= row.ends_at {
                return give_up(services, &row, &said, now).await;
            }
            services.mailer.count(mailer::PUT_OFF);
            tracing::warn!(request_id = %row.request_id, attempts = row.attempts, %said, "a mail could not be sent; trying again");
            finish(services, &row, Outcome::PutOff { due_at, said }, now).await
        }
        Err(Undelivered::Never(said)) => give_up(services, &row, &said, now).await,
    }
}

async fn give_up(services: &Services, row: &table::Model, said: &str, now: Timestamp) -> Result<()> {
    services.mailer.count(mailer::GIVEN_UP);
    tracing::error!(request_id = %row.request_id, attempts = row.attempts, %said, "a mail was given up");
    finish(services, row, Outcome::GivenUp { said: said.to_owned() }, now).await
}

fn wait_after(attempts: i64) -> Duration {
    let doubled = u32::try_from(attempts.saturating_sub(1).clamp(0, 16)).unwrap_or(16);
    (WAIT_MIN * 2_u32.pow(doubled)).min(WAIT_MAX)
}

/// Waits for the signal to stop, and then for the time that a started delivery still has.
async fn stopped(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(STOPPING).await;
}

/// Only the process that reserved the mail may record anything. The row may also be gone, deleted together with what
/// its token was for.
fn mine(row: &table::Model) -> Condition {
    Condition::all()
        .add(table::Column::Pk.eq(row.pk))
        .add(table::Column::LeasedUntil.eq(row.leased_until))
}

/// Makes a mail available to other processes again, as if it had not been taken.
async fn give_back(services: &Services, row: &table::Model) -> Result<()> {
    let untaken = table::ActiveModel {
        attempts: Set(row.attempts.saturating_sub(1)),
        leased_until: Set(Timestamp::default()),
        ..Default::default()
    };
    let transaction = services.db.begin().await?;
    let given_back = table::Entity::update_many().set(untaken).filter(mine(row));
    given_back.exec(&transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// What happened to a mail.
enum Outcome {
    Sent,
    PutOff { due_at: Timestamp, said: String },
    GivenUp { said: String },
}

/// Records the outcome, if the mail is still reserved for this process.
async fn finish(services: &Services, row: &table::Model, outcome: Outcome, now: Timestamp) -> Result<()> {
    let transaction = services.db.begin().await?;
    let mut shown = invitation::ActiveModel::default();
    let noted = match &outcome {
        Outcome::Sent => {
            (shown.mailed_at, shown.mail_failed_at, shown.mail_problem) = (Set(Some(now)), Set(None), Set(None));
            table::Entity::delete_many()
                .filter(mine(row))
                .exec(&transaction)
                .await?
                .rows_affected
        }
        Outcome::PutOff { due_at, said } => {
            let put_off = table::ActiveModel {
                due_at: Set(*due_at),
                leased_until: Set(Timestamp::default()),
                ..Default::default()
            };
            shown.mail_problem = Set(Some(said.clone()));
            let put_off = table::Entity::update_many().set(put_off).filter(mine(row));
            put_off.exec(&transaction).await?.rows_affected
        }
        Outcome::GivenUp { said } => {
            (shown.mail_failed_at, shown.mail_problem) = (Set(Some(now)), Set(Some(said.clone())));
            table::Entity::delete_many()
                .filter(mine(row))
                .exec(&transaction)
                .await?
                .rows_affected
        }
    };
    // An invitation that was sent again shows only the state of its new mail.
    if let (Some(pk), 1..) = (row.invitation_pk, noted) {
        let it = invitation::Column::Pk.eq(pk);
        invitation::Entity::update_many()
            .set(shown)
            .filter(it)
            .exec(&transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_have_an_end() {
        let seconds: Vec<u64> = (1..=12).map(|attempts| wait_after(attempts).as_secs()).collect();
        assert_eq!(seconds, [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]);
        assert_eq!(wait_after(i64::MAX), WAIT_MAX);
        assert_eq!(wait_after(0), WAIT_MIN);
    }
}
