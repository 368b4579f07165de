//! Changes the caller's own names and address.

use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};

use super::{Target, User, locate, touch_in_txn};
use crate::authz::escalation::in_person;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::email_verification;
use crate::directory::organization;
use crate::directory::password;
use crate::list::expect_version;
use crate::model::error::{ConflictReason, Error, Result};
use crate::model::{self, Email};
use crate::services::hasher::Password;
use crate::store::audit_trail::Event;

/// A field that callers can clear on their own user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClearableInMe {
    Name,
    Firstname,
    Lastname,
}

/// The caller's new names; `None` leaves one unchanged, and the empty text clears it.
#[derive(Clone, Debug, Default)]
pub struct OwnNames {
    pub name: Option<String>,
    pub firstname: Option<String>,
    pub lastname: Option<String>,
    pub clear: Vec<ClearableInMe>,
}

/// Changes the caller's own names. Needs no permission.
pub async fn update_me(op: &OpContext, wanted: &OwnNames, expected_version: Option<i64>) -> Result<User> {
    let granted = op.authorize(Action::Modify, Resource::OwnProfile)?;
    let parse = |field: &'static str, given: Option<&str>, clearable: ClearableInMe| {
        model::cleared(
            field,
            model::clearable(field, given)?,
            wanted.clear.contains(&clearable),
        )
    };
    let name = parse("name", wanted.name.as_deref(), ClearableInMe::Name)?;
    let firstname = parse("firstname", wanted.firstname.as_deref(), ClearableInMe::Firstname)?;
    let lastname = parse("lastname", wanted.lastname.as_deref(), ClearableInMe::Lastname)?;
    let change = op.begin().await?;
    let row = locate(&*change, &granted, &Target::caller(op)).await?;
    expect_version(row.version, expected_version)?;
    let (mut fields, mut new) = (Vec::new(), row.clone().into_active_model());
    model::set(&mut fields, "name", &mut new.name, name);
    model::set(&mut fields, "firstname", &mut new.firstname, firstname);
    model::set(&mut fields, "lastname", &mut new.lastname, lastname);
    if fields.is_empty() {
        return Ok(row.into());
    }
    new.version = Set(row.version + 1);
    new.updated_at = Set(op.now().later_than(row.updated_at));
    let updated = new.update(&*change).await?;
    let event = Event::new("user.update", row.pk, &row.id).of_user(&updated);
    change.commit([event.fields(fields)]).await?;
    Ok(updated.into())
}

/// Requests another address for the caller, with the current password and in the caller's own session. The link that is
/// mailed to the address makes it the caller's; until then nothing changes. An earlier request ends.
///
/// The response is the same for an address that another user has: callers must not learn the addresses of others.
pub async fn change_my_email(op: &OpContext, email: &str, typed: &Password) -> Result<User> {
    let granted = op.authorize(Action::Modify, Resource::OwnProfile)?;
    in_person(op.actor(), "Changing your e-mail address")?;
    let email = Email::parse("email", email)?;
    let oneself = Target::caller(op);
    let row = locate(op.db().reader(), &granted, &oneself).await?;
    op.mailer().require()?;
    organization::require_mail(op.db().reader(), row.organization_pk).await?;
    let wrong = || Error::invalid("password", "The password is wrong.".to_owned());
    let checked = password::check_current(op, "email.requestChange", row, typed, wrong).await?;
    let change = op.begin().await?;
    let row = locate(&*change, &granted, &oneself).await?;
    if row.password_hash != checked.password_hash {
        return Err(Error::conflict(
            ConflictReason::Concurrent,
            "The password was changed in the meantime. Try again.".to_owned(),
        ));
    }
    if row.email.as_ref() == Some(&email) {
        return Err(Error::invalid(
            "email",
            "This is your e-mail address already.".to_owned(),
        ));
    }
    email_verification::request_change_in_txn(&*change, op, &row, &email).await?;
    let updated = touch_in_txn(&*change, &row, op.now()).await?;
    let event = Event::new("email.requestChange", row.pk, &row.id).of_user(&row);
    change.commit([event]).await?;
    Ok(updated.into())
}
