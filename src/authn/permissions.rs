//! What a user may do.

use sea_orm::{ConnectionTrait, Statement};

use crate::model::error::Result;
use crate::model::{Rights, stored_permissions};

/// What a user's own roles and its groups' roles permit together.
pub async fn rights_of(connection: &impl ConnectionTrait, user_pk: i64) -> Result<Rights> {
    of_users(connection, "= $1", user_pk).await
}

/// What the members of a group may do, all together.
pub async fn rights_of_members(connection: &impl ConnectionTrait, group_pk: i64) -> Result<Rights> {
    of_users(
        connection,
        "IN (SELECT user_pk FROM group_members WHERE group_pk = $1)",
        group_pk,
    )
    .await
}

async fn of_users(connection: &impl ConnectionTrait, which: &str, pk: i64) -> Result<Rights> {
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
    let mut rights = Rights::default();
    for row in connection.query_all_raw(statement).await? {
        let (organization_pk, name, stored): (Option<i64>, String, String) = (
            row.try_get("", "organization_pk")?,
            row.try_get("", "name")?,
            row.try_get("", "permissions")?,
        );
        let permissions = stored_permissions(organization_pk, &name, &stored);
        rights.add(row.try_get("", "tenant_pk")?, permissions);
    }
    Ok(rights)
}
