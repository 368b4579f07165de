//! Giving roles to users and taking them away. The verbs that call this hold the transaction and write the event.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Set};

use super::{Assigned, BuiltIn};
use crate::authn::Actor;
use crate::authz::grant::may_grant;
use crate::entity::{role, user, user_role};
use crate::error::{Error, Result};
use crate::permission::Permissions;
use crate::value::Timestamp;

/// Refuses roles whose permissions go beyond the caller's. Roles that the user has already are granted by nobody anew.
pub fn grantable(actor: &Actor, roles: &[Assigned], already: &[Assigned]) -> Result<()> {
    let new = roles
        .iter()
        .filter(|role| !already.iter().any(|had| had.role_pk == role.role_pk));
    may_grant(
        actor,
        new.fold(Permissions::empty(), |all, role| all | role.permissions),
    )
}

/// Makes `roles` the user's direct roles, in place of those it had.
pub async fn replace_in_txn(
    connection: &impl ConnectionTrait,
    user_pk: i64,
    had: &[Assigned],
    roles: &[Assigned],
    now: Timestamp,
) -> Result<()> {
    let lost: Vec<i64> = had
        .iter()
        .filter(|role| !roles.iter().any(|kept| kept.role_pk == role.role_pk))
        .map(|role| role.role_pk)
        .collect();
    if !lost.is_empty() {
        user_role::Entity::delete_many()
            .filter(user_role::Column::UserPk.eq(user_pk))
            .filter(user_role::Column::RolePk.is_in(lost))
            .exec(connection)
            .await?;
    }
    let gained: Vec<user_role::ActiveModel> = roles
        .iter()
        .filter(|role| !had.iter().any(|known| known.role_pk == role.role_pk))
        .map(|role| user_role::ActiveModel {
            user_pk: Set(user_pk),
            role_pk: Set(role.role_pk),
            created_at: Set(now),
        })
        .collect();
    if !gained.is_empty() {
        user_role::Entity::insert_many(gained)
            .exec_without_returning(connection)
            .await?;
    }
    Ok(())
}

/// A built-in role as it is assigned.
pub async fn built_in(connection: &impl ConnectionTrait, wanted: BuiltIn) -> Result<Assigned> {
    let row = role::Entity::find()
        .filter(role::Column::OrganizationPk.is_null())
        .filter(role::Column::Name.eq(wanted.name()))
        .one(connection)
        .await?;
    row.map(Into::into)
        .ok_or_else(|| Error::internal(format!("the built-in role {} is missing", wanted.name())))
}

/// Refuses taking the last activated super admin away. The super admins' assignments are locked first: of two who
/// demote each other at the same moment, the second waits here and then finds itself the last.
pub async fn keep_a_super_admin(connection: &impl ConnectionTrait, user_pk: i64) -> Result<()> {
    let super_admin = built_in(connection, BuiltIn::SuperAdmin).await?;
    let holders: Vec<i64> = user_role::Entity::find()
        .select_only()
        .column(user_role::Column::UserPk)
        .filter(user_role::Column::RolePk.eq(super_admin.role_pk))
        .lock_exclusive()
        .into_tuple()
        .all(connection)
        .await?;
    let others = holders.into_iter().filter(|holder| *holder != user_pk);
    let remains = user::Entity::find()
        .select_only()
        .column(user::Column::Pk)
        .filter(user::Column::Pk.is_in(others))
        .filter(user::Column::Activated.eq(true))
        .into_tuple::<i64>()
        .one(connection)
        .await?;
    match remains {
        Some(_) => Ok(()),
        None => Err(Error::Conflict(
            "This is the last super admin; make another one first.".to_owned(),
        )),
    }
}
