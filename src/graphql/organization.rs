//! Organizations in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::context::OpContext;
use crate::directory::organization::{self, Clearable, NewOrganization, Organization, OrganizationChange, Term};
use crate::directory::tenant::Tenant;
use crate::directory::user::User;
use crate::graphql::tenant::{TenantObject, TenantOrderBy, TenantWhere};
use crate::graphql::user::{UserObject, UserOrderBy, UserWhere};
use crate::graphql::{
    DateTime, Json, KeptJson, Listing, Nested, Result, Selection, TextFilter, combine, connection_type, list_fields,
    listing, nested_lists, op, order_by, text_terms,
};
use crate::list::{Filter, Named};
use crate::store::entity::{tenant as tenant_table, user as user_table};

/// The top of the tree: it owns its tenants and users. Nothing is shared between organizations.
///
/// Readable with `read:org`; its members can always see its id, name and times.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "Organization", complex)]
pub struct OrganizationObject {
    /// Chosen at creation, or a UUID; unique in the whole system.
    pub id: ID,
    /// 1 to 255 characters.
    pub name: String,
    /// Free JSON, set by super admins; null if none. Needs `read:org`.
    pub variables: Option<KeptJson>,
    /// Maximum number of activated users; null means no limit. Needs `read:org`.
    pub seat_limit: Option<i64>,
    /// Number of activated users. Needs `read:org`; otherwise null.
    pub seats_used: Option<i64>,
    /// Whether mail is sent to its users and to people it invites. Needs `read:org`; otherwise null.
    pub mail_allowed: Option<bool>,
    /// Incremented by every change; pass it as `expectedVersion` to change only the version you have read.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime,
    /// When it was last updated.
    pub updated_at: DateTime,
    #[graphql(skip)]
    users: Nested<UserObject>,
    #[graphql(skip)]
    tenants: Nested<TenantObject>,
}

nested_lists! {
    OrganizationObject {
        /// Its users that the caller may see.
        users: UserObject, UserWhere, UserOrderBy;
        where "Filter; all users by default.";
        /// Its tenants. Needs `read:tenant`.
        tenants: TenantObject, TenantWhere, TenantOrderBy;
        where "Filter; all tenants by default.";
    }
}

/// Filter for organizations. Conditions are combined with AND; null means not specified.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "OrganizationWhere")]
pub struct OrganizationWhere {
    /// Exact id.
    id: Option<ID>,
    /// One of these ids.
    id_in: Option<Vec<ID>>,
    /// Id starts with this.
    id_starts_with: Option<String>,
    /// Id contains this.
    id_contains: Option<String>,
    /// Exact name.
    name: Option<String>,
    /// One of these names.
    name_in: Option<Vec<String>>,
    /// Name starts with this.
    name_starts_with: Option<String>,
    /// Name contains this.
    name_contains: Option<String>,
    /// Organizations with a user that matches this.
    user: Option<Box<UserWhere>>,
    /// Matches all of these.
    #[graphql(name = "AND")]
    and: Option<Vec<OrganizationWhere>>,
    /// Matches at least one of these.
    #[graphql(name = "OR")]
    or: Option<Vec<OrganizationWhere>>,
    /// Does not match this.
    #[graphql(name = "NOT")]
    not: Option<Box<OrganizationWhere>>,
}

impl OrganizationWhere {
    /// The one organization that a change is for.
    fn named(mut self, op: &OpContext) -> Named<Term> {
        Named {
            id: self.id.take().map(|id| id.0),
            also: self.filter(op),
        }
    }

    pub fn filter(self, op: &OpContext) -> Filter<Term> {
        let ids = TextFilter {
            equals: self.id.map(|id| id.0),
            any_of: self.id_in.map(|ids| ids.into_iter().map(|id| id.0).collect()),
            starts_with: self.id_starts_with,
            contains: self.id_contains,
        };
        let names = TextFilter {
            equals: self.name,
            any_of: self.name_in,
            starts_with: self.name_starts_with,
            contains: self.name_contains,
        };
        let mut fields = text_terms(ids, Term::Id);
        fields.extend(text_terms(names, Term::Name));
        // `user: {email: null}` names nobody in particular, and so filters nothing.
        fields.extend(
            self.user
                .map(|user| user.filter(op))
                .filter(|user| !user.is_empty())
                .map(|user| Term::user(op, user)),
        );
        combine(
            fields,
            self.and.map(|all| all.into_iter().map(|one| one.filter(op)).collect()),
            self.or.map(|any| any.into_iter().map(|one| one.filter(op)).collect()),
            self.not.map(|one| one.filter(op)),
        )
    }
}

order_by! {
    /// Sort order of organizations; ties are ordered by id.
    OrganizationOrderBy, "OrganizationOrderBy" {
        /// Oldest first; the default.
        CreatedAtAsc = CreatedAt false,
        /// Newest first.
        CreatedAtDesc = CreatedAt true,
        /// Least recently updated first.
        UpdatedAtAsc = UpdatedAt false,
        /// Most recently updated first.
        UpdatedAtDesc = UpdatedAt true,
        /// By name, ascending by code point.
        NameAsc = Name false,
        /// By name, descending.
        NameDesc = Name true,
        /// By id, ascending by code point.
        IdAsc = Id false,
        /// By id, descending.
        IdDesc = Id true,
    }
}

connection_type!(
    OrganizationConnection,
    OrganizationEdge,
    OrganizationObject,
    "organizations"
);

impl Listing for Organization {
    type Object = OrganizationObject;
    type Where = OrganizationWhere;
    type OrderBy = OrganizationOrderBy;

    fn filter(op: &OpContext, wanted: OrganizationWhere) -> Filter<Term> {
        wanted.filter(op)
    }

    fn present<'a>(
        op: &'a OpContext,
        things: Vec<Self>,
        selection: &'a Selection<'a>,
    ) -> BoxFuture<'a, crate::model::error::Result<Vec<OrganizationObject>>> {
        async move {
            let keys: Vec<i64> = things.iter().map(|thing| thing.pk).collect();
            let mut users =
                listing::nest::<User>(op, selection, "users", user_table::Column::OrganizationPk, &keys).await?;
            let mut tenants =
                listing::nest::<Tenant>(op, selection, "tenants", tenant_table::Column::OrganizationPk, &keys).await?;
            let seats_used = match selection.has("seatsUsed") {
                true => seats_used(op, &keys).await?,
                false => None,
            };
            Ok(things
                .into_iter()
                .map(|thing| OrganizationObject {
                    seats_used: seats_used
                        .as_ref()
                        .map(|used| used.get(&thing.pk).copied().unwrap_or_default()),
                    users: users.remove(&thing.pk).unwrap_or_default(),
                    tenants: tenants.remove(&thing.pk).unwrap_or_default(),
                    id: ID(thing.id.to_string()),
                    name: thing.name,
                    variables: thing.variables.map(KeptJson::from),
                    seat_limit: thing.seat_limit,
                    mail_allowed: thing.mail_allowed,
                    version: thing.version,
                    created_at: thing.created_at.into(),
                    updated_at: thing.updated_at.into(),
                })
                .collect())
        }
        .boxed()
    }
}

/// The number of used seats, for callers that may read organizations.
async fn seats_used(op: &OpContext, keys: &[i64]) -> crate::model::error::Result<Option<HashMap<i64, i64>>> {
    if crate::directory::organization::readable(op).is_err() {
        return Ok(None);
    }
    organization::seats_used(op.db().reader(), keys).await.map(Some)
}

/// The organizations of some objects, by internal key, with what is selected under them.
pub async fn beside(
    op: &OpContext,
    pks: impl IntoIterator<Item = i64>,
    selection: &Selection<'_>,
) -> crate::model::error::Result<HashMap<i64, OrganizationObject>> {
    let fields = listing::fields_of::<Organization>(selection);
    let found = crate::directory::organization::by_keys(op, pks, fields).await?;
    listing::beside(op, found, selection).await
}

/// A new organization.
#[derive(Clone, Debug, InputObject)]
pub struct CreateOrganizationData {
    /// 1 to 255 printable ASCII characters without leading or trailing spaces; a new UUID by default.
    id: Option<ID>,
    /// 1 to 255 characters, at least one of them visible.
    name: String,
    /// A JSON object of at most 64 KiB and 32 levels.
    variables: Option<Json>,
    /// Maximum number of activated users; no limit by default.
    seat_limit: Option<i64>,
    /// True by default. If false, everything that needs mail is refused: password resets, e-mail verification and
    /// invitations.
    mail_allowed: Option<bool>,
}

/// Changes to an organization; null means not specified.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateOrganizationData {
    /// 1 to 255 characters, at least one of them visible.
    name: Option<String>,
    /// A JSON object of at most 64 KiB and 32 levels; it replaces the current one.
    variables: Option<Json>,
    /// Maximum number of activated users. If there are more already, new ones are refused and nobody is deactivated.
    seat_limit: Option<i64>,
    /// If false, everything that needs mail is refused: password resets, e-mail verification and invitations.
    mail_allowed: Option<bool>,
}

/// Fields of an organization that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "ClearableInOrganization", remote = "Clearable")]
pub enum ClearableValue {
    /// `seatLimit`: removes the limit.
    SeatLimit,
    /// `variables`
    Variables,
}

list_fields! {
    OrganizationQuery of Organization as OrganizationObject, OrganizationWhere, OrganizationOrderBy, OrganizationConnection;
    where "Filter; all organizations by default.";
    /// The organizations that the caller may read: with `read:org`, the caller's own; for a super admin, all.
    organizations;
    /// Number of organizations that `organizations` lists for this `where`.
    count_organizations;
    /// `organizations` with cursor pagination: unchanged rows are neither repeated nor skipped.
    organizations_connection;
}

#[derive(Default)]
pub struct OrganizationMutation;

#[Object]
impl OrganizationMutation {
    /// Creates an organization. Super admins only (`write:org`).
    async fn create_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new organization.")] data: CreateOrganizationData,
    ) -> Result<OrganizationObject> {
        let new = NewOrganization {
            id: data.id.map(|id| id.0),
            name: data.name,
            variables: data.variables.map(Json::given),
            seat_limit: data.seat_limit,
            mail_allowed: data.mail_allowed,
        };
        listing::one(ctx, crate::directory::organization::create(op(ctx), new).await?).await
    }

    /// Updates an organization. Needs `write:org`.
    async fn update_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization, by `id`.")] r#where: OrganizationWhere,
        #[graphql(desc = "The changes.")] data: UpdateOrganizationData,
        #[graphql(desc = "Fields to clear; none that `data` sets.")] clear: Option<Vec<ClearableValue>>,
        #[graphql(desc = "Refuse with `CONFLICT` unless the organization still has this `version`.")]
        expected_version: Option<i64>,
    ) -> Result<OrganizationObject> {
        let wanted = OrganizationChange {
            name: data.name,
            variables: data.variables.map(Json::given),
            seat_limit: data.seat_limit,
            mail_allowed: data.mail_allowed,
            clear: clear.into_iter().flatten().map(Into::into).collect(),
        };
        let named = r#where.named(op(ctx));
        listing::one(
            ctx,
            crate::directory::organization::update(op(ctx), &named, wanted, expected_version).await?,
        )
        .await
    }

    /// Deletes an organization, its groups and its own roles; audit events stay. Refused with `CONFLICT` while it holds tenants or
    /// users. Super admins only (`write:org`).
    async fn delete_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization, by `id`.")] r#where: OrganizationWhere,
    ) -> Result<OrganizationObject> {
        let named = r#where.named(op(ctx));
        listing::one(ctx, crate::directory::organization::delete(op(ctx), &named).await?).await
    }
}
