//! The members of a group.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};

use super::change_members::{Member, events};
use super::read::{locate_shared, roles_within};
use super::{Group, Target};
use crate::authn;
use crate::authz::escalation::{Managing, may_manage};
use crate::authz::{Action, Granted, Resource};
use crate::context::{Change, OpContext};
use crate::directory::role::{Assigned, Made, Standing, union};
use crate::directory::user;
use crate::list::expect_version;
use crate::model::error::Result;
use crate::store::audit_trail::Mention;
use crate::store::entity::{group as table, group_member, user as user_table};

/// Adds a user to a group. Does nothing if it is already a member. `NOT_FOUND` for a user that does not belong to the
/// group's organization, `FORBIDDEN` for a group or a user whose permissions go beyond the
/// caller's.
pub async fn add_user(
    op: &OpContext,
    group: &Target,
    member: &user::Target,
    expected_version: Option<i64>,
) -> Result<Group> {
    let granted = op.authorize(Action::Modify, Resource::Membership)?;
    let change = op.begin().await?;
    let (group, user, roles) = locate_both(&change, op, &granted, group, member).await?;
    expect_version(group.version, expected_version)?;
    let made = Made::by_caller(op);
    let row = group_member::ActiveModel {
        group_pk: Set(group.pk),
        user_pk: Set(user.pk),
        organization_pk: Set(group.organization_pk),
        created_at: Set(made.at),
        created_by: Set(made.by),
    };
    let added = group_member::Entity::insert(row)
        .on_conflict(
            OnConflict::columns([group_member::Column::GroupPk, group_member::Column::UserPk])
                .do_nothing()
                .to_owned(),
        )
        .exec_without_returning(&*change)
        .await?;
    if added == 0 {
        return Ok(group.into());
    }
    let events = events(
        ["group.addUser", "user.joinGroup"],
        Mention::added,
        &group,
        &Member::from(&user),
        &roles,
    );
    change.commit(events).await?;
    Ok(group.into())
}

/// Removes a user from a group. Does nothing if it is not a member. Refused like [`add_user`]; also `INVALID` if
/// callers would remove permissions from themselves, and `CONFLICT` for the last super admin.
pub async fn remove_user(
    op: &OpContext,
    group: &Target,
    member: &user::Target,
    expected_version: Option<i64>,
) -> Result<Group> {
    let granted = op.authorize(Action::Modify, Resource::Membership)?;
    let change = op.begin().await?;
    let (group, user, roles) = locate_both(&change, op, &granted, group, member).await?;
    expect_version(group.version, expected_version)?;
    let standing = Standing::before(&*change, op.actor()).await?;
    let removed = group_member::Entity::delete_many()
        .filter(group_member::Column::GroupPk.eq(group.pk))
        .filter(group_member::Column::UserPk.eq(user.pk))
        .exec(&*change)
        .await?;
    if removed.rows_affected == 0 {
        return Ok(group.into());
    }
    standing.remains(&*change, &union(&roles), "user").await?;
    let events = events(
        ["group.removeUser", "user.leaveGroup"],
        Mention::removed,
        &group,
        &Member::from(&user),
        &roles,
    );
    change.commit(events).await?;
    Ok(group.into())
}

/// Ends all memberships of a user who leaves the organization; returns whether there were any.
pub async fn leave_all_in_txn(connection: &impl ConnectionTrait, user_pk: i64) -> Result<bool> {
    let left = group_member::Entity::delete_many()
        .filter(group_member::Column::UserPk.eq(user_pk))
        .exec(connection)
        .await?;
    Ok(left.rows_affected > 0)
}

/// Looks up both within the caller's scope; the user must belong to the group's organization. The group is locked
/// against changes of its roles, but not against other membership changes; the user is locked against leaving the
/// organization.
async fn locate_both(
    change: &Change<'_>,
    op: &OpContext,
    granted: &Granted,
    group: &Target,
    member: &user::Target,
) -> Result<(table::Model, user_table::Model, Vec<Assigned>)> {
    member.must_name("user")?;
    let group = locate_shared(&**change, op.actor(), granted, group).await?;
    let user = user::locate(&**change, granted, member).await?;
    if user.organization_pk != group.organization_pk {
        return Err(member.not_found());
    }
    let roles = roles_within(&**change, op.actor(), &group).await?;
    let what = match roles.is_empty() {
        true => Managing::Memberships,
        false => Managing::Roles,
    };
    may_manage(op.actor(), what, &authn::rights_of(&**change, user.pk).await?)?;
    Ok((group, user, roles))
}
