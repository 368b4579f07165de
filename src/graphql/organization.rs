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

/// The top of the tree: it owns its tenants and users, and nothing crosses from one organization to another.
///
/// Readable with `read:org`; its members see the id, the name and the times of their own beside themselves.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "Organization", complex)]
pub struct OrganizationObject {
    /// Chosen when it was made, or a UUID; unique over the whole system.
    pub id: ID,
    /// 1 to 255 characters.
    pub name: String,
    /// Free JSON, set by super admins; null if none. Needs `read:org`.
    pub variables: Option<KeptJson>,
    /// At most this many activated users; null is no limit. Needs `read:org`.
    pub seat_limit: Option<i64>,
    /// How many activated users there are. Needs `read:org`; else null.
    pub seats_used: Option<i64>,
    /// Whether its users, and those it invites, are sent mails. Needs `read:org`; else null.
    pub mail_allowed: Option<bool>,
    /// Counts the changes; give it as `expectedVersion` to change only what you have seen.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime,
    /// When it was last changed.
    pub updated_at: DateTime,
    #[graphql(skip)]
    users: Nested<UserObject>,
    #[graphql(skip)]
    tenants: Nested<TenantObject>,
}

nested_lists! {
    OrganizationObject {
        /// Its users, as far as the caller may see them.
        users: UserObject, UserWhere, UserOrderBy;
        where "Which users; all of them by default.";
        /// Its tenants. Needs `read:tenant`.
        tenants: TenantObject, TenantWhere, TenantOrderBy;
        where "Which tenants; all of them by default.";
    }
}

/// Which organizations. Fields are AND-ed; null is not given.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "OrganizationWhere")]
pub struct OrganizationWhere {
    /// This very id.
    id: Option<ID>,
    /// One of these ids.
    id_in: Option<Vec<ID>>,
    /// Ids that start so.
    id_starts_with: Option<String>,
    /// Ids that hold this.
    id_contains: Option<String>,
    /// This very name.
    name: Option<String>,
    /// One of these names.
    name_in: Option<Vec<String>>,
    /// Names that start so.
    name_starts_with: Option<String>,
    /// Names that hold this.
    name_contains: Option<String>,
    /// Organizations with a user like this.
    user: Option<Box<UserWhere>>,
    /// All of these.
    #[graphql(name = "AND")]
    and: Option<Vec<OrganizationWhere>>,
    /// At least one of these.
    #[graphql(name = "OR")]
    or: Option<Vec<OrganizationWhere>>,
    /// Not this.
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
    /// What organizations are ordered by, before the id.
    OrganizationOrderBy, "OrganizationOrderBy" {
        /// Oldest first; the default.
        CreatedAtAsc = CreatedAt false,
        /// Newest first.
        CreatedAtDesc = CreatedAt true,
        /// Least lately changed first.
        UpdatedAtAsc = UpdatedAt false,
        /// Most lately changed first.
        UpdatedAtDesc = UpdatedAt true,
        /// By name, by code point.
        NameAsc = Name false,
        /// By name, backwards.
        NameDesc = Name true,
        /// By id, by code point.
        IdAsc = Id false,
        /// By id, backwards.
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

/// The seats used, for who may read organizations.
async fn seats_used(op: &OpContext, keys: &[i64]) -> crate::model::error::Result<Option<HashMap<i64, i64>>> {
    if crate::directory::organization::readable(op).is_err() {
        return Ok(None);
    }
    organization::seats_used(op.db().reader(), keys).await.map(Some)
}

/// The organizations behind some things, by internal key, with what is selected under them.
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
    /// 1 to 255 printable ASCII characters without a blank at either end; a new UUID by default.
    id: Option<ID>,
    /// 1 to 255 characters, at least one of them visible.
    name: String,
    /// A JSON object of at most 64 KiB and 32 levels.
    variables: Option<Json>,
    /// At most this many activated users; no limit by default.
    seat_limit: Option<i64>,
    /// True by default. False refuses what needs mail: password resets, e-mail verification and invitations.
    mail_allowed: Option<bool>,
}

/// What is to change in an organization; null is not given.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateOrganizationData {
    /// 1 to 255 characters, at least one of them visible.
    name: Option<String>,
    /// A JSON object of at most 64 KiB and 32 levels; it replaces the present one.
    variables: Option<Json>,
    /// At most this many activated users. Below the number there are, it refuses new ones and ends none.
    seat_limit: Option<i64>,
    /// False refuses what needs mail: password resets, e-mail verification and invitations.
    mail_allowed: Option<bool>,
}

/// What can be cleared in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "ClearableInOrganization", remote = "Clearable")]
pub enum ClearableValue {
    /// `seatLimit`: there is no limit any more.
    SeatLimit,
    /// `variables`
    Variables,
}

list_fields! {
    OrganizationQuery of Organization as OrganizationObject, OrganizationWhere, OrganizationOrderBy, OrganizationConnection;
    where "Which organizations; all of them by default.";
    /// The organizations that the caller may read: the own one with `read:org`, all of them for a super admin.
    organizations;
    /// How many organizations `organizations` lists for this `where`.
    count_organizations;
    /// `organizations`, continued from a cursor instead of a number: unchanged rows neither repeat nor get lost.
    organizations_connection;
}

#[derive(Default)]
pub struct OrganizationMutation;

#[Object]
impl OrganizationMutation {
    /// Makes an organization. Super admins only (`write:org`).
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

    /// Changes an organization. Needs `write:org`.
    async fn update_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which organization: name one by `id`.")] r#where: OrganizationWhere,
        #[graphql(desc = "What is to change.")] data: UpdateOrganizationData,
        #[graphql(desc = "What is to be cleared; nothing that `data` gives.")] clear: Option<Vec<ClearableValue>>,
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
        #[graphql(desc = "Which organization: name one by `id`.")] r#where: OrganizationWhere,
    ) -> Result<OrganizationObject> {
        let named = r#where.named(op(ctx));
        listing::one(ctx, crate::directory::organization::delete(op(ctx), &named).await?).await
    }
}
