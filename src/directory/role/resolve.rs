//! The roles that a caller specifies, by name or id: for one object, or for many at once.

use std::collections::{BTreeSet, HashMap};

use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, Condition, EntityTrait, IntoSimpleExpr, QueryFilter, QuerySelect};
use strum::VariantArray;

use super::{Assigned, OrganizationRole, RoleScope, few_tenants};
use crate::authz::Granted;
use crate::context::OpContext;
use crate::directory::tenant::NamedTenants;
use crate::model::BuiltIn;
use crate::model::error::{ConflictReason, Error, Result, shown};
use crate::model::{is_storable, uuid_of};
use crate::store::catalogue::{self, Catalogued};
use crate::store::entity::role::{self, Column};
use crate::store::entity::{among, any_of};

/// The number of roles in one list: each is looked up.
const NAMED_MAX: usize = 200;

fn at_most(count: usize, field: &str) -> Result<()> {
    match count > NAMED_MAX {
        true => Err(Error::invalid(
            field,
            format!("'{field}' must contain at most {NAMED_MAX} roles."),
        )),
        false => Ok(()),
    }
}

/// Roles that were looked up by name or id, for one or several organizations. They cannot be deleted until the transaction
/// ends.
#[derive(Clone, Debug, Default)]
pub struct NamedRoles {
    /// Those that are not hidden.
    built_in: HashMap<BuiltIn, Assigned>,
    /// The others by name, and by id, each with its organization if it has one.
    others: HashMap<String, Vec<(Option<i64>, Assigned)>>,
}

/// How a text names a role. Ids are UUIDs and names cannot be UUIDs, and no custom role can have a name of a built-in one
/// ([`super::reserved`]).
enum Name<'a> {
    BuiltIn(BuiltIn),
    Id(String),
    Other(&'a str),
}

impl<'a> Name<'a> {
    /// `None` for a text that cannot name one.
    fn read(wanted: &'a str) -> Option<Self> {
        if !is_storable(wanted) {
            return None;
        }
        let id = uuid_of(wanted).map(|uuid| uuid.hyphenated().to_string());
        let is_wanted = |role: &BuiltIn| role.name() == wanted || Some(role.id()) == id.as_deref();
        Some(match (BuiltIn::VARIANTS.iter().copied().find(is_wanted), id) {
            (Some(role), _) => Self::BuiltIn(role),
            (None, Some(id)) => Self::Id(id),
            (None, None) => Self::Other(wanted),
        })
    }
}

impl NamedRoles {
    /// Looks up what these texts name, in one statement for all that are not built in.
    pub async fn look_up(
        op: &OpContext,
        connection: &impl Catalogued,
        organization_pks: Vec<i64>,
        texts: &[&str],
    ) -> Result<Self> {
        let (mut ids, mut names, mut built_in_ones) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for name in texts.iter().filter_map(|text| Name::read(text)) {
            match name {
                Name::BuiltIn(role) if built_in_ones.contains(&role) => {}
                Name::BuiltIn(role) => built_in_ones.push(role),
                Name::Id(id) => drop(ids.insert(id)),
                Name::Other(name) => drop(names.insert(name.to_owned())),
            }
        }
        let mut found = Self::default();
        for role in built_in_ones {
            found.add_built_in(op, connection, role).await?;
        }
        if !ids.is_empty() || !names.is_empty() {
            let (ids, names) = (ids.into_iter().collect(), names.into_iter().collect());
            found.add_others(connection, organization_pks, ids, names).await?;
        }
        Ok(found)
    }

    async fn add_built_in(&mut self, op: &OpContext, connection: &impl Catalogued, role: BuiltIn) -> Result<()> {
        self.built_in
            .extend(built_in(op, connection, role).await?.map(|assigned| (role, assigned)));
        Ok(())
    }

    async fn add_others(
        &mut self,
        connection: &impl Catalogued,
        organization_pks: Vec<i64>,
        ids: Vec<String>,
        names: Vec<String>,
    ) -> Result<()> {
        let backend = connection.get_database_backend();
        // Only non-empty lists: an empty one would keep the database from using the other's index.
        let mut named = Condition::any();
        if !ids.is_empty() {
            named = named.add(among(backend, Column::Id.into_simple_expr(), ids, "text[]"));
        }
        if !names.is_empty() {
            named = named.add(among(backend, Column::Name.into_simple_expr(), names, "text[]"));
        }
        let rows = role::Entity::find()
            .filter(named)
            .filter(Condition::any().add(Column::OrganizationPk.is_null()).add(any_of(
                backend,
                Column::OrganizationPk,
                organization_pks,
            )))
            .lock(LockType::KeyShare)
            .all(connection)
            .await?;
        if rows.is_empty() {
            return Ok(());
        }
        let catalogue = catalogue::present(connection).await?;
        for row in rows {
            let organization_pk = row.organization_pk;
            let role = Assigned::of(row, &catalogue);
            for key in [role.name.clone(), role.id.clone()] {
                let these = self.others.entry(key).or_default();
                these.push((organization_pk, role.clone()));
            }
        }
        Ok(())
    }

    /// The role of this name or id: built in, product-wide, or the organization's own.
    ///
    /// A later release may add built-in roles; if a custom role has the same name as one of these, it is ambiguous and
    /// refused.
    pub fn find(&self, organization_pk: i64, wanted: &str) -> Result<Option<Assigned>> {
        let key = match Name::read(wanted) {
            None => return Ok(None),
            Some(Name::BuiltIn(role)) => return Ok(self.built_in.get(&role).cloned()),
            Some(Name::Id(id)) => id,
            Some(Name::Other(name)) => name.to_owned(),
        };
        let these = self.others.get(&key).into_iter().flatten();
        let mut here = these.filter(|(owner, _)| owner.is_none_or(|owner| owner == organization_pk));
        match (here.next(), here.next()) {
            (Some(_), Some(_)) => Err(Error::conflict(
                ConflictReason::Ambiguous,
                format!("Two roles are named '{}'; specify the role by id.", shown(wanted)),
            )),
            (found, _) => Ok(found.map(|(_, role)| role.clone())),
        }
    }

    /// The roles that a caller specified, by name or id; a repeated one counts once. `INVALID` for one that does not exist.
    pub fn all(&self, organization_pk: i64, field: &str, named: &[String]) -> Result<Vec<Assigned>> {
        let mut roles: Vec<Assigned> = Vec::with_capacity(named.len());
        for wanted in named {
            let role = self
                .find(organization_pk, wanted)?
                .ok_or_else(|| unknown(field, wanted))?;
            assignable(&role, field)?;
            if !roles.iter().any(|known| known.role_pk == role.role_pk) {
                roles.push(role);
            }
        }
        Ok(roles)
    }

    /// The role with this id, in any spelling of a UUID; names are not accepted. `INVALID` for one that does not exist.
    pub fn with_id(&self, organization_pk: i64, field: &str, id: &str) -> Result<Assigned> {
        let found = match uuid_of(id) {
            Some(_) => self.find(organization_pk, id)?,
            None => None,
        };
        let found = found.ok_or_else(|| unknown(field, id))?;
        assignable(&found, field)?;
        Ok(found)
    }

    /// The built-in role of a view, to be assigned. `INVALID` if it is hidden.
    pub fn of_view(&self, view: OrganizationRole) -> Result<Assigned> {
        let role = view.role();
        let found = self.built_in.get(&role).cloned();
        found.ok_or_else(|| unknown("organizationRole", role.name()))
    }

    /// The roles for single tenants that a caller specified; a repeated one counts once. `INVALID` for a role that does not
    /// exist, `NOT_FOUND` for a tenant outside the caller's scope, `LIMIT_EXCEEDED` for too many tenants.
    pub fn for_tenants(
        &self,
        organization_pk: i64,
        tenants: &NamedTenants,
        wanted: &[RoleForTenant],
    ) -> Result<Vec<Assigned>> {
        let mut roles: Vec<Assigned> = Vec::with_capacity(wanted.len());
        for one in wanted {
            let tenant = tenants.within(organization_pk, &one.tenant)?;
            let role = self
                .find(organization_pk, &one.role)?
                .ok_or_else(|| unknown(FOR_TENANTS, &one.role))?
                .in_tenant(Some(tenant));
            assignable(&role, FOR_TENANTS)?;
            if !roles.iter().any(|known| known.is(&role)) {
                roles.push(role);
            }
        }
        few_tenants(&roles, FOR_TENANTS)?;
        Ok(roles)
    }
}

const FOR_TENANTS: &str = "tenantRoles";

fn unknown(field: &str, wanted: &str) -> Error {
    Error::invalid(field, format!("There is no role '{}'.", shown(wanted)))
}

/// The roles that a caller specified, by name or id; see [`NamedRoles::all`].
pub async fn resolve(
    op: &OpContext,
    connection: &impl Catalogued,
    organization_pk: i64,
    field: &str,
    named: &[String],
) -> Result<Vec<Assigned>> {
    at_most(named.len(), field)?;
    let texts: Vec<&str> = named.iter().map(String::as_str).collect();
    let known = NamedRoles::look_up(op, connection, vec![organization_pk], &texts).await?;
    known.all(organization_pk, field, named)
}

/// The role with this id; see [`NamedRoles::with_id`].
pub async fn resolve_id(
    op: &OpContext,
    connection: &impl Catalogued,
    organization_pk: i64,
    field: &str,
    id: &str,
) -> Result<Assigned> {
    let known = NamedRoles::look_up(op, connection, vec![organization_pk], &[id]).await?;
    known.with_id(organization_pk, field, id)
}

/// A role for one tenant, as the caller specifies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleForTenant {
    /// Name or id.
    pub role: String,
    /// Id.
    pub tenant: String,
}

/// The roles for single tenants that a caller specified; see [`NamedRoles::for_tenants`].
pub async fn resolve_for_tenants(
    op: &OpContext,
    connection: &impl Catalogued,
    granted: &Granted,
    organization_pk: i64,
    wanted: &[RoleForTenant],
) -> Result<Vec<Assigned>> {
    at_most(wanted.len(), FOR_TENANTS)?;
    let ids: Vec<&str> = wanted.iter().map(|one| one.tenant.as_str()).collect();
    let tenants = NamedTenants::look_up(connection, granted, &ids).await?;
    let texts: Vec<&str> = wanted.iter().map(|one| one.role.as_str()).collect();
    let known = NamedRoles::look_up(op, connection, vec![organization_pk], &texts).await?;
    known.for_tenants(organization_pk, &tenants, wanted)
}

/// Refuses longer lists of roles than one object may have in its input: for a caller who looks up those of many at once.
pub fn few_named(roles: &[String], for_tenants: &[RoleForTenant]) -> Result<()> {
    at_most(roles.len(), "roles")?;
    at_most(for_tenants.len(), FOR_TENANTS)
}

/// Refuses a role that cannot be assigned in this scope: `tenant-admin` for the whole organization, or for a tenant one
/// that reaches every organization.
pub(super) fn assignable(role: &Assigned, field: &str) -> Result<()> {
    let Some(built_in) = role.built_in else { return Ok(()) };
    match role.tenant_pk {
        None if !built_in.is_for_organizations() => Err(Error::invalid(
            field,
            format!("The role '{}' can only be assigned for a tenant.", role.name),
        )),
        Some(_) if !built_in.is_for_tenants() => Err(Error::invalid(
            field,
            format!(
                "The role '{}' reaches every organization and cannot be assigned for a tenant.",
                role.name
            ),
        )),
        None | Some(_) => Ok(()),
    }
}

/// The role of this name or id; see [`NamedRoles::find`].
pub(super) async fn find_named(
    op: &OpContext,
    connection: &impl Catalogued,
    organization_pk: i64,
    wanted: &str,
) -> Result<Option<Assigned>> {
    let known = NamedRoles::look_up(op, connection, vec![organization_pk], &[wanted]).await?;
    known.find(organization_pk, wanted)
}

/// The built-in role of a view, to be assigned. `INVALID` if it is hidden.
pub async fn of_view(op: &OpContext, connection: &impl Catalogued, view: OrganizationRole) -> Result<Assigned> {
    let mut known = NamedRoles::default();
    known.add_built_in(op, connection, view.role()).await?;
    known.of_view(view)
}

/// A built-in role, to be assigned; `None` if it is hidden.
async fn built_in(op: &OpContext, connection: &impl Catalogued, wanted: BuiltIn) -> Result<Option<Assigned>> {
    let catalogue = connection.known().now();
    if catalogue.hides(wanted) {
        return Ok(None);
    }
    Ok(Some(Assigned {
        role_pk: op.built_in_roles().pk(connection, wanted).await?,
        id: wanted.id().to_owned(),
        name: wanted.name().to_owned(),
        built_in: Some(wanted),
        scope: RoleScope::BuiltIn,
        hidden: false,
        permissions: catalogue.of_built_in(wanted),
        tenant_pk: None,
        tenant: None,
    }))
}

/// The roles that `organizationRole` and `roles` specify together.
pub async fn wanted(
    op: &OpContext,
    connection: &impl Catalogued,
    organization_pk: i64,
    organization_role: Option<OrganizationRole>,
    named: &[String],
) -> Result<Vec<Assigned>> {
    let mut roles = resolve(op, connection, organization_pk, "roles", named).await?;
    if let Some(view) = organization_role {
        let role = of_view(op, connection, view).await?;
        if !roles.iter().any(|known| known.role_pk == role.role_pk) {
            roles.push(role);
        }
    }
    Ok(roles)
}
