//! Reads roles, and looks up the one that a mutation changes.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, Condition, ConnectionTrait};

use super::{Role, RoleFields};
use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::directory::organization;
use crate::list::{self, Filter, Named, Sql, TextTest};
use crate::model::error::{Error, Result};
use crate::store::entity::role::{self, Column};

/// Roles by internal key, for visible users and groups that have them.
pub async fn by_keys(
    op: &OpContext,
    pks: impl IntoIterator<Item = i64>,
    fields: RoleFields,
) -> Result<HashMap<i64, Role>> {
    let granted = op.authorize(Action::Read, Resource::Surroundings)?;
    list::by_keys(op, &granted, pks, fields).await
}

/// A condition on a role.
#[derive(Clone, Debug)]
pub enum Term {
    Id(TextTest),
    Name(TextTest),
    BuiltIn(bool),
    /// It belongs to a matching organization.
    Organization(Filter<organization::Term>),
}

pub(super) fn condition(sql: &mut Sql, term: &Term) -> Result<Condition> {
    Ok(match term {
        Term::Id(test) => sql.text(Column::Id, test),
        Term::Name(test) => sql.text(Column::Name, test),
        Term::BuiltIn(true) => Condition::all().add(Column::OrganizationPk.is_null()),
        Term::BuiltIn(false) => Condition::all().add(Column::OrganizationPk.is_not_null()),
        Term::Organization(filter) => organization::is_one_of(sql, Column::OrganizationPk, filter)?,
    })
}

/// Looks up the role to change, within the caller's scope, and locks it until the transaction ends. `FORBIDDEN` for a
/// built-in one, which everybody may see and nobody can change.
pub(super) async fn locate(
    connection: &impl ConnectionTrait,
    granted: &Granted,
    named: &Named<Term>,
) -> Result<role::Model> {
    let row = list::locate::<Role>(connection, granted, named, "role").await?;
    if row.organization_pk.is_none() {
        return Err(Error::forbidden(format!(
            "The role '{}' is built in and cannot be changed. Create a role of your own.",
            row.name
        )));
    }
    Ok(row)
}
