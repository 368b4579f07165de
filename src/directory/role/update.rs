//! Changes a role.

use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};

use super::create::{for_products, free_in_organizations, free_in_product, role_name, taken};
use super::read::locate;
use super::{Role, Standing, Term};
use crate::authz::escalation::may_grant;
use crate::authz::{Action, Resource};
use crate::context::{Change, OpContext};
use crate::list::{Named, expect_version};
use crate::model;
use crate::model::Rights;
use crate::model::error::{OrConflict, Result};
use crate::store::audit_trail::{Event, Mention};
use crate::store::catalogue::{self, Catalogued as _};
use crate::store::entity::role as table;

/// A field that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clearable {
    Description,
}

/// The changes; `None` leaves a field unchanged. The empty string clears the description.
#[derive(Clone, Debug, Default)]
pub struct RoleChange {
    pub name: Option<String>,
    pub description: Option<String>,
    /// Names; they replace the current ones.
    pub permissions: Option<Vec<String>>,
    pub clear: Vec<Clearable>,
}

/// Changes only the given fields, for all users with the role. `FORBIDDEN` for a built-in role, and for one whose
/// permissions, before or after, go beyond the caller's; only super admins can change a product-wide one.
pub async fn update(
    op: &OpContext,
    named: &Named<Term>,
    wanted: RoleChange,
    expected_version: Option<i64>,
) -> Result<Role> {
    let granted = op.authorize(Action::Modify, Resource::Role)?;
    let change = op.begin().await?;
    // A caller who may rename a product-wide role excludes everybody who creates or renames a role.
    match op.authorize(Action::Modify, Resource::ProductRole) {
        Ok(_) => catalogue::hold_alone(&*change).await?,
        Err(_) => catalogue::hold(&*change).await?,
    };
    let row = locate(op, &*change, &granted, named).await?;
    let (row, event) = update_in_txn(op, &change, row, wanted, expected_version).await?;
    if let Some(event) = event {
        change.commit([event]).await?;
    }
    Ok(row.into())
}

/// The same while the catalogue is held; returns the event if anything changed.
pub async fn update_in_txn(
    op: &OpContext,
    change: &Change<'_>,
    row: table::Model,
    wanted: RoleChange,
    expected_version: Option<i64>,
) -> Result<(table::Model, Option<Event>)> {
    let description = model::clearable_description("description", wanted.description.as_deref())?;
    let clears = wanted.clear.contains(&Clearable::Description);
    let description = model::cleared("description", description, clears)?;
    let catalogue = change.known().now();
    let had = catalogue.from_stored(&row.permissions);
    let have = match &wanted.permissions {
        Some(names) => catalogue.parse(names)?,
        None => had,
    };
    may_grant(op.actor(), &Rights::of_organization(had | have))?;
    if row.product {
        for_products(have)?;
    }
    expect_version(row.version, expected_version)?;
    let mut fields = Vec::new();
    let mut new = row.clone().into_active_model();
    let name = match &wanted.name {
        // A later release may have added a built-in role with the current name; that is no reason to refuse.
        Some(name) if *name != row.name => {
            let name = role_name(name)?;
            match row.product {
                true => free_in_organizations(&**change, &name).await?,
                false => free_in_product(&**change, &name).await?,
            }
            name
        }
        Some(_) | None => row.name.clone(),
    };
    model::set(&mut fields, "name", &mut new.name, Some(name.clone()));
    model::set(&mut fields, "description", &mut new.description, description);
    if have != had {
        fields.push("permissions");
        new.permissions = Set(catalogue.to_stored(have));
    }
    if fields.is_empty() {
        return Ok((row, None));
    }
    new.version = Set(row.version + 1);
    new.updated_at = Set(op.now().later_than(row.updated_at));
    let standing = Standing::before(&**change, op.actor()).await?;
    let updated = new.update(&**change).await.or_conflict(|_| taken(&name))?;
    standing
        .remains(&**change, &Rights::of_organization(had - have), "permissions")
        .await?;
    let (added, removed) = (catalogue.names(have - had), catalogue.names(had - have));
    let event = Event::new("role.update", row.pk, &row.id)
        .of_organization(row.organization_pk)
        .named(updated.name.clone())
        .about(added.iter().map(|name| Mention::permission(name).added()))
        .about(removed.iter().map(|name| Mention::permission(name).removed()));
    Ok((updated, Some(event.fields(fields).access())))
}
