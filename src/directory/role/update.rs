//! Changes a role.

use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};

use super::create::{role_name, taken};
use super::read::locate;
use super::{Role, Standing, Term};
use crate::authz::escalation::may_grant;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::list::{Named, expect_version};
use crate::model;
use crate::model::error::{OrConflict, Result};
use crate::model::{Permissions, Rights};
use crate::store::audit_trail::{Event, Mention};

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
/// permissions, before or after, go beyond the caller's.
pub async fn update(
    op: &OpContext,
    named: &Named<Term>,
    wanted: RoleChange,
    expected_version: Option<i64>,
) -> Result<Role> {
    let granted = op.authorize(Action::Modify, Resource::Role)?;
    let description = model::clearable_description("description", wanted.description.as_deref())?;
    let clears = wanted.clear.contains(&Clearable::Description);
    let description = model::cleared("description", description, clears)?;
    let new_permissions = wanted.permissions.as_deref().map(Permissions::parse).transpose()?;

    let change = op.begin().await?;
    let row = locate(&*change, &granted, named).await?;
    let had = Permissions::from_stored(&row.permissions);
    may_grant(
        op.actor(),
        &Rights::of_organization(had | new_permissions.unwrap_or_default()),
    )?;
    expect_version(row.version, expected_version)?;
    let mut fields = Vec::new();
    let mut new = row.clone().into_active_model();
    let name = match &wanted.name {
        // A later release may have added a built-in role with the current name; that is no reason to refuse.
        Some(name) if *name != row.name => role_name(name)?,
        Some(_) | None => row.name.clone(),
    };
    model::set(&mut fields, "name", &mut new.name, Some(name.clone()));
    model::set(&mut fields, "description", &mut new.description, description);
    let have = new_permissions.unwrap_or(had);
    if have != had {
        fields.push("permissions");
        new.permissions = Set(have.to_stored());
    }
    if fields.is_empty() {
        return Ok(row.into());
    }
    new.version = Set(row.version + 1);
    new.updated_at = Set(op.now().later_than(row.updated_at));
    let standing = Standing::before(&*change, op.actor()).await?;
    let updated = new.update(&*change).await.or_conflict(|_| taken(&name))?;
    standing
        .remains(&*change, &Rights::of_organization(had - have), "permissions")
        .await?;
    let (added, removed) = ((have - had).names(), (had - have).names());
    let event = Event::new("role.update", row.pk, &row.id)
        .of_organization(row.organization_pk)
        .named(updated.name.clone())
        .about(added.into_iter().map(|name| Mention::permission(name).added()))
        .about(removed.into_iter().map(|name| Mention::permission(name).removed()));
    change.commit([event.fields(fields).access()]).await?;
    Ok(updated.into())
}
