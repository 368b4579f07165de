//! Invitations: mails that offer an account in an organization, with a tenant and roles.
//!
//! - Callers with `read:user` see the organization's invitations. Callers with `write:user` send, resend and withdraw
//!   them, with no more permissions than their own.
//! - The secret is only in the mail; only its digest is stored, and a resent invitation has a new secret.
//! - An address has at most one open invitation in an organization. An expired one is replaced by a new one.
//! - An invitation takes no seat; accepting it does. Accepting it also verifies the e-mail address.
//! - It does not outlive the rights of the user who sent it: while that user is deactivated, it cannot be accepted, and
//!   deleting the user withdraws it. Another user can send it again, and is then its sender.
//! - It is deleted with its organization or its tenant, and a deleted role is removed from it.

mod accept;
mod read;
mod resend;
mod send;
mod withdraw;

pub use accept::{Acceptance, accept};
pub use read::{Term, promised_roles};
pub use resend::resend;
pub use send::{LIFETIME, NewInvitation, send};
pub use withdraw::{withdraw, withdraw_all_of_in_txn};

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
            inviter_pk: Option<i64> = InviterPk,
        }
        EMAIL email: Option<Email> = Email,
        EXPIRES_AT expires_at: Timestamp = ExpiresAt,
        ACCEPTED_AT accepted_at: Option<Timestamp> = AcceptedAt,
        WITHDRAWN_AT withdrawn_at: Option<Timestamp> = WithdrawnAt,
        MAILED_AT mailed_at: Option<Timestamp> = MailedAt,
        MAIL_FAILED_AT mail_failed_at: Option<Timestamp> = MailFailedAt,
        /// The last reply of the mail server.
        MAIL_PROBLEM mail_problem: Option<String> = MailProblem,
        VERSION version: i64 = Version,
        CREATED_AT created_at: Timestamp = CreatedAt,
        UPDATED_AT updated_at: Timestamp = UpdatedAt,
    }
}

/// The state of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationState {
    Pending,
    Accepted,
    Withdrawn,
    Expired,
}

/// The state of an invitation's last mail.
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
        UpdatedAt: UPDATED_AT UpdatedAt updated_at,
        Email: EMAIL Email email,
    }
}
