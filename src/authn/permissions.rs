//! The permissions of a user.

use sea_orm::{ConnectionTrait, Statement};

use crate::model::error::Result;
use crate::model::{Permissions, stored_permissions};

/// The union of the permissions of a user's own roles and its groups' roles.
pub async fn permissions_of(connection: &impl ConnectionTrait, user_pk: i64) -> Result<Permissions> {
    of_users(connection, "= $1", user_pk).await
}

/// The permissions that the members of a group have, all together.
pub async fn permissions_of_members(connection: &impl ConnectionTrait, group_pk: i64) -> Result<Permissions> {
    of_users(
        connection,
        "IN (SELECT user_pk FROM group_members WHERE group_pk = $1)",
        group_pk,
    )
    .await
}

async fn of_users(connection: &impl ConnectionTrait, which: &str, pk: i64) -> Result<Permissions> {
    let statement = Statement::from_sql_and_values(
        connection.get_database_backend(),
        format!(
            "SELECT organization_pk, name, permissions FROM roles WHERE pk IN (
                 SELECT role_pk FROM user_roles WHERE user_pk {which}
                 UNION ALL
                 SELECT g.role_pk FROM group_members m JOIN group_roles g ON g.group_pk = m.group_pk WHERE m.user_pk {which}
             )"
        ),
        [pk.into()],
    );
    let mut permissions = Permissions::default();
    for row in connection.query_all_raw(statement).await? {
        let (organization_pk, name, stored): (Option<i64>, String, String) = (
            row.try_get("", "organization_pk")?,
            row.try_get("", "name")?,
            row.try_get("", "permissions")?,
        );
        permissions |= stored_permissions(organization_pk, &name, &stored);
    }
    Ok(permissions)
}
