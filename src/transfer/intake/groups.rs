//! The groups of a file.

use std::collections::BTreeSet;

use sea_orm::{ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, Set};

use super::Intake;
use super::here::elsewhere;
use super::places::{Home, Place, Roles};
use super::structure::stamped;
use crate::context::Change;
use crate::directory::group::{given_external_id, group_name, key_of};
use crate::directory::role::{self, Assigned};
use crate::model::error::{ConflictReason, Error, Result, shown};
use crate::model::{self, BuiltIn, GroupId, Timestamp, uuid_of};
use crate::store::audit_trail::Event;
use crate::store::entity::{group as table, group_role};
use crate::transfer::record::GroupRecord;
use crate::transfer::report::Did;

impl Intake<'_> {
    pub(super) async fn group(&mut self, change: &mut Change<'_>, record: &GroupRecord) -> Result<Did> {
        let home = self.home(change, record.organization_id.as_deref()).await?;
        let name = group_name(&record.name)?;
        let key = match record.key.as_deref().filter(|key| !key.is_empty()) {
            Some(key) => key_of(key).filter(|canonical| canonical == key).ok_or_else(|| {
                Error::invalid(
                    "key",
                    format!(
                        "'{}' is not a key of a group: upper-case words joined by '_'.",
                        shown(key)
                    ),
                )
            })?,
            None => key_of(&name).ok_or_else(|| {
                Error::invalid(
                    "name",
                    format!("'{}' contains no letter or digit to build a key from.", shown(&name)),
                )
            })?,
        };
        let roles = match &record.roles {
            Some(held) => Some(self.roles_held(change, &home, held).await?),
            None => None,
        };
        if let Some(row) = find(change, &home, record, &key).await? {
            return self.update_group(change, row, &name, record, roles).await;
        }
        self.may_be_given(roles.iter().flatten().map(|(role, _)| role))?;
        let known = (home.pk, key.clone());
        if self.imagined.is_some() && self.places.groups.get(&known).is_some_and(Option::is_some) {
            return Ok(Did::Unchanged);
        }
        let (version, created_at, updated_at) = stamped(&record.stamps, self.op.now());
        let id = match record.id.as_deref().and_then(uuid_of) {
            Some(uuid) => GroupId::from(uuid),
            None => GroupId::from(self.op.new_id()),
        };
        let description = model::description("description", record.description.as_deref())?;
        let external_id = given_external_id(record.external_id.as_deref())?;
        let row = table::ActiveModel {
            id: Set(id),
            organization_pk: Set(home.pk),
            key: Set(key),
            name: Set(name),
            description: Set(description.filter(|text| !text.is_empty())),
            external_id: Set(external_id.flatten()),
            version: Set(version),
            created_at: Set(created_at),
            updated_at: Set(updated_at),
            ..Default::default()
        };
        let roles = roles.unwrap_or_default();
        let id = row.id.as_ref().to_string();
        let pk = match &mut self.imagined {
            Some(imagined) => imagined.key(),
            None => {
                let row = row.insert(&**change).await?;
                self.give(change, &row, roles.iter()).await?;
                row.pk
            }
        };
        let place = Place {
            pk,
            all_powerful: roles.iter().any(|(role, _)| role.built_in == Some(BuiltIn::SuperAdmin)),
        };
        // Whatever name it was looked for before.
        self.places
            .groups
            .retain(|(organization_pk, _), place| *organization_pk != home.pk || place.is_some());
        for name in [known.1, id, record.name.clone()] {
            self.places.groups.insert((home.pk, name), Some(place));
        }
        self.tallies.created(&home, "groups");
        Ok(Did::Created)
    }

    async fn give<'r>(
        &self,
        change: &Change<'_>,
        row: &table::Model,
        roles: impl Iterator<Item = &'r (Assigned, Option<Timestamp>)>,
    ) -> Result<()> {
        let now = self.op.now();
        let rows = roles.map(|(role, since)| group_role::ActiveModel {
            group_pk: Set(row.pk),
            role_pk: Set(role.role_pk),
            organization_pk: Set(row.organization_pk),
            tenant_pk: Set(role.tenant_pk),
            scope: Set(role.scope_key()),
            created_at: Set(since.unwrap_or(now)),
            created_by: Set(None),
        });
        super::new::write::<group_role::Entity>(change, rows.collect()).await
    }

    async fn update_group(
        &mut self,
        change: &mut Change<'_>,
        row: table::Model,
        name: &str,
        record: &GroupRecord,
        roles: Option<Roles>,
    ) -> Result<Did> {
        let mut fields = Vec::new();
        let mut new = row.clone().into_active_model();
        if *name != row.name {
            fields.push("name");
            new.name = Set(name.to_owned());
        }
        if let Some(description) = model::description("description", record.description.as_deref())? {
            let description = Some(description).filter(|text| !text.is_empty());
            if description != row.description {
                fields.push("description");
                new.description = Set(description);
            }
        }
        let external_id = given_external_id(record.external_id.as_deref())?;
        model::set(&mut fields, "externalId", &mut new.external_id, external_id);
        let had = group_role::Entity::find()
            .filter(group_role::Column::GroupPk.eq(row.pk))
            .all(&**change)
            .await?;
        let had: BTreeSet<(i64, i64)> = had.into_iter().map(|role| (role.role_pk, role.scope)).collect();
        let key = |role: &Assigned| (role.role_pk, role.scope_key());
        let wanted: Option<BTreeSet<(i64, i64)>> = roles
            .as_ref()
            .map(|roles| roles.iter().map(|(role, _)| key(role)).collect());
        let given = roles.iter().flatten().map(|(role, _)| role);
        self.may_be_given(given.filter(|role| !had.contains(&key(role))))?;
        if wanted.as_ref().is_some_and(|wanted| *wanted != had) {
            fields.push("roles");
        }
        if let Some(did) = self.settle("group", &fields)? {
            return Ok(did);
        }
        new.version = Set(row.version + 1);
        new.updated_at = Set(self.op.now().later_than(row.updated_at));
        let updated = new.update(&**change).await?;
        if let (Some(wanted), Some(roles)) = (wanted, roles) {
            for (role_pk, scope) in had.difference(&wanted) {
                group_role::Entity::delete_many()
                    .filter(group_role::Column::GroupPk.eq(row.pk))
                    .filter(group_role::Column::RolePk.eq(*role_pk))
                    .filter(group_role::Column::Scope.eq(*scope))
                    .exec(&**change)
                    .await?;
            }
            self.give(change, &row, roles.iter().filter(|(role, _)| !had.contains(&key(role))))
                .await?;
            role::keep_a_super_admin(&**change).await?;
        }
        self.places
            .groups
            .retain(|(organization_pk, _), _| *organization_pk != row.organization_pk);
        let event = Event::new("group.update", updated.pk, &updated.id).of_organization(updated.organization_pk);
        self.tallies.changed(event.named(updated.name).fields(fields).access());
        Ok(Did::Changed)
    }
}

/// The group that the record is about: by id, or else by key.
async fn find(change: &Change<'_>, home: &Home, record: &GroupRecord, key: &str) -> Result<Option<table::Model>> {
    let by_key = Condition::all()
        .add(table::Column::OrganizationPk.eq(home.pk))
        .add(table::Column::Key.eq(key));
    let Some(id) = &record.id else {
        return Ok(table::Entity::find().filter(by_key).one(&**change).await?);
    };
    let uuid = uuid_of(id).ok_or_else(|| Error::invalid("id", "The id of a group is a UUID."))?;
    let by_id = table::Entity::find().filter(table::Column::Id.eq(uuid.hyphenated().to_string()));
    match by_id.one(&**change).await? {
        Some(row) if row.organization_pk != home.pk => Err(elsewhere("group")),
        Some(row) => Ok(Some(row)),
        None => match table::Entity::find().filter(by_key).one(&**change).await? {
            Some(other) => Err(Error::conflict(
                ConflictReason::Taken,
                format!("Another group has the key '{key}': '{}'.", other.id),
            )),
            None => Ok(None),
        },
    }
}
