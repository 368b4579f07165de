//! Users in the schema.

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, SimpleObject};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::{NewUser, Target, Term, User, UserChange, UserFields};
use crate::api_key::ApiKey;
use crate::api_key::graphql::{ApiKeyObject, ApiKeyOrderBy, ApiKeyWhere};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::entity::api_key as api_key_table;
use crate::graphql::{
    DateTime, Json, Listing, Nested, PageSize, Result, Selection, TextFilter, combine, connection_type, listing, op,
    order_by, text_terms, window,
};
use crate::list::{Filter, Paging};
use crate::organization::graphql::{OrganizationObject, OrganizationWhere, beside as organizations_beside};
use crate::permission::Permissions;
use crate::role::graphql::{OrganizationRoleValue, RoleObject};
use crate::role::{self, Assigned, OrganizationRole};
use crate::tenant::graphql::{TenantObject, TenantWhere, beside as tenants_beside};
use crate::value::Email;

/// A person or a program; it belongs to one organization and to at most one of its tenants.
///
/// Readable with `read:user`; without it one sees oneself.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "User", complex)]
pub struct UserObject {
    /// Chosen when it was made, or a UUID; unique over the whole system.
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
    /// The strongest of its roles; null with none.
    pub organization_role: Option<OrganizationRoleValue>,
    /// The roles assigned to it, by name.
    pub roles: Vec<RoleObject>,
    /// What it may do: the union over its roles.
    pub permissions: Vec<&'static str>,
    /// Free JSON, set by administrators; null if none.
    pub variables: Option<Json>,
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
}

#[ComplexObject]
impl UserObject {
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
    ) -> Result<Option<Vec<ApiKeyObject>>> {
        let _ = (r#where, order_by);
        window(first, skip)?;
        Ok(self.api_keys.as_ref().map(|keys| keys.of(ctx)).transpose()?)
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
    /// Addresses that start so, in any case.
    email_starts_with: Option<String>,
    /// Addresses that hold this, in any case.
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
    /// The one user that a change is for.
    pub fn target(self, op: &OpContext) -> Target {
        Target {
            id: self.id.as_ref().map(|id| id.0.clone()),
            email: self.email.clone(),
            also: self.filter(op),
        }
    }

    /// The same among the users that the caller may read: for filters of other things by their users.
    pub fn seen(self, op: &OpContext) -> Filter<Term> {
        let filter = self.filter(op);
        if filter.is_empty() {
            return filter;
        }
        Filter::All(vec![
            match op.authorize(Action::Read, Resource::User) {
                Ok(granted) => Filter::Is(Term::Within(granted)),
                Err(_) => Filter::Any(Vec::new()),
            },
            filter,
        ])
    }

    pub fn filter(self, op: &OpContext) -> Filter<Term> {
        // A whole address is compared in its stored form, a part of one in lower case; what is no address is nobody's.
        let address =
            |text: String| Email::normalize(&text).map_or_else(|| text.to_lowercase(), |email| email.to_string());
        let ids = TextFilter {
            equals: self.id.map(|id| id.0),
            any_of: self.id_in.map(|ids| ids.into_iter().map(|id| id.0).collect()),
            starts_with: self.id_starts_with,
            contains: self.id_contains,
        };
        let emails = TextFilter {
            equals: self.email.map(address),
            any_of: self.email_in.map(|all| all.into_iter().map(address).collect()),
            starts_with: self.email_starts_with.map(|text| text.to_lowercase()),
            contains: self.email_contains.map(|text| text.to_lowercase()),
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
        fields.extend(text_terms(emails, Term::Email));
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

    fn fields(selection: &Selection<'_>) -> UserFields {
        selection.names().fold(UserFields::empty(), |fields, name| {
            fields
                | match name {
                    "email" => UserFields::EMAIL,
                    "name" => UserFields::DISPLAY_NAME,
                    "firstname" => UserFields::FIRSTNAME,
                    "lastname" => UserFields::LASTNAME,
                    "activated" => UserFields::ACTIVATED,
                    "variables" => UserFields::VARIABLES,
                    "lastSeenAt" => UserFields::LAST_SEEN_AT,
                    "version" => UserFields::VERSION,
                    "createdAt" => UserFields::CREATED_AT,
                    "updatedAt" => UserFields::UPDATED_AT,
                    _ => UserFields::empty(),
                }
        })
    }

    fn present<'a>(
        op: &'a OpContext,
        things: Vec<Self>,
        selection: &'a Selection<'a>,
    ) -> BoxFuture<'a, crate::error::Result<Vec<UserObject>>> {
        async move {
            let beside = Beside::load(op, &things, selection).await?;
            Ok(things.into_iter().map(|user| beside.object(user)).collect())
        }
        .boxed()
    }
}

/// What stands beside a page of users: one statement for each relation that is selected.
#[derive(Default)]
struct Beside {
    organizations: std::collections::HashMap<i64, OrganizationObject>,
    tenants: std::collections::HashMap<i64, TenantObject>,
    roles: std::collections::HashMap<i64, Vec<Assigned>>,
    api_keys: std::collections::HashMap<i64, Nested<ApiKeyObject>>,
}

impl Beside {
    async fn load(op: &OpContext, users: &[User], selection: &Selection<'_>) -> crate::error::Result<Self> {
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
        if ["organizationRole", "roles", "permissions"]
            .iter()
            .any(|field| selection.has(field))
        {
            beside.roles = role::assigned(op.db().reader(), users.iter().map(|user| user.pk)).await?;
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

    fn object(&self, user: User) -> UserObject {
        let organization = self.organizations.get(&user.organization_pk).cloned();
        let tenant = user.tenant_pk.and_then(|pk| self.tenants.get(&pk)).cloned();
        let roles = self.roles.get(&user.pk).map(Vec::as_slice).unwrap_or_default();
        UserObject {
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
            organization_role: OrganizationRole::of(roles).map(Into::into),
            roles: roles.iter().map(RoleObject::from).collect(),
            permissions: roles
                .iter()
                .fold(Permissions::empty(), |all, role| all | role.permissions)
                .names(),
            variables: user.variables.map(Json::from),
            last_seen_at: user.last_seen_at.map(DateTime),
            version: user.version,
            created_at: user.created_at.into(),
            updated_at: user.updated_at.into(),
            api_keys: self.api_keys.get(&user.pk).cloned(),
        }
    }
}

/// A new user: all optional, but an e-mail address or an id.
#[derive(Clone, InputObject)]
pub struct CreateUserData {
    /// 1 to 255 printable ASCII characters without a blank at either end; a new UUID by default.
    id: Option<ID>,
    /// At most 254 bytes; any case, stored in lower case.
    email: Option<String>,
    /// 8 to 128 characters, not among the known-worst; without one nobody can sign in until it is set.
    password: Option<String>,
    /// At most 255 characters.
    name: Option<String>,
    /// At most 255 characters.
    firstname: Option<String>,
    /// At most 255 characters.
    lastname: Option<String>,
    /// The caller's own by default; another organization needs a super admin.
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
}

/// What is to change in a user; null is not given.
#[derive(Clone, Debug, InputObject)]
pub struct UserData {
    /// At most 254 bytes; any case, stored in lower case.
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
}

#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// The caller; null for nobody.
    async fn me(&self, ctx: &Context<'_>) -> Result<Option<UserObject>> {
        oneself(ctx).await
    }

    /// The caller; null for nobody. The same as `me`.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<UserObject>> {
        oneself(ctx).await
    }

    /// The users that the caller may read: those of the own organization with `read:user`, all of them for a super admin,
    /// oneself otherwise.
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which users; all of them by default.")] r#where: Option<UserWhere>,
        #[graphql(desc = "In which order; oldest first by default.")] order_by: Option<UserOrderBy>,
        #[graphql(desc = "At most so many, from 1 to 100.", default_with = "Some(PageSize(100))")] first: Option<
            PageSize,
        >,
        #[graphql(desc = "Passing over so many.", default = 0)] skip: Option<i32>,
    ) -> Result<Vec<UserObject>> {
        listing::page::<User>(ctx, r#where, order_by, first, skip).await
    }

    /// How many users `users` lists for this `where`.
    async fn count_users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which users; all of them by default.")] r#where: Option<UserWhere>,
    ) -> Result<i64> {
        listing::count::<User>(ctx, r#where).await
    }

    /// `users`, continued from a cursor instead of a number: unchanged rows neither repeat nor get lost.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn users_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which users; all of them by default.")] r#where: Option<UserWhere>,
        #[graphql(desc = "In which order; oldest first by default.")] order_by: Option<UserOrderBy>,
        #[graphql(desc = "At most so many, from 1 to 100, from the front.")] first: Option<i64>,
        #[graphql(desc = "Only what stands after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most so many, from 1 to 100, from the end.")] last: Option<i64>,
        #[graphql(desc = "Only what stands before this cursor.")] before: Option<String>,
    ) -> Result<UserConnection> {
        let paging = Paging {
            first,
            after,
            last,
            before,
        };
        Ok(listing::connection::<User>(ctx, r#where, order_by, paging)
            .await?
            .into())
    }
}

async fn oneself(ctx: &Context<'_>) -> Result<Option<UserObject>> {
    let fields = User::fields(&Selection::of(ctx));
    match super::oneself(op(ctx), fields).await? {
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
        let new = NewUser {
            id: data.id.map(|id| id.0),
            email: data.email,
            password: data.password,
            name: data.name,
            firstname: data.firstname,
            lastname: data.lastname,
            organization_id: data.organization_id,
            tenant_id: data.tenant_id,
            organization_role: data.organization_role.map(Into::into),
            roles: data.roles.unwrap_or_default(),
            activated: data.activated,
            variables: data.variables.map(Json::given),
        };
        listing::one(ctx, super::create(op(ctx), new).await?).await
    }

    /// Changes a user. Needs `write:user`, and nobody changes a user whose permissions go beyond their own.
    async fn update_properties_in_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to change.")] data: UserData,
        #[graphql(desc = "Which user: name one by `id` or by `email`.")] r#where: UserWhere,
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
            organization_role: data.organization_role.map(Into::into),
            roles: data.roles,
            activated: data.activated,
            variables: data.variables.map(Json::given),
        };
        let target = r#where.target(op(ctx));
        listing::one(ctx, super::update(op(ctx), &target, wanted, expected_version).await?).await
    }

    /// Lets a user sign in and call again. Needs `write:user`.
    async fn activate_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which user: name one by `id` or by `email`.")] r#where: UserWhere,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, super::activate(op(ctx), &target).await?).await
    }

    /// Refuses a user's keys and sessions from now on; the user stays, with all its data. Needs `write:user`.
    async fn deactivate_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which user: name one by `id` or by `email`.")] r#where: UserWhere,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, super::deactivate(op(ctx), &target).await?).await
    }

    /// Deletes a user with its keys, roles and pending tokens. Needs `write:user`.
    async fn delete_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which user: name one by `id` or by `email`.")] r#where: UserWhere,
    ) -> Result<UserObject> {
        let target = r#where.target(op(ctx));
        listing::one(ctx, super::delete(op(ctx), &target).await?).await
    }
}
