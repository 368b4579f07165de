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

/// Who did what to what. It names the fields that changed, never their values, and nothing changes it.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "AuditEvent")]
pub struct AuditEventObject {
    /// Names the event.
    pub id: ID,
    /// `<kind>.<verb>`, as in `user.create`; for a refusal the field that was asked for.
    pub action: String,
    /// The id of the user who called; null for nobody and for the machine's own commands.
    pub actor_id: Option<String>,
    /// The id of the user who called in the actor's place; null if nobody did.
    pub impersonator_id: Option<String>,
    /// The organization it happened in; null once that is deleted.
    pub organization: Option<Box<OrganizationObject>>,
    /// The kind of what it happened to, as in `user`.
    pub target_kind: String,
    /// The id, at that time, of what it happened to.
    pub target_id: String,
    /// The names of the fields that changed.
    pub fields: Vec<String>,
    /// The id of the request, as its answer's `X-Request-Id` had it.
    pub request_id: Option<String>,
    /// How often it happened within a minute; above one for refusals only.
    pub count: i64,
    /// Whether it was refused, and so nothing happened.
    pub refused: bool,
    /// When it happened.
    pub created_at: DateTime,
}

/// Which events. Fields are AND-ed; null is not given.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "AuditEventWhere")]
pub struct AuditEventWhere {
    /// This very id.
    id: Option<ID>,
    /// One of these ids.
    id_in: Option<Vec<ID>>,
    /// This very action.
    action: Option<String>,
    /// One of these actions.
    action_in: Option<Vec<String>>,
    /// Actions that start so, as in `user.`.
    action_starts_with: Option<String>,
    /// Of this user, by the id it had then.
    actor_id: Option<String>,
    /// In somebody's place by this user, by the id it had then.
    impersonator_id: Option<String>,
    /// To things of this kind.
    target_kind: Option<String>,
    /// To things that had this id then.
    target_id: Option<String>,
    /// Of this request.
    request_id: Option<String>,
    /// Refusals, or what was done.
    refused: Option<bool>,
    /// At this moment or later.
    from: Option<DateTime>,
    /// Earlier than this moment.
    before: Option<DateTime>,
    /// In an organization like this.
    organization: Option<Box<OrganizationWhere>>,
    /// All of these.
    #[graphql(name = "AND")]
    and: Option<Vec<AuditEventWhere>>,
    /// At least one of these.
    #[graphql(name = "OR")]
    or: Option<Vec<AuditEventWhere>>,
    /// Not this.
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

/// Which way events are ordered: by when they were committed, the only order in which a page once read never changes.
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
    where "Which events; all of them by default.";
    /// The events of the caller's organization, of all for a super admin. Needs `read:audit`.
    audit_events;
    /// How many events `auditEvents` lists for this `where`.
    count_audit_events;
    /// `auditEvents`, continued from a cursor. Reading on from the last cursor never misses an event, however late it was
    /// committed.
    audit_events_connection;
}
