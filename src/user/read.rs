//! Reading users, and finding the one that a change is for.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{Condition, ConnectionTrait, DbBackend, QuerySelect, QueryTrait};

use super::{User, UserFields, display_name_expression};
use crate::authn::digest;
use crate::authz::{Action, Granted, Resource, Scope};
use crate::context::OpContext;
use crate::entity::api_key;
use crate::entity::user::{self as table, Column};
use crate::error::{Error, Result, shown};
use crate::list::{self, Filter, Order, TextTest, Window, text_condition};
use crate::value::{Email, Timestamp, UserId, forms_of_id};
use crate::{group, organization, tenant};

/// The users that the caller may see.
pub fn readable(op: &OpContext) -> Result<Granted> {
    op.authorize(Action::Read, Resource::User)
}

/// The same for products that show users to those alone who see more of them than themselves.
pub fn listable(op: &OpContext) -> Result<Granted> {
    let granted = readable(op)?;
    match granted.scope() {
        Scope::Oneself(_) => Err(Error::Forbidden(
            "Your roles do not allow this: it needs the permission 'read:user'.".to_owned(),
        )),
        Scope::Everything | Scope::Organization(_) => Ok(granted),
    }
}

/// One test of a user.
#[derive(Clone, Debug)]
pub enum Term {
    Id(TextTest),
    /// Addresses are stored in lower case, and so is the test's text.
    Email(TextTest),
    /// Of the display name.
    Name(TextTest),
    Firstname(TextTest),
    Lastname(TextTest),
    Activated(bool),
    Organization(Filter<organization::Term>),
    Tenant(Filter<tenant::Term>),
    /// It is in a group like this, as far as `seen_by` reaches into groups.
    Group {
        filter: Filter<group::Term>,
        seen_by: Option<Granted>,
    },
    /// The owner of a key in force, if `seen_by` may see that key.
    ApiKey {
        digest: String,
        seen_by: Option<i64>,
        at: Timestamp,
    },
}

impl Term {
    /// The owner of this key, as far as the caller may see keys: the own ones.
    pub fn api_key(op: &OpContext, key: &str) -> Self {
        Self::ApiKey {
            digest: digest(key),
            seen_by: op.actor().caller().map(|caller| caller.user_pk),
            at: op.now(),
        }
    }
}

pub(super) fn condition(backend: DbBackend, term: &Term) -> Condition {
    match term {
        Term::Id(test) => text_condition(backend, Column::Id, test),
        Term::Email(test) => text_condition(backend, Column::Email, test),
        Term::Name(test) => text_condition(backend, display_name_expression(), test),
        Term::Firstname(test) => text_condition(backend, Column::Firstname, test),
        Term::Lastname(test) => text_condition(backend, Column::Lastname, test),
        Term::Activated(wanted) => Condition::all().add(Column::Activated.eq(*wanted)),
        Term::Organization(filter) => organization::is_one_of(backend, Column::OrganizationPk, filter),
        Term::Tenant(filter) => tenant::is_one_of(backend, Column::TenantPk, Column::OrganizationPk, filter),
        Term::Group { filter, seen_by } => group::has_one_of(backend, Column::Pk, filter, seen_by.as_ref()),
        Term::ApiKey { digest, seen_by, at } => {
            let owners = api_key::Entity::find()
                .select_only()
                .column(api_key::Column::UserPk)
                .filter(api_key::Column::Digest.eq(digest.as_str()))
                .filter(api_key::in_force(*at))
                .filter(api_key::Column::UserPk.eq(*seen_by));
            Condition::all().add(Column::Pk.in_subquery(owners.into_query()))
        }
    }
}

/// The measure of the filter inside a test; see [`list::Listed::measure`].
pub(super) fn measure(term: &Term) -> (usize, usize) {
    match term {
        Term::Organization(filter) => filter.measure::<organization::Organization>(),
        Term::Tenant(filter) => filter.measure::<tenant::Tenant>(),
        Term::Group { filter, .. } => filter.measure::<group::Group>(),
        Term::Id(_)
        | Term::Email(_)
        | Term::Name(_)
        | Term::Firstname(_)
        | Term::Lastname(_)
        | Term::Activated(_)
        | Term::ApiKey { .. } => (0, 0),
    }
}

/// The caller; nobody, for who has not said who they are.
pub async fn oneself(op: &OpContext, fields: UserFields) -> Result<Option<User>> {
    let Some(caller) = op.actor().caller() else {
        return Ok(None);
    };
    let granted = readable(op)?;
    let mut found = list::by_keys::<User>(op, &granted, [caller.user_pk], fields).await?;
    Ok(found.remove(&caller.user_pk))
}

/// One user that the caller may see. Out of sight is `NOT_FOUND`, in the words for a user that does not exist; but who
/// sees nobody but themselves is told `FORBIDDEN` for any other name, whether or not somebody bears it.
pub async fn get(op: &OpContext, target: &Target, fields: UserFields) -> Result<User> {
    let granted = readable(op)?;
    let out_of_reach = || target.out_of_reach(&granted, "read:user");
    let mut filter = target.also.clone();
    if let Some(email) = &target.email {
        let email = Email::normalize(email).ok_or_else(out_of_reach)?;
        let has_it = Filter::Is(Term::Email(TextTest::Equals(email.to_string())));
        filter = Filter::All(vec![filter, has_it]);
    }
    let found = match &target.id {
        // Not a page of the list: in its order the database might rather walk all users than look up the id.
        Some(id) => {
            let forms = match target.any_form {
                true => forms_of_id(id),
                false => vec![id.clone()],
            };
            list::by_ids::<User>(op, forms, &filter, fields).await?
        }
        None if target.email.is_some() => {
            list::page::<User>(op, &filter, Order::default(), fields, Window::new(1, 0)?).await?
        }
        None => return Err(out_of_reach()),
    };
    found
        .into_iter()
        .min_by_key(|user| target.id.as_deref() != Some(user.id.as_str()))
        .ok_or_else(out_of_reach)
}

/// The user that a change is for: by id, by address, or by both, which then name the same one; further tests may
/// narrow it.
#[derive(Clone, Debug, Default)]
pub struct Target {
    pub id: Option<String>,
    pub email: Option<String>,
    /// Whether an id that is a UUID also names the user whose id is the same UUID written otherwise. The very text comes
    /// first.
    pub any_form: bool,
    pub also: Filter<Term>,
}

impl Target {
    pub fn id(id: impl Into<String>) -> Self {
        Self {
            id: Some(id.into()),
            ..Self::default()
        }
    }

    /// What is told of a user that does not exist, or is out of reach.
    pub fn not_found(&self) -> Error {
        let (by, value) = self.described();
        Error::NotFound(format!("No user has the {by} '{}'.", shown(value)))
    }

    /// What is told of a user that this reach does not find.
    fn out_of_reach(&self, granted: &Granted, permission: &str) -> Error {
        match granted.scope() {
            Scope::Oneself(_) => Error::Forbidden(format!(
                "Your roles allow this for yourself only: it needs the permission '{permission}'."
            )),
            Scope::Everything | Scope::Organization(_) => self.not_found(),
        }
    }

    fn described(&self) -> (&'static str, &str) {
        match (&self.id, &self.email) {
            (Some(id), _) => ("id", id),
            (None, Some(email)) => ("e-mail address", email),
            (None, None) => ("id", ""),
        }
    }
}

/// Finds the one user that a change is for, within reach, and locks it until the transaction ends.
///
/// `INVALID` if nobody is named. Out of reach is `NOT_FOUND`, in the words for a user that does not exist; but who
/// reaches nobody but themselves is told `FORBIDDEN` for any other name, whether or not somebody bears it.
pub async fn locate(connection: &impl ConnectionTrait, granted: &Granted, target: &Target) -> Result<table::Model> {
    locate_with(connection, granted, target, LockType::Update).await
}

/// The same for what is to point to the user and changes nothing of it: it is kept from being deleted or changed, and
/// several may point to it at once.
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
    if target.id.is_none() && target.email.is_none() {
        return Err(Error::invalid(
            "where",
            "'where' must name exactly one user, by 'id' or by 'email'.".to_owned(),
        ));
    }
    target.also.check::<User>()?;
    let not_found = || target.out_of_reach(granted, "write:user");
    let mut wanted = Condition::all();
    if let Some(id) = &target.id {
        let id = UserId::existing(id).ok_or_else(not_found)?;
        wanted = match target.any_form {
            true => {
                let forms = TextTest::In(forms_of_id(id.as_str()));
                wanted.add(text_condition(connection.get_database_backend(), Column::Id, &forms))
            }
            false => wanted.add(Column::Id.eq(id)),
        };
    }
    if let Some(email) = &target.email {
        wanted = wanted.add(Column::Email.eq(Email::normalize(email).ok_or_else(not_found)?));
    }
    table::Entity::find()
        .filter(table::within(granted))
        .filter(wanted)
        .filter(target.also.condition::<User>(connection.get_database_backend()))
        .lock(lock)
        .all(connection)
        .await?
        .into_iter()
        .min_by_key(|row| target.id.as_deref() != Some(row.id.as_str()))
        .ok_or_else(not_found)
}
