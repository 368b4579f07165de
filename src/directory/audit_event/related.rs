//! What an event names besides its target, as far as the caller may read it.

use super::AuditEvent;
use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::model::error::Result;
use crate::store::audit_trail::Related;

/// The audit events that the caller may read.
pub fn readable(op: &OpContext) -> Result<Granted> {
    op.authorize(Action::Read, Resource::AuditEvent)
}

impl AuditEvent {
    /// What the event names. Administrators of single tenants do not read which other tenants it is about, nor which roles
    /// for them.
    pub fn related_within(&self, granted: &Granted) -> Related {
        let mut related = Related::from_stored(self.related.as_deref());
        if let Some(tenants) = granted.tenants() {
            related
                .all
                .retain(|one| one.tenant_pk.is_none_or(|pk| tenants.keys.contains(&pk)));
        }
        related
    }
}
