//! Writing an event.

use sea_orm::{ConnectionTrait, EntityTrait, Set};

use crate::context::OpContext;
use crate::entity::audit_event;
use crate::error::Result;

/// What happened. Build it with [`Event::new`] and the setters.
#[derive(Clone, Debug)]
pub struct Event {
    action: &'static str,
    target_kind: &'static str,
    target_pk: i64,
    target_id: String,
    organization_pk: Option<i64>,
    fields: Vec<&'static str>,
    changes_access: bool,
}

impl Event {
    /// `action` is `<kind>.<verb>`, as in `user.create`.
    pub fn new(action: &'static str, target_pk: i64, target_id: impl ToString) -> Self {
        Self {
            action,
            target_kind: action.split_once('.').map_or(action, |(kind, _)| kind),
            target_pk,
            target_id: target_id.to_string(),
            organization_pk: None,
            fields: Vec::new(),
            changes_access: false,
        }
    }

    /// The organization that the target belongs to, and whose administrators see the event.
    #[must_use]
    pub fn of_organization(mut self, pk: i64) -> Self {
        self.organization_pk = Some(pk);
        self
    }

    /// The names of the fields that changed, as GraphQL calls them.
    #[must_use]
    pub fn fields(mut self, fields: impl IntoIterator<Item = &'static str>) -> Self {
        self.fields.extend(fields);
        self
    }

    /// What somebody may do, or whether they may call at all, is different after this.
    #[must_use]
    pub fn access(mut self) -> Self {
        self.changes_access = true;
        self
    }

    pub fn changes_access(&self) -> bool {
        self.changes_access
    }
}

/// Writes the event with its actor, request and time.
pub async fn record(connection: &impl ConnectionTrait, op: &OpContext, event: Event) -> Result<()> {
    let caller = op.actor().caller();
    let impersonator = caller.and_then(|caller| caller.impersonator.as_ref());
    let event = audit_event::ActiveModel {
        id: Set(op.new_id().to_string()),
        organization_pk: Set(event.organization_pk),
        actor_pk: Set(caller.map(|caller| caller.user_pk)),
        actor_id: Set(caller.map(|caller| caller.user_id.to_string())),
        impersonator_pk: Set(impersonator.map(|who| who.user_pk)),
        impersonator_id: Set(impersonator.map(|who| who.user_id.to_string())),
        action: Set(event.action.to_owned()),
        target_kind: Set(event.target_kind.to_owned()),
        target_pk: Set(Some(event.target_pk)),
        target_id: Set(event.target_id),
        fields: Set((!event.fields.is_empty()).then(|| event.fields.join(" "))),
        request_id: Set(Some(op.request_id().to_owned())),
        created_at: Set(op.now()),
        ..Default::default()
    };
    audit_event::Entity::insert(event)
        .exec_without_returning(connection)
        .await?;
    Ok(())
}
