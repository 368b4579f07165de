//! Reads permissions, and looks up the one that a mutation changes.

use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use super::Permission;
use crate::authz::Granted;
use crate::list::{self, Named, Sql, TextTest};
use crate::model::LadderRole;
use crate::model::error::{Error, Result};
use crate::store::entity::permission::{self as table, Column};
use crate::store::entity::resource_server;

/// A condition on a permission.
#[derive(Clone, Debug)]
pub enum Term {
    /// Its name.
    Id(TextTest),
    BuiltIn(bool),
    LowestRole(LadderRole),
    /// The id of its resource server.
    ResourceServerId(TextTest),
}

pub(super) fn condition(sql: &mut Sql, term: &Term) -> Result<Condition> {
    Ok(match term {
        Term::Id(test) => sql.text(Column::Id, test),
        Term::BuiltIn(true) => Condition::all().add(Column::Bit.is_null()),
        Term::BuiltIn(false) => Condition::all().add(Column::Bit.is_not_null()),
        Term::LowestRole(role) => Condition::all().add(Column::LowestRole.eq(role.name())),
        Term::ResourceServerId(test) => {
            let server = resource_server::Entity::find()
                .select_only()
                .column(resource_server::Column::Pk)
                .filter(sql.text(resource_server::Column::Id, test));
            Condition::all().add(Column::ResourceServerPk.in_subquery(server.into_query()))
        }
    })
}

/// Looks up the permission to change and locks it until the transaction ends. `FORBIDDEN` for a built-in one.
pub(super) async fn locate(
    connection: &impl ConnectionTrait,
    granted: &Granted,
    named: &Named<Term>,
) -> Result<table::Model> {
    let row = list::locate::<Permission>(connection, granted, named, "permission").await?;
    match row.bit {
        Some(_) => Ok(row),
        None => Err(Error::forbidden(format!(
            "The permission '{}' is built in and cannot be changed.",
            row.id
        ))),
    }
}
