//! Creates a group.

use std::collections::BTreeSet;

use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, Set};

use super::Group;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::organization;
use crate::directory::role::{self, Assigned, Made, RoleForTenant};
use crate::model;
use crate::model::error::{ConflictReason, Error, OrConflict, Result, shown};
use crate::store::audit_trail::Event;
use crate::store::entity::{group as table, group_role};

/// A new group as the caller describes it.
#[derive(Clone, Debug, Default)]
pub struct NewGroup {
    pub name: String,
    pub description: Option<String>,
    /// The caller's organization by default; only a super admin can specify another one.
    pub organization_id: Option<String>,
    /// Names or ids of its roles for the whole organization.
    pub roles: Vec<String>,
    /// Its roles for single tenants.
    pub tenant_roles: Vec<RoleForTenant>,
}

/// Creates a group. `INVALID` for a name without letter or digit, `CONFLICT` if its key is already taken in the
/// organization, `FORBIDDEN` for a role beyond the caller's own permissions.
pub async fn create(op: &OpContext, new: NewGroup) -> Result<Group> {
    let granted = op.authorize(Action::Create, Resource::Group)?;
    let name = group_name(&new.name)?;
    let key = key_of(&name).ok_or_else(|| {
        Error::invalid(
            "name",
            format!("'{}' contains no letter or digit to build a key from.", shown(&name)),
        )
    })?;
    let description = model::description("description", new.description.as_deref())?.filter(|text| !text.is_empty());
    let now = op.now();
    let change = op.begin().await?;
    let home = organization::home(&*change, op.actor(), &granted, new.organization_id.as_deref()).await?;
    let mut roles = role::resolve(op, &*change, home.pk, "roles", &new.roles).await?;
    roles.extend(role::resolve_for_tenants(op, &*change, &granted, home.pk, &new.tenant_roles).await?);
    role::grantable(op.actor(), &granted, &roles, &[])?;
    let row = table::ActiveModel {
        id: Set(op.new_id().into()),
        organization_pk: Set(home.pk),
        key: Set(key.clone()),
        name: Set(name),
        description: Set(description),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    let row = row.insert(&*change).await.or_conflict(|_| {
        Error::conflict(
            ConflictReason::Taken,
            format!(
                "A group with the key '{}' already exists; names that differ only in case or punctuation have the same \
             key.",
                shown(&key)
            ),
        )
    })?;
    give_roles(&*change, &row, &roles, Made::by_caller(op)).await?;
    let given = roles.iter().map(|role| role.mention().added());
    let event = Event::new("group.create", row.pk, &row.id).named(row.name.clone());
    let event = event.about(given);
    change.commit(for_each_tenant(event, home.pk, &roles)).await?;
    Ok(row.into())
}

/// One event for each tenant that the roles are for, whose administrators see it; without any, one for the organization.
pub(super) fn for_each_tenant(event: Event, organization_pk: i64, roles: &[Assigned]) -> Vec<Event> {
    let tenants: BTreeSet<i64> = roles.iter().filter_map(|role| role.tenant_pk).collect();
    let event = event.of_organization(organization_pk);
    match tenants.is_empty() {
        true => vec![event],
        false => tenants
            .into_iter()
            .map(|pk| event.clone().of_tenant(organization_pk, Some(pk)))
            .collect(),
    }
}

/// A group's name, stored without leading and trailing spaces.
pub fn group_name(name: &str) -> Result<String> {
    Ok(model::name("name", name)?.trim().to_owned())
}

/// The key for a group's original name: upper-cased, with one `_` for each sequence of characters that are neither
/// letters nor digits, in any script, and none at the ends. `None` if nothing is left.
pub fn key_of(name: &str) -> Option<String> {
    let upper = name.to_uppercase();
    let words: Vec<&str> = upper
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    (!words.is_empty()).then(|| words.join("_"))
}

pub(super) async fn give_roles<'a>(
    connection: &impl ConnectionTrait,
    group: &table::Model,
    roles: impl IntoIterator<Item = &'a Assigned>,
    made: Made,
) -> Result<()> {
    let given: Vec<group_role::ActiveModel> = roles
        .into_iter()
        .map(|role| group_role::ActiveModel {
            group_pk: Set(group.pk),
            role_pk: Set(role.role_pk),
            organization_pk: Set(group.organization_pk),
            tenant_pk: Set(role.tenant_pk),
            scope: Set(role.scope_key()),
            created_at: Set(made.at),
            created_by: Set(made.by),
        })
        .collect();
    if !given.is_empty() {
        group_role::Entity::insert_many(given)
            .exec_without_returning(connection)
            .await?;
    }
    Ok(())
}
