//! Checks after permissions were removed.

use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Statement};

use crate::authn::rights_of;
use crate::model::Actor;
use crate::model::BuiltIn;
use crate::model::Rights;
use crate::model::error::{ConflictReason, Error, Result};
use crate::store::catalogue::Catalogued;
use crate::store::entity::role;

/// The caller's permissions before a change that may remove permissions from many users: the members of a group, the
/// holders of a role. Checked again after the change, in the same transaction.
#[derive(Clone, Debug)]
pub struct Standing {
    caller: Option<(i64, Rights)>,
}

impl Standing {
    pub async fn before(connection: &impl Catalogued, actor: &Actor) -> Result<Self> {
        let caller = match actor.caller() {
            Some(caller) => Some((caller.user_pk, rights_of(connection, caller.user_pk).await?)),
            None => None,
        };
        Ok(Self { caller })
    }

    /// `INVALID` if the caller has lost something, `CONFLICT` if no super admin is left. `taken` are the removed
    /// permissions.
    pub async fn remains(self, connection: &impl Catalogued, taken: &Rights, field: &str) -> Result<()> {
        if let Some((pk, before)) = self.caller
            && before.anywhere().intersects(taken.anywhere())
            && !rights_of(connection, pk).await?.contain(&before)
        {
            return Err(Error::invalid(
                field,
                "You cannot remove permissions from yourself.".to_owned(),
            ));
        }
        if taken.reach_everywhere() {
            keep_a_super_admin(connection).await?;
        }
        Ok(())
    }
}

/// Refuses a change that removed the last activated super admin, whether directly or through a group. Called after the
/// change, in its transaction.
///
/// The role's row is locked before counting: if two super admins demote each other at the same time, the second waits
/// here until the first has committed, and is then refused.
pub async fn keep_a_super_admin(connection: &impl ConnectionTrait) -> Result<()> {
    let role_pk: Option<i64> = role::Entity::find()
        .select_only()
        .column(role::Column::Pk)
        .filter(role::Column::Id.eq(BuiltIn::SuperAdmin.id()))
        .lock(LockType::NoKeyUpdate)
        .into_tuple()
        .one(connection)
        .await?;
    let role_pk = role_pk.ok_or_else(|| Error::internal("the built-in role super-admin is missing"))?;
    let statement = Statement::from_sql_and_values(
        connection.get_database_backend(),
        "SELECT u.pk FROM users u
         WHERE u.activated AND u.pk IN (
             SELECT user_pk FROM user_roles WHERE role_pk = $1 AND tenant_pk IS NULL
             UNION ALL
             SELECT gm.user_pk FROM group_roles gr JOIN group_members gm ON gm.group_pk = gr.group_pk
             WHERE gr.role_pk = $1 AND gr.tenant_pk IS NULL)
         LIMIT 1",
        [role_pk.into()],
    );
    match connection.query_one_raw(statement).await? {
        Some(_) => Ok(()),
        None => Err(Error::conflict(
            ConflictReason::LastAdmin,
            "This is the last super admin; assign the role to another user first.".to_owned(),
        )),
    }
}
