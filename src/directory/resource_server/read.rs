//! Reads resource servers.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::ResourceServer;
use crate::context::OpContext;
use crate::list::{self, Sql, TextTest};
use crate::model::error::{Error, Result, shown};
use crate::model::is_id;
use crate::store::entity::resource_server::{self as table, Column};

/// A condition on a resource server.
#[derive(Clone, Debug)]
pub enum Term {
    Id(TextTest),
    Name(TextTest),
}

pub(super) fn condition(sql: &mut Sql, term: &Term) -> Result<Condition> {
    Ok(match term {
        Term::Id(test) => sql.text(Column::Id, test),
        Term::Name(test) => sql.text(Column::Name, test),
    })
}

/// The ids of resource servers, for the permissions that belong to them.
pub async fn ids_of(op: &OpContext, pks: impl IntoIterator<Item = i64>) -> Result<HashMap<i64, String>> {
    list::ids_of::<ResourceServer>(op, pks).await
}

/// The internal key of the one with this id, for a permission that is to belong to it. `INVALID` if there is none.
pub async fn key_of(connection: &impl ConnectionTrait, id: &str) -> Result<i64> {
    let unknown = || {
        Error::invalid(
            "resourceServerId",
            format!("There is no resource server '{}'.", shown(id)),
        )
    };
    if !is_id(id) {
        return Err(unknown());
    }
    let found = table::Entity::find().select_only().column(Column::Pk);
    let found = found.filter(Column::Id.eq(id)).into_tuple().one(connection).await?;
    found.ok_or_else(unknown)
}

/// All of them, by id.
pub async fn all_in_txn(connection: &impl ConnectionTrait) -> Result<Vec<table::Model>> {
    Ok(table::Entity::find().order_by_asc(Column::Id).all(connection).await?)
}
