//! Audit events in the schema.

use std::collections::HashMap;

use async_graphql::{Enum, ID, InputObject, SimpleObject};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::context::OpContext;
use crate::directory::audit_event::{AuditEvent, Term};
use crate::graphql::organization::{OrganizationObject, OrganizationWhere, beside as organizations_beside};
use crate::graphql::{
    DateTime, Listing, OrderBy, Selection, TextFilter, combine, connection_type, list_fields, text_terms,
};
use crate::list::{Filter, Order, SortKey};

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

/// Filter for events. Conditions are combined with AND; null means not specified.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "AuditEventWhere")]
pub struct AuditEventWhere {
    /// Exact id.
    id: Option<ID>,
    /// One of these ids.
    id_in: Option<Vec<ID>>,
    /// Exact action.
    action: Option<String>,
    /// One of these actions.
    action_in: Option<Vec<String>>,
    /// Action starts with this, as in `user.`.
    action_starts_with: Option<String>,
    /// The acting user had this id at that time.
    actor_id: Option<String>,
    /// The impersonating user had this id at that time.
    impersonator_id: Option<String>,
    /// The target is of this kind.
    target_kind: Option<String>,
    /// The target had this id at that time.
    target_id: Option<String>,
    /// Exact request id.
    request_id: Option<String>,
    /// Refusals, or what was done.
    refused: Option<bool>,
    /// At this moment or later.
    from: Option<DateTime>,
    /// Earlier than this moment.
    before: Option<DateTime>,
    /// It happened in an organization that matches this.
    organization: Option<Box<OrganizationWhere>>,
    /// Matches all of these.
    #[graphql(name = "AND")]
    and: Option<Vec<AuditEventWhere>>,
    /// Matches at least one of these.
    #[graphql(name = "OR")]
    or: Option<Vec<AuditEventWhere>>,
    /// Does not match this.
    #[graphql(name = "NOT")]
    not: Option<Box<AuditEventWhere>>,
}

impl AuditEventWhere {
    fn tests(self, op: &OpContext) -> Filter<Term> {
        let ids = TextFilter {
            equals: self.id.map(|id| id.0),
            any_of: self.id_in.map(|ids| ids.into_iter().map(|id| id.0).collect()),
            ..TextFilter::default()
        };
        let actions = TextFilter {
            equals: self.action,
            any_of: self.action_in,
            starts_with: self.action_starts_with,
            ..TextFilter::default()
        };
        let equals = |text: Option<String>| TextFilter {
            equals: text,
            ..TextFilter::default()
        };
        let mut fields = text_terms(ids, Term::Id);
        fields.extend(text_terms(actions, Term::Action));
        fields.extend(text_terms(equals(self.actor_id), Term::ActorId));
        fields.extend(text_terms(equals(self.impersonator_id), Term::ImpersonatorId));
        fields.extend(text_terms(equals(self.target_kind), Term::TargetKind));
        fields.extend(text_terms(equals(self.target_id), Term::TargetId));
        fields.extend(text_terms(equals(self.request_id), Term::RequestId));
        fields.extend(self.refused.map(|refused| Filter::Is(Term::Refused(refused))));
        fields.extend(self.from.map(|moment| Filter::Is(Term::From(moment.0))));
        fields.extend(self.before.map(|moment| Filter::Is(Term::Before(moment.0))));
        fields.extend(
            self.organization
                .map(|one| one.filter(op))
                .filter(|one| !one.is_empty())
                .map(|one| Filter::Is(Term::Organization(one))),
        );
        combine(
            fields,
            self.and.map(|all| all.into_iter().map(|one| one.tests(op)).collect()),
            self.or.map(|any| any.into_iter().map(|one| one.tests(op)).collect()),
            self.not.map(|one| one.tests(op)),
        )
    }
}

/// Sort order of events, by the time of their commit: the only order in which a page never changes once it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum AuditEventOrderBy {
    /// Oldest first; the default.
    CreatedAtAsc,
    /// Newest first.
    CreatedAtDesc,
}

impl OrderBy for AuditEventOrderBy {
    fn order(self) -> Order {
        Order {
            key: SortKey::CreatedAt,
            descending: self == Self::CreatedAtDesc,
        }
    }
}

connection_type!(AuditEventConnection, AuditEventEdge, AuditEventObject, "audit events");

impl Listing for AuditEvent {
    type Object = AuditEventObject;
    type Where = AuditEventWhere;
    type OrderBy = AuditEventOrderBy;

    fn filter(op: &OpContext, wanted: AuditEventWhere) -> Filter<Term> {
        wanted.tests(op).and_own(Term::Settled)
    }

    fn present<'a>(
        op: &'a OpContext,
        things: Vec<Self>,
        selection: &'a Selection<'a>,
    ) -> BoxFuture<'a, crate::model::error::Result<Vec<AuditEventObject>>> {
        async move {
            let organizations: HashMap<i64, OrganizationObject> = match selection.under_field("organization") {
                Some(under) => {
                    organizations_beside(op, things.iter().filter_map(|event| event.organization_pk), &under).await?
                }
                None => HashMap::new(),
            };
            Ok(things
                .into_iter()
                .map(|event| AuditEventObject {
                    id: ID(event.id),
                    action: event.action,
                    actor_id: event.actor_id,
                    impersonator_id: event.impersonator_id,
                    organization: event
                        .organization_pk
                        .and_then(|pk| organizations.get(&pk))
                        .cloned()
                        .map(Box::new),
                    target_kind: event.target_kind,
                    target_id: event.target_id,
                    fields: event
                        .fields
                        .map(|names| names.split(' ').map(str::to_owned).collect())
                        .unwrap_or_default(),
                    request_id: event.request_id,
                    count: event.count,
                    refused: event.refused,
                    created_at: event.created_at.into(),
                })
                .collect())
        }
        .boxed()
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
