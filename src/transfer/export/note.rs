//! The audit events of an export: the administrators of an organization see that it was taken.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::Wanted;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::model::error::Result;
use crate::store::audit_trail::Event;
use crate::store::entity::organization;

/// Notes that the organizations were exported; an export of everything is noted for the first organization, the platform's.
pub async fn note(op: &OpContext, wanted: &Wanted) -> Result<()> {
    op.authorize(Action::Read, Resource::Organization)?;
    let change = op.begin().await?;
    let exported = organization::Entity::find().order_by_asc(organization::Column::Pk);
    let exported = match wanted.organizations.as_slice() {
        [] => exported.one(&*change).await?.into_iter().collect(),
        some => {
            let some = some.iter().map(String::as_str);
            exported
                .filter(organization::Column::Id.is_in(some))
                .all(&*change)
                .await?
        }
    };
    let with = [
        ("passwordHash", wanted.hashes),
        ("apiKeys", wanted.keys),
        ("auditEvents", wanted.audit),
    ];
    let with: Vec<&'static str> = with.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect();
    let events = exported.into_iter().map(|row| {
        Event::new("organization.export", row.pk, &row.id)
            .of_organization(row.pk)
            .named(row.name)
            .fields(with.iter().copied())
    });
    let events: Vec<Event> = events.collect();
    change.commit(events).await
}
