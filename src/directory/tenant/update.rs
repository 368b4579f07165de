//! Changes a tenant.

use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set};

use super::{Tenant, Term};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::list::{Named, expect_version, locate};
use crate::model::error::{Error, Result, shown};
use crate::model::{self, JsonText};
use crate::store::audit_trail::Event;
use crate::store::entity::organization;

/// A field that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clearable {
    Variables,
}

/// The changes; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct TenantChange {
    pub name: Option<String>,
    /// Its organization, for products that send it along: `INVALID` if it is another one, because a tenant cannot be
    /// moved.
    pub organization_id: Option<String>,
    pub variables: Option<serde_json::Value>,
    pub clear: Vec<Clearable>,
}

/// Changes only the given fields. `CONFLICT` if `expected_version` is given and the row has changed.
pub async fn update(
    op: &OpContext,
    named: &Named<Term>,
    wanted: TenantChange,
    expected_version: Option<i64>,
) -> Result<Tenant> {
    let granted = op.authorize(Action::Modify, Resource::Tenant)?;
    let name = wanted
        .name
        .as_deref()
        .map(|name| model::name("name", name))
        .transpose()?;
    let variables = JsonText::object("variables", wanted.variables.as_ref())?;
    let variables = model::cleared(
        "variables",
        variables.map(Some),
        wanted.clear.contains(&Clearable::Variables),
    )?;

    let change = op.begin().await?;
    let row = locate::<Tenant>(&*change, &granted, named, "tenant").await?;
    expect_version(row.version, expected_version)?;
    if let Some(id) = &wanted.organization_id {
        let home = organization::Entity::find_by_id(row.organization_pk)
            .one(&*change)
            .await?;
        if home.is_none_or(|home| home.id.as_str() != id) {
            return Err(Error::invalid(
                "organizationId",
                format!(
                    "The tenant '{}' does not belong to the organization '{}'. Tenants cannot be moved.",
                    row.id,
                    shown(id)
                ),
            ));
        }
    }
    let mut fields = Vec::new();
    let mut new = row.clone().into_active_model();
    model::set(&mut fields, "name", &mut new.name, name);
    model::set(&mut fields, "variables", &mut new.variables, variables);
    if fields.is_empty() {
        return Ok(row.into());
    }
    new.version = Set(row.version + 1);
    new.updated_at = Set(op.now().later_than(row.updated_at));
    let row = new.update(&*change).await?;
    let event = Event::new("tenant.update", row.pk, &row.id)
        .of_tenant(row.organization_pk, Some(row.pk))
        .named(row.name.clone());
    change.commit([event.fields(fields)]).await?;
    Ok(row.into())
}
