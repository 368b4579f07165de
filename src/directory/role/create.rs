//! Creates a role.

use sea_orm::{ActiveModelTrait, Set};

use super::{Role, reserved};
use crate::authz::escalation::may_grant;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::organization;
use crate::model;
use crate::model::error::{ConflictReason, Error, OrConflict, Result, shown};
use crate::model::{Permissions, Rights};
use crate::store::audit_trail::{Event, Mention};
use crate::store::entity::role as table;

/// A new role as the caller describes it.
#[derive(Clone, Debug, Default)]
pub struct NewRole {
    pub name: String,
    pub description: Option<String>,
    /// Names; none by default.
    pub permissions: Vec<String>,
    /// The caller's organization by default; only a super admin can specify another one.
    pub organization_id: Option<String>,
}

/// Creates a role of an organization. `CONFLICT` for a name that is taken in the organization, or reserved for a
/// built-in role; `FORBIDDEN` for permissions beyond the caller's.
pub async fn create(op: &OpContext, new: NewRole) -> Result<Role> {
    let granted = op.authorize(Action::Create, Resource::Role)?;
    let name = role_name(&new.name)?;
    let description = model::description("description", new.description.as_deref())?.filter(|text| !text.is_empty());
    let permissions = Permissions::parse(&new.permissions)?;
    may_grant(op.actor(), &Rights::of_organization(permissions))?;
    let now = op.now();
    let change = op.begin().await?;
    let home = organization::home(&*change, op.actor(), &granted, new.organization_id.as_deref()).await?;
    let row = table::ActiveModel {
        id: Set(op.new_id().into()),
        organization_pk: Set(Some(home.pk)),
        name: Set(name.clone()),
        description: Set(description),
        permissions: Set(permissions.to_stored()),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    let row = row.insert(&*change).await.or_conflict(|_| taken(&name))?;
    let given = permissions.names().into_iter();
    let event = Event::new("role.create", row.pk, &row.id)
        .of_organization(home.pk)
        .named(row.name.clone())
        .about(given.map(|name| Mention::permission(name).added()));
    change.commit([event]).await?;
    Ok(row.into())
}

/// A name that nobody can take for a built-in role; see [`reserved`].
pub(super) fn role_name(name: &str) -> Result<String> {
    let name = model::name("name", name)?.trim().to_owned();
    reserved::free(&name)?;
    Ok(name)
}

pub(super) fn taken(name: &str) -> Error {
    Error::conflict(
        ConflictReason::Taken,
        format!("A role with the name '{}' already exists.", shown(name)),
    )
}
