//! Changing users.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use super::{UserObject, UserWhere};
use crate::directory::federated_identity::FederatedIdentity;
use crate::directory::user::{self, Clearable, NewUser, UserChange};
use crate::graphql::federated_identity::FederatedIdentityData;
use crate::graphql::role::OrganizationRoleValue;
use crate::graphql::{Json, Result, Selection, listing, op};

/// A new user. Everything is optional, but an e-mail address or an id is required.
#[derive(Clone, InputObject)]
pub struct CreateUserData {
    /// 1 to 255 printable ASCII characters without leading or trailing spaces; a new UUID by default. A UUID in another
    /// spelling (case, hyphens, braces, brackets, `urn:uuid:`) is the same id, and is `CONFLICT` if taken.
    id: Option<ID>,
    /// At most 254 bytes; stored in lower case.
    email: Option<String>,
    /// 8 to 128 characters after normalization (NFC, every space an ASCII space), not a commonly used password; without
    /// one the user cannot sign in until one is set.
    password: Option<String>,
    /// At most 255 characters.
    name: Option<String>,
    /// At most 255 characters.
    firstname: Option<String>,
    /// At most 255 characters.
    lastname: Option<String>,
    /// The tenant's organization by default, else the caller's; another one requires a super admin.
    organization_id: Option<String>,
    /// The caller's tenant by default, if the user is in the caller's organization; otherwise none.
    tenant_id: Option<String>,
    /// One of the built-in roles, as Kili names them.
    organization_role: Option<OrganizationRoleValue>,
    /// Names or ids of roles; none by default. Nobody can grant permissions they do not have.
    roles: Option<Vec<String>>,
    /// True by default. An activated user takes a seat.
    activated: Option<bool>,
    /// A JSON object of at most 64 KiB and 32 levels.
    variables: Option<Json>,
    /// Instead of `password`, for an imported user: a PHC string of argon2, scrypt or pbkdf2 (sha256, sha512), or a
    /// bcrypt string `$2b$…`, which must take at most about a second and 128 MiB to check, and need no secret key.
    password_hash: Option<String>,
    /// The user's identities at other identity providers, at most 20.
    federated_identities: Option<Vec<FederatedIdentityData>>,
}

impl From<CreateUserData> for NewUser {
    fn from(data: CreateUserData) -> Self {
        Self {
            id: data.id.map(|id| id.0),
            email: data.email,
            password: data.password.map(Into::into),
            name: data.name,
            firstname: data.firstname,
            lastname: data.lastname,
            organization_id: data.organization_id,
            tenant_id: data.tenant_id,
            organization_role: data.organization_role.map(Into::into),
            roles: data.roles.unwrap_or_default(),
            role_id: None,
            activated: data.activated,
            variables: data.variables.map(Json::given),
            password_hash: data.password_hash,
            password_temporary: false,
            federated_identities: identities(data.federated_identities).unwrap_or_default(),
        }
    }
}

fn identities(given: Option<Vec<FederatedIdentityData>>) -> Option<Vec<FederatedIdentity>> {
    given.map(|all| all.into_iter().map(Into::into).collect())
}

/// A newly created user with its password.
#[derive(Clone, Debug, SimpleObject)]
pub struct UserWithPassword {
    /// The user.
    pub user: UserObject,
    /// The given or generated password. Shown only once; it cannot be read again.
    pub password: String,
}

/// Changes to a user; null means not specified.
#[derive(Clone, Debug, InputObject)]
pub struct UserData {
    /// At most 254 bytes; stored in lower case. `clear` removes it.
    email: Option<String>,
    /// At most 255 characters; an empty string clears it.
    name: Option<String>,
    /// At most 255 characters; an empty string clears it.
    firstname: Option<String>,
    /// At most 255 characters; an empty string clears it.
    lastname: Option<String>,
    /// Moves the user: its tenant is cleared unless one is given, and its keys and sessions end. Requires a super
    /// admin.
    organization_id: Option<String>,
    /// A tenant of the user's organization; an empty string removes the tenant.
    tenant_id: Option<String>,
    /// Replaces the built-in roles and keeps the organization's own; setting the value it already has changes nothing.
    organization_role: Option<OrganizationRoleValue>,
    /// Names or ids of roles; they replace all that are assigned. Nobody can grant permissions they do not have.
    roles: Option<Vec<String>>,
    /// If false, the user's keys and sessions are refused at once.
    activated: Option<bool>,
    /// A JSON object of at most 64 KiB and 32 levels; it replaces the current one.
    variables: Option<Json>,
    /// The user's identities at other identity providers, at most 20; they replace the current ones.
    federated_identities: Option<Vec<FederatedIdentityData>>,
}

/// Fields of a user that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "ClearableInUser", remote = "Clearable")]
pub enum ClearableValue {
    /// `email`: the user is then identified by id and cannot sign in. Tokens mailed to the address become invalid, and
    /// the address is notified.
    Email,
    /// `name`
    Name,
    /// `firstname`
    Firstname,
    /// `lastname`
    Lastname,
    /// `tenantId`: the user belongs to no tenant.
    Tenant,
    /// `variables`
    Variables,
}

#[derive(Default)]
pub struct UserMutation;

#[Object]
impl UserMutation {
    /// Creates a user. Needs `write:user`.
    async fn create_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new user.")] data: CreateUserData,
    ) -> Result<UserObject> {
        listing::one(ctx, user::create(op(ctx), data.into())).await
    }

    /// Creates a user with a password and shows the password once: the given one, or a generated temporary one. Needs
    /// `write:user`.
    async fn create_user_with_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new user; without a `password`, one is generated.")] data: CreateUserData,
        #[graphql(
            desc = "Whether the given password is temporary and must be changed before the user can do anything else; false by default. A generated password always is."
        )]
        require_reset: Option<bool>,
    ) -> Result<UserWithPassword> {
        let made =
            crate::directory::user::create_with_password(op(ctx), data.into(), require_reset.unwrap_or(false)).await?;
        let under = Selection::of(ctx).under_field("user").unwrap_or_default();
        Ok(UserWithPassword {
            user: listing::present_one(op(ctx), made.user, &under).await?,
            password: made.password.expose().to_owned(),
        })
    }

    /// Updates a user. Needs `write:user`; a user with more permissions than the caller's cannot be updated.
    async fn update_properties_in_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes.")] data: UserData,
        #[graphql(desc = "The user, by `id` or `email`.")] r#where: UserWhere,
        #[graphql(desc = "Fields to clear; none that `data` sets.")] clear: Option<Vec<ClearableValue>>,
        #[graphql(desc = "Refuse with `CONFLICT` unless the user still has this `version`.")] expected_version: Option<
            i64,
        >,
    ) -> Result<UserObject> {
        let wanted = UserChange {
            email: data.email,
            name: data.name,
            firstname: data.firstname,
            lastname: data.lastname,
            organization_id: data.organization_id,
            tenant_id: data.tenant_id,
            tenant_stays: false,
            organization_role: data.organization_role.map(Into::into),
            roles: data.roles,
            role_id: None,
            is_admin: None,
            activated: data.activated,
            variables: data.variables.map(Json::given),
            federated_identities: identities(data.federated_identities),
            clear: clear.into_iter().flatten().map(Into::into).collect(),
        };
        let target = r#where.target(op(ctx));
        listing::one(ctx, user::update(op(ctx), &target, wanted, expected_version)).await
    }

    /// Reactivates a user, who can sign in and make calls again. Needs `write:user`.
    async fn activate_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user, by `id` or `email`.")] r#where: UserWhere,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, user::activate(op(ctx), &target)).await
    }

    /// Deactivates a user: its keys and sessions are refused from now on. The user and all its data stay. Needs
    /// `write:user`.
    async fn deactivate_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user, by `id` or `email`.")] r#where: UserWhere,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, user::deactivate(op(ctx), &target)).await
    }

    /// Deletes a user with its keys, roles, memberships and pending tokens. Needs `write:user`.
    async fn delete_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user, by `id` or `email`.")] r#where: UserWhere,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, user::delete(op(ctx), &target)).await
    }
}
