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
    /// for them, and the groups only if they may read groups in all these tenants.
    pub fn related_within(&self, granted: &Granted, of_groups: Option<&Granted>) -> Related {
        let mut related = Related::from_stored(self.related.as_deref());
        if let Some(tenants) = granted.tenants() {
            let reads_groups = of_groups.is_some_and(|groups| match groups.tenants() {
                Some(of_groups) => tenants.keys.iter().all(|pk| of_groups.keys.contains(pk)),
                None => true,
            });
            related.all.retain(|one| {
                one.tenant_pk.is_none_or(|pk| tenants.keys.contains(&pk)) && (reads_groups || one.kind != "group")
            });
        }
        related
    }
}
