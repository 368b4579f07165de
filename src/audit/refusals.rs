//! Refusals, folded: of the same caller and action, those of a minute are one event with a count.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use super::record::Row;
use crate::authn::Actor;
use crate::context::Services;
use crate::error::Result;
use crate::value::Timestamp;

const FOLDED: Duration = Duration::from_secs(60);
/// Callers and actions kept at once. Beyond it, refusals are only in the request log: whoever makes so many different
/// ones wants to fill the trail.
const KEPT_MAX: usize = 10_000;

/// The refusals of the running minute, in memory until it is over. A process that is killed loses them; the changes it
/// made, and their events, it does not.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<Key, Folded>>);

/// Who was refused what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    actor_pk: Option<i64>,
    action: String,
}

#[derive(Clone, Debug)]
struct Folded {
    actor: Actor,
    request_id: String,
    first_at: Timestamp,
    count: i64,
}

impl Refusals {
    /// Notes a refusal. It costs the request nothing but this.
    pub fn note(&self, actor: &Actor, action: &str, request_id: &str, now: Timestamp) {
        let key = Key {
            actor_pk: actor.caller().map(|caller| caller.user_pk),
            action: action.to_owned(),
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folded) = kept.get_mut(&key) {
            folded.count += 1;
        } else if kept.len() < KEPT_MAX {
            let folded = Folded {
                actor: actor.clone(),
                request_id: request_id.to_owned(),
                first_at: now,
                count: 1,
            };
            kept.insert(key, folded);
        }
    }

    /// Writes the refusals whose minute is over; with `all`, the others too.
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
        let transaction = services.db.begin().await?;
        let mut lines = Vec::with_capacity(due.len());
        for (key, folded) in due {
            let row = Row {
                id: Uuid::now_v7().to_string(),
                created_at: folded.first_at,
                actor: &folded.actor,
                action: &key.action,
                organization_pk: folded.actor.caller().map(|caller| caller.organization_pk),
                target_kind: "request",
                target_pk: None,
                target_id: &key.action,
                fields: None,
                request_id: &folded.request_id,
                count: folded.count,
                refused: true,
            };
            lines.push(row.insert(&transaction).await?);
        }
        transaction.commit().await?;
        services.audit_log.write(&lines);
        Ok(())
    }
}
