//! Runs a mutation once that its client may send again, because no answer arrived: with the same `Idempotency-Key`.
//!
//! The transaction of the mutation notes the key at its beginning. So of two at once, the second waits for the first; a
//! mutation that is refused leaves no note, and may be tried again; and one whose process ends before it keeps the answer
//! does not run again. The answer is repeated only if the caller may do exactly what it could then. Otherwise the request
//! gets as far as the transaction, so that the verb checks the permissions. `docs/adr/0015-requests-sent-again.md` has the
//! reasons.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use data_encoding::HEXLOWER;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoSimpleExpr, QueryFilter, QueryTrait, Set};

use crate::model::error::{ConflictReason, Error, Result};
use crate::model::{Caller, SecretKey, Timestamp};
use crate::store::db::Database;
use crate::store::entity::answered_request::{ActiveModel, Column, Entity, Model};

/// For how long a repeated request is recognized.
pub const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);
/// After this time, an answer that is not kept yet never will be: the process has ended in between.
const RUNNING_MAX: Duration = Duration::from_secs(60);
/// In place of an answer that is not repeated.
const NOT_REPEATED: &str = "";
const PURPOSE: &str = "idempotency";

/// What a client sends that may be sent again.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// The `Idempotency-Key`.
    pub key: &'a str,
    /// The text of the document, the name of its operation, and its variables as JSON.
    pub request: [&'a str; 3],
    /// Whether the answer contains a secret, or tells whether one is right.
    pub is_secret: bool,
    /// A longer answer is not kept, in bytes: everybody with a credential may have answers kept.
    pub kept_max: usize,
}

/// A mutation that runs once.
#[derive(Debug)]
pub struct Once {
    digest: String,
    request: String,
    rights: String,
    is_secret: bool,
    kept_max: usize,
    state: Mutex<State>,
}

/// How far this request is.
#[derive(Debug)]
enum State {
    /// Nothing is committed.
    New,
    /// It has changed something, and its key is noted.
    Written,
    /// It was answered before, with this.
    Known(String),
}

impl Once {
    /// For a caller. The digests are keyed with the server's own secret: what was asked may contain a password.
    pub fn new(secret: &SecretKey, caller: &Caller, sent: Sent<'_>) -> Self {
        let digest = |kind: &str, parts: &[&str]| {
            let parts: Vec<&str> = [kind].into_iter().chain(parts.iter().copied()).collect();
            HEXLOWER.encode(&secret.mac(PURPOSE, &parts))
        };
        let impersonator = caller.impersonator.as_ref().map(|who| who.user_pk);
        let who = [caller.user_pk, caller.organization_pk, impersonator.unwrap_or_default()].map(|pk| pk.to_string());
        let [user, organization, impersonator] = &who;
        let rights = held(caller);
        let rights: Vec<&str> = rights.iter().map(String::as_str).collect();
        Self {
            digest: digest("key", &[user, organization, impersonator, sent.key]),
            request: digest("request", &sent.request),
            rights: digest("rights", &rights),
            is_secret: sent.is_secret,
            kept_max: sent.kept_max,
            state: Mutex::new(State::New),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the mutation has changed something.
    pub fn is_written(&self) -> bool {
        matches!(*self.state(), State::Written)
    }

    /// Notes that the transaction with the key is committed.
    pub(super) fn note_written(&self) {
        *self.state() = State::Written;
    }

    /// What it was answered before, if its transaction has found that.
    pub fn known(&self) -> Option<String> {
        match &*self.state() {
            State::Known(answer) => Some(answer.clone()),
            State::New | State::Written => None,
        }
    }

    /// The answer to repeat, or an error if the key was used for something else or the answer is not repeated. `None` if
    /// the mutation must run, as far as it may: it is new, or the caller's permissions have changed since.
    ///
    /// It is looked up before the mutation runs: hashing a password again would take time, and a password that was
    /// changed is not the old one any more.
    pub async fn earlier(&self, db: &Database, secret: &SecretKey, now: Timestamp) -> Result<Option<String>> {
        let known = Entity::find_by_id(self.digest.as_str())
            .filter(Column::CreatedAt.gt(now.before(REMEMBERED)))
            .one(db.reader())
            .await?;
        match known {
            Some(known) if known.rights == self.rights || known.request != self.request => {
                self.answer_of(secret, known, now).map(Some)
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Notes the key in the transaction of the mutation. An error if it was noted before: the request is not run again.
    pub(super) async fn begin(
        &self,
        transaction: &impl ConnectionTrait,
        secret: &SecretKey,
        now: Timestamp,
    ) -> Result<()> {
        if self.is_written() || self.note(transaction, now).await? {
            return Ok(());
        }
        let Some(known) = Entity::find_by_id(self.digest.as_str()).one(transaction).await? else {
            return Err(still_running());
        };
        let answer = self.answer_of(secret, known, now)?;
        *self.state() = State::Known(answer);
        Err(done(None))
    }

    /// Whether the key was not noted yet, or long ago.
    async fn note(&self, connection: &impl ConnectionTrait, now: Timestamp) -> Result<bool> {
        let row = ActiveModel {
            digest: Set(self.digest.clone()),
            request: Set(self.request.clone()),
            rights: Set(self.rights.clone()),
            target_id: Set(None),
            answer: Set(None),
            created_at: Set(now),
        };
        let all = [
            Column::Request,
            Column::Rights,
            Column::TargetId,
            Column::Answer,
            Column::CreatedAt,
        ];
        let is_old = Column::CreatedAt
            .into_simple_expr()
            .lte(now.before(REMEMBERED).micros());
        let replace = OnConflict::column(Column::Digest)
            .update_columns(all)
            .action_and_where(is_old)
            .to_owned();
        let mut insertion = Entity::insert(row).into_query();
        insertion
            .on_conflict(replace)
            .returning(Query::returning().column(Column::Digest));
        Ok(connection.query_one(&insertion).await?.is_some())
    }

    /// The answer to repeat, or why there is none.
    fn answer_of(&self, secret: &SecretKey, known: Model, now: Timestamp) -> Result<String> {
        if known.request != self.request {
            return Err(Error::conflict(
                ConflictReason::KeyUsed,
                "This 'Idempotency-Key' was used for another request within 24 hours. Use another key.",
            ));
        }
        match known.answer.as_deref() {
            // The mutation is done, and its answer follows.
            None if !self.is_secret && known.created_at > now.before(RUNNING_MAX) => Err(still_running()),
            None | Some(NOT_REPEATED) => Err(done(known.target_id)),
            Some(sealed) if known.rights == self.rights => {
                let opened = secret.open(PURPOSE, &self.digest, sealed)?;
                String::from_utf8(opened).map_err(Error::internal)
            }
            Some(_) => Err(done(known.target_id)),
        }
    }

    /// The id of what the mutation created or changed, in its transaction.
    pub(super) async fn made(&self, transaction: &impl ConnectionTrait, target_id: Option<String>) -> Result<()> {
        if self.is_written() || target_id.is_none() {
            return Ok(());
        }
        self.set(transaction, Column::TargetId, target_id).await
    }

    async fn set(&self, connection: &impl ConnectionTrait, column: Column, value: Option<String>) -> Result<()> {
        Entity::update_many()
            .col_expr(column, Expr::val(value))
            .filter(Column::Digest.eq(self.digest.as_str()))
            .exec(connection)
            .await?;
        Ok(())
    }

    /// Keeps the answer, so that it can be repeated; `None` if it is not to be. A mutation that changed nothing is noted
    /// now.
    pub async fn keep(&self, db: &Database, secret: &SecretKey, answer: Option<&str>, now: Timestamp) -> Result<()> {
        let is_written = self.is_written();
        if is_written && self.is_secret {
            return Ok(());
        }
        let kept = answer.filter(|answer| !self.is_secret && answer.len() <= self.kept_max);
        let kept = match kept {
            Some(answer) => secret.seal(PURPOSE, &self.digest, answer.as_bytes())?,
            None => NOT_REPEATED.to_owned(),
        };
        let place = db.place_for_change().await?;
        let transaction = db.begin().await?.holding(place);
        if is_written || self.note(&transaction, now).await? {
            self.set(&transaction, Column::Answer, Some(kept)).await?;
        }
        transaction.commit().await
    }
}

/// What opens something for the caller in this server, and where. Permissions that a product declares open nothing here, and
/// super admins get each new one.
fn held(caller: &Caller) -> Vec<String> {
    // Users of a tenant reach only that.
    let tenant = caller.tenant_pk.unwrap_or_default();
    let everywhere = format!("{tenant}: {}", caller.rights.organization_doors().bits());
    let of_tenants = caller
        .rights
        .tenants()
        .map(|(tenant, permissions)| format!("{tenant}: {}", permissions.doors().bits()));
    std::iter::once(everywhere).chain(of_tenants).collect()
}

fn still_running() -> Error {
    Error::conflict(
        ConflictReason::Concurrent,
        "The request with this 'Idempotency-Key' is still running. Send it again shortly.",
    )
}

fn done(id: Option<String>) -> Error {
    Error::done_before(
        id,
        "The request with this 'Idempotency-Key' was done before, and its answer is not given again.",
    )
}
