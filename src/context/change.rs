//! The transaction of a verb.

use std::ops::Deref;
use std::sync::atomic::Ordering;

use sea_orm::ConnectionTrait;
use sea_orm::sea_query::InsertStatement;

use super::OpContext;
use crate::authn;
use crate::model::error::Result;
use crate::store::audit_trail::{self, Event};
use crate::store::catalogue::{self, Catalogued as _};
use crate::store::db::Transaction;

/// A verb's transaction. Dropped without a commit, it changes nothing.
#[must_use]
#[derive(Debug)]
pub struct Change<'op> {
    transaction: Transaction,
    op: &'op OpContext,
    /// Whether the caller's access is locked; see [`authn::hold`].
    held: bool,
    /// What the last statement writes.
    rest: Vec<InsertStatement>,
    /// Whether somebody's access changed, by the events that are written.
    access: bool,
    /// What the first events that are written were about, if there are any.
    about: Option<Option<String>>,
}

impl<'op> Change<'op> {
    pub(super) async fn begin(op: &'op OpContext) -> Result<Self> {
        let place = op.db.place_for_change().await?;
        let change = Self {
            transaction: op.db.begin().await?.holding(place),
            op,
            held: false,
            rest: Vec::new(),
            access: false,
            about: None,
        };
        if let Some(once) = op.once() {
            once.begin(&change.transaction, op.signing().secret()?, op.now())
                .await?;
        }
        Ok(change)
    }

    /// The same on a database that nobody else uses, with as much time as it needs.
    pub(super) async fn begin_whole(op: &'op OpContext) -> Result<Self> {
        Ok(Self {
            transaction: op.db.begin_whole().await?,
            op,
            held: false,
            rest: Vec::new(),
            access: false,
            about: None,
        })
    }

    /// Refuses the change if the caller has lost access, and locks the caller's access until the commit.
    /// [`Self::commit`] does this last. A verb must call it earlier if it changes its caller's own access, such as the
    /// credential of the request.
    pub async fn hold_caller(&mut self) -> Result<()> {
        self.hold_caller_and_write(&[]).await
    }

    async fn hold_caller_and_write(&mut self, insertions: &[InsertStatement]) -> Result<()> {
        match self.op.actor().caller().filter(|_| !self.held) {
            Some(caller) => authn::hold(&self.transaction, caller, self.op.now(), insertions).await?,
            None => {
                for insertion in insertions {
                    self.transaction.execute(insertion).await?;
                }
            }
        }
        self.held = true;
        Ok(())
    }

    /// Inserts rows right before the commit, with the last audit event: in one statement with it, where the database can.
    /// Only for rows that nothing else in this change reads.
    pub fn insert_last(&mut self, insertion: impl Into<Option<InsertStatement>>) {
        self.rest.extend(insertion.into());
    }

    /// Writes audit events now, before those that [`Self::commit`] gets: for changes of so many things that their events
    /// are not kept until then.
    pub async fn note(&mut self, events: impl IntoIterator<Item = Event>) -> Result<()> {
        let events: Vec<Event> = events.into_iter().collect();
        if events.is_empty() {
            return Ok(());
        }
        self.access |= events.iter().any(Event::changes_access);
        self.about.get_or_insert_with(|| audit_trail::only_target(&events));
        let events = events.into_iter().map(|event| (self.op.author(), event));
        for insertion in audit_trail::insertions(events) {
            self.transaction.execute(&insertion).await?;
        }
        Ok(())
    }

    /// Writes the change's audit events in the same transaction, and commits it.
    pub async fn commit(mut self, events: impl IntoIterator<Item = Event>) -> Result<()> {
        // Cached credentials are stale if somebody's access changed.
        let mut events: Vec<Event> = events.into_iter().collect();
        let access = self.access || events.iter().any(Event::changes_access);
        if let Some(once) = self.op.once() {
            let about = self.about.take();
            let target = about.unwrap_or_else(|| audit_trail::only_target(&events));
            once.made(&self.transaction, target).await?;
        }
        let last = events
            .pop()
            .map(|event| audit_trail::insertion(self.op.author(), event));
        let earlier = events.into_iter().map(|event| (self.op.author(), event));
        for insertion in audit_trail::insertions(earlier) {
            self.transaction.execute(&insertion).await?;
        }
        let mut rest = std::mem::take(&mut self.rest);
        rest.extend(last);
        self.hold_caller_and_write(&rest).await?;
        let catalogue = self.transaction.known().now().version();
        self.transaction.commit().await?;
        if let Some(once) = self.op.once() {
            once.note_written();
        }
        if access {
            self.op.services.credentials.forget();
        }
        if catalogue != self.op.catalogue().version() {
            // Read for the answer of this request. If that fails, the next look-up does it.
            if let Err(error) = catalogue::read(self.op.db.reader()).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the new catalogue cannot be read yet"
                );
            }
        }
        if self.op.has_mail.swap(false, Ordering::Relaxed) {
            self.op.services.mailer.wake();
        }
        Ok(())
    }
}

impl Deref for Change<'_> {
    type Target = Transaction;

    fn deref(&self) -> &Transaction {
        &self.transaction
    }
}
