//! The one way in which a verb checks a password.

use std::future::Future;

use tokio::time::Instant;

use super::attempts::Attempt;
use crate::context::OpContext;
use crate::model::error::{Error, Result};
use crate::services::hasher::Checked;
use crate::services::hasher::Password;
use crate::store::entity::user as table;

/// Where somebody says who they are by a password: whoever signs in or changes a password passes one.
///
/// - Buckets of failures are asked before anything is looked up, and again before anything is told.
/// - Who is not let in is told so at one moment, counted from when the door opened: whether the account is unknown,
///   deactivated or has no password, and whatever its hash is made of. See [`Hasher::deadline`](crate::services::hasher::Hasher::deadline).
/// - Whoever waits for that moment holds nothing: no turn at hashing, no connection, no lock.
/// - Who gave the right password is not kept waiting.
pub(crate) struct Door<'op> {
    op: &'op OpContext,
    /// The verb, for the trail.
    verb: &'static str,
    attempt: Attempt,
    typed: &'op Password,
    opened: Instant,
}

impl<'op> Door<'op> {
    /// Opens, or refuses at once while a bucket is full.
    pub async fn open(op: &'op OpContext, verb: &'static str, attempt: Attempt, typed: &'op Password) -> Result<Self> {
        let opened = Instant::now();
        attempt.check(op).await?;
        Ok(Self {
            op,
            verb,
            attempt,
            typed,
            opened,
        })
    }

    /// Does what the verb does behind the door, and gives its answer when it may be told.
    pub async fn answer<T>(&self, run: impl Future<Output = Result<T>>) -> Result<T> {
        let answer = run.await;
        // That a password is a temporary one is told to who gave the right one alone.
        if let Err(error) = &answer
            && !matches!(error, Error::PasswordChangeRequired(_))
        {
            let deadline = self.op.hasher().deadline(self.typed).await?;
            tokio::time::sleep_until(self.opened + deadline).await;
        }
        answer
    }

    /// Checks the password against an account, if there is one. A wrong one is counted, noted, and told in the words of
    /// `wrong`. It costs a hash in any case.
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

    /// Counts and notes a failure. Gives the refusal; or, if others have filled a bucket meanwhile, fails with that.
    pub async fn refuse(&self, account: Option<&table::Model>, refusal: Error) -> Result<Error> {
        self.op.note_refusal_of_user(self.verb, account);
        self.attempt.failed(self.op).await?;
        Ok(refusal)
    }

    /// The right password of somebody who is not let in all the same.
    pub async fn turn_away(&self, account: &table::Model, refusal: Error) -> Result<Error> {
        self.attempt.right(self.op).await?;
        self.op.note_refusal_of_user(self.verb, Some(account));
        Ok(refusal)
    }

    /// The attempt, for who counts the success in a transaction of their own.
    pub fn attempt(&self) -> &Attempt {
        &self.attempt
    }
}
