//! What a user may do.

use sea_orm::{ConnectionTrait, Statement};

use crate::model::error::Result;
use crate::model::{Rights, Roles, stored_permissions};

/// What a user's own roles and its groups' roles permit together.
pub async fn rights_of(connection: &impl ConnectionTrait, user_pk: i64) -> Result<Rights> {
    Ok(rights_and_roles_of(connection, user_pk).await?.0)
}

/// The same, with the built-in ones among these roles.
pub async fn rights_and_roles_of(connection: &impl ConnectionTrait, user_pk: i64) -> Result<(Rights, Roles)> {
    of_users(connection, "= $1", user_pk).await
}

/// What the members of a group may do, all together.
pub async fn rights_of_members(connection: &impl ConnectionTrait, group_pk: i64) -> Result<Rights> {
    let (rights, _) = of_users(
        connection,
        "IN (SELECT user_pk FROM group_members WHERE group_pk = $1)",
        group_pk,
    )
    .await?;
    Ok(rights)
}

async fn of_users(connection: &impl ConnectionTrait, which: &str, pk: i64) -> Result<(Rights, Roles)> {
    let statement = Statement::from_sql_and_values(
        connection.get_database_backend(),
        format!(
            "SELECT r.organization_pk, r.name, r.permissions, has.tenant_pk
             FROM (SELECT role_pk, tenant_pk FROM user_roles WHERE user_pk {which}
                   UNION
                   SELECT g.role_pk, g.tenant_pk
                   FROM group_members m JOIN group_roles g ON g.group_pk = m.group_pk WHERE m.user_pk {which}) has
             JOIN roles r ON r.pk = has.role_pk"
        ),
        [pk.into()],
    );
    let (mut rights, mut roles) = (Rights::default(), Roles::default());
    for row in connection.query_all_raw(statement).await? {
        let (organization_pk, name, stored): (Option<i64>, String, String) = (
            row.try_get("", "organization_pk")?,
            row.try_get("", "name")?,
            row.try_get("", "permissions")?,
        );
        let permissions = stored_permissions(organization_pk, &name, &stored);
        let tenant_pk = row.try_get("", "tenant_pk")?;
        rights.add(tenant_pk, permissions);
        roles.add(organization_pk, &name, tenant_pk);
    }
    Ok((rights, roles))
}
