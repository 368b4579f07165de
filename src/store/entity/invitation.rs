//! `invitations`.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{Condition, QuerySelect, QueryTrait};

use super::{in_tenants, user};
use crate::authz::{Granted, Scope};
use crate::model::{Email, InvitationId, Timestamp};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invitations")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    pub id: InvitationId,
    pub organization_pk: i64,
    pub tenant_pk: Option<i64>,
    pub email: Email,
    pub digest: String,
    pub expires_at: Timestamp,
    pub accepted_at: Option<Timestamp>,
    pub withdrawn_at: Option<Timestamp>,
    /// When the mail server accepted the last mail.
    pub mailed_at: Option<Timestamp>,
    /// When the last mail failed permanently.
    pub mail_failed_at: Option<Timestamp>,
    /// The last reply of the mail server.
    pub mail_problem: Option<String>,
    /// The user who sent it, or who sent it again; deleting the user clears it.
    pub inviter_pk: Option<i64>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}

pub fn within(granted: &Granted) -> Condition {
    match granted.scope() {
        Scope::Everything => Condition::all(),
        Scope::Organization(pk) => Condition::all().add(Column::OrganizationPk.eq(*pk)),
        Scope::Tenants(tenants) => in_tenants(tenants, Column::OrganizationPk, Column::TenantPk),
        Scope::Oneself(_) => Condition::all().add(Column::Pk.is_null()),
    }
}

/// Neither accepted nor withdrawn; it may have expired.
pub fn open() -> Condition {
    Condition::all()
        .add(Column::AcceptedAt.is_null())
        .add(Column::WithdrawnAt.is_null())
}

/// Sent by a user who is activated, or by no user: an invitation does not outlive the rights of its sender.
pub fn of_active_inviter() -> Condition {
    let active = user::Entity::find()
        .select_only()
        .column(user::Column::Pk)
        .filter(Expr::col((user::Entity, user::Column::Pk)).equals((Entity, Column::InviterPk)))
        .filter(Expr::col((user::Entity, user::Column::Activated)).eq(true));
    Condition::any()
        .add(Column::InviterPk.is_null())
        .add(Expr::exists(active.into_query()))
}

/// Open and not expired.
pub fn pending(at: Timestamp) -> Condition {
    open().add(Column::ExpiresAt.gt(at))
}
