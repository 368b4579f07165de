//! Accepts an invitation: creates the account.

use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, Set};

use super::read::roles_to_assign;
use crate::context::OpContext;
use crate::directory::organization;
use crate::directory::password;
use crate::directory::user::{self, User};
use crate::model::digest;
use crate::model::error::{Error, Result};
use crate::model::{self, UserId};
use crate::services::hasher::Password;
use crate::store::audit_trail::Event;
use crate::store::entity::invitation::{self as table, Column};
use crate::store::entity::{organization as organization_table, tenant, user as user_table};

/// The input of the invited person.
#[derive(Clone)]
pub struct Acceptance {
    pub name: Option<String>,
    pub firstname: Option<String>,
    pub lastname: Option<String>,
    pub password: Password,
}

/// Creates the account with the mailed secret. Everybody with the secret may use it, once, until it expires or is
/// withdrawn, and as long as the user who sent it is activated. `SEAT_LIMIT_REACHED` without a free seat, `CONFLICT` if the address was taken in the meantime; the
/// invitation stays open in both cases.
pub async fn accept(op: &OpContext, token: &str, given: &Acceptance) -> Result<User> {
    let op = &op.as_nobody();
    let name = model::optional("name", given.name.as_deref())?;
    let firstname = model::optional("firstname", given.firstname.as_deref())?;
    let lastname = model::optional("lastname", given.lastname.as_deref())?;
    let refused = || {
        Error::invalid(
            "token",
            "This invitation is not valid. It may have been used, withdrawn or replaced by a newer mail, or it has \
             expired."
                .to_owned(),
        )
    };
    let now = op.now();
    let in_force = Condition::all()
        .add(Column::Digest.eq(digest(token)))
        .add(table::pending(now))
        .add(table::of_active_inviter());
    // Check before hashing, so that guesses cost no CPU time; the guarded update below decides.
    let invitation = table::Entity::find()
        .filter(in_force.clone())
        .one(op.db().reader())
        .await?
        .ok_or_else(refused)?;
    password::acceptable("password", &given.password, &[invitation.email.as_str()])?;
    let hash = op
        .hasher()
        .hash(Some(invitation.organization_pk), &given.password)
        .await?;

    let mut change = op.begin().await?;
    // Locks organization and tenant first, in the same order as deleting them, so that they are not deleted until this
    // ends.
    let home = organization_table::Entity::find_by_id(invitation.organization_pk)
        .lock(LockType::KeyShare)
        .one(&*change)
        .await?
        .ok_or_else(refused)?;
    if let Some(tenant_pk) = invitation.tenant_pk {
        tenant::Entity::find_by_id(tenant_pk)
            .lock(LockType::KeyShare)
            .one(&*change)
            .await?
            .ok_or_else(refused)?;
    }
    // If two accept at the same time, the second waits here and then finds it used.
    let used = table::Entity::update_many()
        .col_expr(Column::AcceptedAt, Expr::val(now.micros()))
        .col_expr(
            Column::UpdatedAt,
            Expr::val(now.later_than(invitation.updated_at).micros()),
        )
        .col_expr(Column::Version, Expr::cust("version + 1"))
        .filter(in_force)
        .exec(&*change)
        .await?;
    if used.rows_affected == 0 {
        return Err(refused());
    }
    let roles = roles_to_assign(&*change, invitation.pk).await?;
    let accepted = Event::new("invitation.accept", invitation.pk, &invitation.id);
    let row = user_table::ActiveModel {
        id: Set(UserId::from(op.new_id())),
        organization_pk: Set(home.pk),
        tenant_pk: Set(invitation.tenant_pk),
        email: Set(Some(invitation.email)),
        email_verified_at: Set(Some(now)),
        name: Set(name),
        firstname: Set(firstname),
        lastname: Set(lastname),
        password_hash: Set(Some(hash)),
        password_changed_at: Set(Some(now)),
        password_verified_at: Set(Some(now)),
        ..user::new_row(now)
    };
    let (row, created) = user::insert_in_txn(&mut change, row, &roles, invitation.inviter_pk).await?;
    organization::take_seat(&mut change, &home, None).await?;
    change.commit([accepted.of_user(&row), created]).await?;
    Ok(row.into())
}
