//! Users in the schema.

mod change;
mod filter;
mod preload;
mod query;

pub use change::UserMutation;
pub use filter::{UserOrderBy, UserWhere};
use preload::Preloaded;
pub use query::{UserLists, UserQuery, to_itself};

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use sea_orm::IntoSimpleExpr;

use crate::context::OpContext;
use crate::directory::user::{User, UserFields, ViewerCan, display_name_expression};
use crate::graphql::api_key::{ApiKeyObject, ApiKeyOrderBy, ApiKeyWhere};
use crate::graphql::federated_identity::FederatedIdentityObject;
use crate::graphql::group::{GroupObject, GroupOrderBy, GroupWhere};
use crate::graphql::organization::OrganizationObject;
use crate::graphql::role::{OrganizationRoleValue, RoleObject};
use crate::graphql::tenant::TenantObject;
use crate::graphql::{
    DateTime, KeptJson, List, Listing, Nested, PageSize, Related, Result, Selection, connection_type, listing, or_null,
    window,
};
use crate::list::{self, Cell, Form};
use crate::store::entity::user::Column;

/// A person or a program. It belongs to one organization and to at most one of its tenants.
///
/// Readable with `read:user`; without it, users see only themselves.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "User", complex)]
pub struct UserObject {
    /// Chosen at creation, or a UUID; unique in the whole system. Spellings of the same UUID are the same id.
    pub id: ID,
    /// Unique in the whole system, ignoring case; null for a user without one.
    pub email: Option<String>,
    /// Display name: the name, else first and last name, else the address, else the id.
    pub name: String,
    /// The first name; null if none.
    pub firstname: Option<String>,
    /// The last name; null if none.
    pub lastname: Option<String>,
    /// Whether the user may sign in and make calls. A deactivated user stays listed and takes no seat.
    pub activated: bool,
    /// The organization it belongs to.
    pub organization: Option<Box<OrganizationObject>>,
    /// The id of the organization it belongs to.
    pub organization_id: String,
    /// The tenant it belongs to; null if none.
    pub tenant: Option<Box<TenantObject>>,
    /// The id of the tenant it belongs to; null if none.
    pub tenant_id: Option<String>,
    /// The strongest of its roles, including its groups' roles; null if it has none.
    pub organization_role: Option<OrganizationRoleValue>,
    /// The roles assigned to it, ordered by name. Its groups may add more.
    pub roles: List<Arc<RoleObject>>,
    /// Its permissions: those of its own roles and of its groups' roles.
    pub permissions: Vec<&'static str>,
    /// What the caller may do to it.
    pub viewer_can: ViewerCanObject,
    /// Free JSON, set by administrators; null if none.
    pub variables: Option<KeptJson>,
    /// Whether its current e-mail address is verified, by a token that was mailed to it.
    pub email_verified: bool,
    /// Whether its password is temporary: it must be changed before the user can do anything else.
    pub must_change_password: bool,
    /// Its identities at other identity providers, ordered by provider name; set by administrators.
    pub federated_identities: List<FederatedIdentityObject>,
    /// Its settings, as one JSON object ordered by key; null for anybody but the caller.
    pub settings: Option<KeptJson>,
    /// When it last made a call, to the minute; null if never.
    pub last_seen_at: Option<DateTime>,
    /// Incremented by every change; pass it as `expectedVersion` to change only the version you have read.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime,
    /// When it was last updated.
    pub updated_at: DateTime,
    #[graphql(skip)]
    api_keys: Option<Nested<ApiKeyObject>>,
    #[graphql(skip)]
    groups: Nested<GroupObject>,
}

/// What the caller may do to a user.
#[derive(Clone, Copy, Debug, SimpleObject)]
#[graphql(name = "ViewerCan")]
pub struct ViewerCanObject {
    /// Update it: `write:user`, and its permissions are within the caller's.
    pub update: bool,
    /// Deactivate it: as `update`, and it is not the caller.
    pub deactivate: bool,
    /// Add it to groups and remove it: `write:group`. A group's roles may still forbid it.
    pub manage_groups: bool,
    /// Assign roles to it and remove them: as `update`. A role may still forbid it.
    pub map_roles: bool,
    /// Act as it: `usage:impersonation`, its permissions are within the caller's, it is activated and not the caller.
    pub impersonate: bool,
}

impl From<ViewerCan> for ViewerCanObject {
    fn from(can: ViewerCan) -> Self {
        Self {
            update: can.update,
            deactivate: can.deactivate,
            manage_groups: can.manage_groups,
            map_roles: can.map_roles,
            impersonate: can.impersonate,
        }
    }
}

#[ComplexObject]
impl UserObject {
    /// The groups it is in. Needs `read:group`, except for the caller.
    async fn groups(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Filter; all groups by default.")] r#where: Option<GroupWhere>,
        #[graphql(desc = "Sort order; oldest first by default.")] order_by: Option<GroupOrderBy>,
        #[graphql(desc = "Page size, from 1 to 100.", default_with = "Some(PageSize(100))")] first: Option<PageSize>,
        #[graphql(desc = "Number of items to skip.", default = 0)] skip: Option<i32>,
    ) -> Result<List<GroupObject>> {
        let _ = (r#where, order_by);
        self.groups.list(ctx, first, skip)
    }

    /// Its API keys; null for anybody but the caller.
    async fn api_keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Filter; keys that are not revoked by default.")] r#where: Option<ApiKeyWhere>,
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
            "viewerCan" => UserFields::ACTIVATED,
            "emailVerified" => UserFields::EMAIL_VERIFIED_AT,
            "mustChangePassword" => UserFields::PASSWORD_TEMPORARY,
            _ => UserFields::empty(),
        }
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
            "name" => (display_name_expression(), Form::Text),
            "firstname" => (Column::Firstname.into_simple_expr(), Form::Text),
            "lastname" => (Column::Lastname.into_simple_expr(), Form::Text),
            "activated" => (Column::Activated.into_simple_expr(), Form::Flag),
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
    let Some(under) = selection.under_field("user") else {
        return Ok(Related::default());
    };
    let granted = crate::directory::user::readable(op)?;
    let found = list::by_keys::<User>(op, &granted, pks, listing::fields_of::<User>(&under)).await?;
    Related::present(op, found, &under).await
}
