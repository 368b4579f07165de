//! Withdraws an invitation.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, Set};

use super::{Invitation, Term, promised_roles};
use crate::authz::escalation::may_manage_invitation;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::outbox;
use crate::directory::role::union;
use crate::list::{Named, expect_version, locate};
use crate::model::Timestamp;
use crate::model::error::{ConflictReason, Error, Result};
use crate::store::audit_trail::Event;
use crate::store::entity::invitation::{self as table, Column};

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

/// Withdraws the open invitations that a user sent, because the user is being deleted.
pub async fn withdraw_all_of_in_txn(connection: &impl ConnectionTrait, inviter_pk: i64, now: Timestamp) -> Result<()> {
    outbox::forget_invitations_of_in_txn(connection, inviter_pk).await?;
    table::Entity::update_many()
        .col_expr(Column::WithdrawnAt, Expr::val(now.micros()))
        .col_expr(Column::UpdatedAt, Expr::val(now.micros()))
        .col_expr(Column::Version, Expr::cust("version + 1"))
        .filter(table::open())
        .filter(Column::InviterPk.eq(inviter_pk))
        .exec(connection)
        .await?;
    Ok(())
}
