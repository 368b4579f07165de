//! What a user may do.

use sea_orm::{ConnectionTrait, FromQueryResult, Statement};

use crate::model::error::Result;
use crate::model::{Catalogue, Rights, Roles};
use crate::store::catalogue::{self, Catalogued};

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
