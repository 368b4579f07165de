//! Withdraws an invitation.

use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};

use super::{Invitation, Term, promised_roles};
use crate::authz::escalation::may_manage_invitation;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::outbox;
use crate::directory::role::union;
use crate::list::{Named, expect_version, locate};
use crate::model::error::{ConflictReason, Error, Result};
use crate::store::audit_trail::Event;

/// Withdraws an open invitation, expired or not: its secret becomes invalid. `CONFLICT` if it was accepted or withdrawn
/// before.
pub async fn withdraw(op: &OpContext, named: &Named<Term>, expected_version: Option<i64>) -> Result<Invitation> {
    let granted = op.authorize(Action::Delete, Resource::Invitation)?;
    let change = op.begin().await?;
    let row = locate::<Invitation>(&*change, &granted, named, "invitation").await?;
    expect_version(row.version, expected_version)?;
    let roles = promised_roles(&*change, [row.pk]).await?.remove(&row.pk);
    may_manage_invitation(op.actor(), union(&roles.unwrap_or_default()))?;
    if row.accepted_at.is_some() || row.withdrawn_at.is_some() {
        return Err(Error::conflict(
            ConflictReason::Done,
            "This invitation has already been accepted or withdrawn.".to_owned(),
        ));
    }
    let now = op.now();
    let (version, updated_at) = (row.version, row.updated_at);
    let mut new = row.into_active_model();
    new.withdrawn_at = Set(Some(now));
    new.version = Set(version + 1);
    new.updated_at = Set(now.later_than(updated_at));
    let row = new.update(&*change).await?;
    outbox::forget_invitation_in_txn(&*change, row.pk).await?;
    let event = Event::new("invitation.withdraw", row.pk, &row.id).of_tenant(row.organization_pk, row.tenant_pk);
    change.commit([event]).await?;
    Ok(row.into())
}
