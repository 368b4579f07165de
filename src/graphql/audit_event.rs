//! Audit events in the schema.

use async_graphql::{Enum, ID, SimpleObject};

use crate::authz::Granted;
use crate::context::OpContext;
use crate::directory::audit_event::{self, AuditEvent, AuditEventFields, Term};
use crate::directory::group;
use crate::directory::organization::Organization;
use crate::directory::user::User;
use crate::graphql::filter::{equals, one_of, related, starts_with};
use crate::graphql::organization::{OrganizationObject, OrganizationWhere, beside as organizations_beside};
use crate::graphql::user::{UserObject, in_field as users_beside};
use crate::graphql::{
    DateTime, List, Listing, Related, Selection, Shared, Where, connection_type, list_fields, node_fields, order_by,
    where_input,
};
use crate::list::Filter;
use crate::store::audit_trail::{Became, Mention};

/// An audit event: a change or a denied request, with who made it and what it affected. It has the names of the fields
/// that changed, never their values. Audit events are never modified: names are those at the time of the event.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "AuditEvent", complex)]
pub struct AuditEventObject {
    /// The id of the event.
    pub id: ID,
    /// `<kind>.<verb>`, for example `user.create`: what was done or, for a denied request, what would have been done. For a
    /// denied query, `<kind>.read`; `refusal.overflow` counts denied requests beyond the limit.
    pub action: String,
    /// The id of the user who made the request; during an impersonation, of the impersonated user. Null for anonymous
    /// requests, for `tenantry` commands, and for users of other organizations who are not super admins.
    pub actor_id: Option<ID>,
    /// That user; null if the caller cannot, or can no longer, see it.
    pub actor: Option<Shared<UserObject>>,
    /// The id of the impersonator; null if the request was not made during an impersonation, or if `actorId` is null.
    pub impersonator_id: Option<ID>,
    /// That user; null if the caller cannot, or can no longer, see it.
    pub impersonator: Option<Shared<UserObject>>,
    /// The organization it happened in; null once the organization is deleted.
    pub organization: Option<Shared<OrganizationObject>>,
    /// The kind of the target, for example `user`; `request` for a denied request without a known target.
    pub target_kind: String,
    /// The id of the target, which may have been deleted since; for the kind `request`, the same as `action`.
    pub target_id: ID,
    /// The name that the target had: of a user, its name without the email address. Null if it has none, and for
    /// invitations.
    pub target_name: Option<String>,
    /// What else the event is about: roles, permissions, groups, tenants, organizations and users. At most 100. A caller who
    /// manages single tenants does not see other tenants, nor roles for them.
    pub related: List<AuditRelatedObject>,
    /// Whether the event is about more than `related` can have.
    pub related_truncated: bool,
    /// The names of the fields that changed.
    pub fields: Vec<String>,
    /// For `user.impersonate`, the reason that the impersonator gave; otherwise null. An impersonation with a header has no
    /// reason.
    pub reason: Option<String>,
    /// The address that the request came from; for denied requests, the first of them. Null for `tenantry` commands, if
    /// `actorId` is hidden, and for a password reset of an account whose address may be somebody else's.
    pub client_address: Option<String>,
    /// What the client called itself in the header `User-Agent`, at most 255 characters, without control characters. It can
    /// be any text. Null if there was none, for `tenantry` commands, and if `actorId` is hidden.
    pub user_agent: Option<String>,
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

node_fields! {
    AuditEventObject as "AuditEvent" {}
}

/// Something that an audit event is about besides its target, with the names at the time.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "AuditRelated")]
pub struct AuditRelatedObject {
    /// Its kind: `role`, `permission`, `group`, `tenant`, `organization` or `user`.
    pub kind: String,
    /// Its id; of a permission, its name.
    pub id: ID,
    /// Its name; null if it has none.
    pub name: Option<String>,
    /// For a role that is assigned for a single tenant, the id of that tenant; otherwise null.
    pub tenant_id: Option<ID>,
    /// The name of that tenant.
    pub tenant_name: Option<String>,
    /// What the event did with it; null if it only says more about the target.
    pub change: Option<AuditRelatedChange>,
}

/// What an audit event did with something that it is about.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditRelatedChange {
    /// The target gained it: a role was assigned, a user was added to a group, or moved to a tenant.
    Added,
    /// The target lost it.
    Removed,
}

impl From<Mention> for AuditRelatedObject {
    fn from(mention: Mention) -> Self {
        Self {
            kind: mention.kind,
            id: ID(mention.id),
            name: mention.name,
            tenant_id: mention.tenant_id.map(ID),
            tenant_name: mention.tenant_name,
            change: mention.change.map(|change| match change {
                Became::Added => AuditRelatedChange::Added,
                Became::Removed => AuditRelatedChange::Removed,
            }),
        }
    }
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
        /// Events that concern the user with this id: what the user did (also as, or through, another user), what happened to
        /// the user, and what happened to its API keys, sessions and memberships.
        concerns_user_id: String = |_, text| equals(&text, Term::Concerns),
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
    /// Sort order of audit events. Only the order of the trail, which is the order of transactions, guarantees that new
    /// events come after all events that could be read before: a page in ascending order never changes once it is read. The
    /// order of `createdAt` can differ slightly, and an event can appear before others that could already be read.
    AuditEventOrderBy {
        Position: PositionAsc "In the order of the trail; the default.", PositionDesc "Against the order of the trail.";
        CreatedAt: CreatedAtAsc "By time, oldest first.", CreatedAtDesc "By time, newest first.";
    }
}

connection_type!(AuditEventConnection, AuditEventEdge, AuditEventObject, "audit events");

impl Listing for AuditEvent {
    type Object = AuditEventObject;
    type Where = AuditEventWhere;
    type OrderBy = AuditEventOrderBy;
    type Preloaded = Preloaded;

    fn filter(op: &OpContext, wanted: AuditEventWhere) -> Filter<Term> {
        wanted.filter(op).and_own(Term::Settled)
    }

    fn behind(name: &str) -> AuditEventFields {
        match name {
            "actor" => AuditEventFields::ACTOR_PK,
            "impersonator" => AuditEventFields::IMPERSONATOR_PK,
            "relatedTruncated" => AuditEventFields::RELATED,
            _ => AuditEventFields::empty(),
        }
    }

    async fn preload(
        op: &OpContext,
        things: &[Self],
        selection: &Selection<'_>,
    ) -> crate::model::error::Result<Self::Preloaded> {
        let organizations = things.iter().filter_map(|event| event.organization_pk);
        let actors = things.iter().filter_map(|event| event.actor_pk);
        let impersonators = things.iter().filter_map(|event| event.impersonator_pk);
        Ok(Preloaded {
            granted: audit_event::readable(op)?,
            of_groups: group::readable(op).ok(),
            organizations: organizations_beside(op, selection, organizations).await?,
            actors: users_beside(op, selection, "actor", actors).await?,
            impersonators: users_beside(op, selection, "impersonator", impersonators).await?,
        })
    }

    fn object(self, _op: &OpContext, preloaded: &Preloaded) -> AuditEventObject {
        let related = self.related_within(&preloaded.granted, preloaded.of_groups.as_ref());
        let fields = self.fields.iter().flat_map(|names| names.split(' '));
        AuditEventObject {
            id: ID(self.id),
            action: self.action,
            actor_id: self.actor_id.map(ID),
            actor: preloaded.actors.object(self.actor_pk),
            impersonator_id: self.impersonator_id.map(ID),
            impersonator: preloaded.impersonators.object(self.impersonator_pk),
            organization: preloaded.organizations.object(self.organization_pk),
            target_kind: self.target_kind,
            target_id: ID(self.target_id),
            target_name: self.target_name,
            related: related.all.into_iter().map(Into::into).collect(),
            related_truncated: related.cut,
            fields: fields.map(str::to_owned).collect(),
            reason: self.reason,
            client_address: self.client_address,
            user_agent: self.user_agent,
            request_id: self.request_id,
            count: self.count,
            refused: self.refused,
            created_at: self.created_at.into(),
        }
    }
}

/// The relations of a page of events.
pub struct Preloaded {
    granted: Granted,
    of_groups: Option<Granted>,
    organizations: Related<Organization>,
    actors: Related<User>,
    impersonators: Related<User>,
}

list_fields! {
    AuditQuery of AuditEvent as AuditEventObject, AuditEventWhere, AuditEventOrderBy, AuditEventConnection;
    where "Filter. Default: all events.";
    /// The audit events of the caller's organization; for a super admin, of all organizations. Needs `read:audit`; for single
    /// tenants, it shows the events about these tenants, their users and their invitations.
    audit_events;
    /// Number of events that `auditEvents` lists for this `where`.
    count_audit_events;
    /// `auditEvents` with cursor pagination. If you continue after the last cursor in the order `POSITION_ASC`, you never miss
    /// an event, even one whose transaction was committed late. The order of `createdAt` has no such guarantee.
    audit_events_connection;
    /// The audit event that `where` names, if `auditEvents` would list it; otherwise null.
    audit_event where "Which audit event: `id` is required; any further conditions must match too.";
}
