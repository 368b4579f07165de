//! Changes a password with the old one.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::attempts::Attempt;
use super::door::Door;
use super::must_change;
use super::policy::{acceptable, refuse_impersonation};
use super::sessions::end_other_sessions_in_txn;
use crate::authn;
use crate::authz::escalation::{Managing, in_person, may_manage, unlimited};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::organization;
use crate::directory::outbox;
use crate::directory::user::{self, Target, User};
use crate::model::error::{ConflictReason, Error, Result};
use crate::model::{Actor, Timestamp};
use crate::services::hasher::Password;
use crate::services::mailer::Letter;
use crate::store::audit_trail::Event;
use crate::store::entity::user as table;

/// The old password, and the new one twice, as people type it.
#[derive(Clone)]
pub struct Change {
    pub old_password: Password,
    pub new_password_1: Password,
    pub new_password_2: Password,
}

/// Changes a password: the caller's own, or that of a user whom the caller may manage. Both require the old password.
/// Without a credential, a temporary password is changed by e-mail address and that password. The user's other sessions
/// end.
pub async fn change(op: &OpContext, target: &Target, passwords: &Change) -> Result<User> {
    refuse_impersonation(op.actor())?;
    let row = match (op.actor(), &target.email) {
        (Actor::Anonymous, Some(email)) => {
            let organization = target.account_alone()?;
            by_temporary_password(op, email, organization, passwords).await?
        }
        (Actor::Anonymous | Actor::Machine | Actor::User(_), _) => by_credential(op, target, passwords).await?,
    };
    let verified = match op.actor().is(row.pk) {
        true => Verified::Unchanged,
        false => Verified::No,
    };
    acceptable("newPassword1", &passwords.new_password_1, &row.own_names())?;
    store(
        op,
        "password.change",
        row,
        &passwords.new_password_1,
        Tell::Nobody,
        verified,
    )
    .await
}

/// With the old password. The number of guesses is limited.
async fn by_credential(op: &OpContext, target: &Target, passwords: &Change) -> Result<table::Model> {
    let granted = op.authorize(Action::Modify, Resource::Password)?;
    passwords.check()?;
    let row = user::locate(op.db().reader(), &granted, target).await?;
    may_manage(
        op.actor(),
        Managing::Password,
        &authn::rights_of(op.db().reader(), row.pk).await?,
    )?;
    user::require_person("where", &row)?;
    if op.actor().is(row.pk) {
        unlimited(op.actor(), "Changing your password")?;
    }
    let wrong = || Error::invalid("oldPassword", "The old password is wrong.".to_owned());
    check_current(op, "password.change", row, &passwords.old_password, wrong).await
}

/// Changes the caller's own password in its own session, with the old password. The user's other sessions end. Not
/// possible with an API key or while impersonating.
pub async fn change_own(op: &OpContext, old: &Password, new: &Password) -> Result<User> {
    let granted = op.authorize(Action::Modify, Resource::OwnPassword)?;
    in_person(op.actor(), "Changing your password")?;
    if new == old {
        return Err(Error::invalid(
            "newPassword",
            "The new password must differ from the old one.".to_owned(),
        ));
    }
    acceptable("newPassword", new, &[])?;
    let row = user::locate(op.db().reader(), &granted, &Target::caller(op)).await?;
    let wrong = || Error::invalid("oldPassword", "The old password is wrong.".to_owned());
    let row = check_current(op, "password.change", row, old, wrong).await?;
    acceptable("newPassword", new, &row.own_names())?;
    store(op, "password.change", row, new, Tell::Nobody, Verified::Unchanged).await
}

/// Checks the current password of a user whom the caller may see, in addition to a credential. The number of guesses is
/// limited. Returns the row; the transaction that follows must check again what was read.
pub async fn check_current(
    op: &OpContext,
    action: &'static str,
    row: table::Model,
    typed: &Password,
    wrong: impl FnOnce() -> Error,
) -> Result<table::Model> {
    let attempt = Attempt::of_old_password(op.client_address(), row.pk, op.actor().is(row.pk));
    let door = Door::open(op, action, attempt, typed).await?;
    // Hashes are computed before the transaction, so that no lock is held for that time.
    door.answer(async {
        let (row, _) = door.check(Some(row), wrong).await?;
        door.attempt().right(op).await?;
        Ok(row)
    })
    .await
}

/// The temporary password is the credential, but only for changing it. An unknown address, a wrong password and one
/// that is not temporary take the same time and give the same message.
///
/// Guesses here are throttled like sign-ins.
async fn by_temporary_password(
    op: &OpContext,
    email: &str,
    organization: Option<&str>,
    passwords: &Change,
) -> Result<table::Model> {
    passwords.check()?;
    let attempt = Attempt::by_address(op.client_address(), email, organization);
    let door = Door::open(op, "password.change", attempt, &passwords.old_password).await?;
    let wrong = || {
        Error::Unauthenticated(
            "The e-mail address or the temporary password is wrong. To change any other password, send \
             'Authorization: Bearer <API key>'."
                .to_owned(),
        )
    };
    door.answer(async {
        let account = user::account_with_temporary_password(op.db().reader(), email, organization).await?;
        let (account, _) = door.check(account, wrong).await?;
        if !must_change(&account) {
            return Err(door.refuse(Some(&account), wrong()).await?);
        }
        if !account.activated {
            let refusal = Error::forbidden("This account is deactivated.".to_owned());
            return Err(door.turn_away(&account, refusal).await?);
        }
        door.attempt().right(op).await?;
        Ok(account)
    })
    .await
}

impl Change {
    fn check(&self) -> Result<()> {
        if self.new_password_1 != self.new_password_2 {
            return Err(Error::invalid(
                "newPassword2",
                "The two new passwords do not match.".to_owned(),
            ));
        }
        if self.new_password_1 == self.old_password {
            return Err(Error::invalid(
                "newPassword1",
                "The new password must differ from the old one.".to_owned(),
            ));
        }
        acceptable("newPassword1", &self.new_password_1, &[])
    }
}

/// Who is notified by mail of a new password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tell {
    /// Its owner: it was set by a credential, without the old password.
    Owner,
    Nobody,
}

/// Whether the new password counts as set by who reads the mails to the user's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verified {
    /// As before.
    Unchanged,
    No,
}

/// Stores a user's new password, which is not a temporary one, unless the user has changed since `row` was read.
pub(super) async fn store(
    op: &OpContext,
    action: &'static str,
    row: table::Model,
    new_password: &Password,
    tell: Tell,
    verified: Verified,
) -> Result<User> {
    let hash = op.hasher().hash(Some(row.organization_pk), new_password).await?;
    let now = op.now();
    let change = op.begin().await?;
    let verified_at = row.password_verified_at.filter(|_| verified == Verified::Unchanged);
    let mut updated = table::Entity::update_many()
        .col_expr(table::Column::PasswordHash, Expr::val(hash))
        .col_expr(table::Column::PasswordChangedAt, Expr::val(now.micros()))
        .col_expr(table::Column::PasswordTemporary, Expr::val(false))
        .col_expr(
            table::Column::PasswordVerifiedAt,
            Expr::val(verified_at.map(Timestamp::micros)),
        )
        .col_expr(
            table::Column::UpdatedAt,
            Expr::val(now.later_than(row.updated_at).micros()),
        )
        .col_expr(table::Column::Version, Expr::val(row.version + 1))
        .filter(table::Column::Pk.eq(row.pk))
        .filter(table::Column::Version.eq(row.version))
        .exec_with_returning(&*change)
        .await?;
    let Some(row) = updated.pop() else {
        return Err(Error::conflict(
            ConflictReason::Concurrent,
            "The user was changed in the meantime. Try again.".to_owned(),
        ));
    };
    end_other_sessions_in_txn(&*change, op, row.pk).await?;
    if let (Tell::Owner, Some(email)) = (tell, &row.email)
        && let Some(organization) = organization::name_if_mailed(&*change, row.organization_pk).await?
    {
        let name = User::from(row.clone()).display_name();
        let letter = Letter::PasswordSet { organization, name };
        outbox::notify_in_txn(&*change, op, row.organization_pk, email, letter).await?;
    }
    let event = Event::new(action, row.pk, &row.id).of_user(&row);
    change.commit([event.access()]).await?;
    Ok(row.into())
}
