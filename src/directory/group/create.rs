//! Creates a group.

use std::collections::BTreeSet;

use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, Set};

use super::change_members::{MembersChange, change_members};
use super::naming::{Naming, key_for, name_taken};
use super::{Group, key_of};
use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::directory::organization;
use crate::directory::role::{self, Assigned, Made, RoleForTenant};
use crate::model;
use crate::model::error::{Conflict, ConflictReason, Error, OrConflict, Result, shown};
use crate::store::audit_trail::Event;
use crate::store::entity::{group as table, group_role};

/// A new group as the caller describes it.
#[derive(Clone, Debug, Default)]
pub struct NewGroup {
    pub name: String,
    pub description: Option<String>,
    /// The id that another system gave it, exactly; empty counts as absent.
    pub external_id: Option<String>,
    /// The caller's organization by default; only a super admin can specify another one.
    pub organization_id: Option<String>,
    /// Names or ids of its roles for the whole organization.
    pub roles: Vec<String>,
    /// Its roles for single tenants.
    pub tenant_roles: Vec<RoleForTenant>,
    /// What it must not have in common with another group.
    pub naming: Naming,
    /// The ids of its first members.
    pub members: Vec<String>,
}

/// A new group whose texts were checked.
struct Draft<'a> {
    new: &'a NewGroup,
    name: String,
    /// The key of its name.
    key: String,
    description: Option<String>,
    external_id: Option<String>,
}

/// How often a key makes way for one that another transaction has just taken.
const KEYS_TRIED: usize = 10;

/// Creates a group. `INVALID` for a name without letter or digit, and for a member that is no user of the organization,
/// `CONFLICT` if its key is already taken in the organization, `FORBIDDEN` for a role beyond the caller's own
/// permissions. [`Naming`] says which of it is different for names without regard to case.
pub async fn create(op: &OpContext, new: NewGroup) -> Result<Group> {
    let granted = op.authorize(Action::Create, Resource::Group)?;
    if !new.members.is_empty() {
        op.authorize(Action::Modify, Resource::Membership)?;
    }
    let draft = Draft::checked(&new)?;
    let tries = match new.naming {
        Naming::ByKey => 1,
        Naming::ByName => KEYS_TRIED,
    };
    for _ in 1..tries {
        if let Some(group) = draft.create(op, &granted).await? {
            return Ok(group);
        }
    }
    draft.create(op, &granted).await?.ok_or_else(|| draft.key_taken())
}

impl<'a> Draft<'a> {
    fn checked(new: &'a NewGroup) -> Result<Self> {
        let name = group_name(&new.name)?;
        let key = match (key_of(&name), new.naming) {
            (Some(key), _) => key,
            (None, Naming::ByName) => "GROUP".to_owned(),
            (None, Naming::ByKey) => {
                return Err(Error::invalid(
                    "name",
                    format!("'{}' contains no letter or digit to build a key from.", shown(&name)),
                ));
            }
        };
        let description =
            model::description("description", new.description.as_deref())?.filter(|text| !text.is_empty());
        let external_id = given_external_id(new.external_id.as_deref())?.flatten();
        Ok(Self {
            new,
            name,
            key,
            description,
            external_id,
        })
    }

    /// Creates it, unless another transaction has just taken its key.
    async fn create(&self, op: &OpContext, granted: &Granted) -> Result<Option<Group>> {
        let now = op.now();
        let mut change = op.begin().await?;
        let home = organization::home(&*change, op.actor(), granted, self.new.organization_id.as_deref()).await?;
        let mut roles = role::resolve(op, &*change, home.pk, "roles", &self.new.roles).await?;
        roles.extend(role::resolve_for_tenants(op, &*change, granted, home.pk, &self.new.tenant_roles).await?);
        role::grantable(op.actor(), granted, &roles, &[])?;
        let key = match self.new.naming {
            Naming::ByKey => self.key.clone(),
            Naming::ByName => key_for(&*change, home.pk, &self.name, &self.key).await?,
        };
        let row = table::ActiveModel {
            id: Set(op.new_id().into()),
            organization_pk: Set(home.pk),
            key: Set(key),
            name: Set(self.name.clone()),
            description: Set(self.description.clone()),
            external_id: Set(self.external_id.clone()),
            version: Set(1),
            created_at: Set(now),
            updated_at: Set(now),
            ..Default::default()
        };
        let row = match row.insert(&*change).await.or_conflict(|_| self.key_taken()) {
            Err(Error::Conflict(Conflict {
                reason: ConflictReason::Taken,
                ..
            })) => return Ok(None),
            inserted => inserted?,
        };
        give_roles(&*change, &row, &roles, Made::by_caller(op)).await?;
        let given = roles.iter().map(|role| role.mention().added());
        let event = Event::new("group.create", row.pk, &row.id).named(row.name.clone());
        let events = for_each_tenant(event.about(given), home.pk, &roles);
        if self.new.members.is_empty() {
            change.commit(events).await?;
            return Ok(Some(row.into()));
        }
        change.note(events).await?;
        let members = MembersChange {
            put_in: self.new.members.clone(),
            ..MembersChange::default()
        };
        change_members(&mut change, op, granted, &row, &roles, &members).await?;
        change.commit([]).await?;
        Ok(Some(row.into()))
    }

    fn key_taken(&self) -> Error {
        match self.new.naming {
            Naming::ByName => name_taken(&self.name),
            Naming::ByKey => Error::conflict(
                ConflictReason::Taken,
                format!(
                    "A group with the key '{}' already exists; names that differ only in case or punctuation have the \
                     same key.",
                    shown(&self.key)
                ),
            ),
        }
    }
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

/// The id that another system gave a group; the empty text clears it.
pub fn given_external_id(text: Option<&str>) -> Result<Option<Option<String>>> {
    text.map(|text| model::external_id("externalId", text)).transpose()
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
