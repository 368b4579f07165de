//! Identifies the one object that a mutation changes.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::{Filter, Listed};
use crate::authz::Granted;
use crate::model::error::{Error, Result, shown};
use crate::model::is_id;

/// Refuses a mutation's `where` that has none of the identifying fields. Every mutation checks this before it looks up
/// its object: otherwise `{}`, `{id: null}` or an omitted variable would match every object that the caller may change.
pub fn names_one(argument: &str, what: &str, by: &[(&str, Option<&str>)]) -> Result<()> {
    if by.iter().any(|(_, value)| value.is_some()) {
        return Ok(());
    }
    let fields: Vec<String> = by.iter().map(|(field, _)| format!("'{field}'")).collect();
    Err(Error::invalid(
        argument,
        format!(
            "'{argument}' must identify exactly one {what}, by {}.",
            fields.join(" or by ")
        ),
    ))
}

/// `NOT_FOUND` for an object that was identified like this. `narrowed` says whether there are further conditions: then
/// the object may exist but not match.
pub fn none_named(what: &str, by: &[(&str, Option<&str>)], narrowed: bool) -> Error {
    let names: Vec<String> = by
        .iter()
        .filter_map(|(field, value)| value.map(|value| format!("the {field} '{}'", shown(value))))
        .collect();
    let passing = if narrowed {
        " that matches the other conditions of 'where'"
    } else {
        ""
    };
    Error::NotFound(format!("No {what}{passing} has {}.", names.join(" and ")))
}

/// The object that a mutation changes: identified by id, possibly with further conditions.
#[derive(Clone, Debug)]
pub struct Named<T> {
    pub id: Option<String>,
    pub also: Filter<T>,
}

impl<T> Named<T> {
    pub fn id(id: impl Into<String>) -> Self {
        Self {
            id: Some(id.into()),
            also: Filter::default(),
        }
    }

    /// The id, or `INVALID`.
    pub fn required_id(&self, what: &str) -> Result<&str> {
        names_one("where", what, &[("id", self.id.as_deref())])?;
        Ok(self.id.as_deref().unwrap_or_default())
    }

    /// The error for an object that does not exist or is outside the caller's scope.
    pub fn not_found(&self, what: &str) -> Error {
        none_named(what, &[("id", self.id.as_deref())], self.also.is_of_caller())
    }
}

/// Looks up the object that a mutation changes, within the caller's scope, and locks it until the transaction ends.
pub async fn locate<L: Listed>(
    connection: &impl ConnectionTrait,
    granted: &Granted,
    named: &Named<L::Term>,
    what: &str,
) -> Result<<L::Entity as EntityTrait>::Model> {
    let id = named.required_id(what)?;
    let not_found = || named.not_found(what);
    if !is_id(id) {
        return Err(not_found());
    }
    L::Entity::find()
        .filter(L::within(granted))
        .filter(L::id_column().eq(id))
        .filter(named.also.to_sql::<L>(connection.get_database_backend())?)
        .lock_exclusive()
        .one(connection)
        .await?
        .ok_or_else(not_found)
}
