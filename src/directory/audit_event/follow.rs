//! Follows the trail, for exporting it.
//!
//! A follower stores one number, the position of the last event it has delivered, and asks for the following ones.
//! Events are ordered by transaction, and a page never changes once it can be read, so nothing is missed, even if the
//! writing process or the follower crashes.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;

use super::AuditEvent;
use super::read::Term;
use crate::list::Filter;
use crate::model::error::Result;
use crate::store::audit_trail::{Mention, Related};
use crate::store::db::Database;
use crate::store::entity::audit_event::{self as table, Column};
use crate::store::entity::{any_of, organization};

/// An event to be exported.
#[derive(Clone, Debug)]
pub struct Followed {
    pub position: i64,
    pub id: String,
    /// The event as one line of JSON.
    pub line: String,
}

/// The next events after a position, in order, at most `limit`; after 0 means all of them.
pub async fn events_behind(db: &Database, position: i64, limit: u64) -> Result<Vec<Followed>> {
    let events = table::Entity::find()
        .filter(Column::Position.gt(position))
        .filter(Filter::Own(Term::Settled).to_sql::<AuditEvent>(db.backend())?)
        .order_by_asc(Column::Position)
        .limit(limit)
        .all(db.reader())
        .await?;
    let organizations = organization_ids(db, &events).await?;
    Ok(events
        .into_iter()
        .map(|event| Followed {
            position: event.position,
            line: line(&event, organizations.get(&event.organization_pk.unwrap_or_default())),
            id: event.id,
        })
        .collect())
}

/// The position of the newest event; 0 if there is none.
pub async fn newest_position(db: &Database) -> Result<i64> {
    let newest: Option<i64> = table::Entity::find()
        .select_only()
        .column(Column::Position)
        .order_by_desc(Column::Position)
        .limit(1)
        .into_tuple()
        .one(db.reader())
        .await?;
    Ok(newest.unwrap_or(0))
}

/// Lines are for external storage, which does not know internal keys.
async fn organization_ids(db: &Database, events: &[table::Model]) -> Result<std::collections::HashMap<i64, String>> {
    let pks: std::collections::BTreeSet<i64> = events.iter().filter_map(|event| event.organization_pk).collect();
    if pks.is_empty() {
        return Ok(std::collections::HashMap::new());
    }
    let named: Vec<(i64, String)> = organization::Entity::find()
        .select_only()
        .columns([organization::Column::Pk, organization::Column::Id])
        .filter(any_of(db.backend(), organization::Column::Pk, pks))
        .into_tuple()
        .all(db.reader())
        .await?;
    Ok(named.into_iter().collect())
}

fn line(event: &table::Model, organization: Option<&String>) -> String {
    // A deleted organization is the target of the event about its deletion.
    let deleted = || (event.target_kind == "organization").then_some(&event.target_id);
    let Related { all, cut } = Related::from_stored(event.related.as_deref());
    let related: Vec<Mention> = all.into_iter().map(Mention::without_key).collect();
    json!({
        "id": event.id,
        "createdAt": event.created_at.to_string(),
        "action": event.action,
        "actorId": event.actor_id,
        "impersonatorId": event.impersonator_id,
        "organizationId": organization.or_else(deleted),
        "targetKind": event.target_kind,
        "targetId": event.target_id,
        "targetName": event.target_name,
        "related": related,
        "relatedTruncated": cut,
        "fields": event.fields.as_deref().map(|fields| fields.split(' ').collect::<Vec<_>>()).unwrap_or_default(),
        "reason": event.reason,
        "clientAddress": event.client_address,
        "userAgent": event.user_agent,
        "requestId": event.request_id,
        "count": event.count,
        "refused": event.refused,
    })
    .to_string()
}
