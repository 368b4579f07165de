//! Refusals, folded: of the same caller, action and target, those of a minute are one event with a count.
//!
//! An event is kept for good, and a refusal costs whoever provokes it nothing. So a caller has room for a few different ones
//! in a minute, and an organization for some more; those beyond are counted in one event that says how many they were. Nobody
//! can fill the trail, and no organization can use up the room of another.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use crate::model::Actor;
use crate::model::Timestamp;
use crate::model::error::Result;
use crate::store::audit_trail::Row;
use crate::store::db::Database;

const FOLDED: Duration = Duration::from_secs(60);
/// Different refusals of one caller within a minute that are told one by one.
const OF_CALLER_MAX: usize = 20;
/// Different refusals within one organization, by whomever. Whoever calls by many accounts or from many addresses gets no
/// further than this.
const OF_ORGANIZATION_MAX: usize = 200;
/// All of them in this process.
const KEPT_MAX: usize = 20_000;
/// How many one transaction writes: on SQLite every other change waits for it.
const BATCH: usize = 200;
/// The action of the event that counts the refusals for which there was no room.
const OVERFLOW: &str = "refusal.overflow";

/// The refusals of the running minute, in memory until it is over. A process that is killed loses them; the changes it
/// made, and their events, it does not.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Kept>);

/// Who was refused what, and of whom.
#[derive(Clone, Debug)]
pub struct Refusal {
    actor: Actor,
    action: String,
    organization_pk: Option<i64>,
    /// Internal key and id.
    user: Option<(i64, String)>,
}

impl Refusal {
    pub fn of(actor: &Actor, action: &str) -> Self {
        Self {
            organization_pk: actor.caller().map(|caller| caller.organization_pk),
            actor: actor.clone(),
            action: action.to_owned(),
            user: None,
        }
    }

    /// It was about this user.
    #[must_use]
    pub fn to_user(mut self, pk: i64, id: &str, organization_pk: i64) -> Self {
        self.user = Some((pk, id.to_owned()));
        self.organization_pk = Some(organization_pk);
        self
    }
}

/// Whose room a refusal takes: that of the user who is behind the call, or of the network that somebody unknown calls from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum By {
    User(i64),
    Client(Option<IpAddr>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    organization_pk: Option<i64>,
    by: Option<By>,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum What {
    One {
        /// Who called; not always who is behind the call.
        caller: Option<i64>,
        action: String,
        user: Option<(i64, String)>,
    },
    /// Those for which there was no room: of a caller, or without one of the whole organization.
    Overflow,
}

impl Key {
    fn of(refusal: &Refusal, client: Option<IpAddr>) -> Self {
        let caller = refusal.actor.caller();
        Self {
            organization_pk: refusal.organization_pk,
            by: Some(caller.map_or(By::Client(client), |caller| By::User(caller.behind()))),
            what: What::One {
                caller: caller.map(|caller| caller.user_pk),
                action: refusal.action.clone(),
                user: refusal.user.clone(),
            },
        }
    }

    /// Where it is counted if the caller, or with nobody the organization, has no room for it.
    fn overflow(&self, by: Option<By>) -> Self {
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
    request_id: String,
    first_at: Timestamp,
    count: i64,
}

/// The events to be, and how much room they take.
#[derive(Debug, Default)]
struct Kept {
    events: HashMap<Key, Folded>,
    of_caller: HashMap<(Option<i64>, By), usize>,
    of_organization: HashMap<Option<i64>, usize>,
}

impl Kept {
    /// Counts one to the event of this key.
    fn fold(&mut self, key: Key, folded: impl FnOnce() -> Folded) {
        if !self.events.contains_key(&key)
            && let Some(by) = key.by
        {
            *self.of_caller.entry((key.organization_pk, by)).or_default() += 1;
            *self.of_organization.entry(key.organization_pk).or_default() += 1;
        }
        self.events.entry(key).or_insert_with(folded).count += 1;
    }

    /// The key itself, or that under which it is counted if there is no room for it.
    fn with_room(&self, key: Key) -> Key {
        let of_caller = key.by.and_then(|by| self.of_caller.get(&(key.organization_pk, by)));
        let of_organization = self.of_organization.get(&key.organization_pk);
        let full = of_organization.is_some_and(|count| *count >= OF_ORGANIZATION_MAX) || self.events.len() >= KEPT_MAX;
        let of_caller_full = of_caller.is_some_and(|count| *count >= OF_CALLER_MAX);
        let wanted = if of_caller_full { key.overflow(key.by) } else { key };
        match full && !self.events.contains_key(&wanted) {
            true => wanted.overflow(None),
            false => wanted,
        }
    }

    /// Takes out those whose minute is over, or all of them.
    fn due(&mut self, now: Timestamp, all: bool) -> Vec<(Key, Folded)> {
        let due = self
            .events
            .extract_if(|_, folded| all || folded.first_at.after(FOLDED) <= now)
            .collect();
        self.of_caller.clear();
        self.of_organization.clear();
        for key in self.events.keys() {
            if let Some(by) = key.by {
                *self.of_caller.entry((key.organization_pk, by)).or_default() += 1;
                *self.of_organization.entry(key.organization_pk).or_default() += 1;
            }
        }
        due
    }
}

impl Refusals {
    /// Notes a refusal. It costs the request nothing but this.
    pub fn note(&self, refusal: Refusal, client: Option<IpAddr>, request_id: &str, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = Key::of(&refusal, client);
        if !kept.events.contains_key(&key) {
            key = kept.with_room(key);
        }
        // Whose overflow it is stands in the key; that of a whole organization is nobody's.
        let actor = if key.by.is_some() {
            refusal.actor
        } else {
            Actor::Anonymous
        };
        kept.fold(key, || Folded {
            actor,
            request_id: request_id.to_owned(),
            first_at: now,
            count: 0,
        });
    }

    /// Writes the refusals whose minute is over; with `all`, the others too. What cannot be written is kept for the next
    /// time.
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
        // Beyond all room: it was let in once.
        for (key, folded) in batch {
            // The earlier first moment and request stay; what came meanwhile is counted to it.
            let meanwhile = kept
                .events
                .insert(key.clone(), folded.clone())
                .map_or(0, |one| one.count);
            if let Some(one) = kept.events.get_mut(key) {
                one.count += meanwhile;
            }
        }
    }
}

async fn write(db: &Database, due: &[(Key, Folded)]) -> Result<()> {
    let transaction = db.begin().await?;
    for (key, folded) in due {
        let (action, (target_kind, target_pk, target_id)) = match &key.what {
            What::One {
                action,
                user: Some((pk, id)),
                ..
            } => (action.as_str(), ("user", Some(*pk), id.as_str())),
            What::One { action, user: None, .. } => (action.as_str(), ("request", None, action.as_str())),
            What::Overflow => (OVERFLOW, ("request", None, OVERFLOW)),
        };
        let row = Row {
            id: Uuid::now_v7().to_string(),
            created_at: folded.first_at,
            actor: &folded.actor,
            action,
            organization_pk: key.organization_pk,
            target_kind,
            target_pk,
            target_id,
            fields: None,
            request_id: &folded.request_id,
            count: folded.count,
            refused: true,
        };
        row.insert(&transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}
