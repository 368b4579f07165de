//! Invitations: e-mailed promises of an account in an organization, with a tenant and roles.
//!
//! - Who holds `read:user` sees the organization's invitations; who holds `write:user` sends, resends and withdraws
//!   them, and promises no more than it holds.
//! - The secret stands in the mail and nowhere else; only its digest is kept, and a resent invitation has a new one.
//! - An address has at most one open invitation in an organization. An expired one gives way to a new one.
//! - An invitation takes no seat; accepting it does. Whoever accepts has proved the address, which is verified by it.
//! - It goes with its organization or its tenant, and a role that is deleted is no longer promised.

mod accept;
mod read;
mod resend;
mod send;
mod withdraw;

pub use accept::{Acceptance, accept};
pub use read::{Term, promised_roles};
pub use resend::resend;
pub use send::{NewInvitation, send};
pub use withdraw::withdraw;

use sea_orm::Condition;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{IntoSimpleExpr, QueryResult};

use crate::authz::{Granted, Resource};
use crate::list::{Listed, SortKey, SortValue, Sql, record};
use crate::model::error::Result;
use crate::model::{Email, InvitationId, Timestamp};
use crate::store::entity::invitation::{self as table, Column};

record! {
    /// An invitation.
    Invitation, InvitationFields, InvitationFieldNumber from Column {
        always {
            pk: i64 = Pk,
            id: InvitationId = Id,
            organization_pk: i64 = OrganizationPk,
            tenant_pk: Option<i64> = TenantPk,
        }
        EMAIL email: Option<Email> = Email,
        EXPIRES_AT expires_at: Timestamp = ExpiresAt,
        ACCEPTED_AT accepted_at: Option<Timestamp> = AcceptedAt,
        WITHDRAWN_AT withdrawn_at: Option<Timestamp> = WithdrawnAt,
        MAILED_AT mailed_at: Option<Timestamp> = MailedAt,
        MAIL_FAILED_AT mail_failed_at: Option<Timestamp> = MailFailedAt,
        /// What the mail server said last, in its own words.
        MAIL_PROBLEM mail_problem: Option<String> = MailProblem,
        VERSION version: i64 = Version,
        CREATED_AT created_at: Timestamp = CreatedAt,
        UPDATED_AT updated_at: Timestamp = UpdatedAt,
    }
}

/// How an invitation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationState {
    Pending,
    Accepted,
    Withdrawn,
    Expired,
}

/// What became of an invitation's last mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailState {
    Waiting,
    Sent,
    Failed,
}

impl Invitation {
    pub fn mail_state(&self) -> MailState {
        match (self.mailed_at, self.mail_failed_at) {
            (Some(_), _) => MailState::Sent,
            (None, Some(_)) => MailState::Failed,
            (None, None) => MailState::Waiting,
        }
    }

    pub fn state(&self, at: Timestamp) -> InvitationState {
        match (self.accepted_at, self.withdrawn_at) {
            (Some(_), _) => InvitationState::Accepted,
            (None, Some(_)) => InvitationState::Withdrawn,
            (None, None) if self.expires_at <= at => InvitationState::Expired,
            (None, None) => InvitationState::Pending,
        }
    }
}

impl From<table::Model> for Invitation {
    fn from(row: table::Model) -> Self {
        Self {
            pk: row.pk,
            id: row.id,
            organization_pk: row.organization_pk,
            tenant_pk: row.tenant_pk,
            email: Some(row.email),
            expires_at: row.expires_at,
            accepted_at: row.accepted_at,
            withdrawn_at: row.withdrawn_at,
            mailed_at: row.mailed_at,
            mail_failed_at: row.mail_failed_at,
            mail_problem: row.mail_problem,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl Listed for Invitation {
    type Entity = table::Entity;
    type Fields = InvitationFields;
    type Term = Term;
    const RESOURCE: Resource = Resource::Invitation;

    fn columns(fields: InvitationFields) -> Vec<Column> {
        Self::columns_of(fields)
    }

    fn read(row: &QueryResult, fields: InvitationFields) -> Result<Self, DbErr> {
        Self::from_row(row, fields)
    }

    fn sort_fields(key: SortKey) -> InvitationFields {
        match key {
            SortKey::CreatedAt => InvitationFields::CREATED_AT,
            SortKey::UpdatedAt => InvitationFields::UPDATED_AT,
            SortKey::Email => InvitationFields::EMAIL,
            SortKey::Name | SortKey::Id => InvitationFields::empty(),
        }
    }

    fn within(granted: &Granted) -> Condition {
        table::within(granted)
    }

    fn condition(sql: &mut Sql, term: &Term) -> Result<Condition> {
        read::condition(sql, term)
    }

    fn sort_expression(key: SortKey) -> Option<SimpleExpr> {
        match key {
            SortKey::CreatedAt => Some(Column::CreatedAt.into_simple_expr()),
            SortKey::UpdatedAt => Some(Column::UpdatedAt.into_simple_expr()),
            SortKey::Email => Some(Column::Email.into_simple_expr()),
            SortKey::Id => Some(Column::Id.into_simple_expr()),
            SortKey::Name => None,
        }
    }

    fn sort_value(&self, key: SortKey) -> SortValue {
        match key {
            SortKey::CreatedAt => SortValue::Number(self.created_at.micros()),
            SortKey::UpdatedAt => SortValue::Number(self.updated_at.micros()),
            SortKey::Email => SortValue::Text(self.email.as_ref().map(Email::to_string).unwrap_or_default()),
            SortKey::Id | SortKey::Name => SortValue::Text(self.id.to_string()),
        }
    }

    fn pk(&self) -> i64 {
        self.pk
    }

    fn public_id(&self) -> &str {
        self.id.as_str()
    }

    fn pk_column() -> Column {
        Column::Pk
    }

    fn id_column() -> Column {
        Column::Id
    }
}
