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

use crate::list::{orders, record};
use crate::model::{Email, InvitationId, Timestamp};
use crate::store::entity::invitation::{self as table, Column};

record! {
    /// An invitation.
    Invitation, InvitationFields, InvitationFieldNumber of Invitation {
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

orders! {
    Invitation, InvitationFields {
        CreatedAt: CREATED_AT CreatedAt created_at,
        UpdatedAt: UPDATED_AT UpdatedAt updated_at,
        Email: EMAIL Email email,
    }
}
