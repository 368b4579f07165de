//! Changes the caller's own names.

use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};

use super::{Target, User, locate};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::list::expect_version;
use crate::model;
use crate::model::error::Result;
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
