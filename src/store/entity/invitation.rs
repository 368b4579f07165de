//! `invitations`.

use sea_orm::Condition;
use sea_orm::entity::prelude::*;

use super::in_tenants;
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

/// Open and not expired: its secret can be used to create the account.
pub fn pending(at: Timestamp) -> Condition {
    open().add(Column::ExpiresAt.gt(at))
}
