//! Audit events in the schema.

use async_graphql::{ID, SimpleObject};

use crate::context::OpContext;
use crate::directory::audit_event::{AuditEvent, Term};
use crate::directory::organization::Organization;
use crate::graphql::filter::{equals, one_of, related, starts_with};
use crate::graphql::node::node_id;
use crate::graphql::organization::{OrganizationObject, OrganizationWhere, beside as organizations_beside};
use crate::graphql::{
    DateTime, Listing, Related, Selection, Where, connection_type, list_fields, order_by, where_input,
};
use crate::list::Filter;

/// An audit event: a change or a denied request, with who made it and what it affected. It has the names of the fields
/// that changed, never their values. Audit events are never modified.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "AuditEvent")]
pub struct AuditEventObject {
    /// The id of the event.
    pub id: ID,
    /// An id that is unique over all types; for `node`.
    pub node_id: ID,
    /// `<kind>.<verb>`, for example `user.create`. For a denied request, the requested operation, for example the
    /// mutation `createUser`.
    pub action: String,
    /// The id of the user who made the request; during an impersonation, of the impersonated user. Null for anonymous
    /// requests, for `tenantry` commands, and for users of other organizations who are not super admins.
    pub actor_id: Option<String>,
    /// The id of the impersonator; null if the request was not made during an impersonation, or if `actorId` is null.
    pub impersonator_id: Option<String>,
    /// The organization it happened in; null once the organization is deleted.
    pub organization: Option<Box<OrganizationObject>>,
    /// The kind of the target, for example `user`; `request` for a denied request without a known target.
    pub target_kind: String,
    /// The id of the target, which may have been deleted since; for the kind `request`, the same as `action`.
    pub target_id: String,
    /// The names of the fields that changed.
    pub fields: Vec<String>,
    /// The id of the request, which is also in the response's `X-Request-Id` header.
    pub request_id: Option<String>,
    /// For a denied request, the number of requests within a minute with the same caller, action and target; otherwise
    /// 1.
    pub count: i64,
    /// Whether the request was denied. A denied request changes nothing.
    pub refused: bool,
    /// When it happened.
    pub created_at: DateTime,
}

where_input! {
    /// Filter for audit events. Conditions are combined with AND; a null condition is ignored.
    AuditEventWhere of Term;
    id id id_in;
    {
        /// Exact action.
        action: String = |_, text| equals(&text, Term::Action),
        /// One of these actions.
        action_in: Vec<String> = |_, texts| one_of(&texts, Term::Action),
        /// Action starts with this, for example `user.`.
        action_starts_with: String = |_, text| starts_with(&text, Term::Action),
        /// Exact `actorId`.
        actor_id: String = |_, text| equals(&text, Term::ActorId),
        /// Exact `impersonatorId`.
        impersonator_id: String = |_, text| equals(&text, Term::ImpersonatorId),
        /// Exact `targetKind`.
        target_kind: String = |_, text| equals(&text, Term::TargetKind),
        /// Exact `targetId`.
        target_id: String = |_, text| equals(&text, Term::TargetId),
        /// Exact `requestId`.
        request_id: String = |_, text| equals(&text, Term::RequestId),
        /// `true`: denied requests; `false`: all other events.
        refused: bool = |_, refused| [Filter::Is(Term::Refused(refused))],
        /// At this moment or later.
        from: DateTime = |_, moment| [Filter::Is(Term::From(moment.0))],
        /// Earlier than this moment.
        before: DateTime = |_, moment| [Filter::Is(Term::Before(moment.0))],
        /// Events of an organization that matches this.
        organization: Box<OrganizationWhere> = |op, one| related(one.filter(op), Term::Organization),
    }
}

order_by! {
    /// Sort order of audit events: by transaction. The order of `createdAt` can differ slightly. New events always come
    /// after all events that could be read before, so in ascending order a page never changes once it is read.
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
            node_id: node_id("AuditEvent", &self.id),
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
    where "Filter. Default: all events.";
    /// The audit events of the caller's organization; for a super admin, of all organizations. Needs `read:audit`; for single
    /// tenants, it shows the events about these tenants, their users and their invitations.
    audit_events;
    /// Number of events that `auditEvents` lists for this `where`.
    count_audit_events;
    /// `auditEvents` with cursor pagination. If you continue after the last cursor, you never miss an event, even one
    /// whose transaction was committed late.
    audit_events_connection;
    /// The audit event that `where` names, if `auditEvents` would list it; otherwise null.
    audit_event where "Which audit event: `id` is required; any further conditions must match too.";
}
