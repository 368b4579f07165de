//! The only way in which verbs check passwords.

use std::future::Future;

use tokio::time::Instant;

use super::attempts::Attempt;
use crate::context::OpContext;
use crate::model::error::{Error, Result};
use crate::services::hasher::Checked;
use crate::services::hasher::Password;
use crate::store::entity::user as table;

/// Checks a password, for signing in or for changing it.
///
/// - The failure buckets are checked before anything is looked up, and again before anything is revealed.
/// - A refusal is sent after a fixed time, counted from when the door opened: no matter whether the account is unknown,
///   deactivated or has no password, and how its password is hashed. See
///   [`Hasher::deadline`](crate::services::hasher::Hasher::deadline).
/// - While waiting for that time, nothing is held: no hashing slot, no connection, no lock.
/// - A right password is not delayed.
pub(crate) struct Door<'op> {
    op: &'op OpContext,
    /// For the trail.
    action: &'static str,
    attempt: Attempt,
    typed: &'op Password,
    opened: Instant,
}

impl<'op> Door<'op> {
    /// Opens, or refuses at once while a bucket is full.
    pub async fn open(
        op: &'op OpContext,
        action: &'static str,
        attempt: Attempt,
        typed: &'op Password,
    ) -> Result<Self> {
        let opened = Instant::now();
        attempt.check(op).await?;
        Ok(Self {
            op,
            action,
            attempt,
            typed,
            opened,
        })
    }

    /// Runs the verb's code, and returns its result when it may be revealed.
    pub async fn answer<T>(&self, run: impl Future<Output = Result<T>>) -> Result<T> {
        let answer = run.await;
        // Only a caller with the right password learns that it is temporary.
        if let Err(error) = &answer
            && !matches!(error, Error::PasswordChangeRequired(_))
        {
            let deadline = self.op.hasher().deadline(self.typed).await?;
            tokio::time::sleep_until(self.opened + deadline).await;
        }
        answer
    }

    /// Checks the password against an account, if there is one. A wrong one is counted, noted, and refused with the
    /// message of `wrong`. It costs a hash in any case.
    pub async fn check(
        &self,
        account: Option<table::Model>,
        wrong: impl FnOnce() -> Error,
    ) -> Result<(table::Model, Checked)> {
        let organization = account.as_ref().map(|row| row.organization_pk);
        let hash = account.as_ref().and_then(|row| row.password_hash.as_deref());
        let checked = self.op.hasher().verify(organization, self.typed, hash).await?;
        match account {
            Some(row) if checked != Checked::Wrong => Ok((row, checked)),
            account => Err(self.refuse(account.as_ref(), wrong()).await?),
        }
    }

    /// Counts and notes a failure. Returns the refusal; or fails if a bucket is full by now.
    pub async fn refuse(&self, account: Option<&table::Model>, refusal: Error) -> Result<Error> {
        let named = match account {
            Some(row) if self.attempt.names(self.op, row).await? => Some(row),
            Some(_) | None => None,
        };
        self.op.note_refusal_of_user(self.action, named);
        self.attempt.failed(self.op).await?;
        Ok(refusal)
    }

    /// Refuses a user with the right password who may not sign in.
    pub async fn turn_away(&self, account: &table::Model, refusal: Error) -> Result<Error> {
        self.attempt.right(self.op).await?;
        self.op.note_refusal_of_user(self.action, Some(account));
        Ok(refusal)
    }

    /// The attempt, for callers that count the success in their own transaction.
    pub fn attempt(&self) -> &Attempt {
        &self.attempt
    }
}

/// Whether a password that is to be set is the present one, for a caller who may set it. One that is not is counted, because
/// the answer tells as much as a guess.
pub(crate) async fn is_present(op: &OpContext, row: &table::Model, given: &Password) -> Result<bool> {
    let Some(present) = row.password_hash.as_deref() else {
        return Ok(false);
    };
    let attempt = Attempt::of_new_password(row.pk);
    attempt.check(op).await?;
    let organization = Some(row.organization_pk);
    let checked = op.hasher().verify(organization, given, Some(present)).await?;
    if checked == Checked::Wrong {
        attempt.failed(op).await?;
    }
    Ok(checked != Checked::Wrong)
}
