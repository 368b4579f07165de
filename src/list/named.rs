//! The one thing that a change is for.

use super::Filter;
use crate::model::error::{Error, Result, shown};

/// Refuses a `where` of a change that gives none of the fields that tell a thing apart. Every change asks this before it
/// looks for its thing: without it, `{}`, `{id: null}` or a variable that was left out would name whatever the caller may
/// change.
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

/// `NOT_FOUND` for a thing that was named so. `narrowed` says whether the caller tested more than the name: the thing may
/// then exist and not pass.
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

/// The one thing that a change is for: by id, and further tests may narrow it.
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

    /// What is told of a thing that does not exist, or is out of reach.
    pub fn not_found(&self, what: &str) -> Error {
        none_named(what, &[("id", self.id.as_deref())], self.also.is_of_caller())
    }
}
