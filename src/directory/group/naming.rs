//! The names of groups: their keys, and names that no two groups may have.

use std::collections::HashSet;

use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::model::error::{ConflictReason, Error, Result, shown};
use crate::model::lowered;
use crate::store::entity::group::{self as table, Column};

/// What the name of a group must not have in common with another group of its organization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// Its key, which is made of its first name.
    #[default]
    ByKey,
    /// The name itself, without regard to case. The key makes way: it gets `_2`, `_3` … if another name's group has it,
    /// and it is `GROUP` for a name without letter or digit.
    ByName,
}

/// The key for a group's original name: upper-cased, with one `_` for each sequence of characters that are neither
/// letters nor digits, in any script, and none at the ends. `None` if nothing is left.
pub fn key_of(name: &str) -> Option<String> {
    let upper = name.to_uppercase();
    let words: Vec<&str> = upper
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    (!words.is_empty()).then(|| words.join("_"))
}

/// How many keys are looked up at once.
const KEYS_LOOKED_UP: usize = 100;

/// The first free one of the keys `KEY`, `KEY_2`, `KEY_3` …; `CONFLICT` if a group has the name already.
///
/// Names and keys are read in one statement. So of two transactions that create groups of one name, the later one either
/// sees the name or chooses the key that the earlier one has.
pub(super) async fn key_for(
    connection: &impl ConnectionTrait,
    organization_pk: i64,
    name: &str,
    key: &str,
) -> Result<String> {
    let name_key = lowered(name);
    for first in (1_usize..).step_by(KEYS_LOOKED_UP) {
        let numbered = |number: usize| match number {
            1 => key.to_owned(),
            number => format!("{key}_{number}"),
        };
        let keys: Vec<String> = (first..first.saturating_add(KEYS_LOOKED_UP)).map(numbered).collect();
        let taken = Condition::any()
            .add(Column::NameKey.eq(name_key.as_str()))
            .add(Column::Key.is_in(keys.clone()));
        let taken: Vec<(String, String)> = table::Entity::find()
            .select_only()
            .columns([Column::Key, Column::NameKey])
            .filter(Column::OrganizationPk.eq(organization_pk))
            .filter(taken)
            .into_tuple()
            .all(connection)
            .await?;
        if taken.iter().any(|(_, of)| *of == name_key) {
            return Err(name_taken(name));
        }
        let taken: HashSet<String> = taken.into_iter().map(|(key, _)| key).collect();
        if let Some(free) = keys.into_iter().find(|key| !taken.contains(key)) {
            return Ok(free);
        }
    }
    Err(name_taken(name))
}

/// Refuses a name that another group of the organization has.
pub(super) async fn must_be_free(connection: &impl ConnectionTrait, group: &table::Model, name: &str) -> Result<()> {
    let other: Option<i64> = table::Entity::find()
        .select_only()
        .column(Column::Pk)
        .filter(Column::OrganizationPk.eq(group.organization_pk))
        .filter(Column::NameKey.eq(lowered(name)))
        .filter(Column::Pk.ne(group.pk))
        .limit(1)
        .into_tuple()
        .one(connection)
        .await?;
    match other {
        Some(_) => Err(name_taken(name)),
        None => Ok(()),
    }
}

pub(super) fn name_taken(name: &str) -> Error {
    Error::conflict(
        ConflictReason::Taken,
        format!(
            "A group with the name '{}' already exists; upper and lower case make no difference.",
            shown(name)
        ),
    )
}
