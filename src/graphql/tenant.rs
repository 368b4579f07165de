//! Tenants in the schema.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use crate::context::OpContext;
use crate::directory::organization::Organization;
use crate::directory::tenant::{self, Clearable, NewTenant, Tenant, TenantChange, Term};
use crate::directory::user::User;
use crate::directory::variables::{self, Inherited};
use crate::graphql::filter::related;
use crate::graphql::organization::{OrganizationObject, OrganizationWhere, beside as organizations_beside};
use crate::graphql::user::{UserObject, UserOrderBy, UserWhere};
use crate::graphql::{
    DateTime, EffectiveVariables, Json, KeptJson, Listing, Nested, Related, Result, Selection, Shared, connection_type,
    list_fields, listing, node_fields, op, order_by, where_input,
};
use crate::list::{Filter, Link, Search};
use crate::store::entity::user::of_tenant;

/// A part of an organization that groups users. Roles can be assigned for a tenant, so it can have its own administrators.
///
/// Readable with `read:tenant`. Without it, its users can still read it, except for `variables`.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "Tenant", complex)]
pub struct TenantObject {
    /// Chosen at creation, or a UUID; unique in the whole system.
    pub id: ID,
    /// 1 to 255 characters.
    pub name: String,
    /// The organization it belongs to. It never changes.
    pub organization: Option<Shared<OrganizationObject>>,
    /// The id of the organization it belongs to.
    pub organization_id: ID,
    /// Free-form JSON; null if none, or if the caller lacks `read:tenant`. Setting it needs `write:tenant`.
    pub variables: Option<KeptJson>,
    /// Incremented by every change. Pass it as `expectedVersion`: the mutation then fails with `CONFLICT` if the object
    /// has changed since you read it.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime,
    /// When it was last updated.
    pub updated_at: DateTime,
    /// Number of its users that the caller may see.
    pub user_count: i64,
    // Last, because it is asked for each field that comes after it.
    #[graphql(flatten)]
    effective: EffectiveVariables,
    #[graphql(skip)]
    users: Nested<UserObject>,
}

node_fields! {
    TenantObject as "Tenant" {
        /// Its users that the caller may see.
        users: UserObject, UserWhere, UserOrderBy;
        where "Filter. Default: all users.";
    }
}

where_input! {
    /// Filter for tenants. Conditions are combined with AND; a null condition is ignored.
    TenantWhere of Term;
    target named;
    id id id_in id_starts_with id_contains;
    text name name_in name_starts_with name_contains = Name, "name", "names", "Name";
    {
        /// Each word of this text is the beginning of a word of the name or the id. Case and accents do not matter.
        text: String = |_, text| [Filter::Is(Term::Text(Search::of(&text)))],
        /// Tenants of an organization that matches this.
        organization: Box<OrganizationWhere> = |op, one| related(one.filter(op), Term::Organization),
    }
}

order_by! {
    /// Sort order of tenants; ties are in the order in which they were created.
    TenantOrderBy {
        CreatedAt: CreatedAtAsc "Oldest first; the default.", CreatedAtDesc "Newest first.";
        UpdatedAt: UpdatedAtAsc "Least recently updated first.", UpdatedAtDesc "Most recently updated first.";
        Name: NameAsc "By name, ascending. Case and accents do not matter.", NameDesc "By name, descending.";
        Id: IdAsc "By id, ascending by code point.", IdDesc "By id, descending.";
    }
}

connection_type!(TenantConnection, TenantEdge, TenantObject, "tenants");

impl Listing for Tenant {
    type Object = TenantObject;
    type Where = TenantWhere;
    type OrderBy = TenantOrderBy;
    type Preloaded = Preloaded;

    async fn preload(
        op: &OpContext,
        things: &[Self],
        selection: &Selection<'_>,
    ) -> crate::model::error::Result<Self::Preloaded> {
        let keys: Vec<i64> = things.iter().map(|thing| thing.pk).collect();
        let owners = things.iter().map(|thing| thing.organization_pk);
        Ok(Preloaded {
            users: listing::nest_such::<User>(op, selection, "users", Link::Such(of_tenant), &keys).await?,
            user_counts: listing::count_nested::<User>(op, selection, Link::Such(of_tenant), &keys).await?,
            organizations: organizations_beside(op, selection, owners).await?,
            inherited: match EffectiveVariables::are_selected(selection) {
                true => variables::of_tenants(op, things).await?,
                false => HashMap::new(),
            },
        })
    }

    fn object(self, _op: &OpContext, preloaded: &Preloaded) -> TenantObject {
        TenantObject {
            users: preloaded.users.get(&self.pk).cloned().unwrap_or_default(),
            effective: EffectiveVariables::new(preloaded.inherited.get(&self.pk).cloned(), None),
            id: ID(self.id.to_string()),
            name: self.name,
            organization_id: preloaded.organizations.id(self.organization_pk).unwrap_or_default(),
            organization: preloaded.organizations.object(self.organization_pk),
            variables: self.variables.map(KeptJson::from),
            version: self.version,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
            user_count: preloaded.user_counts.get(&self.pk).copied().unwrap_or_default(),
        }
    }
}

/// The relations of a page of tenants.
pub struct Preloaded {
    users: HashMap<i64, Nested<UserObject>>,
    user_counts: HashMap<i64, i64>,
    organizations: Related<Organization>,
    inherited: HashMap<i64, Arc<Inherited>>,
}

/// The tenants of some objects, if they are selected, with what is selected under them.
pub async fn beside(
    op: &OpContext,
    selection: &Selection<'_>,
    pks: impl IntoIterator<Item = i64>,
) -> crate::model::error::Result<Related<Tenant>> {
    let Some(under) = selection.under_related("tenant") else {
        return Ok(Related::default());
    };
    let found = tenant::by_keys(op, pks, listing::fields_of::<Tenant>(&under)).await?;
    Related::present(op, found, &under).await
}

/// A new tenant.
#[derive(Clone, Debug, InputObject)]
pub struct CreateTenantData {
    /// 1 to 255 printable ASCII characters without leading or trailing spaces; a new UUID by default.
    id: Option<ID>,
    /// 1 to 255 characters, not only spaces or other invisible characters.
    name: String,
    /// Default: the caller's organization. Only a super admin can choose another one.
    organization_id: Option<ID>,
    /// A JSON object of at most 64 KiB and 32 levels.
    variables: Option<Json>,
}

/// Changes to a tenant. Fields that are null or omitted do not change.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateTenantData {
    /// 1 to 255 characters, not only spaces or other invisible characters.
    name: Option<String>,
    /// A JSON object of at most 64 KiB and 32 levels; it replaces the current one.
    variables: Option<Json>,
}

/// Fields of a tenant that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "ClearableInTenant", remote = "Clearable")]
pub enum ClearableValue {
    /// `variables`
    Variables,
}

list_fields! {
    TenantQuery of Tenant as TenantObject, TenantWhere, TenantOrderBy, TenantConnection;
    where "Filter. Default: all tenants.";
    /// The tenants of the caller's organization; for a super admin, of all organizations. Needs `read:tenant`; for single
    /// tenants, it shows these.
    tenants;
    /// Number of tenants that `tenants` lists for this `where`.
    count_tenants;
    /// `tenants` with cursor pagination. While you page, rows that do not change are neither repeated nor skipped.
    tenants_connection;
    /// The tenant that `where` names, if `tenants` would list it; otherwise null.
    tenant where "Which tenant: `id` is required; any further conditions must match too.";
}

#[derive(Default)]
pub struct TenantMutation;

#[Object]
impl TenantMutation {
    /// Creates a tenant. Needs `write:tenant`.
    async fn create_tenant(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new tenant.")] data: CreateTenantData,
    ) -> Result<TenantObject> {
        let new = NewTenant {
            id: data.id.map(|id| id.0),
            name: data.name,
            organization_id: data.organization_id.map(|id| id.0),
            variables: data.variables.map(Json::given),
        };
        listing::one(ctx, tenant::create(op(ctx), new)).await
    }

    /// Updates a tenant. Needs `write:tenant`.
    async fn update_tenant(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tenant: `id` is required; any further conditions must match too.")] r#where: TenantWhere,
        #[graphql(desc = "The changes.")] data: UpdateTenantData,
        #[graphql(desc = "Fields to clear. A field must not be in both `clear` and `data`.")] clear: Option<
            Vec<ClearableValue>,
        >,
        #[graphql(desc = "Fail with `CONFLICT` unless the tenant still has this `version`.")] expected_version: Option<
            i64,
        >,
    ) -> Result<TenantObject> {
        let wanted = TenantChange {
            name: data.name,
            organization_id: None,
            variables: data.variables.map(Json::given),
            clear: clear.into_iter().flatten().map(Into::into).collect(),
        };
        let named = r#where.named(op(ctx));
        listing::one(ctx, tenant::update(op(ctx), &named, wanted, expected_version)).await
    }

    /// Deletes a tenant and its invitations. Fails with `CONFLICT` if it still has users. Needs `write:tenant`.
    async fn delete_tenant(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tenant: `id` is required; any further conditions must match too.")] r#where: TenantWhere,
        #[graphql(desc = "Fail with `CONFLICT` unless the tenant still has this `version`.")] expected_version: Option<
            i64,
        >,
    ) -> Result<TenantObject> {
        let named = r#where.named(op(ctx));
        listing::one(ctx, tenant::delete(op(ctx), &named, expected_version)).await
    }
}
