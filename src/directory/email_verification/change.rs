//! A new address that is not in use yet: it replaces the present one when the token that was mailed to it is used.
//!
//! A user has at most one such address. Everything that may mean that somebody else requested it ends it: a new
//! password, a deactivation, a move, the end of the user's sessions, or another change of the address.

use std::collections::HashMap;

use sea_orm::sea_query::ExprTrait;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Set,
};

use super::request::{TOKEN_LIFETIME, in_force};
use super::{tell_old_address_in_txn, void_tokens_in_txn};
use crate::authn;
use crate::context::{Change, OpContext};
use crate::directory::organization;
use crate::directory::outbox::limits::Bucket;
use crate::directory::outbox::{self, Post};
use crate::directory::user::{User, taken};
use crate::model::error::{Error, OrConflict, Result};
use crate::model::{Caller, Door, Email, Secret, Timestamp};
use crate::services::mailer::Letter;
use crate::store::audit_trail::Event;
use crate::store::catalogue::Catalogued;
use crate::store::entity::email_token as table;
use crate::store::entity::{any_of, password_token, user};

/// Mails a link to a new address of a user, and a notice to the present one. An earlier request ends. `INVALID` if no
/// mail can be sent for the organization, `RATE_LIMITED` above the hourly limits.
pub async fn request_change_in_txn(
    connection: &impl ConnectionTrait,
    op: &OpContext,
    row: &user::Model,
    new: &Email,
) -> Result<()> {
    op.mailer().require()?;
    let organization = organization::require_mail(connection, row.organization_pk, "email").await?;
    forget_change_in_txn(connection, row.pk).await?;
    let token = Secret::mailed_token()?;
    let now = op.now();
    let ends_at = now.after(TOKEN_LIFETIME);
    // Neither mailbox learns the address of the other.
    let name = User::from(row.clone()).display_name_without_email();
    let post = Post {
        to: new,
        letter: Letter::ChangeEmail {
            organization: organization.clone(),
            name: name.clone(),
            token: token.expose().to_owned(),
        },
        organization_pk: row.organization_pk,
        user_pk: Some(row.pk),
        invitation_pk: None,
        ends_at,
    };
    let buckets = match op.actor().is(row.pk) {
        true => Bucket::of_own_change(op.actor(), row.organization_pk, new),
        false => Bucket::of_mail(op.actor(), row.organization_pk, new),
    };
    outbox::put_counted_in_txn(connection, op, post, buckets).await?;
    table::ActiveModel {
        user_pk: Set(row.pk),
        email: Set(new.clone()),
        changes: Set(true),
        requester_pk: Set(op.actor().caller().map(Caller::behind)),
        digest: Set(token.digest()),
        expires_at: Set(ends_at),
        created_at: Set(now),
        ..Default::default()
    }
    .insert(connection)
    .await?;
    if let Some(present) = &row.email {
        let letter = Letter::EmailChangeRequested { organization, name };
        outbox::notify_in_txn(connection, op, row.organization_pk, present, letter).await?;
    }
    Ok(())
}

/// Ends a requested change of a user's address; returns whether there was one.
pub async fn forget_change_in_txn(connection: &impl ConnectionTrait, user_pk: i64) -> Result<bool> {
    let ended = table::Entity::delete_many()
        .filter(table::Column::UserPk.eq(user_pk))
        .filter(table::Column::Changes.eq(true))
        .exec(connection)
        .await?;
    outbox::forget_tokens_in_txn(connection, user_pk, &[Letter::CHANGE_EMAIL]).await?;
    Ok(ended.rows_affected > 0)
}

/// Ends the requested changes of several users' addresses, and those that these users requested for others.
pub async fn forget_changes_in_txn(
    connection: &impl ConnectionTrait,
    user_pks: impl IntoIterator<Item = i64> + Clone,
) -> Result<()> {
    let backend = connection.get_database_backend();
    let pending = table::Entity::find()
        .select_only()
        .column(table::Column::UserPk)
        .filter(
            Condition::any()
                .add(any_of(backend, table::Column::UserPk, user_pks.clone()))
                .add(any_of(backend, table::Column::RequesterPk, user_pks)),
        )
        .filter(table::Column::Changes.eq(true))
        // Always in the same order, to avoid a deadlock.
        .order_by_asc(table::Column::UserPk)
        .into_tuple::<i64>()
        .all(connection)
        .await?;
    for user_pk in pending {
        forget_change_in_txn(connection, user_pk).await?;
    }
    Ok(())
}

/// Refuses while a link that sets a new password is open. Its owner may mean to keep out somebody who requested the address, and
/// the change would end the link. Everybody can request such a link, so it does not end the change: it delays it.
pub(super) async fn no_reset_is_open(connection: &impl ConnectionTrait, user_pk: i64, now: Timestamp) -> Result<()> {
    let open = password_token::Entity::find()
        .filter(password_token::Column::UserPk.eq(user_pk))
        .filter(password_token::open(now));
    match open.count(connection).await? {
        0 => Ok(()),
        _ => Err(Error::invalid(
            "token",
            "A new password was requested for this account, so its address cannot change now. Set the password first, or \
             use this link in an hour."
                .to_owned(),
        )),
    }
}

/// Whether a requested change may still be made: the user is activated, and the user who requested it may still change the
/// address. Their permissions, or the user's, may have changed since.
pub(super) async fn is_still_allowed(
    connection: &impl Catalogued,
    token: &table::Model,
    row: &user::Model,
) -> Result<bool> {
    let Some(requester_pk) = token.requester_pk.filter(|pk| *pk != row.pk) else {
        return Ok(row.activated);
    };
    let requester = user::Entity::find_by_id(requester_pk).one(connection).await?;
    let Some(requester) = requester.filter(|requester| row.activated && requester.activated) else {
        return Ok(false);
    };
    let has = authn::rights_of(connection, requester.pk).await?;
    let here = match row.tenant_pk {
        Some(tenant_pk) => has.for_tenant(tenant_pk),
        None => has.organization(),
    };
    let within = requester.organization_pk == row.organization_pk || has.reach_everywhere();
    Ok(within
        && (here | has.organization()).open(Door::WRITE_USER)
        && has.contain(&authn::rights_of(connection, row.pk).await?))
}

/// The requested addresses of several users; a user without one is absent.
pub async fn requested(
    connection: &impl ConnectionTrait,
    user_pks: impl IntoIterator<Item = i64>,
    now: Timestamp,
) -> Result<HashMap<i64, Email>> {
    let rows = table::Entity::find()
        .select_only()
        .columns([table::Column::UserPk, table::Column::Email])
        .filter(any_of(
            connection.get_database_backend(),
            table::Column::UserPk,
            user_pks,
        ))
        .filter(table::Column::Changes.eq(true))
        .filter(in_force(now))
        .into_tuple()
        .all(connection)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Whether another user of the organization has this address, or has it for a user name if the user has none of its own.
pub async fn is_taken(
    connection: &impl ConnectionTrait,
    row: &user::Model,
    email: &Email,
    user_name: Option<&str>,
) -> Result<bool> {
    let mut same = Condition::any().add(user::Column::Email.eq(email.clone()));
    if user_name.is_none() {
        same = same.add(ExprTrait::eq(user::unique_user_name(), email.as_str()));
    }
    let others = Condition::all()
        .add(user::Column::OrganizationPk.eq(row.organization_pk))
        .add(same)
        .add(user::Column::Pk.ne(row.pk));
    Ok(user::Entity::find().filter(others).count(connection).await? > 0)
}

/// Makes a requested address the user's. Its token was used in the same transaction. The address is verified, the one
/// before is notified, and all that was mailed there is void. `CONFLICT` if another user of the organization has got the
/// address in the meantime; the token then still works.
pub(super) async fn complete(change: Change<'_>, op: &OpContext, row: user::Model, new: &Email) -> Result<User> {
    let now = op.now();
    let updated = user::ActiveModel {
        email: Set(Some(new.clone())),
        email_changed_at: Set(Some(now)),
        email_verified_at: Set(Some(now)),
        password_verified_at: Set(None),
        version: Set(row.version + 1),
        updated_at: Set(now.later_than(row.updated_at)),
        ..row.clone().into_active_model()
    }
    .update(&*change)
    .await
    .or_conflict(|constraint| taken(constraint, &row.id, Some(new), row.user_name.as_deref()))?;
    void_tokens_in_txn(&*change, row.pk).await?;
    if let Some(old) = &row.email {
        tell_old_address_in_txn(&*change, op, old, &updated).await?;
    }
    let event = Event::new("email.change", row.pk, &row.id).of_user(&row);
    change.commit([event.access().fields(["email"])]).await?;
    Ok(updated.into())
}
