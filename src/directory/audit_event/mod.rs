//! The audit trail: who did what to what, written in the transaction of the change itself.
//!
//! An event names the fields that changed, never their values, so administrators can read it without learning secrets. It
//! has the names that its target and what it is about had at the time ([`crate::store::audit_trail::Mention`]).
//! Events have no foreign keys, because they outlive the objects that they refer to; internal keys distinguish two
//! objects with the same id. Events are never changed: there is no verb for it, and database triggers prevent it.
//!
//! Denied requests are recorded too, after the response and without delaying it: `FORBIDDEN` requests, wrong passwords,
//! and refused impersonations. Those with the same caller, action and target within a minute are one event with a
//! count. A wrong password for an account is visible to the administrators of its organization.
//!
//! Pages of events never change once they are read. Keys are assigned when an event is written, but transactions commit
//! in any order: an event with a lower key may be committed after a page with higher ones was read. Therefore events
//! are ordered by transaction number, and on PostgreSQL a list ends before the oldest transaction that is still
//! running.

mod era;
mod file;
mod follow;
mod read;
mod related;

pub use era::begin_era_if_restored;
pub use file::{AuditFile, file_position};
pub use follow::newest_position;
pub use read::Term;
pub use related::readable;

use crate::list::{SortKey, SortValue, Sorted, Sorting, record};
use crate::model::Timestamp;
use crate::store::entity::audit_event::{self as table, Column};

record! {
    /// An event of the audit trail.
    AuditEvent, AuditEventFields, AuditEventFieldNumber of AuditEvent {
        always {
            pk: i64 = Pk,
            id: String = Id,
            organization_pk: Option<i64> = OrganizationPk,
        }
        ACTOR_PK actor_pk: Option<i64> = ActorPk,
        ACTOR_ID actor_id: Option<String> = ActorId,
        IMPERSONATOR_PK impersonator_pk: Option<i64> = ImpersonatorPk,
        IMPERSONATOR_ID impersonator_id: Option<String> = ImpersonatorId,
        ACTION action: String = Action,
        TARGET_KIND target_kind: String = TargetKind,
        TARGET_ID target_id: String = TargetId,
        TARGET_NAME target_name: Option<String> = TargetName,
        /// As stored; see [`AuditEvent::related_within`].
        RELATED related: Option<String> = Related,
        /// Names separated by spaces.
        FIELDS fields: Option<String> = Fields,
        REASON reason: Option<String> = Reason,
        CLIENT_ADDRESS client_address: Option<String> = ClientAddress,
        USER_AGENT user_agent: Option<String> = UserAgent,
        REQUEST_ID request_id: Option<String> = RequestId,
        COUNT count: i64 = Count,
        REFUSED refused: bool = Refused,
        POSITION position: i64 = Position,
        CREATED_AT created_at: Timestamp = CreatedAt,
    }
}

/// Pages in the order of the trail never change. A page in the order of `createdAt` can: transactions commit in another
/// order than they begin.
impl Sorted for AuditEvent {
    const DEFAULT: SortKey = SortKey::Position;

    type Fields = AuditEventFields;

    fn sort_fields(key: SortKey) -> AuditEventFields {
        match key {
            SortKey::CreatedAt => AuditEventFields::CREATED_AT,
            _ => AuditEventFields::POSITION,
        }
    }

    fn sorting(key: SortKey) -> Option<Sorting> {
        match key {
            SortKey::Position => Some(Column::Position.into()),
            SortKey::CreatedAt => Some(Column::CreatedAt.into()),
            SortKey::UpdatedAt | SortKey::Name | SortKey::Email | SortKey::UserName | SortKey::Id => None,
        }
    }

    fn sort_value(&self, key: SortKey) -> SortValue {
        match key {
            SortKey::CreatedAt => SortValue::from(&self.created_at),
            _ => SortValue::Number(self.position),
        }
    }
}
