//! What a user may do.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};

use crate::model::error::Result;
use crate::model::{Catalogue, Rights, Roles};
use crate::store::catalogue::{self, Catalogued};
use crate::store::entity::in_parameter;

/// What a user's own roles and its groups' roles permit together.
pub async fn rights_of(connection: &impl Catalogued, user_pk: i64) -> Result<Rights> {
    Ok(rights_and_roles_of(connection, user_pk).await?.0)
}

/// The same with only the built-in permissions, for set-up.
pub async fn built_in_rights_of(connection: &impl ConnectionTrait, user_pk: i64) -> Result<Rights> {
    let rows = rows(connection, "= $1", user_pk).await?;
    Ok(together(&rows, &Catalogue::default()).0)
}

/// The same, with the built-in ones among these roles.
pub async fn rights_and_roles_of(connection: &impl Catalogued, user_pk: i64) -> Result<(Rights, Roles)> {
    of_users(connection, "= $1", user_pk).await
}

/// What the members of a group may do, all together.
pub async fn rights_of_members(connection: &impl Catalogued, group_pk: i64) -> Result<Rights> {
    let (rights, _) = of_users(
        connection,
        "IN (SELECT user_pk FROM group_members WHERE group_pk = $1)",
        group_pk,
    )
    .await?;
    Ok(rights)
}

/// What each of these users may do, in one statement; users without roles are left out.
pub async fn rights_of_each(
    connection: &impl Catalogued,
    user_pks: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, Rights>> {
    let backend = connection.get_database_backend();
    let (version, is_one) = (catalogue::VERSION, in_parameter(backend, "$1", "bigint[]"));
    let keys = match backend {
        DbBackend::Postgres => user_pks.into_iter().collect::<Vec<i64>>().into(),
        _ => serde_json::Value::from_iter(user_pks).to_string().into(),
    };
    let statement = Statement::from_sql_and_values(
        backend,
        format!(
            "SELECT has.user_pk, r.organization_pk, r.product, r.name, r.permissions, has.tenant_pk, {version}
             FROM (SELECT user_pk, role_pk, tenant_pk FROM user_roles WHERE user_pk {is_one}
                   UNION
                   SELECT m.user_pk, g.role_pk, g.tenant_pk
                   FROM group_members m JOIN group_roles g ON g.group_pk = m.group_pk WHERE m.user_pk {is_one}) has
             JOIN roles r ON r.pk = has.role_pk"
        ),
        [keys],
    );
    let mut rows: HashMap<i64, Vec<Row>> = HashMap::new();
    for row in connection.query_all_raw(statement).await? {
        let of = rows.entry(row.try_get("", "user_pk")?).or_default();
        of.push(Row::from_query_result(&row, "")?);
    }
    let Some(first) = rows.values().flatten().next() else {
        return Ok(HashMap::new());
    };
    let catalogue = catalogue::at(connection, first.catalogue_version).await?;
    Ok(rows
        .iter()
        .map(|(pk, rows)| (*pk, together(rows, &catalogue).0))
        .collect())
}

async fn of_users(connection: &impl Catalogued, which: &str, pk: i64) -> Result<(Rights, Roles)> {
    let rows = rows(connection, which, pk).await?;
    let Some(first) = rows.first() else {
        return Ok(Default::default());
    };
    let catalogue = catalogue::at(connection, first.catalogue_version).await?;
    Ok(together(&rows, &catalogue))
}

/// A role of a user, with where it holds.
#[derive(FromQueryResult)]
struct Row {
    organization_pk: Option<i64>,
    product: bool,
    name: String,
    permissions: String,
    tenant_pk: Option<i64>,
    catalogue_version: i64,
}

async fn rows(connection: &impl ConnectionTrait, which: &str, pk: i64) -> Result<Vec<Row>> {
    let version = catalogue::VERSION;
    let statement = Statement::from_sql_and_values(
        connection.get_database_backend(),
        format!(
            "SELECT r.organization_pk, r.product, r.name, r.permissions, has.tenant_pk, {version}
             FROM (SELECT role_pk, tenant_pk FROM user_roles WHERE user_pk {which}
                   UNION
                   SELECT g.role_pk, g.tenant_pk
                   FROM group_members m JOIN group_roles g ON g.group_pk = m.group_pk WHERE m.user_pk {which}) has
             JOIN roles r ON r.pk = has.role_pk"
        ),
        [pk.into()],
    );
    Ok(Row::find_by_statement(statement).all(connection).await?)
}

fn together(rows: &[Row], catalogue: &Catalogue) -> (Rights, Roles) {
    let (mut rights, mut roles) = (Rights::default(), Roles::default());
    for row in rows {
        let permissions = catalogue.of_role(row.organization_pk, &row.name, &row.permissions);
        rights.add(row.tenant_pk, permissions);
        if row.organization_pk.is_none() {
            roles.add(&row.name, row.product, row.tenant_pk);
        }
    }
    (rights, roles)
}
