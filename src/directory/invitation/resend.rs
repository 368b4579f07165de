//! Mails an invitation again.

use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set};

use super::send::{LIFETIME, free_address, mail_in_txn};
use super::{Invitation, Term, promised_roles};
use crate::authz::escalation::may_manage_invitation;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::organization::require_mail;
use crate::directory::outbox;
use crate::directory::role::union;
use crate::list::{Named, expect_version, locate};
use crate::model::Secret;
use crate::model::error::{ConflictReason, Error, Result};
use crate::store::audit_trail::Event;
use crate::store::entity::organization;

/// Mails an open invitation again, with a new secret; the earlier one becomes invalid. It expires in seven days, or
/// when it expired before, whichever is later. `CONFLICT` if it was accepted or withdrawn, or if the address has an
/// account by now. The caller is now the user who sent it.
pub async fn resend(op: &OpContext, named: &Named<Term>, expected_version: Option<i64>) -> Result<Invitation> {
    let granted = op.authorize(Action::Modify, Resource::Invitation)?;
    op.mailer().require()?;
    let change = op.begin().await?;
    let row = locate::<Invitation>(&*change, &granted, named, "invitation").await?;
    expect_version(row.version, expected_version)?;
    require_mail(&*change, row.organization_pk, "where").await?;
    let roles = promised_roles(&*change, [row.pk]).await?.remove(&row.pk);
    may_manage_invitation(op.actor(), union(&roles.unwrap_or_default()))?;
    if row.accepted_at.is_some() || row.withdrawn_at.is_some() {
        return Err(Error::conflict(
            ConflictReason::Done,
            "This invitation was accepted or withdrawn; send a new one.".to_owned(),
        ));
    }
    free_address(&*change, &granted, row.organization_pk, &row.email).await?;
    let home = organization::Entity::find_by_id(row.organization_pk)
        .one(&*change)
        .await?
        .ok_or_else(|| Error::internal("an invitation without its organization"))?;
    let secret = Secret::mailed_token()?;
    let now = op.now();
    let (version, updated_at, expires_at) = (row.version, row.updated_at, row.expires_at);
    let mut new = row.into_active_model();
    new.digest = Set(secret.digest());
    new.expires_at = Set(now.after(LIFETIME).max(expires_at));
    new.inviter_pk = Set(op.actor().caller().map(|caller| caller.user_pk));
    (new.mailed_at, new.mail_failed_at, new.mail_problem) = (Set(None), Set(None), Set(None));
    new.version = Set(version + 1);
    new.updated_at = Set(now.later_than(updated_at));
    let row = new.update(&*change).await?;
    // A mail that is still in the outbox has the old secret.
    outbox::forget_invitation_in_txn(&*change, row.pk).await?;
    mail_in_txn(&*change, op, &home, &row, &secret).await?;
    let event = Event::new("invitation.resend", row.pk, &row.id).of_tenant(home.pk, row.tenant_pk);
    change.commit([event]).await?;
    Ok(row.into())
}
