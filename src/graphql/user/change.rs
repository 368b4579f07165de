//! Changing users.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use futures::FutureExt;

use super::{UserKind, UserObject, UserWhere};
use crate::directory::federated_identity::FederatedIdentity;
use crate::directory::user::{self, Clearable, NewUser, UserChange};
use crate::graphql::federated_identity::FederatedIdentityData;
use crate::graphql::role::{OrganizationRoleValue, TenantRoleData};
use crate::graphql::{Json, List, Result, Selection, listing, op};
use crate::model::error::{self, ConflictReason, Error};

/// A new user. `email`, `userName` or `id` is required; all other fields are optional.
#[derive(Clone, InputObject)]
pub struct CreateUserData {
    /// 1 to 255 printable ASCII characters without leading or trailing spaces; a new UUID by default. Different
    /// notations of one UUID (case, hyphens, braces, brackets, `urn:uuid:`) are the same id. Fails with `CONFLICT` if
    /// another user has the id.
    id: Option<ID>,
    /// At most 254 bytes; stored in lower case.
    email: Option<String>,
    /// 8 to 128 characters, after normalization to NFC with every Unicode space replaced by an ASCII space. Must not be
    /// a commonly used password, the user's email address, its part before the `@`, or the user's id. A user without a
    /// password cannot sign in until one is set.
    password: Option<String>,
    /// At most 255 characters.
    name: Option<String>,
    /// At most 255 characters.
    firstname: Option<String>,
    /// At most 255 characters.
    lastname: Option<String>,
    /// The name by which the organization's identity provider knows the user: any text of at most 255 characters, an email
    /// address or not. It does not sign in. Fails with `CONFLICT` if another user of the organization has it, ignoring
    /// case; for a user without one, the email address counts.
    user_name: Option<String>,
    /// The identity provider's own id of the user: at most 255 characters. Several users may have the same one.
    external_id: Option<String>,
    /// Default: the organization of `tenantId` if that is given, otherwise the caller's organization. Only a super
    /// admin can choose another one.
    organization_id: Option<ID>,
    /// Default: the caller's tenant, if the user is created in the caller's organization; otherwise none. A caller who has
    /// `write:user` for single tenants only creates users in these; the default is then the only one.
    tenant_id: Option<ID>,
    /// Assigns the built-in role of this value, in addition to `roles`. The caller must have all permissions of the
    /// role.
    organization_role: Option<OrganizationRoleValue>,
    /// Names or ids of roles; none by default. The caller must have all permissions of these roles.
    roles: Option<Vec<String>>,
    /// Roles for single tenants; none by default. The caller must have all permissions of these roles, for the
    /// organization or for the tenant.
    tenant_roles: Option<Vec<TenantRoleData>>,
    /// Default: true. An activated user counts towards the organization's `seatLimit`.
    activated: Option<bool>,
    /// Default: `PERSON`. It cannot be changed later. A `SERVICE` must not have `password`, `passwordHash` or
    /// `federatedIdentities`; an email address is only for contact.
    kind: Option<UserKind>,
    /// Default: true. False, only for a `SERVICE`: it does not count towards the `seatLimit`. Needs `write:org`.
    takes_seat: Option<bool>,
    /// A JSON object of at most 64 KiB and 32 levels.
    variables: Option<Json>,
    /// For an imported user, instead of `password`: the hash of the user's existing password. A PHC string of argon2,
    /// scrypt or pbkdf2, a bcrypt string (`$2b$…`), or a form of another product that docs/operating.md lists. It is
    /// stored in a common form; a weak one, such as `{SSHA}…`, inside Argon2id. Verifying it must take at most about one
    /// second and 128 MiB, and must not need a secret key (pepper).
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
            user_name: data.user_name,
            external_id: data.external_id,
            profile: None,
            organization_id: data.organization_id.map(|id| id.0),
            tenant_id: data.tenant_id.map(|id| id.0),
            organization_role: data.organization_role.map(Into::into),
            roles: data.roles.unwrap_or_default(),
            tenant_roles: data.tenant_roles.into_iter().flatten().map(Into::into).collect(),
            role_id: None,
            activated: data.activated,
            service: data.kind == Some(UserKind::Service),
            takes_seat: data.takes_seat,
            variables: data.variables.map(Json::given),
            password_hash: data.password_hash,
            password_temporary: false,
            federated_identities: identities(data.federated_identities).unwrap_or_default(),
        }
    }
}

/// Creates users, and converts the outcome of each to its schema type: the relations of all of them at once.
async fn created(ctx: &Context<'_>, data: Vec<CreateUserData>) -> error::Result<List<UserOutcome>> {
    let op = op(ctx);
    let done = user::create_many(op, data.into_iter().map(Into::into).collect()).await;
    // What others are doing at the same time may have decided it; see `Database::settled`.
    op.db().settled().await?;
    let done = done?;
    let under = Selection::of(ctx).under_field("user").unwrap_or_default();
    let users = done
        .iter()
        .filter_map(|outcome| outcome.as_ref().ok())
        .cloned()
        .collect();
    let mut users = listing::present(op, users, &under).await?.into_iter();
    let outcome = |outcome| match outcome {
        Ok(_) => UserOutcome {
            user: users.next(),
            refusal: None,
        },
        Err(error) => {
            if matches!(error, Error::Forbidden(_)) {
                op.note_refusal("user.create");
            }
            UserOutcome {
                user: None,
                refusal: Some(error.into()),
            }
        }
    };
    Ok(done.into_iter().map(outcome).collect())
}

fn identities(given: Option<Vec<FederatedIdentityData>>) -> Option<Vec<FederatedIdentity>> {
    given.map(|all| all.into_iter().map(Into::into).collect())
}

/// A newly created user with its password.
#[derive(Clone, Debug, SimpleObject)]
pub struct UserWithPassword {
    /// The user.
    pub user: UserObject,
    /// The given or generated password. It is shown only once and cannot be read again.
    pub password: String,
}

/// Changes to a user. Fields that are null or omitted do not change.
#[derive(Clone, Debug, InputObject)]
pub struct UserData {
    /// At most 254 bytes; stored in lower case. To remove it, use `clear`. If the organization's `confirmEmailChanges` is
    /// true, it is the user's address only after the link that is emailed to it is used; until then it is in
    /// `pendingEmail`. Callers who have an address cannot change their own here: see `changeMyEmail`.
    email: Option<String>,
    /// At most 255 characters; an empty string clears it.
    name: Option<String>,
    /// At most 255 characters; an empty string clears it.
    firstname: Option<String>,
    /// At most 255 characters; an empty string clears it.
    lastname: Option<String>,
    /// At most 255 characters; an empty string clears it, and the email address or the id counts for it. Fails with
    /// `CONFLICT` if another user of the organization has it, ignoring case.
    user_name: Option<String>,
    /// At most 255 characters; an empty string clears it.
    external_id: Option<String>,
    /// Moves the user to this organization. Super admins only. The tenant is cleared unless `tenantId` is given, and
    /// `externalId` unless it is given; the user leaves its groups and loses its custom roles and its roles for tenants, its API keys are revoked, and its
    /// sessions end.
    organization_id: Option<String>,
    /// A tenant of the user's organization; an empty string removes the tenant. If any user or group has a role for the
    /// current tenant, the user's API keys are revoked and its sessions end, unless the user is the caller.
    tenant_id: Option<ID>,
    /// Replaces the user's built-in roles with the built-in role of this value, and keeps custom roles. Setting the
    /// current value changes nothing. The caller must have all permissions of the role.
    organization_role: Option<OrganizationRoleValue>,
    /// Names or ids of roles. They replace all roles that are assigned to the user. The caller must have all
    /// permissions of the roles that are added.
    roles: Option<Vec<String>>,
    /// If false, the user's sessions end and its API keys stop working, effective from the next request.
    activated: Option<bool>,
    /// Whether a service counts towards the organization's `seatLimit`. Needs `write:org`.
    takes_seat: Option<bool>,
    /// A JSON object of at most 64 KiB and 32 levels; it replaces the current one.
    variables: Option<Json>,
    /// The user's identities at other identity providers, at most 20; they replace the current ones.
    federated_identities: Option<Vec<FederatedIdentityData>>,
}

/// Fields of a user that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "ClearableInUser", remote = "Clearable")]
pub enum ClearableValue {
    /// `email`: the user then has only an `id` and cannot use `signIn`; its API keys and sessions stay valid. Tokens
    /// that were emailed to the address become invalid, and the address is notified.
    Email,
    /// `name`
    Name,
    /// `firstname`
    Firstname,
    /// `lastname`
    Lastname,
    /// `userName`: the email address or the id counts for it.
    UserName,
    /// `externalId`
    ExternalId,
    /// `tenantId`: the user belongs to no tenant.
    Tenant,
    /// `variables`
    Variables,
}

/// The outcome of one of the users of `createUsers`: exactly one of the two fields has a value.
#[derive(Clone, Debug, SimpleObject)]
pub struct UserOutcome {
    /// The user, if it was created.
    pub user: Option<UserObject>,
    /// Why it was not created.
    pub refusal: Option<Refusal>,
}

/// Why one of several objects was refused, as the mutation for a single one would say it in `errors`.
#[derive(Clone, Debug, SimpleObject)]
pub struct Refusal {
    /// As in the extensions of an error.
    pub code: String,
    /// Why there is a conflict; null for other codes.
    pub reason: Option<String>,
    /// The field that was refused, without `data`, as in `email`; null if no single one was.
    pub field: Option<String>,
    /// The missing permissions, for `FORBIDDEN`: none if no permission would help, or if the caller must not learn which.
    pub permissions: Vec<String>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let (code, message) = (error.code().into_str().to_owned(), error.to_string());
        let (reason, field, permissions) = match error {
            Error::Conflict(conflict) => (Some(conflict.reason.into_str()), None, Vec::new()),
            Error::Ambiguous { field, .. } => (
                Some(ConflictReason::Ambiguous.into_str()),
                Some(field.to_owned()),
                Vec::new(),
            ),
            Error::Invalid { field, .. } => (None, Some(field), Vec::new()),
            Error::Forbidden(denied) => (None, None, denied.permissions),
            _ => (None, None, Vec::new()),
        };
        Self {
            code,
            reason: reason.map(str::to_owned),
            field,
            permissions,
            message,
        }
    }
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

    /// Creates up to 1,000 users in one transaction, and returns the outcome of each, in the order of `data`. A user who is
    /// refused changes nothing, and keeps no other from being created. Of two with the same id or email address, the first
    /// is created; of several for fewer seats, the first ones. An error in `errors` concerns the whole call: then nobody is
    /// created. At most 100 of the users can have a `password`. Needs `write:user`.
    async fn create_users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new users, at most 1,000.")] data: Vec<CreateUserData>,
    ) -> Result<List<UserOutcome>> {
        Ok(created(ctx, data).boxed().await?)
    }

    /// Creates a user with a password, the given one or a generated temporary one, and returns the password. Needs
    /// `write:user`.
    async fn create_user_with_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new user. If `password` is omitted, one is generated.")] data: CreateUserData,
        #[graphql(
            desc = "Whether the given password is temporary and must be changed before the user can do anything else; false by default. A generated password is always temporary."
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

    /// Updates a user. Needs `write:user`. The names and `activated` also need every permission of the user that
    /// tenantry itself checks; everything else needs every permission of the user. `viewerCan` shows both.
    async fn update_properties_in_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes.")] data: UserData,
        #[graphql(desc = "The user: `id` or `email` is required; any further conditions must match too.")]
        r#where: UserWhere,
        #[graphql(desc = "Fields to clear. A field must not be in both `clear` and `data`.")] clear: Option<
            Vec<ClearableValue>,
        >,
        #[graphql(desc = "Fail with `CONFLICT` unless the user still has this `version`.")] expected_version: Option<
            i64,
        >,
    ) -> Result<UserObject> {
        let wanted = UserChange {
            email: data.email,
            name: data.name,
            firstname: data.firstname,
            lastname: data.lastname,
            user_name: data.user_name,
            external_id: data.external_id,
            profile: None,
            password: None,
            organization_id: data.organization_id,
            tenant_id: data.tenant_id.map(|id| id.0),
            tenant_stays: false,
            organization_role: data.organization_role.map(Into::into),
            roles: data.roles,
            role_id: None,
            is_admin: None,
            activated: data.activated,
            takes_seat: data.takes_seat,
            variables: data.variables.map(Json::given),
            federated_identities: identities(data.federated_identities),
            clear: clear.into_iter().flatten().map(Into::into).collect(),
            of_everything: false,
        };
        let target = r#where.target(op(ctx));
        listing::one(ctx, user::update(op(ctx), &target, wanted, expected_version)).await
    }

    /// Activates a user again, who can then sign in and use the API. Needs `write:user` and every permission of the user
    /// that tenantry itself checks.
    async fn activate_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user: `id` or `email` is required; any further conditions must match too.")]
        r#where: UserWhere,
        #[graphql(desc = "Fail with `CONFLICT` unless the user still has this `version`.")] expected_version: Option<
            i64,
        >,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, user::activate(op(ctx), &target, expected_version)).await
    }

    /// Deactivates a user: its sessions end, and its API keys do not work until it is activated again. The user and all
    /// its data are kept. Needs `write:user` and every permission of the user that tenantry itself checks.
    async fn deactivate_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user: `id` or `email` is required; any further conditions must match too.")]
        r#where: UserWhere,
        #[graphql(desc = "Fail with `CONFLICT` unless the user still has this `version`.")] expected_version: Option<
            i64,
        >,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, user::deactivate(op(ctx), &target, expected_version)).await
    }

    /// Deletes a user with its API keys, sessions, role assignments, group memberships, settings, federated identities
    /// and unused tokens from emails. Needs `write:user` and every permission that the user has.
    async fn delete_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user: `id` or `email` is required; any further conditions must match too.")]
        r#where: UserWhere,
        #[graphql(desc = "Fail with `CONFLICT` unless the user still has this `version`.")] expected_version: Option<
            i64,
        >,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, user::delete(op(ctx), &target, expected_version)).await
    }
}
