//! The organizations, tenants, roles and groups that records refer to. Each is looked up once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};

use super::{Intake, MissingRoles};
use crate::context::Change;
use crate::directory::group::key_of;
use crate::directory::role::{self, Assigned, RoleForTenant};
use crate::directory::tenant::{self, Label};
use crate::model::error::{Error, Result, shown};
use crate::model::{BuiltIn, OrganizationId, Timestamp, composed, is_storable, uuid_of};
use crate::store::entity::{group, group_role, organization};
use crate::transfer::kind::Kind;
use crate::transfer::record::{Held, RoleRecord};
use crate::transfer::report::{At, Did, Lacks, Outcome};

/// An organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Home {
    pub pk: i64,
    pub id: String,
    pub name: String,
    pub has_limit: bool,
}

/// Roles with the time since when.
pub(super) type Roles = Vec<(Assigned, Option<Timestamp>)>;

/// A group that users can be put into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub pk: i64,
    /// Whether it gives the role `super-admin`.
    pub all_powerful: bool,
}

/// What is known already; `None` is known not to be there.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub organizations: HashMap<String, Arc<Home>>,
    pub tenants: HashMap<String, (Label, i64)>,
    pub roles: HashMap<(i64, String, Option<String>), Assigned>,
    pub groups: HashMap<(i64, String), Option<Place>>,
    /// The organizations that this import has created.
    pub created: HashSet<i64>,
    /// Those of them that this step has created.
    fresh: Vec<i64>,
    /// The roles that were created since the last savepoint, because something refers to them.
    new_roles: Vec<i64>,
}

impl Places {
    /// Forgets what others may change; not what this import did.
    pub fn forget(&mut self) {
        let created = std::mem::take(&mut self.created);
        *self = Self {
            created,
            ..Self::default()
        };
    }

    /// Forgets this step, which is not committed.
    pub fn undo(&mut self) {
        for pk in std::mem::take(&mut self.fresh) {
            self.created.remove(&pk);
        }
        self.forget();
    }

    /// Limits do not bind in this organization.
    pub fn note_created(&mut self, organization_pk: i64) {
        if self.created.insert(organization_pk) {
            self.fresh.push(organization_pk);
        }
    }

    /// A savepoint: the roles that were created before stay.
    pub fn keep(&mut self) {
        self.new_roles.clear();
    }

    /// What was created since the savepoint is not there.
    pub fn take_back(&mut self) {
        let gone = std::mem::take(&mut self.new_roles);
        if !gone.is_empty() {
            self.roles.retain(|_, role| !gone.contains(&role.role_pk));
        }
    }
}

impl Intake<'_> {
    /// The organization of a record: the one that it names, or else the one of the options.
    pub(super) async fn home(&mut self, change: &mut Change<'_>, id: Option<&str>) -> Result<Arc<Home>> {
        let Some(id) = id.filter(|id| !id.is_empty()).or(self.options.organization.as_deref()) else {
            return Err(Error::invalid(
                "organizationId",
                "The record names no organization. Name one for such records with --organization.",
            ));
        };
        if let Some(known) = self.places.organizations.get(id) {
            return Ok(Arc::clone(known));
        }
        let row = match OrganizationId::existing(id) {
            Some(known) => {
                let mut found = organization::Entity::find().filter(organization::Column::Id.eq(known));
                if self.imagined.is_none() {
                    // It is neither deleted nor given a limit until the transaction ends.
                    found = found.lock(LockType::KeyShare);
                }
                found.one(&**change).await?
            }
            None => None,
        };
        let row = row.ok_or_else(|| Error::no_such("organization", "id", id))?;
        let home = Arc::new(Home {
            pk: row.pk,
            id: row.id.to_string(),
            name: row.name,
            has_limit: row.seat_limit.is_some(),
        });
        self.places.organizations.insert(id.to_owned(), Arc::clone(&home));
        Ok(home)
    }

    /// A tenant of this organization.
    pub(super) async fn tenant_of(&mut self, change: &mut Change<'_>, home: &Home, id: &str) -> Result<Label> {
        if !self.places.tenants.contains_key(id) {
            let found = tenant::find(&**change, &self.granted, id).await?;
            let found = found.ok_or_else(|| Error::no_such("tenant", "id", id))?;
            self.places.tenants.insert(id.to_owned(), found);
        }
        match self.places.tenants.get(id) {
            Some((label, organization_pk)) if *organization_pk == home.pk => Ok(label.clone()),
            _ => Err(Error::invalid(
                "tenantId",
                format!(
                    "The tenant '{}' does not belong to the organization '{}'.",
                    shown(id),
                    home.id
                ),
            )),
        }
    }

    /// A role that users of the organization can have, by id or name; `None` if it is to be left out.
    pub(super) async fn role_named(
        &mut self,
        change: &mut Change<'_>,
        home: &Home,
        reference: &str,
        tenant: Option<&str>,
    ) -> Result<Option<Assigned>> {
        // As names are stored.
        let reference = composed(reference.trim());
        let reference = reference.as_str();
        let key = (home.pk, reference.to_owned(), tenant.map(str::to_owned));
        if let Some(known) = self.places.roles.get(&key) {
            return Ok(Some(known.clone()));
        }
        let found = match tenant {
            None => role::resolve(self.op, &**change, home.pk, "roles", &[reference.to_owned()]).await,
            Some(tenant) => {
                let wanted = RoleForTenant {
                    role: reference.to_owned(),
                    tenant: tenant.to_owned(),
                };
                role::resolve_for_tenants(self.op, &**change, &self.granted, home.pk, &[wanted]).await
            }
        };
        let is_missing =
            |error: &Error| matches!(error, Error::Invalid { message, .. } if message.starts_with("There is no role"));
        let role = match found {
            Ok(found) => found.into_iter().next(),
            Err(error) if is_missing(&error) => match self.options.missing_roles {
                MissingRoles::Fail => return Err(error),
                MissingRoles::Drop => return Ok(None),
                MissingRoles::Create if uuid_of(reference).is_some() => return Err(error),
                MissingRoles::Create => {
                    let role = self.create_role_named(change, home, reference).await?;
                    match tenant {
                        Some(tenant) => Some(role.in_tenant(Some(self.tenant_of(change, home, tenant).await?))),
                        None => Some(role),
                    }
                }
            },
            Err(error) => return Err(error),
        };
        let Some(role) = role else { return Ok(None) };
        self.places.roles.insert(key, role.clone());
        Ok(Some(role))
    }

    /// Refuses the role `super-admin`, unless the file may give it.
    pub(super) fn may_be_given<'r>(&self, mut roles: impl Iterator<Item = &'r Assigned>) -> Result<()> {
        match self.options.super_admins || roles.all(|role| role.built_in != Some(BuiltIn::SuperAdmin)) {
            true => Ok(()),
            false => Err(Error::forbidden(
                "The role 'super-admin' is given only with --allow-super-admins.",
            )),
        }
    }

    /// The roles that a record gives, each once.
    pub(super) async fn roles_held(&mut self, change: &mut Change<'_>, home: &Home, held: &[Held]) -> Result<Roles> {
        let mut roles = Roles::with_capacity(held.len());
        for one in held {
            let found = self
                .role_named(change, home, &one.reference, one.tenant_id.as_deref())
                .await?;
            if let Some(role) = found
                && !roles.iter().any(|(known, _)| known.is(&role))
            {
                roles.push((role, one.since));
            }
        }
        Ok(roles)
    }

    /// A role without permissions.
    async fn create_role_named(&mut self, change: &mut Change<'_>, home: &Home, name: &str) -> Result<Assigned> {
        let record = RoleRecord {
            organization_id: Some(home.id.clone()),
            name: name.to_owned(),
            ..RoleRecord::default()
        };
        let row = self.create_role(change, Some(home), &record).await?;
        self.places.new_roles.push(row.pk);
        self.outcomes.push(Outcome {
            at: At::default(),
            kind: Kind::Role,
            id: Some(row.id.to_string()),
            email: None,
            did: Did::Created,
            lacks: Lacks::default(),
        });
        let catalogue = self.op.catalogue();
        Ok(Assigned::of(row, &catalogue))
    }

    /// A group of the organization, by id, key or name.
    pub(super) async fn group_named(
        &mut self,
        change: &mut Change<'_>,
        home: &Home,
        reference: &str,
    ) -> Result<Option<Place>> {
        let key = (home.pk, reference.to_owned());
        if let Some(known) = self.places.groups.get(&key) {
            return Ok(*known);
        }
        let place = self.find_group(change, home, reference).await?;
        self.places.groups.insert(key, place);
        Ok(place)
    }

    async fn find_group(&self, change: &Change<'_>, home: &Home, reference: &str) -> Result<Option<Place>> {
        if !is_storable(reference) {
            return Ok(None);
        }
        let mut named = Condition::any().add(group::Column::Key.eq(reference));
        if let Some(key) = key_of(reference) {
            named = named.add(group::Column::Key.eq(key));
        }
        if let Some(uuid) = uuid_of(reference) {
            named = named.add(group::Column::Id.eq(uuid.hyphenated().to_string()));
        }
        let found = group::Entity::find()
            .filter(group::Column::OrganizationPk.eq(home.pk))
            .filter(named);
        let Some(row) = found.one(&**change).await? else {
            return Ok(None);
        };
        let super_admin = self.op.built_in_roles().pk(&**change, BuiltIn::SuperAdmin).await?;
        let gives = group_role::Entity::find()
            .filter(group_role::Column::GroupPk.eq(row.pk))
            .filter(group_role::Column::RolePk.eq(super_admin));
        Ok(Some(Place {
            pk: row.pk,
            all_powerful: gives.one(&**change).await?.is_some(),
        }))
    }
}
