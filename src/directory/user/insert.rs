//! Inserts users, and says who has what a new one wants.

use std::collections::{HashMap, HashSet};

use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{
    Condition, ConnectionTrait, EntityTrait, IntoSimpleExpr, QueryFilter, QuerySelect, QueryTrait, Set, TryIntoModel,
};

use crate::authz::Granted;
use crate::context::{Change, OpContext};
use crate::directory::role::{self, Assigned};
use crate::model::error::{ConflictReason, Error, Result, shown};
use crate::model::{Email, UserId, user_name_key, uuid_of};
use crate::store::audit_trail::Event;
use crate::store::db::rows_at_once;
use crate::store::entity::user::{self as table, Column, has_id, unique_user_name};
use crate::store::entity::{among, any_of};

/// Writes new users, each with another id, and returns the outcome of each: its row, or `CONFLICT` for an id, user name or
/// address that is taken. That of one user keeps no other from being written, also while others write the same users.
///
/// They are written in the order of their addresses and ids, so that two who write the same ones wait for each other, and
/// not in a circle.
pub(super) async fn insert_rows(
    connection: &impl ConnectionTrait,
    rows: Vec<table::ActiveModel>,
) -> Result<Vec<Result<table::Model>>> {
    /// The columns of a user.
    const VALUES: usize = 28;
    let rows = rows.into_iter().map(|row| Ok(row.complete()?));
    let rows: Vec<table::ActiveModel> = rows.collect::<Result<_>>()?;
    let mut sorted: Vec<&table::ActiveModel> = rows.iter().collect();
    sorted.sort_by(|a, b| (a.email.as_ref(), a.id.as_ref()).cmp(&(b.email.as_ref(), b.id.as_ref())));
    let mut written: HashMap<UserId, i64> = HashMap::with_capacity(rows.len());
    for some in sorted.chunks(rows_at_once(VALUES)) {
        let mut insertion = table::Entity::insert_many(some.iter().map(|row| (*row).clone())).into_query();
        insertion
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .returning(Query::returning().columns([Column::Pk, Column::Id]));
        for row in connection.query_all(&insertion).await? {
            written.insert(row.try_get("", "id")?, row.try_get("", "pk")?);
        }
    }
    let lost: Vec<&table::ActiveModel> = rows
        .iter()
        .filter(|row| !written.contains_key(row.id.as_ref()))
        .collect();
    let met = Met::by(connection, &lost).await?;
    rows.into_iter()
        .map(|mut row| {
            let Some(pk) = written.get(row.id.as_ref()) else {
                return Ok(Err(met.refusal(&row)));
            };
            row.pk = Set(*pk);
            Ok(Ok(row.try_into_model()?))
        })
        .collect()
}

/// The users who kept others from being written.
#[derive(Debug, Default)]
struct Met {
    ids: HashSet<String>,
    addresses: HashSet<(i64, Email)>,
    /// What users have for a user name, as it is compared.
    user_names: HashSet<(i64, String)>,
}

impl Met {
    async fn by(connection: &impl ConnectionTrait, lost: &[&table::ActiveModel]) -> Result<Self> {
        if lost.is_empty() {
            return Ok(Self::default());
        }
        let backend = connection.get_database_backend();
        let wanted = lost.iter().map(|row| row.id.as_ref().as_str());
        let ids: Vec<UserId> = table::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(has_id(backend, wanted))
            .into_tuple()
            .all(connection)
            .await?;
        let names: HashSet<String> = lost.iter().copied().flat_map(names_of).collect();
        let names: Vec<String> = names.into_iter().collect();
        let homes: HashSet<i64> = lost.iter().map(|row| *row.organization_pk.as_ref()).collect();
        let mut met = Self {
            ids: ids.iter().map(same_id).collect(),
            ..Self::default()
        };
        if names.is_empty() {
            return Ok(met);
        }
        let wanted = Condition::any()
            .add(among(
                backend,
                Column::Email.into_simple_expr(),
                names.clone(),
                "text[]",
            ))
            .add(among(backend, unique_user_name(), names, "text[]"));
        let found: Vec<(i64, Option<Email>, Option<String>)> = table::Entity::find()
            .select_only()
            .columns([Column::OrganizationPk, Column::Email, Column::UserNameKey])
            .filter(any_of(backend, Column::OrganizationPk, homes))
            .filter(wanted)
            .into_tuple()
            .all(connection)
            .await?;
        for (home, email, key) in found {
            let key = key.or_else(|| email.as_ref().map(Email::to_string));
            met.user_names.extend(key.map(|key| (home, key)));
            met.addresses.extend(email.map(|email| (home, email)));
        }
        Ok(met)
    }

    fn refusal(&self, row: &table::ActiveModel) -> Error {
        let (id, email) = (row.id.as_ref(), row.email.as_ref().as_ref());
        let home = *row.organization_pk.as_ref();
        let address = email.map(|email| (home, email.clone()));
        let user_name = row.user_name.as_ref().as_deref();
        let has = |key: String| self.user_names.contains(&(home, key));
        if self.ids.contains(&same_id(id)) {
            id_taken(id)
        } else if let (Some(email), true) = (email, address.is_some_and(|address| self.addresses.contains(&address))) {
            Error::conflict(ConflictReason::Taken, address_taken(email))
        } else if let Some(name) = user_name.filter(|name| has(user_name_key(name))) {
            Error::conflict(ConflictReason::Taken, user_name_taken(name))
        } else if let (Some(email), None) = (email.filter(|email| has(email.to_string())), user_name) {
            // It is somebody's user name.
            Error::conflict(ConflictReason::Taken, user_name_taken(email.as_str()))
        } else {
            Error::conflict(
                ConflictReason::Concurrent,
                "Another request created a user with the same id, user name or e-mail address at the same time, and deleted it \
                 again. Try again.",
            )
        }
    }
}

/// What a new user has that another user may have for an address or for a user name.
fn names_of(row: &table::ActiveModel) -> impl Iterator<Item = String> {
    let email = row.email.as_ref().as_ref().map(Email::to_string);
    email
        .into_iter()
        .chain(row.user_name.as_ref().as_deref().map(user_name_key))
}

/// What two ids that are one have in common: ids are compared as UUIDs if they are.
pub(super) fn same_id(id: &UserId) -> String {
    match uuid_of(id.as_str()) {
        Some(uuid) => uuid.simple().to_string(),
        None => id.to_string(),
    }
}

/// Writes a new user with its roles, which `by` gives it; returns its audit event too. `CONFLICT` for an id or address that
/// is taken. The roles are written right before the commit.
pub(crate) async fn insert_in_txn(
    change: &mut Change<'_>,
    row: table::ActiveModel,
    roles: &[Assigned],
    by: Option<i64>,
) -> Result<(table::Model, Event)> {
    let mut written = insert_rows(&**change, vec![row]).await?;
    let row = written
        .pop()
        .ok_or_else(|| Error::internal("a user was not written"))??;
    let made = role::Made { at: row.created_at, by };
    change.insert_last(role::assigning(row.pk, row.organization_pk, roles, made));
    let event = created(&row, roles);
    Ok((row, event))
}

/// The event of a new user with these roles.
pub(super) fn created(row: &table::Model, roles: &[Assigned]) -> Event {
    let given = roles.iter().map(|role| role.mention().added());
    Event::new("user.create", row.pk, &row.id)
        .of_user(row)
        .counting(None, Some(row))
        .about(given)
}

/// A conflict tells callers who manage single tenants that somebody outside has an address or id, which cannot be hidden
/// from who wants to take it. So the organization's administrators see who tried.
pub(super) fn note_conflict(op: &OpContext, granted: &Granted, action: &str, error: &Error) {
    if matches!(error, Error::Conflict(_)) && granted.tenants().is_some() {
        op.note_refusal(action);
    }
}

/// What a violated unique constraint of `users` means, for a user with these names.
pub(crate) fn taken(constraint: &str, id: &UserId, email: Option<&Email>, user_name: Option<&str>) -> Error {
    // SQLite reports the column, or the index on an expression, PostgreSQL the constraint; all contain the word.
    let (of_user_name, of_email) = (constraint.contains("user_name"), constraint.contains("email"));
    match (email, user_name) {
        (_, Some(name)) if of_user_name => Error::conflict(ConflictReason::Taken, user_name_taken(name)),
        // Without a user name, the address counts for it.
        (Some(email), _) if of_user_name || of_email => Error::conflict(ConflictReason::Taken, address_taken(email)),
        _ => id_taken(id),
    }
}

/// The refusal of an id that is taken.
pub(super) fn id_taken(id: &UserId) -> Error {
    let or_spelling = match uuid_of(id.as_str()) {
        Some(_) => ", or the same UUID in another spelling,",
        None => "",
    };
    Error::conflict(
        ConflictReason::Taken,
        format!("A user with the id '{id}'{or_spelling} already exists."),
    )
}

/// The message for a user name that is taken.
pub(super) fn user_name_taken(name: &str) -> String {
    format!("A user with the user name '{}' already exists.", shown(name))
}

/// The message for an address that is taken.
pub(crate) fn address_taken(email: &Email) -> String {
    format!("A user with the e-mail address '{email}' already exists.")
}
