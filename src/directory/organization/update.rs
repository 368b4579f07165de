//! Changes an organization.

use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};

use super::create::seat_limit;
use super::seats::kept;
use super::{Organization, Term, as_seen};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::list::{Named, expect_version, locate};
use crate::model::error::Result;
use crate::model::{self, JsonText, MailLanguage};
use crate::store::audit_trail::Event;

/// A field that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clearable {
    SeatLimit,
    Variables,
    ProductName,
}

/// The changes; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct OrganizationChange {
    pub name: Option<String>,
    pub variables: Option<serde_json::Value>,
    pub seat_limit: Option<i64>,
    pub mail_allowed: Option<bool>,
    pub account_switching: Option<bool>,
    pub product_name: Option<String>,
    pub mail_language: Option<MailLanguage>,
    pub confirm_email_changes: Option<bool>,
    pub clear: Vec<Clearable>,
}

/// Changes only the given fields. `CONFLICT` if `expected_version` is given and the row has changed.
pub async fn update(
    op: &OpContext,
    named: &Named<Term>,
    wanted: OrganizationChange,
    expected_version: Option<i64>,
) -> Result<Organization> {
    let resource = Resource::Organization;
    update_as(op, "organization.update", resource, named, wanted, expected_version).await
}

/// The same as another action, for callers who may modify another resource.
pub(super) async fn update_as(
    op: &OpContext,
    action: &'static str,
    resource: Resource,
    named: &Named<Term>,
    wanted: OrganizationChange,
    expected_version: Option<i64>,
) -> Result<Organization> {
    let granted = op.authorize(Action::Modify, resource)?;
    let name = wanted
        .name
        .as_deref()
        .map(|name| model::name("name", name))
        .transpose()?;
    let variables = JsonText::object("variables", wanted.variables.as_ref())?;
    let limit = wanted.seat_limit.map(seat_limit).transpose()?;
    let clears = |field| wanted.clear.contains(&field);
    let variables = model::cleared("variables", variables.map(Some), clears(Clearable::Variables))?;
    let limit = model::cleared("seatLimit", limit.map(Some), clears(Clearable::SeatLimit))?;
    let product = model::product_name("productName", wanted.product_name.as_deref())?;
    let product = model::cleared("productName", product, clears(Clearable::ProductName))?;

    let mut change = op.begin().await?;
    // Before the organization: who withdraws the caller's access has locked that first, and then wants the organization.
    change.hold_caller().await?;
    let row = locate::<Organization>(&*change, &granted, named, "organization").await?;
    expect_version(row.version, expected_version)?;
    let mut fields = Vec::new();
    let mut new = row.clone().into_active_model();
    model::set(&mut fields, "name", &mut new.name, name);
    model::set(&mut fields, "variables", &mut new.variables, variables);
    model::set(&mut fields, "seatLimit", &mut new.seat_limit, limit);
    if fields.contains(&"seatLimit") {
        new.seats_used = Set(kept(&*change, row.pk, *new.seat_limit.as_ref()).await?);
    }
    model::set(&mut fields, "mailAllowed", &mut new.mail_allowed, wanted.mail_allowed);
    let switching = &mut new.account_switching;
    model::set(&mut fields, "accountSwitching", switching, wanted.account_switching);
    model::set(&mut fields, "productName", &mut new.product_name, product);
    model::set(
        &mut fields,
        "mailLanguage",
        &mut new.mail_language,
        wanted.mail_language,
    );
    let confirms = &mut new.confirm_email_changes;
    model::set(
        &mut fields,
        "confirmEmailChanges",
        confirms,
        wanted.confirm_email_changes,
    );
    if fields.is_empty() {
        return Ok(as_seen(op, row.into()));
    }
    new.version = Set(row.version + 1);
    new.updated_at = Set(op.now().later_than(row.updated_at));
    let row = new.update(&*change).await?;
    let event = Event::new(action, row.pk, &row.id)
        .of_organization(row.pk)
        .named(row.name.clone());
    change.commit([event.fields(fields)]).await?;
    Ok(as_seen(op, row.into()))
}
