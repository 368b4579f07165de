//! The permissions of a user.

use sea_orm::{ConnectionTrait, Statement};

use crate::model::error::Result;
use crate::model::{Permissions, stored_permissions};

/// The union of the permissions of a user's own roles and its groups' roles.
pub async fn permissions_of(connection: &impl ConnectionTrait, user_pk: i64) -> Result<Permissions> {
    let statement = Statement::from_sql_and_values(
        connection.get_database_backend(),
        r"SELECT organization_pk, name, permissions FROM roles WHERE pk IN (
              SELECT role_pk FROM user_roles WHERE user_pk = $1
              UNION ALL
              SELECT g.role_pk FROM group_members m JOIN group_roles g ON g.group_pk = m.group_pk WHERE m.user_pk = $1
          )",
        [user_pk.into()],
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
