//! Collects denied requests: those with the same caller, action and target within a minute are one event with a count.
//!
//! Events are kept forever, and provoking a denied request costs nothing. So the number of different ones per minute is
//! limited per caller and per organization; further ones are only counted, in one event. Nobody can flood the trail,
//! and no organization can use up the limit of another.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::model::Timestamp;
use crate::model::error::Result;
use crate::model::{Actor, Client};
use crate::store::audit_trail::Row;
use crate::store::db::{Database, Holder};
use crate::store::entity::user;

const FOLDED: Duration = Duration::from_secs(60);
/// The number of different denied requests of one caller per minute that get their own event.
const OF_CALLER_MAX: usize = 20;
/// The same within one organization, by any caller, so that using many accounts or addresses does not help an attacker.
const OF_ORGANIZATION_MAX: usize = 200;
/// All of them in this process.
const KEPT_MAX: usize = 20_000;
/// The number of events per transaction; on SQLite, all other changes wait for it.
const BATCH: usize = 200;
/// The action of the event that counts denied requests above the limit.
const OVERFLOW: &str = "refusal.overflow";

/// The denied requests of the current minute, in memory until it is over. If the process is killed, they are lost,
/// unlike changes and their events.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Kept>);

/// A denied request: the caller, the action and the target.
#[derive(Clone, Debug)]
pub struct Refusal {
    actor: Actor,
    action: String,
    organization_pk: Option<i64>,
    tenant_pk: Option<i64>,
    /// Internal key and id.
    user: Option<(i64, String)>,
    user_name: Option<String>,
}

impl Refusal {
    /// `action` is what the event would have if the request had succeeded.
    pub fn of(actor: &Actor, action: &str) -> Self {
        Self {
            organization_pk: actor.caller().map(|caller| caller.organization_pk),
            tenant_pk: actor.caller().and_then(|caller| caller.tenant_pk),
            actor: actor.clone(),
            action: action.to_owned(),
            user: None,
            user_name: None,
        }
    }

    /// It was about this user.
    #[must_use]
    pub fn to_user(mut self, user: &user::Model) -> Self {
        self.user = Some((user.pk, user.id.to_string()));
        self.user_name = user.plain_name();
        self.organization_pk = Some(user.organization_pk);
        self.tenant_pk = user.tenant_pk;
        self
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    organization_pk: Option<i64>,
    /// Whose limit it counts towards: the real user's, or that of the network of an unknown caller.
    by: Option<Holder>,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum What {
    One {
        /// The caller; while impersonating, not the real user.
        caller: Option<i64>,
        action: String,
        tenant_pk: Option<i64>,
        user: Option<(i64, String)>,
    },
    /// Those above the limit: of a caller, or without one of the whole organization.
    Overflow,
}

impl Key {
    fn of(refusal: &Refusal, client: &Client) -> Self {
        let caller = refusal.actor.caller();
        Self {
            organization_pk: refusal.organization_pk,
            by: Some(caller.map_or(Holder::client(client.address), |caller| Holder::User(caller.behind()))),
            what: What::One {
                caller: caller.map(|caller| caller.user_pk),
                action: refusal.action.clone(),
                tenant_pk: refusal.tenant_pk,
                user: refusal.user.clone(),
            },
        }
    }

    /// The overflow that counts it if the limit of the caller, or without one of the organization, is reached.
    fn overflow(&self, by: Option<Holder>) -> Self {
        Self {
            organization_pk: self.organization_pk,
            by,
            what: What::Overflow,
        }
    }
}

#[derive(Clone, Debug)]
struct Folded {
    actor: Actor,
    user_name: Option<String>,
    /// Of the first of them.
    request_id: String,
    client: Client,
    first_at: Timestamp,
    count: i64,
}

/// The pending events, and the counts for the limits.
#[derive(Debug, Default)]
struct Kept {
    events: HashMap<Key, Folded>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    of_caller: HashMap<(Option<i64>, Holder), usize>,
    of_organization: HashMap<Option<i64>, usize>,
}

impl Counts {
    fn add(&mut self, key: &Key) {
        if let Some(by) = key.by {
            *self.of_caller.entry((key.organization_pk, by)).or_default() += 1;
            *self.of_organization.entry(key.organization_pk).or_default() += 1;
        }
    }
}

impl Kept {
    /// Adds one to the event with this key.
    fn fold(&mut self, key: Key, folded: impl FnOnce() -> Folded) {
        if !self.events.contains_key(&key) {
            self.counts.add(&key);
        }
        self.events.entry(key).or_insert_with(folded).count += 1;
    }

    /// The key itself, or the overflow key if the limit is reached.
    fn with_room(&self, key: Key) -> Key {
        let of_caller = key
            .by
            .and_then(|by| self.counts.of_caller.get(&(key.organization_pk, by)));
        let of_organization = self.counts.of_organization.get(&key.organization_pk);
        let full = of_organization.is_some_and(|count| *count >= OF_ORGANIZATION_MAX) || self.events.len() >= KEPT_MAX;
        let of_caller_full = of_caller.is_some_and(|count| *count >= OF_CALLER_MAX);
        let wanted = if of_caller_full { key.overflow(key.by) } else { key };
        match full && !self.events.contains_key(&wanted) {
            true => wanted.overflow(None),
            false => wanted,
        }
    }

    /// Removes and returns those whose minute is over, or all of them.
    fn due(&mut self, now: Timestamp, all: bool) -> Vec<(Key, Folded)> {
        let due = self
            .events
            .extract_if(|_, folded| all || folded.first_at.after(FOLDED) <= now)
            .collect();
        self.counts = Counts::default();
        self.events.keys().for_each(|key| self.counts.add(key));
        due
    }
}

impl Refusals {
    /// Notes a denied request, in memory only.
    pub fn note(&self, refusal: Refusal, client: &Client, request_id: &str, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = Key::of(&refusal, client);
        if !kept.events.contains_key(&key) {
            key = kept.with_room(key);
        }
        // The key contains the caller of an overflow; the overflow of an organization has none.
        let actor = if key.by.is_some() {
            refusal.actor
        } else {
            Actor::Anonymous
        };
        // What exceeds a limit comes from anywhere.
        let (user_name, client) = match key.what {
            What::One { .. } => (refusal.user_name, client.clone()),
            What::Overflow => (None, Client::default()),
        };
        kept.fold(key, || Folded {
            actor,
            user_name,
            request_id: request_id.to_owned(),
            client,
            first_at: now,
            count: 0,
        });
    }

    /// Writes the denied requests whose minute is over; with `all`, the others too. If this fails, they are kept for
    /// the next time.
    pub async fn flush(&self, db: &Database, now: Timestamp, all: bool) -> Result<()> {
        let due = self.0.lock().unwrap_or_else(PoisonError::into_inner).due(now, all);
        let mut written = Ok(());
        for batch in due.chunks(BATCH) {
            if written.is_ok() {
                written = write(db, batch).await;
            }
            if written.is_err() {
                self.keep(batch);
            }
        }
        written
    }

    fn keep(&self, batch: &[(Key, Folded)]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Ignores the limits: it has already been accepted.
        for (key, folded) in batch {
            // Keeps the earlier time, request and client, and adds the newer count.
            let newer = kept
                .events
                .insert(key.clone(), folded.clone())
                .map_or(0, |one| one.count);
            if let Some(one) = kept.events.get_mut(key) {
                one.count += newer;
            }
        }
    }
}

async fn write(db: &Database, due: &[(Key, Folded)]) -> Result<()> {
    let transaction = db.begin().await?;
    for (key, folded) in due {
        let (action, tenant_pk, (target_kind, target_pk, target_id)) = match &key.what {
            What::One {
                action,
                tenant_pk,
                user: Some((pk, id)),
                ..
            } => (action.as_str(), *tenant_pk, ("user", Some(*pk), id.as_str())),
            What::One {
                action,
                tenant_pk,
                user: None,
                ..
            } => (action.as_str(), *tenant_pk, ("request", None, action.as_str())),
            What::Overflow => (OVERFLOW, None, ("request", None, OVERFLOW)),
        };
        let row = Row {
            id: Uuid::now_v7().to_string(),
            created_at: folded.first_at,
            actor: &folded.actor,
            action,
            organization_pk: key.organization_pk,
            tenant_pk,
            target_kind,
            target_pk,
            target_id,
            target_name: folded.user_name.clone(),
            subject_id: (target_kind == "user").then(|| target_id.to_owned()),
            related: None,
            fields: None,
            reason: None,
            users_change: None,
            activated_change: None,
            request_id: &folded.request_id,
            client: &folded.client,
            count: folded.count,
            refused: true,
        };
        transaction.execute(&row.insertion()).await?;
    }
    transaction.commit().await?;
    Ok(())
}
