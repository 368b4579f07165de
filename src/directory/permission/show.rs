//! Shows resource servers, permissions and product-wide roles as a file.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Statement};

use super::file::{FORMAT, Lowest, PermissionEntry, PermissionsFile, ResourceServerEntry, RoleEntry};
use crate::authz::{Action, Resource};
use crate::context::{Change, OpContext};
use crate::directory::resource_server;
use crate::model::LadderRole;
use crate::model::error::{Error, Result};
use crate::store::catalogue;
use crate::store::entity::permission::{self as table, Column};
use crate::store::entity::role as role_table;

/// The present state as a file. Applying it changes nothing.
pub async fn show(op: &OpContext) -> Result<PermissionsFile> {
    op.authorize(Action::Read, Resource::Permission)?;
    op.authorize(Action::Read, Resource::ProductRole)?;
    op.authorize(Action::Read, Resource::ResourceServer)?;
    let change = op.begin().await?;
    // So that a role's permissions and the declared ones are of the same moment.
    let catalogue = catalogue::hold(&*change).await?;
    let revision = applied_revision(&change).await?;
    let servers = resource_server::all_in_txn(&*change).await?;
    let ids: HashMap<i64, String> = servers.iter().map(|row| (row.pk, row.id.clone())).collect();
    let servers: Result<Vec<_>, _> = servers.into_iter().map(ResourceServerEntry::of).collect();
    let permissions = declared(&change).await?.into_iter().map(|row| PermissionEntry {
        resource_server_id: row.resource_server_pk.and_then(|pk| ids.get(&pk).cloned()),
        lowest_role: LadderRole::named(&row.lowest_role).map(Lowest),
        name: row.id,
        description: row.description,
        replaces: None,
    });
    let roles = product_wide(&change).await?.into_iter().map(|row| RoleEntry {
        permissions: Some(catalogue.names(catalogue.from_stored(&row.permissions))),
        name: row.name,
        description: row.description,
    });
    Ok(PermissionsFile {
        version: FORMAT,
        revision,
        resource_servers: servers.map_err(Error::internal)?,
        permissions: permissions.collect(),
        roles: roles.collect(),
    })
}

pub(super) async fn applied_revision(change: &Change<'_>) -> Result<Option<i64>> {
    let statement = Statement::from_string(change.get_database_backend(), "SELECT applied_revision FROM catalogue");
    let row = change.query_one_raw(statement).await?;
    Ok(row.map_or(Ok(None), |row| row.try_get("", "applied_revision"))?)
}

pub(super) async fn declared(change: &Change<'_>) -> Result<Vec<table::Model>> {
    let there = table::Entity::find()
        .filter(Column::Bit.is_not_null())
        .filter(Column::DeletedAt.is_null());
    Ok(there.order_by_asc(Column::Id).all(&**change).await?)
}

pub(super) async fn product_wide(change: &Change<'_>) -> Result<Vec<role_table::Model>> {
    let there = role_table::Entity::find().filter(role_table::Column::Product.eq(true));
    Ok(there.order_by_asc(role_table::Column::Name).all(&**change).await?)
}
