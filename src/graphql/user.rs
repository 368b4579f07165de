//! Users in the schema.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, SimpleObject};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::authn::caller_of;
use crate::context::OpContext;
use crate::directory::api_key::ApiKey;
use crate::directory::federated_identity::{self, FederatedIdentity};
use crate::directory::role::{self, Held};
use crate::directory::settings;
use crate::directory::user::{Clearable, NewUser, Target, Term, User, UserChange, UserFields, ViewerCan, viewer_can};
use crate::graphql::api_key::{ApiKeyObject, ApiKeyOrderBy, ApiKeyWhere};
use crate::graphql::federated_identity::{FederatedIdentityData, FederatedIdentityObject};
use crate::graphql::group::{GroupObject, GroupOrderBy, GroupWhere, of_users as groups_of_users};
use crate::graphql::organization::{OrganizationObject, OrganizationWhere, beside as organizations_beside};
use crate::graphql::role::{OrganizationRoleValue, RoleObject, beside as roles_beside};
use crate::graphql::tenant::{TenantObject, TenantWhere, beside as tenants_beside};
use crate::graphql::{
    DateTime, Json, KeptJson, List, Listing, Nested, PageSize, Result, Selection, TextFilter, address_terms, combine,
    connection_type, list_fields, listing, op, or_null, order_by, text_terms, window,
};
use crate::list::{self, Cell, Filter};
use crate::model::Actor;
use crate::model::Email;
use crate::store::entity::api_key as api_key_table;
use crate::store::entity::user::Column;

/// A person or a program; it belongs to one organization and to at most one of its tenants.
///
/// Readable with `read:user`; without it one sees oneself.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "User", complex)]
pub struct UserObject {
    /// Chosen when it was made, or a UUID; unique over the whole system, a UUID in whatever spelling.
    pub id: ID,
    /// Unique over the whole system without regard to case; null for a user without one.
    pub email: Option<String>,
    /// What to show: the name given, else first and last name, else the address, else the id.
    pub name: String,
    /// The first name; null if none.
    pub firstname: Option<String>,
    /// The last name; null if none.
    pub lastname: Option<String>,
    /// Whether the user may sign in and call. A deactivated one stays listed and takes no seat.
    pub activated: bool,
    /// The organization it belongs to.
    pub organization: Option<Box<OrganizationObject>>,
    /// The id of the organization it belongs to.
    pub organization_id: String,
    /// The tenant it belongs to; null if none.
    pub tenant: Option<Box<TenantObject>>,
    /// The id of the tenant it belongs to; null if none.
    pub tenant_id: Option<String>,
    /// The strongest of its roles, its groups' roles among them; null with none.
    pub organization_role: Option<OrganizationRoleValue>,
    /// The roles assigned to it, in the order of their names. Its groups may give it more.
    pub roles: List<Arc<RoleObject>>,
    /// What it may do: the union over its own roles and its groups' roles.
    pub permissions: Vec<&'static str>,
    /// What the caller may do to it.
    pub viewer_can: ViewerCanObject,
    /// Free JSON, set by administrators; null if none.
    pub variables: Option<KeptJson>,
    /// Whether somebody reads what is sent to its present address: a mailed token came back.
    pub email_verified: bool,
    /// Whether its password is temporary: it must be changed before it opens anything.
    pub must_change_password: bool,
    /// Who it is to other identity providers, in the order of their names; set by administrators.
    pub federated_identities: List<FederatedIdentityObject>,
    /// Its own settings, as one JSON object in the order of its keys; null on anybody but the caller.
    pub settings: Option<KeptJson>,
    /// When it last called, to the minute; null if never.
    pub last_seen_at: Option<DateTime>,
    /// Counts the changes; give it as `expectedVersion` to change only what you have seen.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime,
    /// When it was last changed.
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
    /// Change it: `write:user`, and its permissions are within the caller's.
    pub update: bool,
    /// Deactivate it: as `update`, and it is not the caller.
    pub deactivate: bool,
    /// Put it into groups and take it out: `write:group`. A group's roles may still forbid it.
    pub manage_groups: bool,
    /// Give it roles and take them away: as `update`. A role may still forbid it.
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
    /// The groups it is in. Needs `read:group`, but on oneself.
    async fn groups(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which groups; all of them by default.")] r#where: Option<GroupWhere>,
        #[graphql(desc = "In which order; oldest first by default.")] order_by: Option<GroupOrderBy>,
        #[graphql(desc = "At most so many, from 1 to 100.", default_with = "Some(PageSize(100))")] first: Option<
            PageSize,
        >,
        #[graphql(desc = "Passing over so many.", default = 0)] skip: Option<i32>,
    ) -> Result<List<GroupObject>> {
        let _ = (r#where, order_by);
        self.groups.list(ctx, first, skip)
    }

    /// Its API keys; null on anybody but the caller.
    async fn api_keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which keys; those in force by default.")] r#where: Option<ApiKeyWhere>,
        #[graphql(desc = "In which order; oldest first by default.")] order_by: Option<ApiKeyOrderBy>,
        #[graphql(desc = "At most so many, from 1 to 100.", default_with = "Some(PageSize(100))")] first: Option<
            PageSize,
        >,
        #[graphql(desc = "Passing over so many.", default = 0)] skip: Option<i32>,
    ) -> Option<List<ApiKeyObject>> {
        let _ = (r#where, order_by);
        // There are none of anybody else, but a window that cannot be is refused all the same.
        let keys = match &self.api_keys {
            Some(keys) => keys.list(ctx, first, skip).map(Some),
            None => window(first, skip).map(|_| None).map_err(Into::into),
        };
        or_null(ctx, keys)
    }
}

/// Which users. Fields are AND-ed; null is not given, at every depth.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "UserWhere")]
pub struct UserWhere {
    /// This very id.
    id: Option<ID>,
    /// One of these ids.
    id_in: Option<Vec<ID>>,
    /// Ids that start so.
    id_starts_with: Option<String>,
    /// Ids that hold this.
    id_contains: Option<String>,
    /// This very address, in any case.
    email: Option<String>,
    /// One of these addresses, in any case.
    email_in: Option<Vec<String>>,
    /// Addresses that start so, in any case; of a domain in another script, by whole labels (`ann@müller`).
    email_starts_with: Option<String>,
    /// Addresses that hold this, in any case; of a domain in another script, by whole labels (`müller.example`).
    email_contains: Option<String>,
    /// This very display name.
    name: Option<String>,
    /// One of these display names.
    name_in: Option<Vec<String>>,
    /// Display names that start so.
    name_starts_with: Option<String>,
    /// Display names that hold this.
    name_contains: Option<String>,
    /// This very first name.
    firstname: Option<String>,
    /// One of these first names.
    firstname_in: Option<Vec<String>>,
    /// First names that start so.
    firstname_starts_with: Option<String>,
    /// First names that hold this.
    firstname_contains: Option<String>,
    /// This very last name.
    lastname: Option<String>,
    /// One of these last names.
    lastname_in: Option<Vec<String>>,
    /// Last names that start so.
    lastname_starts_with: Option<String>,
    /// Last names that hold this.
    lastname_contains: Option<String>,
    /// Activated users, or deactivated ones.
    activated: Option<bool>,
    /// The owner of this API key, if it is one of the caller's own.
    api_key: Option<String>,
    /// Users of an organization like this.
    organization: Option<Box<OrganizationWhere>>,
    /// Users of a tenant like this.
    tenant: Option<Box<TenantWhere>>,
    /// Users who are in a group like this, of those that the caller may see.
    group: Option<Box<GroupWhere>>,
    /// All of these.
    #[graphql(name = "AND")]
    and: Option<Vec<UserWhere>>,
    /// At least one of these.
    #[graphql(name = "OR")]
    or: Option<Vec<UserWhere>>,
    /// Not this.
    #[graphql(name = "NOT")]
    not: Option<Box<UserWhere>>,
}

impl UserWhere {
    /// The API key that the owner is described by, if it is.
    pub fn api_key(&self) -> Option<&str> {
        self.api_key.as_deref()
    }

    /// The one user that a change is for.
    pub fn target(mut self, op: &OpContext) -> Target {
        Target {
            id: self.id.take().map(|id| id.0),
            email: self.email.take(),
            any_form: false,
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
        let emails = TextFilter {
            equals: self.email,
            any_of: self.email_in,
            starts_with: self.email_starts_with,
            contains: self.email_contains,
        };
        let names = TextFilter {
            equals: self.name,
            any_of: self.name_in,
            starts_with: self.name_starts_with,
            contains: self.name_contains,
        };
        let firstnames = TextFilter {
            equals: self.firstname,
            any_of: self.firstname_in,
            starts_with: self.firstname_starts_with,
            contains: self.firstname_contains,
        };
        let lastnames = TextFilter {
            equals: self.lastname,
            any_of: self.lastname_in,
            starts_with: self.lastname_starts_with,
            contains: self.lastname_contains,
        };
        let mut fields = text_terms(ids, Term::Id);
        fields.extend(address_terms(emails, Term::Email));
        fields.extend(text_terms(names, Term::Name));
        fields.extend(text_terms(firstnames, Term::Firstname));
        fields.extend(text_terms(lastnames, Term::Lastname));
        fields.extend(self.activated.map(|wanted| Filter::Is(Term::Activated(wanted))));
        fields.extend(self.api_key.map(|key| Filter::Is(Term::api_key(op, &key))));
        fields.extend(
            self.organization
                .map(|one| one.filter(op))
                .filter(|one| !one.is_empty())
                .map(|one| Filter::Is(Term::Organization(one))),
        );
        fields.extend(
            self.tenant
                .map(|one| one.filter(op))
                .filter(|one| !one.is_empty())
                .map(|one| Filter::Is(Term::Tenant(one))),
        );
        fields.extend(
            self.group
                .map(|one| one.filter(op))
                .filter(|one| !one.is_empty())
                .map(|one| {
                    Filter::Is(Term::Group {
                        filter: one,
                        seen_by: crate::directory::group::readable_of_oneself(op).ok(),
                    })
                }),
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
    /// What users are ordered by, before the id.
    UserOrderBy, "UserOrderBy" {
        /// Oldest first; the default.
        CreatedAtAsc = CreatedAt false,
        /// Newest first.
        CreatedAtDesc = CreatedAt true,
        /// Least lately changed first.
        UpdatedAtAsc = UpdatedAt false,
        /// Most lately changed first.
        UpdatedAtDesc = UpdatedAt true,
        /// By display name, by code point.
        NameAsc = Name false,
        /// By display name, backwards.
        NameDesc = Name true,
        /// By address; users without one first.
        EmailAsc = Email false,
        /// By address, backwards; users without one last.
        EmailDesc = Email true,
        /// By id, by code point.
        IdAsc = Id false,
        /// By id, backwards.
        IdDesc = Id true,
    }
}

connection_type!(UserConnection, UserEdge, UserObject, "users");

impl Listing for User {
    type Object = UserObject;
    type Where = UserWhere;
    type OrderBy = UserOrderBy;

    fn filter(op: &OpContext, wanted: UserWhere) -> Filter<Term> {
        wanted.filter(op)
    }

    fn behind(name: &str) -> UserFields {
        match name {
            "name" => UserFields::DISPLAY_NAME,
            "viewerCan" => UserFields::ACTIVATED,
            "emailVerified" => UserFields::EMAIL_VERIFIED_AT,
            "mustChangePassword" => UserFields::PASSWORD_TEMPORARY,
            _ => UserFields::empty(),
        }
    }

    fn present<'a>(
        op: &'a OpContext,
        things: Vec<Self>,
        selection: &'a Selection<'a>,
    ) -> BoxFuture<'a, crate::model::error::Result<Vec<UserObject>>> {
        async move {
            let beside = Beside::load(op, &things, selection).await?;
            Ok(things.into_iter().map(|user| beside.object(op, user)).collect())
        }
        .boxed()
    }

    fn cell(field: &str) -> Option<Cell> {
        Some(match field {
            "id" => Cell::text(Column::Id),
            "email" => Cell::text(Column::Email),
            "name" => Cell::text(crate::directory::user::display_name_expression()),
            "firstname" => Cell::text(Column::Firstname),
            "lastname" => Cell::text(Column::Lastname),
            "activated" => Cell::flag(Column::Activated),
            "variables" => Cell::json(Column::Variables),
            "emailVerified" => Cell::is_there(Column::EmailVerifiedAt),
            "mustChangePassword" => Cell::flag(Column::PasswordTemporary),
            "lastSeenAt" => Cell::time(Column::LastSeenAt),
            "version" => Cell::number(Column::Version),
            "createdAt" => Cell::time(Column::CreatedAt),
            "updatedAt" => Cell::time(Column::UpdatedAt),
            _ => return None,
        })
    }
}

/// The users behind some things, by internal key, with what is selected under them: those that the caller may see at this
/// moment.
pub async fn beside(
    op: &OpContext,
    pks: impl IntoIterator<Item = i64>,
    selection: &Selection<'_>,
) -> crate::model::error::Result<std::collections::HashMap<i64, UserObject>> {
    let granted = crate::directory::user::readable(op)?;
    let found = list::by_keys::<User>(op, &granted, pks, listing::fields_of::<User>(selection)).await?;
    listing::beside(op, found, selection).await
}

/// What stands beside a page of users: one statement for each relation that is selected.
#[derive(Default)]
struct Beside {
    organizations: std::collections::HashMap<i64, OrganizationObject>,
    tenants: std::collections::HashMap<i64, TenantObject>,
    /// Whether `viewerCan` is selected.
    viewer: bool,
    held: std::collections::HashMap<i64, Held>,
    roles: std::collections::HashMap<i64, List<Arc<RoleObject>>>,
    groups: std::collections::HashMap<i64, Nested<GroupObject>>,
    api_keys: std::collections::HashMap<i64, Nested<ApiKeyObject>>,
    federated_identities: std::collections::HashMap<i64, Vec<FederatedIdentity>>,
    /// The caller's.
    settings: Option<KeptJson>,
    settings_of: Option<i64>,
}

impl Beside {
    /// On the heap, as what a list nests waits for this within each other.
    fn load<'a>(
        op: &'a OpContext,
        users: &'a [User],
        selection: &'a Selection<'a>,
    ) -> BoxFuture<'a, crate::model::error::Result<Self>> {
        Self::loaded(op, users, selection).boxed()
    }

    async fn loaded(op: &OpContext, users: &[User], selection: &Selection<'_>) -> crate::model::error::Result<Self> {
        let mut beside = Self::default();
        if users.is_empty() {
            return Ok(beside);
        }
        if selection.has("organization") || selection.has("organizationId") {
            let under = selection.under_field("organization").unwrap_or_default();
            let keys = users.iter().map(|user| user.organization_pk);
            beside.organizations = organizations_beside(op, keys, &under).await?;
        }
        if selection.has("tenant") || selection.has("tenantId") {
            let under = selection.under_field("tenant").unwrap_or_default();
            beside.tenants = tenants_beside(op, users.iter().filter_map(|user| user.tenant_pk), &under).await?;
        }
        if ["organizationRole", "roles", "permissions", "viewerCan"]
            .iter()
            .any(|field| selection.has(field))
        {
            beside.held = role::held_in_answer(op, users.iter().map(|user| user.pk)).await?;
        }
        beside.viewer = selection.has("viewerCan");
        if let Some(under) = selection.under_field("roles") {
            let direct = beside.held.iter().map(|(user, has)| (*user, has.direct.as_slice()));
            beside.roles = roles_beside(op, direct, &under).await?;
        }
        if selection.has("groups") {
            let keys: Vec<i64> = users.iter().map(|user| user.pk).collect();
            beside.groups = groups_of_users(op, selection, &keys).await?;
        }
        if selection.has("federatedIdentities") {
            let keys = users.iter().map(|user| user.pk);
            beside.federated_identities = federated_identity::of_users(op.db().reader(), keys).await?;
        }
        if selection.has("settings") && users.iter().any(|user| op.actor().is(user.pk)) {
            beside.settings = Some(settings::read(op).await?.to_json().into());
            beside.settings_of = op.actor().caller().map(|caller| caller.user_pk);
        }
        if selection.has("apiKeys") {
            let own: Vec<i64> = users
                .iter()
                .map(|user| user.pk)
                .filter(|pk| op.actor().is(*pk))
                .collect();
            if !own.is_empty() {
                let parent = api_key_table::Column::UserPk;
                beside.api_keys = listing::nest::<ApiKey>(op, selection, "apiKeys", parent, &own).await?;
            }
        }
        Ok(beside)
    }

    fn object(&self, op: &OpContext, user: User) -> UserObject {
        let organization = self.organizations.get(&user.organization_pk).cloned();
        let tenant = user.tenant_pk.and_then(|pk| self.tenants.get(&pk)).cloned();
        let held = self.held.get(&user.pk);
        let permissions = held.map(Held::permissions).unwrap_or_default();
        let identities = self.federated_identities.get(&user.pk);
        let is_caller = self.settings_of == Some(user.pk);
        UserObject {
            viewer_can: if self.viewer {
                viewer_can(op, &user, permissions).into()
            } else {
                ViewerCan::default().into()
            },
            email_verified: user.email_verified_at.is_some(),
            must_change_password: user.password_temporary,
            federated_identities: identities.into_iter().flatten().map(Into::into).collect(),
            settings: self.settings.clone().filter(|_| is_caller),
            name: user.display_name(),
            id: ID(user.id.to_string()),
            email: user.email.as_ref().map(Email::to_string),
            firstname: user.firstname,
            lastname: user.lastname,
            activated: user.activated,
            organization_id: organization.as_ref().map(|one| one.id.0.clone()).unwrap_or_default(),
            organization: organization.map(Box::new),
            tenant_id: tenant.as_ref().map(|one| one.id.0.clone()),
            tenant: tenant.map(Box::new),
            organization_role: held.and_then(Held::organization_role).map(Into::into),
            roles: self.roles.get(&user.pk).cloned().unwrap_or_default(),
            permissions: permissions.names(),
            variables: user.variables.map(KeptJson::from),
            last_seen_at: user.last_seen_at.map(DateTime),
            version: user.version,
            created_at: user.created_at.into(),
            updated_at: user.updated_at.into(),
            api_keys: self.api_keys.get(&user.pk).cloned(),
            groups: self.groups.get(&user.pk).cloned().unwrap_or_default(),
        }
    }
}

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
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// The caller; null for nobody.
    async fn me(&self, ctx: &Context<'_>) -> Option<UserObject> {
        or_null(ctx, oneself(ctx).await)
    }

    /// The caller; null for nobody. The same as `me`.
    async fn viewer(&self, ctx: &Context<'_>) -> Option<UserObject> {
        or_null(ctx, oneself(ctx).await)
    }
}

list_fields! {
    UserLists of User as UserObject, UserWhere, UserOrderBy, UserConnection;
    where "Which users; all of them by default.";
    /// The users that the caller may read: those of the own organization with `read:user`, all of them for a super admin,
    /// oneself otherwise.
    users;
    /// How many users `users` lists for this `where`.
    count_users;
    /// `users`, continued from a cursor instead of a number: unchanged rows neither repeat nor get lost.
    users_connection;
}

/// A user as it sees itself, for who has just become it without a credential.
pub async fn to_itself(ctx: &Context<'_>, user: User) -> Result<UserObject> {
    let caller = caller_of(op(ctx).db().reader(), user.pk).await?;
    let actor = caller.map_or(Actor::Anonymous, Actor::user);
    let mut objects = User::present(&op(ctx).acting_as(actor), vec![user], &Selection::of(ctx)).await?;
    Ok(objects
        .pop()
        .ok_or_else(|| crate::model::error::Error::internal("a user that was not presented"))?)
}

async fn oneself(ctx: &Context<'_>) -> Result<Option<UserObject>> {
    let fields = listing::fields_of::<User>(&Selection::of(ctx));
    match crate::directory::user::oneself(op(ctx), fields).await? {
        Some(user) => listing::one(ctx, user).await.map(Some),
        None => Ok(None),
    }
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
