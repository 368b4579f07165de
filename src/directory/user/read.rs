//! Reads users, and looks up the one that a mutation changes.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, LockType, SelectStatement, SimpleExpr};
use sea_orm::{Condition, ConnectionTrait, IntoSimpleExpr, QuerySelect, QueryTrait};

use super::accounts::in_account_order;
use super::{User, UserFields, emails};
use crate::authz::{Action, Granted, Resource, Scope};
use crate::context::OpContext;
use crate::directory::{group, organization, role, tenant};
use crate::list::{self, Comparison, ElementFilter, Filter, JsonTerm, Search, Sql, TextTest, names_one, none_named};
use crate::model::digest;
use crate::model::error::{Error, Result, shown};
use crate::model::{Door, Email, Timestamp, UserId};
use crate::store::entity::user::{self as table, Column};
use crate::store::entity::{api_key, federated_identity};

/// The users that the caller may see.
pub fn readable(op: &OpContext) -> Result<Granted> {
    op.authorize(Action::Read, Resource::User)
}

/// The same for products that list users only for callers who may see other users.
pub fn listable(op: &OpContext) -> Result<Granted> {
    let granted = readable(op)?;
    match granted.scope() {
        Scope::Oneself(_) => Err(Error::needing(
            Door::READ_USER.names(),
            "Your roles do not allow this: it needs the permission 'read:user'.",
        )),
        Scope::Everything | Scope::Organization(_) | Scope::Tenants(_) => Ok(granted),
    }
}

/// The users that the caller may create, change and delete: for products that are refused before anything else about a
/// request is looked at.
pub fn changeable(op: &OpContext) -> Result<Granted> {
    op.authorize(Action::Modify, Resource::User)
}

/// A condition on a user.
#[derive(Clone, Debug)]
pub enum Term {
    Id(TextTest),
    /// The id is one of these, or the same UUID as one of them in another spelling.
    SameId(Vec<String>),
    /// Addresses are stored in lower case, so the text must be in lower case too.
    Email(TextTest),
    /// Of the display name.
    Name(TextTest),
    /// Every word begins a word of the names, the address or the id.
    Text(Search),
    Firstname(TextTest),
    Lastname(TextTest),
    /// The name as it is stored, which may be absent.
    StoredName(TextTest),
    /// The user name as it is compared, or what counts for it: the address, or else the id. The text must be a
    /// [`crate::model::user_name_key`], or for a part of one [`crate::model::lowered`].
    UserName(TextTest),
    /// Exact.
    ExternalId(TextTest),
    /// When it was created.
    Created(Comparison, Timestamp),
    /// When it was last changed.
    Updated(Comparison, Timestamp),
    /// Of the profile, but for its e-mail addresses.
    Profile(JsonTerm),
    /// One of the e-mail addresses, as [`crate::model::Profile::shown`] shows them, meets this. The `value` is compared as
    /// user names are.
    Emails(ElementFilter),
    /// One of these users.
    AmongKeys(Box<SelectStatement>),
    Activated(bool),
    /// Whether it is a service.
    Service(bool),
    EmailVerified(bool),
    /// It made its last request before this; not of a user who never made one.
    LastSeenBefore(Timestamp),
    /// It has one of some roles.
    Holding(Box<role::Holding>),
    Organization(Filter<organization::Term>),
    Tenant(Filter<tenant::Term>),
    /// It is in a matching group.
    Group(group::Membership),
    /// It has an identity with this provider, with this id there; `None` matches any.
    Federated {
        provider: Option<String>,
        user_id: Option<String>,
    },
    /// The owner of an active key within the scope `seen_by`.
    ApiKey {
        digest: String,
        seen_by: Option<i64>,
        at: Timestamp,
    },
}

impl Term {
    /// The owner of this key, if the caller may see it, that is, if it is the caller's own.
    pub fn api_key(op: &OpContext, key: &str) -> Self {
        Self::ApiKey {
            digest: digest(key),
            seen_by: op.actor().caller().map(|caller| caller.user_pk),
            at: op.now(),
        }
    }
}

pub(super) fn condition(sql: &mut Sql, term: &Term) -> Result<Condition> {
    Ok(match term {
        Term::Id(test) => sql.text(Column::Id, test),
        Term::SameId(ids) => table::has_id(sql.backend(), ids.iter().map(String::as_str)),
        Term::Email(test) => sql.text(Column::Email, test),
        Term::Name(test) => sql.name(Column::SortName, table::display_name(), test),
        Term::Text(search) => search.condition(sql.backend(), Column::Words, Column::Pk),
        Term::Firstname(test) => sql.text(Column::Firstname, test),
        Term::Lastname(test) => sql.text(Column::Lastname, test),
        Term::StoredName(test) => sql.text(Column::Name, test),
        Term::UserName(test) => sql.text(table::sort_user_name(), test),
        Term::ExternalId(test) => sql.text(Column::ExternalId, test),
        Term::Created(comparison, moment) => Condition::all().add(comparison.of(Column::CreatedAt, moment.micros())),
        Term::Updated(comparison, moment) => Condition::all().add(comparison.of(Column::UpdatedAt, moment.micros())),
        Term::Profile(term) => term.condition(sql, Column::Profile)?,
        Term::Emails(such) => emails::condition(sql, such)?,
        Term::AmongKeys(keys) => emails::among(sql.backend(), SelectStatement::clone(keys)),
        Term::Activated(wanted) => Condition::all().add(Column::Activated.eq(*wanted)),
        Term::Service(wanted) => Condition::all().add(Column::Service.eq(*wanted)),
        Term::EmailVerified(true) => Condition::all().add(Column::EmailVerifiedAt.is_not_null()),
        Term::EmailVerified(false) => Condition::all().add(Column::EmailVerifiedAt.is_null()),
        Term::LastSeenBefore(moment) => Condition::all().add(Column::LastSeenAt.lt(*moment)),
        Term::Holding(holding) => holding.condition(sql)?,
        Term::Organization(filter) => organization::is_one_of(sql, Column::OrganizationPk, filter)?,
        Term::Tenant(filter) => tenant::is_one_of(sql, Column::TenantPk, Column::OrganizationPk, filter)?,
        Term::Group(membership) => membership.condition(sql, Column::Pk, Column::OrganizationPk)?,
        Term::Federated { provider, user_id } => {
            use federated_identity::Column as Of;
            let equals = |column: Of, text: &Option<String>| match text {
                Some(text) => sql.text(column, &TextTest::Equals(text.clone())),
                None => Condition::all(),
            };
            let identities = federated_identity::Entity::find()
                .select_only()
                .column(Of::Pk)
                .filter(Expr::col((federated_identity::Entity, Of::UserPk)).equals((table::Entity, Column::Pk)))
                .filter(equals(Of::IdentityProvider, provider))
                .filter(equals(Of::UserId, user_id));
            Condition::all().add(Expr::exists(identities.into_query()))
        }
        Term::ApiKey { digest, seen_by, at } => {
            let owners = api_key::Entity::find()
                .select_only()
                .column(api_key::Column::UserPk)
                .filter(api_key::Column::Digest.eq(digest.as_str()))
                .filter(api_key::in_force(*at))
                .filter(api_key::Column::UserPk.eq(*seen_by));
            Condition::all().add(Column::Pk.in_subquery(owners.into_query()))
        }
    })
}

/// `column` references a matching user. A single id becomes an equality, so that an index that starts with the user can be
/// used in order; anything else becomes a set.
pub fn is_one_of<C: ColumnTrait>(sql: &mut Sql, column: C, filter: &Filter<Term>) -> Result<Condition> {
    if filter.is_empty() {
        return Ok(Condition::all());
    }
    let found = table::Entity::find().select_only().column(Column::Pk);
    let keys = found.filter(filter.nested::<User>(sql)?).into_query();
    Ok(Condition::all().add(match filter.only() {
        Some(Term::Id(TextTest::Equals(_))) => {
            let key = SimpleExpr::SubQuery(None, Box::new(keys.into()));
            column.into_simple_expr().eq(key)
        }
        _ => column.in_subquery(keys),
    }))
}

/// The caller; `None` if anonymous.
pub async fn oneself(op: &OpContext, fields: UserFields) -> Result<Option<User>> {
    let Some(caller) = op.actor().caller() else {
        return Ok(None);
    };
    let granted = op.authorize(Action::Read, Resource::Surroundings)?;
    let mut found = list::by_keys::<User>(op, &granted, [caller.user_pk], fields).await?;
    Ok(found.remove(&caller.user_pk))
}

/// A user that the caller may see. An invisible user is `NOT_FOUND`, with the same message as for a user that does not
/// exist. Callers who may see only themselves get `FORBIDDEN` for every other user, whether or not it exists.
pub async fn get(op: &OpContext, target: &Target, fields: UserFields) -> Result<User> {
    let granted = readable(op)?;
    let out_of_reach = || target.out_of_reach(&granted, Door::READ_USER);
    let mut tests = vec![target.also.clone()];
    if let Some(id) = &target.id {
        tests.push(Filter::Own(match target.any_form {
            true => Term::SameId(vec![id.clone()]),
            false => Term::Id(TextTest::Equals(id.clone())),
        }));
    }
    if let Some(email) = &target.email {
        let email = Email::normalize(email).ok_or_else(out_of_reach)?;
        tests.push(Filter::Own(Term::Email(TextTest::Equals(email.to_string()))));
    }
    if target.id.is_none() && target.email.is_none() {
        return Err(out_of_reach());
    }
    let mut found = list::few::<User>(op, &Filter::All(tests), fields).await?;
    let user = found.pop().ok_or_else(out_of_reach)?;
    match found.is_empty() {
        true => Ok(user),
        false => Err(target.ambiguous()),
    }
}

/// The user that a mutation changes: identified by id, by address, or by both, which must match the same user; possibly
/// with further conditions.
#[derive(Clone, Debug, Default)]
pub struct Target {
    pub id: Option<String>,
    pub email: Option<String>,
    /// Whether an id that is a UUID also matches a user whose id is the same UUID in another spelling. There is at most
    /// one.
    pub any_form: bool,
    pub also: Filter<Term>,
}

impl Target {
    /// The caller; nobody if there is none.
    pub fn caller(op: &OpContext) -> Self {
        let id = op.actor().caller().map(|caller| caller.user_id.to_string());
        Self { id, ..Self::default() }
    }

    pub fn id(id: impl Into<String>) -> Self {
        Self {
            id: Some(id.into()),
            ..Self::default()
        }
    }

    /// For public verbs: the account must be identified by its address and, optionally, the id of its organization.
    /// Filters are not allowed, because the responses would reveal to strangers whom they match. Returns that id;
    /// `INVALID` for anything else, before anything is looked up.
    pub fn account_alone(&self) -> Result<Option<&str>> {
        let refused = || {
            Error::invalid(
                "where",
                "Without a credential, 'where' may contain only 'email' and, optionally, 'organization: {id}'."
                    .to_owned(),
            )
        };
        let Filter::All(tests) = &self.also else {
            return Err(refused());
        };
        if self.id.is_some() {
            return Err(refused());
        }
        let mut organization = None;
        for test in tests {
            match test {
                Filter::Is(Term::Organization(filter)) if organization.is_none() => {
                    let Some(organization::Term::Id(TextTest::Equals(id))) = filter.only() else {
                        return Err(refused());
                    };
                    organization = Some(id.as_str());
                }
                _ => return Err(refused()),
            }
        }
        Ok(organization)
    }

    /// The error for a user that does not exist or is outside the caller's scope.
    pub fn not_found(&self) -> Error {
        let by = [("id", self.id.as_deref()), ("e-mail address", self.email.as_deref())];
        none_named("user", &by, self.also.is_of_caller())
    }

    /// The error if several organizations have a user with this address.
    fn ambiguous(&self) -> Error {
        Error::Ambiguous {
            field: "where.email",
            message: format!(
                "Several organizations have a user with the e-mail address '{}'. Name one with 'organization: {{id}}', \
                 or use the user's id.",
                shown(self.email.as_deref().unwrap_or_default())
            ),
        }
    }

    /// Refuses this argument if it has no identifying field.
    pub fn must_name(&self, argument: &str) -> Result<()> {
        let by = [("id", self.id.as_deref()), ("email", self.email.as_deref())];
        names_one(argument, "user", &by)
    }

    /// The error for a user that was not found within this scope.
    fn out_of_reach(&self, granted: &Granted, permission: Door) -> Error {
        match granted.scope() {
            Scope::Oneself(_) => Error::needing(
                permission.names(),
                format!(
                    "Your roles allow this only for yourself. For other users it needs the permission '{}'.",
                    permission.names().join(" ")
                ),
            ),
            Scope::Everything | Scope::Organization(_) | Scope::Tenants(_) => self.not_found(),
        }
    }
}

/// Looks up the user that a mutation changes, within the caller's scope, and locks it until the transaction ends.
///
/// `INVALID` without an identifying field. A user outside the scope is `NOT_FOUND`, with the same message as for a user
/// that does not exist. Callers whose scope is only themselves get `FORBIDDEN` for every other user, whether or not it
/// exists.
pub async fn locate(connection: &impl ConnectionTrait, granted: &Granted, target: &Target) -> Result<table::Model> {
    locate_with(connection, granted, target, LockType::Update).await
}

/// The same with a shared lock, for rows that will reference the user without changing it: prevents the user from being
/// deleted or changed.
pub async fn locate_shared(
    connection: &impl ConnectionTrait,
    granted: &Granted,
    target: &Target,
) -> Result<table::Model> {
    locate_with(connection, granted, target, LockType::KeyShare).await
}

async fn locate_with(
    connection: &impl ConnectionTrait,
    granted: &Granted,
    target: &Target,
    lock: LockType,
) -> Result<table::Model> {
    target.must_name("where")?;
    let not_found = || target.out_of_reach(granted, Door::WRITE_USER);
    let mut wanted = Condition::all();
    if let Some(id) = &target.id {
        let id = UserId::existing(id).ok_or_else(not_found)?;
        wanted = wanted.add(match target.any_form {
            true => table::has_id(connection.get_database_backend(), [id.as_str()]),
            false => Condition::all().add(Column::Id.eq(id)),
        });
    }
    if let Some(email) = &target.email {
        wanted = wanted.add(Column::Email.eq(Email::normalize(email).ok_or_else(not_found)?));
    }
    let found = table::Entity::find()
        .filter(table::within(granted))
        .filter(wanted)
        .filter(target.also.to_sql::<User>(connection.get_database_backend())?);
    // Always in the same order, so that two changes that lock the same accounts cannot deadlock.
    let mut found = in_account_order(found).limit(2).lock(lock).all(connection).await?;
    let row = found.pop().ok_or_else(not_found)?;
    match found.is_empty() {
        true => Ok(row),
        false => Err(target.ambiguous()),
    }
}
