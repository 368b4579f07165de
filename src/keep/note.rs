//! Audit events of what happens to a whole database, while no server uses it.

use sea_orm::ConnectionTrait;
use uuid::{NoContext, Uuid};

use crate::model::error::Result;
use crate::model::{Actor, Client, Clock, Timestamp};
use crate::store::audit_trail::{self, Author, Event};

/// Writes an event about the database itself; returns its time.
pub async fn note(connection: &impl ConnectionTrait, action: &'static str) -> Result<Timestamp> {
    let at = Clock::System.now();
    let micros = at.micros().unsigned_abs();
    let nanos = u32::try_from((micros % 1_000_000) * 1_000).unwrap_or(0);
    let author = Author {
        id: Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, micros / 1_000_000, nanos)),
        at,
        actor: &Actor::Machine,
        request_id: "machine",
        client: &Client::default(),
    };
    audit_trail::record(connection, author, Event::new(action, 0, "database")).await?;
    Ok(at)
}
