//! Users in the schema.

mod change;
mod filter;
mod oneself;
mod preload;
mod query;

pub use change::UserMutation;
pub use filter::{UserOrderBy, UserWhere};
pub use oneself::OneselfMutation;
use preload::Preloaded;
pub use query::{UserLists, UserQuery, to_itself};

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};
use sea_orm::IntoSimpleExpr;

use crate::context::OpContext;
use crate::directory::tenant::Tenant;
use crate::directory::user::{Reach, User, UserFields, ViewerCan};
use crate::graphql::account::AccountObject;
use crate::graphql::api_key::{ApiKeyObject, ApiKeyOrderBy, ApiKeyWhere};
use crate::graphql::federated_identity::FederatedIdentityObject;
use crate::graphql::group::{GroupObject, GroupOrderBy, GroupWhere};
use crate::graphql::node::node_id;
use crate::graphql::organization::OrganizationObject;
use crate::graphql::role::{OrganizationRoleValue, RoleGrantObject, RoleObject, TenantRoleObject};
use crate::graphql::tenant::TenantObject;
use crate::graphql::{
    DateTime, EffectiveVariables, KeptJson, List, Listing, Nested, PageSize, Related, Result, Selection, Shared, Where,
    connection_type, listing, or_null, window,
};
use crate::list::{self, Cell, Filter, Form};
use crate::store::entity::user::{Column, display_name, shown_user_name};

/// A person, or a service, which is a program. It belongs to one organization and to at most one of its tenants.
///
/// Readable with `read:user`; without it, users see only themselves.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "User", complex)]
pub struct UserObject {
    /// Chosen at creation, or a UUID; unique in the whole system. Different notations of one UUID (case, hyphens,
    /// braces, brackets, `urn:uuid:`) are the same id.
    pub id: ID,
    /// The email address, unique within the organization, ignoring case; null if none. Users of several organizations may
    /// have the same one.
    pub email: Option<String>,
    /// The email address that replaces the present one when the link that was emailed to it is used; null if none.
    pub pending_email: Option<String>,
    /// Display name: the `name` that was set, or else first and last name, or else the email address, or else the `id`.
    pub name: String,
    /// The first name; null if none.
    pub firstname: Option<String>,
    /// The last name; null if none.
    pub lastname: Option<String>,
    /// The name by which the organization's identity provider knows the user, as it was given; or else the email address, or
    /// else the `id`. No two users of an organization have the same one, ignoring case. It does not sign in.
    pub user_name: String,
    /// The identity provider's own id of the user; null if none.
    pub external_id: Option<String>,
    /// What else the identity provider says about the user: a JSON object with the attribute names of SCIM (RFC 7643), such
    /// as `title`; null if none. It is read-only here.
    pub profile: Option<KeptJson>,
    /// Whether the user can sign in and use the API. A deactivated user stays in lists, but does not count towards the
    /// organization's `seatLimit`.
    pub activated: bool,
    /// Whether it is a person or a service; fixed at creation.
    pub kind: UserKind,
    /// Whether it counts towards the organization's `seatLimit` while it is activated. Only services can be exempt.
    pub takes_seat: bool,
    /// The organization it belongs to.
    pub organization: Option<Shared<OrganizationObject>>,
    /// The id of the organization it belongs to.
    pub organization_id: String,
    /// The tenant it belongs to; null if none.
    pub tenant: Option<Shared<TenantObject>>,
    /// The id of the tenant it belongs to; null if none.
    pub tenant_id: Option<ID>,
    /// A simplified view of its roles, including its groups' roles; null if it has none.
    pub organization_role: Option<OrganizationRoleValue>,
    /// The roles that it has for single tenants, assigned directly or through groups, ordered by name. A caller who
    /// manages single tenants sees those for these tenants only.
    pub tenant_roles: List<TenantRoleObject>,
    /// All of its roles, each with where it comes from: assigned directly or through a group, for the whole organization or
    /// for a tenant; ordered by name. A caller who manages single tenants sees those for these tenants only.
    pub role_grants: List<RoleGrantObject>,
    /// Where the caller has permissions; null unless the user is the caller.
    pub reach: Option<ReachObject>,
    /// What the caller can do with the user.
    pub viewer_can: ViewerCanObject,
    /// Free-form JSON; null if none. Setting it needs `write:user`.
    pub variables: Option<KeptJson>,
    /// Whether its current email address is verified: a token that was emailed to it has been used.
    pub email_verified: bool,
    /// Whether its password was set with a link that was emailed to its current address, so that nobody else can know it;
    /// null unless the caller can update the user's account (`viewerCan.updateAccount`).
    pub password_verified: Option<bool>,
    /// Whether its password is temporary: it must be changed before the user can do anything else.
    pub must_change_password: bool,
    /// Its identities at other identity providers, ordered by provider name. Setting them needs `write:user`.
    pub federated_identities: List<FederatedIdentityObject>,
    /// The accounts that `switchAccount` can switch between: the user's own, and those of the same person in other
    /// organizations; oldest first, at most 100. Null unless the user is the caller, in a session that was started by
    /// `signIn` with a password that was set with an emailed link, or by `switchAccount`.
    pub accounts: Option<List<AccountObject>>,
    /// Its settings, as one JSON object ordered by key; null unless the user is the caller.
    pub settings: Option<KeptJson>,
    /// When it last made a request, to the minute; null if never.
    pub last_seen_at: Option<DateTime>,
    /// Incremented by every change. Pass it as `expectedVersion`: the mutation then fails with `CONFLICT` if the object
    /// has changed since you read it.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime,
    /// When it was last updated.
    pub updated_at: DateTime,
    // Last, because it is asked for each field that comes after it.
    #[graphql(flatten)]
    effective: EffectiveVariables,
    #[graphql(skip)]
    api_keys: Option<Nested<ApiKeyObject>>,
    #[graphql(skip)]
    groups: Nested<Shared<GroupObject>>,
    #[graphql(skip)]
    roles: Nested<Shared<RoleObject>>,
    #[graphql(skip)]
    permissions: Nested<String>,
}

/// What a user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum UserKind {
    /// A person, who can have a password and sign in.
    Person,
    /// A program. It has no password and cannot sign in, be reset or be switched to; administrators create its API keys.
    Service,
}

impl UserKind {
    pub fn of(is_service: bool) -> Self {
        match is_service {
            true => Self::Service,
            false => Self::Person,
        }
    }
}

/// Where a caller has permissions, with the credential of the request.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "Reach")]
pub struct ReachObject {
    /// Whether the caller has access to every organization.
    pub everything: bool,
    /// Whether the caller has permissions for its whole organization: those in `permissions`.
    pub organization: bool,
    /// The tenants that the caller has further permissions for, ordered by id; at most 100.
    pub tenants: List<ReachTenantObject>,
}

/// A tenant that a caller has permissions for.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "ReachTenant")]
pub struct ReachTenantObject {
    /// The id of the tenant.
    pub id: ID,
    /// The name of the tenant.
    pub name: String,
    /// What the caller may do there: the permissions for the tenant and those for the whole organization.
    pub permissions: Vec<String>,
}

/// What the caller can do with a user.
#[derive(Clone, Copy, Debug, SimpleObject)]
#[graphql(name = "ViewerCan")]
pub struct ViewerCanObject {
    /// Whether the caller can update the names of the user: the caller has `write:user` and every permission of the user
    /// that tenantry itself checks (those of other products do not count).
    pub update: bool,
    /// Whether the caller can update the user's email address, password, organization, tenant, variables and federated
    /// identities: the caller has `write:user` and every permission that the user has.
    pub update_account: bool,
    /// Whether the caller can deactivate the user: the same conditions as for `update`, and the user is not the caller.
    pub deactivate: bool,
    /// Whether the caller can delete the user: the same conditions as for `updateAccount`, and the user is not the
    /// caller.
    pub delete: bool,
    /// Whether the caller can send the user a link that sets a new password or verifies the address: the same conditions
    /// as for `update`, or the user is the caller.
    pub send_link: bool,
    /// Whether the caller can add the user to groups and remove it from them: the caller has `write:group` and every
    /// permission of the user that tenantry itself checks. For a group with roles, the caller needs every permission of
    /// the user and of the roles.
    pub manage_groups: bool,
    /// Whether the caller can assign roles to the user and remove them: the same conditions as for `updateAccount`. To
    /// assign a particular role, the caller also needs every permission of that role.
    pub map_roles: bool,
    /// Whether the caller can impersonate the user: the caller has `usage:impersonation` and every permission that the
    /// user has, and is not impersonating anybody; the user is activated and is not the caller.
    pub impersonate: bool,
}

impl From<Reach> for ReachObject {
    fn from(reach: Reach) -> Self {
        let tenant = |(tenant, permissions): (Tenant, Vec<String>)| ReachTenantObject {
            id: ID(tenant.id.to_string()),
            name: tenant.name,
            permissions,
        };
        Self {
            everything: reach.everything,
            organization: reach.organization,
            tenants: reach.tenants.into_iter().map(tenant).collect(),
        }
    }
}

impl From<ViewerCan> for ViewerCanObject {
    fn from(can: ViewerCan) -> Self {
        Self {
            update: can.update,
            update_account: can.update_account,
            deactivate: can.deactivate,
            delete: can.delete,
            send_link: can.send_link,
            manage_groups: can.manage_groups,
            map_roles: can.map_roles,
            impersonate: can.impersonate,
        }
    }
}

#[ComplexObject]
impl UserObject {
    /// An id that is unique over all types; for `node`.
    pub async fn node_id(&self) -> ID {
        node_id("User", &self.id)
    }

    /// The roles assigned to it for the whole organization, ordered by name; with `tenant`, also those assigned for that
    /// tenant. Its groups may add more.
    async fn roles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of a tenant.")] tenant: Option<ID>,
    ) -> Result<List<Shared<RoleObject>>> {
        let _ = tenant;
        self.roles.list(ctx, None, None)
    }

    /// Its permissions for the whole organization, or for a tenant of it: those of the roles assigned to it and of its
    /// groups' roles. Of the caller, only those that the credential of this request permits.
    async fn permissions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of a tenant. Default: those for the whole organization.")] tenant: Option<ID>,
    ) -> Result<List<String>> {
        let _ = tenant;
        self.permissions.list(ctx, None, None)
    }

    /// The groups it is in. Needs `read:group`, unless the user is the caller.
    async fn groups(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Filter. Default: all groups.")] r#where: Option<GroupWhere>,
        #[graphql(desc = "Sort order; oldest first by default.")] order_by: Option<GroupOrderBy>,
        #[graphql(desc = "Page size, from 1 to 100.", default_with = "Some(PageSize(100))")] first: Option<PageSize>,
        #[graphql(desc = "Number of items to skip.", default = 0)] skip: Option<i32>,
    ) -> Result<List<Shared<GroupObject>>> {
        let _ = (r#where, order_by);
        self.groups.list(ctx, first, skip)
    }

    /// Its API keys; null unless the user is the caller.
    async fn api_keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Filter. Default: API keys that are not revoked.")] r#where: Option<ApiKeyWhere>,
        #[graphql(desc = "Sort order; oldest first by default.")] order_by: Option<ApiKeyOrderBy>,
        #[graphql(desc = "Page size, from 1 to 100.", default_with = "Some(PageSize(100))")] first: Option<PageSize>,
        #[graphql(desc = "Number of items to skip.", default = 0)] skip: Option<i32>,
    ) -> Option<List<ApiKeyObject>> {
        let _ = (r#where, order_by);
        // The keys of other users are not shown, but an invalid window is refused all the same.
        let keys = match &self.api_keys {
            Some(keys) => keys.list(ctx, first, skip).map(Some),
            None => window(first, skip).map(|_| None).map_err(Into::into),
        };
        or_null(ctx, keys)
    }
}

connection_type!(UserConnection, UserEdge, UserObject, "users");

impl Listing for User {
    type Object = UserObject;
    type Where = UserWhere;
    type OrderBy = UserOrderBy;
    type Preloaded = Preloaded;

    fn behind(name: &str) -> UserFields {
        match name {
            "name" => UserFields::DISPLAY_NAME,
            "userName" => UserFields::SHOWN_USER_NAME,
            "profile" => UserFields::SHOWN_PROFILE,
            "viewerCan" => UserFields::ACTIVATED | UserFields::SERVICE,
            "kind" => UserFields::SERVICE,
            "emailVerified" => UserFields::EMAIL_VERIFIED_AT,
            "passwordVerified" => UserFields::PASSWORD_VERIFIED_AT | UserFields::ACTIVATED,
            "mustChangePassword" => UserFields::PASSWORD_TEMPORARY,
            "effectiveVariables" | "effectiveVariableSources" => UserFields::VARIABLES,
            _ => UserFields::empty(),
        }
    }

    async fn filter_of_list(
        op: &OpContext,
        wanted: UserWhere,
    ) -> crate::model::error::Result<Filter<crate::directory::user::Term>> {
        crate::directory::user::weighed(op, wanted.filter(op)).await
    }

    async fn filter_of_count(
        op: &OpContext,
        wanted: UserWhere,
    ) -> crate::model::error::Result<Filter<crate::directory::user::Term>> {
        crate::directory::user::weighed_for_count(op, wanted.filter(op)).await
    }

    fn filter_one(op: &OpContext, wanted: UserWhere) -> Filter<crate::directory::user::Term> {
        crate::directory::user::of_one(wanted.filter(op))
    }

    async fn preload(
        op: &OpContext,
        things: &[Self],
        selection: &Selection<'_>,
    ) -> crate::model::error::Result<Self::Preloaded> {
        Preloaded::load(op, things, selection).await
    }

    fn object(self, op: &OpContext, preloaded: &Preloaded) -> UserObject {
        preloaded.object(op, self)
    }

    fn cell(field: &str) -> Option<Cell> {
        let (column, form) = match field {
            "id" => (Column::Id.into_simple_expr(), Form::Text),
            "email" => (Column::Email.into_simple_expr(), Form::Text),
            "name" => (display_name(), Form::Text),
            "firstname" => (Column::Firstname.into_simple_expr(), Form::Text),
            "lastname" => (Column::Lastname.into_simple_expr(), Form::Text),
            "userName" => (shown_user_name(), Form::Text),
            "externalId" => (Column::ExternalId.into_simple_expr(), Form::Text),
            "activated" => (Column::Activated.into_simple_expr(), Form::Flag),
            "takesSeat" => (Column::TakesSeat.into_simple_expr(), Form::Flag),
            "variables" => (Column::Variables.into_simple_expr(), Form::Json),
            "emailVerified" => (Column::EmailVerifiedAt.into_simple_expr(), Form::IsThere),
            "mustChangePassword" => (Column::PasswordTemporary.into_simple_expr(), Form::Flag),
            "lastSeenAt" => (Column::LastSeenAt.into_simple_expr(), Form::Time),
            "version" => (Column::Version.into_simple_expr(), Form::Number),
            "createdAt" => (Column::CreatedAt.into_simple_expr(), Form::Time),
            "updatedAt" => (Column::UpdatedAt.into_simple_expr(), Form::Time),
            _ => return None,
        };
        Some(Cell::new(column, form))
    }
}

/// The users of some objects, if they are selected, with what is selected under them. Only those that the caller may
/// see now.
pub async fn beside(
    op: &OpContext,
    selection: &Selection<'_>,
    pks: impl IntoIterator<Item = i64>,
) -> crate::model::error::Result<Related<User>> {
    in_field(op, selection, "user", pks).await
}

/// The same for a field of another name.
pub async fn in_field(
    op: &OpContext,
    selection: &Selection<'_>,
    field: &str,
    pks: impl IntoIterator<Item = i64>,
) -> crate::model::error::Result<Related<User>> {
    let pks: Vec<i64> = pks.into_iter().collect();
    let Some(under) = selection.under_field(field).filter(|_| !pks.is_empty()) else {
        return Ok(Related::default());
    };
    let granted = crate::directory::user::readable(op)?;
    let found = list::by_keys::<User>(op, &granted, pks, listing::fields_of::<User>(&under)).await?;
    Related::present(op, found, &under).await
}
