//! Changes an organization.

use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};

use super::create::seat_limit;
use super::{Organization, Term, locate};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::list::{Named, expect_version};
use crate::model::error::Result;
use crate::model::{self, JsonText};
use crate::store::audit_trail::Event;

/// A field that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clearable {
    SeatLimit,
    Variables,
}

/// The changes; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct OrganizationChange {
    pub name: Option<String>,
    pub variables: Option<serde_json::Value>,
    pub seat_limit: Option<i64>,
    pub mail_allowed: Option<bool>,
    pub clear: Vec<Clearable>,
}

/// Changes only the given fields. `CONFLICT` if `expected_version` is given and the row has changed.
pub async fn update(
    op: &OpContext,
    named: &Named<Term>,
    wanted: OrganizationChange,
    expected_version: Option<i64>,
) -> Result<Organization> {
    let granted = op.authorize(Action::Modify, Resource::Organization)?;
    let name = wanted
        .name
        .as_deref()
        .map(|name| model::name("name", name))
        .transpose()?;
    let variables = wanted
        .variables
        .as_ref()
        .map(|json| JsonText::object("variables", json))
        .transpose()?;
    let limit = wanted.seat_limit.map(seat_limit).transpose()?;
    let clears = |field| wanted.clear.contains(&field);
    let variables = model::cleared("variables", variables.map(Some), clears(Clearable::Variables))?;
    let limit = model::cleared("seatLimit", limit.map(Some), clears(Clearable::SeatLimit))?;

    let change = op.begin().await?;
    let row = locate(&*change, &granted, named).await?;
    expect_version(row.version, expected_version)?;
    let mut fields = Vec::new();
    let (pk, version, updated_at) = (row.pk, row.version, row.updated_at);
    let mut new = row.clone().into_active_model();
    if let Some(name) = name.filter(|name| *name != row.name) {
        new.name = Set(name);
        fields.push("name");
    }
    if let Some(variables) = variables.filter(|variables| *variables != row.variables) {
        new.variables = Set(variables);
        fields.push("variables");
    }
    if let Some(limit) = limit.filter(|limit| *limit != row.seat_limit) {
        new.seat_limit = Set(limit);
        fields.push("seatLimit");
    }
    if let Some(allowed) = wanted.mail_allowed.filter(|allowed| *allowed != row.mail_allowed) {
        new.mail_allowed = Set(allowed);
        fields.push("mailAllowed");
    }
    if fields.is_empty() {
        return Ok(row.into());
    }
    new.version = Set(version + 1);
    new.updated_at = Set(op.now().later_than(updated_at));
    let row = new.update(&*change).await?;
    let event = Event::new("organization.update", pk, &row.id).of_organization(pk);
    change.commit([event.fields(fields)]).await?;
    Ok(row.into())
}
