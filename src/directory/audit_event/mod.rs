//! The audit trail: who did what to what, written in the transaction of the change itself.
//!
//! An event names the fields that changed, never their values, so it can be read by an administrator without telling
//! secrets. Events have no foreign keys: they outlive what they speak of, and internal keys tell two things of one id
//! apart. Nothing changes an event: there is no verb for it, and the database refuses it by triggers.
//!
//! Refusals are written too, after the answer and never in its way: what was forbidden, wrong passwords, and
//! impersonations that were not honoured. Of the same caller, action and target, those of a minute are one event with a
//! count. A wrong password for an account is told to the administrators of its organization.
//!
//! Pages of events never change once they are read. Keys are counted up when an event is written, but transactions commit
//! in any order: of two, the one with the lower key may come later, behind a page that was read meanwhile. Therefore
//! events are ordered by their transactions' numbers, and on PostgreSQL a list ends before the oldest transaction that is
//! still under way.

mod era;
mod file;
mod follow;
mod read;

pub use era::begin_era_if_restored;
pub use file::{AuditFile, file_position};
pub use follow::newest_position;
pub use read::Term;

use sea_orm::IntoSimpleExpr;
use sea_orm::sea_query::SimpleExpr;

use crate::list::{SortKey, SortValue, Sorted, record};
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
        ACTOR_ID actor_id: Option<String> = ActorId,
        IMPERSONATOR_ID impersonator_id: Option<String> = ImpersonatorId,
        ACTION action: String = Action,
        TARGET_KIND target_kind: String = TargetKind,
        TARGET_ID target_id: String = TargetId,
        /// Names parted by blanks.
        FIELDS fields: Option<String> = Fields,
        REQUEST_ID request_id: Option<String> = RequestId,
        COUNT count: i64 = Count,
        REFUSED refused: bool = Refused,
        POSITION position: i64 = Position,
        CREATED_AT created_at: Timestamp = CreatedAt,
    }
}

impl Sorted for AuditEvent {
    type Fields = AuditEventFields;

    fn sort_fields(_key: SortKey) -> AuditEventFields {
        AuditEventFields::POSITION
    }

    /// The order of commits is the only one, so that what was read stays read.
    fn sort_expression(key: SortKey) -> Option<SimpleExpr> {
        match key {
            SortKey::CreatedAt => Some(Column::Position.into_simple_expr()),
            SortKey::UpdatedAt | SortKey::Name | SortKey::Email | SortKey::Id => None,
        }
    }

    fn sort_value(&self, _key: SortKey) -> SortValue {
        SortValue::Number(self.position)
    }
}
