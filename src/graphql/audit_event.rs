//! Audit events in the schema.

use async_graphql::{ID, SimpleObject};

use crate::context::OpContext;
use crate::directory::audit_event::{AuditEvent, Term};
use crate::directory::organization::Organization;
use crate::graphql::filter::{equals, one_of, related, starts_with};
use crate::graphql::organization::{OrganizationObject, OrganizationWhere, beside as organizations_beside};
use crate::graphql::{
    DateTime, Listing, Related, Selection, Where, connection_type, list_fields, order_by, where_input,
};
use crate::list::Filter;

/// Who did what to what. It lists the fields that changed, never their values, and is never modified.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "AuditEvent")]
pub struct AuditEventObject {
    /// Identifies the event.
    pub id: ID,
    /// `<kind>.<verb>`, as in `user.create`; for a refusal, the requested field.
    pub action: String,
    /// The id of the calling user; null for anonymous calls and for commands on the server.
    pub actor_id: Option<String>,
    /// The id of the impersonating user; null if there was none.
    pub impersonator_id: Option<String>,
    /// The organization it happened in; null once the organization is deleted.
    pub organization: Option<Box<OrganizationObject>>,
    /// The kind of the target, as in `user`.
    pub target_kind: String,
    /// The target's id at that time.
    pub target_id: String,
    /// The names of the fields that changed.
    pub fields: Vec<String>,
    /// The request id, as in the response's `X-Request-Id` header.
    pub request_id: Option<String>,
    /// How often it happened within a minute; more than one only for refusals.
    pub count: i64,
    /// Whether it was refused, so that nothing happened.
    pub refused: bool,
    /// When it happened.
    pub created_at: DateTime,
}

where_input! {
    /// Filter for events. Conditions are combined with AND; null means not specified.
    AuditEventWhere of Term;
    id id id_in;
    {
        /// Exact action.
        action: String = |_, text| equals(&text, Term::Action),
        /// One of these actions.
        action_in: Vec<String> = |_, texts| one_of(&texts, Term::Action),
        /// Action starts with this, as in `user.`.
        action_starts_with: String = |_, text| starts_with(&text, Term::Action),
        /// The acting user had this id at that time.
        actor_id: String = |_, text| equals(&text, Term::ActorId),
        /// The impersonating user had this id at that time.
        impersonator_id: String = |_, text| equals(&text, Term::ImpersonatorId),
        /// The target is of this kind.
        target_kind: String = |_, text| equals(&text, Term::TargetKind),
        /// The target had this id at that time.
        target_id: String = |_, text| equals(&text, Term::TargetId),
        /// Exact request id.
        request_id: String = |_, text| equals(&text, Term::RequestId),
        /// Refusals, or what was done.
        refused: bool = |_, refused| [Filter::Is(Term::Refused(refused))],
        /// At this moment or later.
        from: DateTime = |_, moment| [Filter::Is(Term::From(moment.0))],
        /// Earlier than this moment.
        before: DateTime = |_, moment| [Filter::Is(Term::Before(moment.0))],
        /// It happened in an organization that matches this.
        organization: Box<OrganizationWhere> = |op, one| related(one.filter(op), Term::Organization),
    }
}

order_by! {
    /// Sort order of events, by the time of their commit: the only order in which a page never changes once it is read.
    AuditEventOrderBy {
        CreatedAt: CreatedAtAsc "Oldest first; the default.", CreatedAtDesc "Newest first.";
    }
}

connection_type!(AuditEventConnection, AuditEventEdge, AuditEventObject, "audit events");

impl Listing for AuditEvent {
    type Object = AuditEventObject;
    type Where = AuditEventWhere;
    type OrderBy = AuditEventOrderBy;
    type Preloaded = Related<Organization>;

    fn filter(op: &OpContext, wanted: AuditEventWhere) -> Filter<Term> {
        wanted.filter(op).and_own(Term::Settled)
    }

    async fn preload(
        op: &OpContext,
        things: &[Self],
        selection: &Selection<'_>,
    ) -> crate::model::error::Result<Self::Preloaded> {
        organizations_beside(op, selection, things.iter().filter_map(|event| event.organization_pk)).await
    }

    fn object(self, _op: &OpContext, organizations: &Related<Organization>) -> AuditEventObject {
        let fields = self.fields.iter().flat_map(|names| names.split(' '));
        AuditEventObject {
            id: ID(self.id),
            action: self.action,
            actor_id: self.actor_id,
            impersonator_id: self.impersonator_id,
            organization: organizations.object(self.organization_pk),
            target_kind: self.target_kind,
            target_id: self.target_id,
            fields: fields.map(str::to_owned).collect(),
            request_id: self.request_id,
            count: self.count,
            refused: self.refused,
            created_at: self.created_at.into(),
        }
    }
}

list_fields! {
    AuditQuery of AuditEvent as AuditEventObject, AuditEventWhere, AuditEventOrderBy, AuditEventConnection;
    where "Filter; all events by default.";
    /// The events of the caller's organization; for a super admin, of all organizations. Needs `read:audit`.
    audit_events;
    /// Number of events that `auditEvents` lists for this `where`.
    count_audit_events;
    /// `auditEvents` with cursor pagination. Reading on from the last cursor never misses an event, however late it was
    /// committed.
    audit_events_connection;
}
