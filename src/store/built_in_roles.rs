//! The rows of the built-in roles.

use std::collections::HashMap;
use std::sync::OnceLock;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use strum::VariantArray;

use super::entity::role::{Column, Entity};
use crate::model::BuiltIn;
use crate::model::error::{Error, Result};

/// The internal keys of the built-in roles in this database. They are created at the first start and never change, so
/// reading them once is enough.
#[derive(Debug, Default)]
pub struct BuiltInRoles(OnceLock<HashMap<BuiltIn, i64>>);

impl BuiltInRoles {
    /// The internal key of a built-in role.
    pub async fn pk(&self, connection: &impl ConnectionTrait, wanted: BuiltIn) -> Result<i64> {
        if let Some(known) = self.0.get().and_then(|all| all.get(&wanted)) {
            return Ok(*known);
        }
        let all = built_in_role_pks(connection).await?;
        let found = all.get(&wanted).copied();
        if BuiltIn::VARIANTS.iter().all(|role| all.contains_key(role)) {
            // A concurrent call has set the same.
            let _ = self.0.set(all);
        }
        found.ok_or_else(|| Error::internal(format!("the built-in role {} is missing", wanted.name())))
    }
}

/// The internal keys of all built-in roles that this binary knows.
pub async fn built_in_role_pks(connection: &impl ConnectionTrait) -> Result<HashMap<BuiltIn, i64>> {
    let rows = Entity::find()
        .filter(Column::OrganizationPk.is_null())
        .all(connection)
        .await?;
    let known = rows
        .into_iter()
        .filter_map(|row| Some((BuiltIn::named(&row.name)?, row.pk)));
    Ok(known.collect())
}
