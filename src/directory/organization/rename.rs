//! Renames an organization.

use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};

use super::{Organization, Term, as_seen};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::list::{Named, expect_version, locate};
use crate::model;
use crate::model::error::Result;
use crate::store::audit_trail::Event;

/// Renames an organization, which its own administrators may do. `CONFLICT` if `expected_version` is given and the row
/// has changed.
pub async fn rename(
    op: &OpContext,
    named: &Named<Term>,
    name: &str,
    expected_version: Option<i64>,
) -> Result<Organization> {
    let granted = op.authorize(Action::Modify, Resource::OrganizationSettings)?;
    let name = model::name("name", name)?;
    let change = op.begin().await?;
    let row = locate::<Organization>(&*change, &granted, named, "organization").await?;
    expect_version(row.version, expected_version)?;
    let mut fields = Vec::new();
    let mut new = row.clone().into_active_model();
    model::set(&mut fields, "name", &mut new.name, Some(name));
    if fields.is_empty() {
        return Ok(as_seen(op, row.into()));
    }
    new.version = Set(row.version + 1);
    new.updated_at = Set(op.now().later_than(row.updated_at));
    let row = new.update(&*change).await?;
    let event = Event::new("organization.rename", row.pk, &row.id)
        .of_organization(row.pk)
        .named(row.name.clone());
    change.commit([event.fields(fields)]).await?;
    Ok(as_seen(op, row.into()))
}
