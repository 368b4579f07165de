//! The first argument of every verb: the caller and the server's services.
//!
//! The command line, set-up and tests also create an [`OpContext`], and so are subject to the same permission checks.

mod change;
mod once;
mod presented;
pub mod room;
mod services;

pub use change::Change;
pub use once::{Once, REMEMBERED, Sent};
pub use presented::Presented;
pub use services::Services;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use uuid::{NoContext, Uuid};

use self::room::{Room, Turn};
use crate::authn::{Accepted, Credential, SigningKeys};
use crate::authz::{Action, Granted, Resource, policy};
use crate::model::Timestamp;
use crate::model::error::{Error, Result};
use crate::model::{Actor, Catalogue, Client, CursorKey};
use crate::services::hasher::Hasher;
use crate::services::mailer::Mailer;
use crate::services::refusals::Refusal;
use crate::services::user_counts::UserCount;
use crate::store::audit_trail::Author;
use crate::store::built_in_roles::BuiltInRoles;
use crate::store::catalogue;
use crate::store::db::{Database, Holder};
use crate::store::entity::user;

/// The context of a request, for one or more verbs.
#[derive(Clone, Debug)]
pub struct OpContext {
    services: Arc<Services>,
    /// The database, limited to the caller's share.
    db: Database,
    actor: Actor,
    /// The credential that the actor was resolved from; `None` for the machine, and for a user who has just signed in.
    presented: Option<Arc<Presented>>,
    request_id: Arc<str>,
    client: Client,
    /// The memory budget of the response, if it has one.
    room: Option<Arc<Room>>,
    /// For a mutation that runs once, however often its client sends it.
    once: Option<Arc<Once>>,
    /// Whether a mail was put into the outbox and the worker has not been notified yet.
    has_mail: Arc<AtomicBool>,
}

impl OpContext {
    pub fn new(services: Arc<Services>, actor: Actor, request_id: impl Into<Arc<str>>) -> Self {
        Self {
            db: services.db.clone(),
            services,
            actor,
            presented: None,
            request_id: request_id.into(),
            client: Client::default(),
            room: None,
            once: None,
            has_mail: Arc::default(),
        }
    }

    /// For a request: resolves its credential now.
    pub async fn of_request(services: Arc<Services>, presented: Arc<Presented>) -> Result<Self> {
        let actor = presented.actor(&services).await?;
        let client = presented.client().clone();
        let holder = match actor.caller() {
            Some(caller) => Holder::User(caller.behind()),
            None => Holder::client(client.address),
        };
        let request_id = presented.request_id();
        Ok(Self {
            db: services.db.held_by(holder),
            client,
            presented: Some(presented),
            ..Self::new(services, actor, request_id)
        })
    }

    /// The same for a client: for work that continues its request later.
    #[must_use]
    pub fn for_client(self, client: Client) -> Self {
        Self { client, ..self }
    }

    /// The same request with its caller resolved again, for long-running operations.
    pub async fn decided_again(&self) -> Result<Self> {
        match &self.presented {
            Some(presented) => Ok(Self {
                actor: presented.actor(&self.services).await?,
                ..self.clone()
            }),
            None => Ok(self.clone()),
        }
    }

    /// The same, with this memory budget for the response.
    #[must_use]
    pub fn within(mut self, room: Room) -> Self {
        self.room = Some(Arc::new(room));
        self
    }

    /// The same without a memory budget, for a response that is sent while it is read.
    #[must_use]
    pub fn without_room(self) -> Self {
        Self { room: None, ..self }
    }

    /// The same for a mutation that runs once.
    #[must_use]
    pub fn running_once(mut self, once: Once) -> Self {
        self.once = Some(Arc::new(once));
        self
    }

    /// How the mutation runs once, if it does.
    pub fn once(&self) -> Option<&Once> {
        self.once.as_deref()
    }

    /// The memory budget of the response; `None` if it is unlimited.
    pub fn room(&self) -> Option<&Room> {
        self.room.as_deref()
    }

    /// Notes that a mail was put into the outbox, so that it is sent without delay after the commit.
    pub fn note_mail(&self) {
        self.has_mail.store(true, Ordering::Relaxed);
    }

    /// Waits until no other root field of the same document is being resolved.
    pub async fn turn(&self) -> Option<Turn<'_>> {
        match self.room() {
            Some(room) => Some(room.turn().await),
            None => None,
        }
    }

    /// Charges bytes that were read for the response.
    pub fn charge_read(&self, bytes: usize) -> Result<()> {
        self.room().map_or(Ok(()), |room| room.read(bytes))
    }

    /// Charges bytes that were written into the response.
    pub fn charge_written(&self, bytes: usize) -> Result<()> {
        self.room().map_or(Ok(()), |room| room.written(bytes))
    }

    /// The same request as anonymous: for verbs that are open to everybody and depend only on their input, not on the
    /// caller. A credential that is sent along must not appear in the audit trail of the user that the verb is about.
    #[must_use]
    pub fn as_nobody(&self) -> Self {
        self.acting_as(Actor::Anonymous)
    }

    /// The same request as the user who has just signed in.
    #[must_use]
    pub fn acting_as(&self, actor: Actor) -> Self {
        Self {
            actor,
            presented: None,
            ..self.clone()
        }
    }

    /// For the binary's own commands.
    pub fn machine(services: Arc<Services>) -> Self {
        Self::new(services, Actor::Machine, "machine")
    }

    /// The same with this id in its audit events: for work of several transactions.
    #[must_use]
    pub fn with_request_id(self, id: impl Into<Arc<str>>) -> Self {
        Self {
            request_id: id.into(),
            ..self
        }
    }

    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    pub fn db(&self) -> &Database {
        &self.db
    }

    pub fn now(&self) -> Timestamp {
        self.services.clock.now()
    }

    pub fn hasher(&self) -> &Hasher {
        &self.services.hasher
    }

    pub fn mailer(&self) -> &Mailer {
        &self.services.mailer
    }

    /// All permissions, as this process knows them.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.db.catalogue()
    }

    /// Looks whether it has changed: for names that were read from the database just now.
    pub async fn renew_catalogue(&self) -> Result<()> {
        catalogue::present(self.db.reader()).await?;
        Ok(())
    }

    /// The key that encrypts the internal keys in cursors.
    pub async fn cursor_key(&self) -> Result<&CursorKey> {
        self.services.cursor_keys.get(self.db.reader()).await
    }

    /// How many users there are in organizations all of whose users the caller may see; `None` stands for all of them.
    pub async fn user_counts(&self, organization_pks: &[Option<i64>]) -> Result<HashMap<Option<i64>, UserCount>> {
        let counts = &self.services.user_counts;
        counts.of_each(self.db.reader(), organization_pks).await
    }

    pub fn built_in_roles(&self) -> &BuiltInRoles {
        &self.services.built_in_roles
    }

    /// The keys of [`Services::public_variables`].
    pub fn public_variables(&self) -> &Arc<BTreeSet<String>> {
        &self.services.public_variables
    }

    pub fn signing(&self) -> &SigningKeys {
        &self.services.signing
    }

    /// The address the request came from; unknown for the binary's own commands.
    pub fn client_address(&self) -> Option<IpAddr> {
        self.client.address
    }

    /// Where the request came from.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The owner of a credential that the caller was shown, for this server or for a resource server; `None` if it is not in force.
    pub async fn owner_of(&self, credential: Credential<'_>) -> Result<Option<Actor>> {
        let services = &self.services;
        let owner = services
            .credentials
            .actor(&self.db, &services.signing, credential, Accepted::All, self.now());
        match owner.await {
            Ok(actor) => Ok(Some(actor)),
            Err(Error::Unauthenticated(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Clears this process's cache of credentials; the other processes' caches expire within half a second.
    pub fn forget_credentials(&self) {
        self.services.credentials.forget();
    }

    /// Notes a denied request of this caller, for the audit trail, under the action that it would have been. The APIs call it for every `FORBIDDEN` of a known
    /// caller; refusals of unknown callers, such as a wrong password, are noted by the verbs.
    pub fn note_refusal(&self, action: &str) {
        self.note(Refusal::of(&self.actor, action));
    }

    /// The same for an operation on a user; the event is visible to the administrators of the user's organization.
    pub fn note_refusal_of_user(&self, action: &str, user: Option<&user::Model>) {
        let refusal = Refusal::of(&self.actor, action);
        self.note(match user {
            Some(user) => refusal.to_user(user),
            None => refusal,
        });
    }

    /// The same, as described.
    pub fn note(&self, refusal: Refusal) {
        self.services
            .refusals
            .note(refusal, &self.client, &self.request_id, self.now());
    }

    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// A new id: a UUIDv7 with the clock's time.
    pub fn new_id(&self) -> Uuid {
        let micros = self.now().micros().unsigned_abs();
        let (seconds, nanos) = (micros / 1_000_000, (micros % 1_000_000) * 1_000);
        Uuid::new_v7(uuid::Timestamp::from_unix(
            NoContext,
            seconds,
            u32::try_from(nanos).unwrap_or(0),
        ))
    }

    /// The author of an audit event.
    pub fn author(&self) -> Author<'_> {
        Author {
            id: self.new_id(),
            at: self.now(),
            actor: &self.actor,
            request_id: &self.request_id,
            client: &self.client,
        }
    }

    /// Checks permission: `UNAUTHENTICATED`, `FORBIDDEN`, or the caller's scope.
    pub fn authorize(&self, action: Action, resource: Resource) -> Result<Granted> {
        policy::decide(&self.actor, action, resource)
    }

    /// Opens the transaction of a verb.
    pub async fn begin(&self) -> Result<Change<'_>> {
        Change::begin(self).await
    }

    /// Opens a transaction that may take minutes, on a database that nobody else uses; a server that starts waits for its end.
    pub async fn begin_whole(&self) -> Result<Change<'_>> {
        Change::begin_whole(self).await
    }
}
