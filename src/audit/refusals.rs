//! Refusals, folded: of the same caller, action and target, those of a minute are one event with a count.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use super::record::Row;
use crate::authn::Actor;
use crate::context::Services;
use crate::error::Result;
use crate::value::{Timestamp, UserId};

const FOLDED: Duration = Duration::from_secs(60);
/// Callers and actions kept at once. Beyond it, refusals are only in the request log: whoever makes so many different
/// ones wants to fill the trail.
const KEPT_MAX: usize = 10_000;

/// The refusals of the running minute, in memory until it is over. A process that is killed loses them; the changes it
/// made, and their events, it does not.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<Key, Folded>>);

/// Who was refused what, and of whom.
#[derive(Clone, Debug)]
pub struct Refusal {
    actor: Actor,
    action: String,
    organization_pk: Option<i64>,
    user: Option<(Option<i64>, String)>,
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
        self.user = Some((Some(pk), id.to_owned()));
        self.organization_pk = Some(organization_pk);
        self
    }

    /// It was about a user of this id, if there is one.
    #[must_use]
    pub fn to_named(mut self, id: &UserId) -> Self {
        self.user = Some((None, id.to_string()));
        self
    }

    fn key(&self) -> Key {
        Key {
            actor_pk: self.actor.caller().map(|caller| caller.user_pk),
            action: self.action.clone(),
            user: self.user.clone(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    actor_pk: Option<i64>,
    action: String,
    user: Option<(Option<i64>, String)>,
}

#[derive(Clone, Debug)]
struct Folded {
    refusal: Refusal,
    request_id: String,
    first_at: Timestamp,
    count: i64,
}

impl Refusals {
    /// Notes a refusal. It costs the request nothing but this.
    pub fn note(&self, refusal: Refusal, request_id: &str, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = refusal.key();
        if let Some(folded) = kept.get_mut(&key) {
            folded.count += 1;
        } else if kept.len() < KEPT_MAX {
            let folded = Folded {
                refusal,
                request_id: request_id.to_owned(),
                first_at: now,
                count: 1,
            };
            kept.insert(key, folded);
        }
    }

    /// Writes the refusals whose minute is over; with `all`, the others too. What cannot be written is kept for the next
    /// time.
    pub async fn flush(&self, services: &Services, all: bool) -> Result<()> {
        let now = services.clock.now();
        let due: Vec<(Key, Folded)> = {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extract_if(|_, folded| all || folded.first_at.after(FOLDED) <= now)
                .collect()
        };
        if due.is_empty() {
            return Ok(());
        }
        let written = write(services, &due).await;
        if written.is_err() {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for (key, folded) in due {
                let count = folded.count;
                // The earlier first moment and request stay; what came meanwhile is counted to it.
                let meanwhile = kept.insert(key.clone(), folded).map_or(0, |one| one.count);
                if let Some(one) = kept.get_mut(&key) {
                    one.count = count + meanwhile;
                }
            }
        }
        written
    }
}

async fn write(services: &Services, due: &[(Key, Folded)]) -> Result<()> {
    let transaction = services.db.begin().await?;
    let mut lines = Vec::with_capacity(due.len());
    for (key, folded) in due {
        let (target_kind, target_pk, target_id) = match &key.user {
            Some((pk, id)) => ("user", *pk, id),
            None => ("request", None, &key.action),
        };
        let row = Row {
            id: Uuid::now_v7().to_string(),
            created_at: folded.first_at,
            actor: &folded.refusal.actor,
            action: &key.action,
            organization_pk: folded.refusal.organization_pk,
            target_kind,
            target_pk,
            target_id,
            fields: None,
            request_id: &folded.request_id,
            count: folded.count,
            refused: true,
        };
        lines.extend(row.insert(&transaction, &services.audit_log).await?);
    }
    transaction.commit().await?;
    services.audit_log.write(&lines);
    Ok(())
}
