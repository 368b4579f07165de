//! Changes a group.

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, Set};

use super::change_members::{MembersChange, change_members};
use super::create::{for_each_tenant, give_roles, given_external_id, group_name};
use super::naming::{Naming, must_be_free};
use super::read::{locate_shared, may_change_roles_of_members, roles_within};
use super::{Group, Target, locate};
use crate::authz::{Action, Granted, Resource};
use crate::context::{Change, OpContext};
use crate::directory::role::{self, Assigned, Made, RoleForTenant, Standing, union};
use crate::list::expect_version;
use crate::model;
use crate::model::error::Result;
use crate::store::audit_trail::{Event, Mention};
use crate::store::entity::{group as table, group_role};

/// A field that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clearable {
    Description,
    ExternalId,
}

/// The changes; `None` leaves a field unchanged. The empty string clears the description and the external id.
#[derive(Clone, Debug, Default)]
pub struct GroupChange {
    pub name: Option<String>,
    pub description: Option<String>,
    /// The id that another system gave it, exactly.
    pub external_id: Option<String>,
    /// Names or ids; they replace the current ones for the whole organization.
    pub roles: Option<Vec<String>>,
    /// They replace the current ones for single tenants.
    pub tenant_roles: Option<Vec<RoleForTenant>>,
    pub clear: Vec<Clearable>,
    /// What a new name must not have in common with another group. The key never changes.
    pub naming: Naming,
    pub members: MembersChange,
}

impl GroupChange {
    /// Whether it changes members and nothing of the group itself.
    fn is_of_members_alone(&self) -> bool {
        let itself = self.name.is_some()
            || self.description.is_some()
            || self.external_id.is_some()
            || self.roles.is_some()
            || self.tenant_roles.is_some()
            || !self.clear.is_empty();
        !itself && !self.members.is_empty()
    }
}

/// The new texts of a group.
struct Texts {
    name: Option<String>,
    description: Option<Option<String>>,
    external_id: Option<Option<String>>,
}

impl Texts {
    fn checked(wanted: &GroupChange) -> Result<Self> {
        let description = model::clearable_description("description", wanted.description.as_deref())?;
        let external_id = given_external_id(wanted.external_id.as_deref())?;
        let clears = |field| wanted.clear.contains(&field);
        Ok(Self {
            name: wanted.name.as_deref().map(group_name).transpose()?,
            description: model::cleared("description", description, clears(Clearable::Description))?,
            external_id: model::cleared("externalId", external_id, clears(Clearable::ExternalId))?,
        })
    }
}

/// Changes only the given fields; the key never changes. `FORBIDDEN` for a group whose roles, before or after, go
/// beyond the caller's permissions, and to change the roles of members whose permissions do. A change of its members
/// moves neither its version nor its time, and locks the group against changes of its roles alone, unless all members are
/// replaced.
pub async fn update(
    op: &OpContext,
    target: &Target,
    wanted: GroupChange,
    expected_version: Option<i64>,
) -> Result<Group> {
    let granted = match wanted.is_of_members_alone() {
        true => op.authorize(Action::Modify, Resource::Membership)?,
        false => op.authorize(Action::Modify, Resource::Group)?,
    };
    let has_members = !wanted.members.is_empty();
    if has_members {
        op.authorize(Action::Modify, Resource::Membership)?;
    }
    let texts = Texts::checked(&wanted)?;
    let mut change = op.begin().await?;
    // Who replaces all members has the group alone; see [`change_members`].
    let shares = wanted.is_of_members_alone() && !wanted.members.emptied;
    let row = match shares {
        true => locate_shared(&*change, op.actor(), &granted, target).await?,
        false => locate(&*change, op.actor(), &granted, target).await?,
    };
    expect_version(row.version, expected_version)?;
    let had = roles_within(&*change, op.actor(), &row).await?;
    let Written { row, roles, event } = write(&change, op, &granted, row, had, texts, &wanted).await?;
    let events: Vec<Event> = event
        .into_iter()
        .flat_map(|event| for_each_tenant(event, row.organization_pk, &roles))
        .collect();
    match (has_members, events.is_empty()) {
        (false, true) => return Ok(row.into()),
        (false, false) => change.commit(events).await?,
        (true, is_same) => {
            change.note(events).await?;
            let moved = change_members(&mut change, op, &granted, &row, &roles, &wanted.members).await?;
            if moved || !is_same {
                change.commit([]).await?;
            }
        }
    }
    Ok(row.into())
}

/// A group after its own change.
struct Written {
    row: table::Model,
    /// The roles that it has or had.
    roles: Vec<Assigned>,
    /// `None` if nothing changed.
    event: Option<Event>,
}

/// Writes what changes of the group itself.
async fn write(
    change: &Change<'_>,
    op: &OpContext,
    granted: &Granted,
    row: table::Model,
    had: Vec<Assigned>,
    texts: Texts,
    wanted: &GroupChange,
) -> Result<Written> {
    let mut fields = Vec::new();
    let mut new = row.clone().into_active_model();
    if let (Some(name), Naming::ByName) = (&texts.name, wanted.naming)
        && *name != row.name
    {
        must_be_free(&**change, &row, name).await?;
    }
    model::set(&mut fields, "name", &mut new.name, texts.name);
    model::set(&mut fields, "description", &mut new.description, texts.description);
    model::set(&mut fields, "externalId", &mut new.external_id, texts.external_id);
    let have = roles_wanted(change, op, granted, &row, &had, wanted).await?;
    let gained = role::besides(&have, &had);
    let lost = role::besides(&had, &have);
    let changed = |of_tenants| {
        let mut all = gained.iter().chain(&lost);
        all.any(|role| role.tenant_pk.is_some() == of_tenants)
    };
    if !gained.is_empty() || !lost.is_empty() {
        may_change_roles_of_members(&**change, op.actor(), &row).await?;
        fields.extend(changed(false).then_some("roles"));
        fields.extend(changed(true).then_some("tenantRoles"));
    }
    if fields.is_empty() {
        return Ok(Written {
            row,
            roles: had,
            event: None,
        });
    }
    new.version = Set(row.version + 1);
    new.updated_at = Set(op.now().later_than(row.updated_at));
    let updated = new.update(&**change).await?;
    let added = gained.iter().map(|role| role.mention().added());
    let removed = lost.iter().map(|role| role.mention().removed());
    let mentions: Vec<Mention> = added.chain(removed).collect();
    exchange_roles(change, op, &row, gained, lost).await?;
    let event = Event::new("group.update", updated.pk, &updated.id).named(updated.name.clone());
    let roles = had.iter().cloned().chain(have).collect();
    Ok(Written {
        row: updated,
        roles,
        event: Some(event.about(mentions).fields(fields).access()),
    })
}

/// The roles that the group is to have, if the caller may give those that are new.
async fn roles_wanted(
    change: &Change<'_>,
    op: &OpContext,
    granted: &Granted,
    row: &table::Model,
    had: &[Assigned],
    wanted: &GroupChange,
) -> Result<Vec<Assigned>> {
    let (for_tenants, everywhere): (Vec<Assigned>, Vec<Assigned>) =
        had.iter().cloned().partition(|role| role.tenant_pk.is_some());
    let mut have = match &wanted.roles {
        Some(named) => role::resolve(op, &**change, row.organization_pk, "roles", named).await?,
        None => everywhere,
    };
    have.extend(match &wanted.tenant_roles {
        Some(named) => role::resolve_for_tenants(op, &**change, granted, row.organization_pk, named).await?,
        None => for_tenants,
    });
    role::grantable(op.actor(), granted, &have, had)?;
    Ok(have)
}

async fn exchange_roles(
    change: &Change<'_>,
    op: &OpContext,
    row: &table::Model,
    gained: Vec<&Assigned>,
    lost: Vec<&Assigned>,
) -> Result<()> {
    if lost.is_empty() {
        return give_roles(&**change, row, gained, Made::by_caller(op)).await;
    }
    let standing = Standing::before(&**change, op.actor()).await?;
    for role in &lost {
        group_role::Entity::delete_many()
            .filter(group_role::Column::GroupPk.eq(row.pk))
            .filter(group_role::Column::RolePk.eq(role.role_pk))
            .filter(group_role::Column::Scope.eq(role.scope_key()))
            .exec(&**change)
            .await?;
    }
    give_roles(&**change, row, gained, Made::by_caller(op)).await?;
    standing.remains(&**change, &union(lost), "roles").await
}
