//! Changing users.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use super::{UserObject, UserWhere};
use crate::directory::federated_identity::FederatedIdentity;
use crate::directory::user::{Clearable, NewUser, User, UserChange};
use crate::graphql::federated_identity::FederatedIdentityData;
use crate::graphql::role::OrganizationRoleValue;
use crate::graphql::{Json, Listing, Result, Selection, listing, op};

/// A new user: all optional, but an e-mail address or an id.
#[derive(Clone, InputObject)]
pub struct CreateUserData {
    /// 1 to 255 printable ASCII characters without a blank at either end; a new UUID by default. A UUID in another
    /// spelling (case, hyphens, braces, brackets, `urn:uuid:`) is the same id, and `CONFLICT` if it is taken.
    id: Option<ID>,
    /// At most 254 bytes; any case, stored in lower case.
    email: Option<String>,
    /// 8 to 128 characters in the normal form (NFC, each space an ASCII space), not among the known-worst; without one
    /// nobody can sign in until it is set.
    password: Option<String>,
    /// At most 255 characters.
    name: Option<String>,
    /// At most 255 characters.
    firstname: Option<String>,
    /// At most 255 characters.
    lastname: Option<String>,
    /// The tenant's by default, else the caller's own; another organization needs a super admin.
    organization_id: Option<String>,
    /// The caller's own by default, for a user of the caller's organization; else none.
    tenant_id: Option<String>,
    /// One of the built-in roles, in Kili's words.
    organization_role: Option<OrganizationRoleValue>,
    /// Names or ids of roles; none by default. Nobody grants more than they hold.
    roles: Option<Vec<String>>,
    /// True by default. An activated user takes a seat.
    activated: Option<bool>,
    /// A JSON object of at most 64 KiB and 32 levels.
    variables: Option<Json>,
    /// Instead of `password`, for a user who moves here: a PHC string of argon2, scrypt or pbkdf2 (sha256, sha512), or a
    /// bcrypt string `$2b$…`, which takes about a second and 128 MiB to check at most, and needs no secret key.
    password_hash: Option<String>,
    /// Who the user is to other identity providers; at most 20.
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

/// A user just made, with its password.
#[derive(Clone, Debug, SimpleObject)]
pub struct UserWithPassword {
    /// The user.
    pub user: UserObject,
    /// The password given or made. It is told this once and cannot be read again.
    pub password: String,
}

/// What is to change in a user; null is not given.
#[derive(Clone, Debug, InputObject)]
pub struct UserData {
    /// At most 254 bytes; any case, stored in lower case. `clear` takes it away.
    email: Option<String>,
    /// At most 255 characters; the empty text clears it.
    name: Option<String>,
    /// At most 255 characters; the empty text clears it.
    firstname: Option<String>,
    /// At most 255 characters; the empty text clears it.
    lastname: Option<String>,
    /// Moves the user: its tenant is cleared unless given, and keys and sessions end. Needs a super admin.
    organization_id: Option<String>,
    /// A tenant of the user's organization; the empty text leaves none.
    tenant_id: Option<String>,
    /// Replaces the built-in roles and leaves the organization's own; to set what it shows already changes nothing.
    organization_role: Option<OrganizationRoleValue>,
    /// Names or ids of roles; they replace all that are assigned. Nobody grants more than they hold.
    roles: Option<Vec<String>>,
    /// False refuses the user's keys and sessions at once.
    activated: Option<bool>,
    /// A JSON object of at most 64 KiB and 32 levels; it replaces the present one.
    variables: Option<Json>,
    /// Who the user is to other identity providers; at most 20, which replace those there are.
    federated_identities: Option<Vec<FederatedIdentityData>>,
}

/// What can be cleared in a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "ClearableInUser", remote = "Clearable")]
pub enum ClearableValue {
    /// `email`: the user is then addressed by id, and cannot sign in. Tokens mailed to the address are void, and it is told.
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
    /// Makes a user. Needs `write:user`.
    async fn create_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new user.")] data: CreateUserData,
    ) -> Result<UserObject> {
        listing::one(ctx, crate::directory::user::create(op(ctx), data.into()).await?).await
    }

    /// Makes a user with a password, and tells it once: the one given, or a temporary one made here. Needs `write:user`.
    async fn create_user_with_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new user; without a `password`, one is made.")] data: CreateUserData,
        #[graphql(
            desc = "Whether a password given is temporary, and must be changed before it opens anything; false by default. One made here always is."
        )]
        require_reset: Option<bool>,
    ) -> Result<UserWithPassword> {
        let made =
            crate::directory::user::create_with_password(op(ctx), data.into(), require_reset.unwrap_or(false)).await?;
        let under = Selection::of(ctx).under_field("user").unwrap_or_default();
        let mut users = User::present(op(ctx), vec![made.user], &under).await?;
        let user = users
            .pop()
            .ok_or_else(|| crate::model::error::Error::internal("a user that was not presented"))?;
        Ok(UserWithPassword {
            user,
            password: made.password.expose().to_owned(),
        })
    }

    /// Changes a user. Needs `write:user`, and nobody changes a user whose permissions go beyond their own.
    async fn update_properties_in_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to change.")] data: UserData,
        #[graphql(desc = "Which user: name one by `id` or by `email`.")] r#where: UserWhere,
        #[graphql(desc = "What is to be cleared; nothing that `data` gives.")] clear: Option<Vec<ClearableValue>>,
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
        listing::one(
            ctx,
            crate::directory::user::update(op(ctx), &target, wanted, expected_version).await?,
        )
        .await
    }

    /// Lets a user sign in and call again. Needs `write:user`.
    async fn activate_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which user: name one by `id` or by `email`.")] r#where: UserWhere,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, crate::directory::user::activate(op(ctx), &target).await?).await
    }

    /// Refuses a user's keys and sessions from now on; the user stays, with all its data. Needs `write:user`.
    async fn deactivate_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which user: name one by `id` or by `email`.")] r#where: UserWhere,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, crate::directory::user::deactivate(op(ctx), &target).await?).await
    }

    /// Deletes a user with its keys, roles, memberships and pending tokens. Needs `write:user`.
    async fn delete_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which user: name one by `id` or by `email`.")] r#where: UserWhere,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, crate::directory::user::delete(op(ctx), &target).await?).await
    }
}
