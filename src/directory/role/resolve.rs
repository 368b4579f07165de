//! The roles that a caller specifies, by name or id.

use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};
use strum::VariantArray;

use super::{Assigned, OrganizationRole, RoleScope, few_tenants};
use crate::authz::Granted;
use crate::context::OpContext;
use crate::directory::tenant;
use crate::model::BuiltIn;
use crate::model::error::{ConflictReason, Error, Result, shown};
use crate::model::{is_storable, uuid_of};
use crate::store::catalogue::{self, Catalogued};
use crate::store::entity::role::{self, Column};

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

/// The roles that a caller specified, by name or id. `INVALID` for one that does not exist.
pub async fn resolve(
    op: &OpContext,
    connection: &impl Catalogued,
    organization_pk: i64,
    field: &str,
    named: &[String],
) -> Result<Vec<Assigned>> {
    at_most(named.len(), field)?;
    let mut roles: Vec<Assigned> = Vec::with_capacity(named.len());
    for wanted in named {
        let role = find_named(op, connection, organization_pk, wanted)
            .await?
            .ok_or_else(|| Error::invalid(field, format!("There is no role '{}'.", shown(wanted))))?;
        assignable(&role, field)?;
        if !roles.iter().any(|known| known.role_pk == role.role_pk) {
            roles.push(role);
        }
    }
    Ok(roles)
}

/// The role with this id, in any spelling of a UUID; names are not accepted. `INVALID` for one that does not exist.
pub async fn resolve_id(
    op: &OpContext,
    connection: &impl Catalogued,
    organization_pk: i64,
    field: &str,
    id: &str,
) -> Result<Assigned> {
    let found = match uuid_of(id) {
        Some(_) => find_named(op, connection, organization_pk, id).await?,
        None => None,
    };
    let found = found.ok_or_else(|| Error::invalid(field, format!("There is no role '{}'.", shown(id))))?;
    assignable(&found, field)?;
    Ok(found)
}

/// A role for one tenant, as the caller specifies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleForTenant {
    /// Name or id.
    pub role: String,
    /// Id.
    pub tenant: String,
}

/// The roles for single tenants that a caller specified; a repeated one counts once. `INVALID` for a role that does not
/// exist, `NOT_FOUND` for a tenant outside the caller's scope, `LIMIT_EXCEEDED` for too many tenants.
pub async fn resolve_for_tenants(
    op: &OpContext,
    connection: &impl Catalogued,
    granted: &Granted,
    organization_pk: i64,
    wanted: &[RoleForTenant],
) -> Result<Vec<Assigned>> {
    const FIELD: &str = "tenantRoles";
    at_most(wanted.len(), FIELD)?;
    let mut roles: Vec<Assigned> = Vec::with_capacity(wanted.len());
    for one in wanted {
        let tenant = tenant::within(connection, granted, organization_pk, &one.tenant).await?;
        let role = find_named(op, connection, organization_pk, &one.role)
            .await?
            .ok_or_else(|| Error::invalid(FIELD, format!("There is no role '{}'.", shown(&one.role))))?
            .in_tenant(Some(tenant));
        assignable(&role, FIELD)?;
        if !roles.iter().any(|known| known.is(&role)) {
            roles.push(role);
        }
    }
    few_tenants(&roles, FIELD)?;
    Ok(roles)
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

/// The role of this name or id: built in, product-wide, or the organization's own. It cannot be deleted until the transaction ends.
///
/// Ids are UUIDs and names cannot be UUIDs, and no custom role can have a name of a built-in one ([`super::reserved`]).
/// A later release may add built-in roles; if a custom role has the same name as one of these, it is ambiguous and
/// refused.
pub(super) async fn find_named(
    op: &OpContext,
    connection: &impl Catalogued,
    organization_pk: i64,
    wanted: &str,
) -> Result<Option<Assigned>> {
    if !is_storable(wanted) {
        return Ok(None);
    }
    let id = uuid_of(wanted).map(|uuid| uuid.hyphenated().to_string());
    let is_wanted = |role: &BuiltIn| role.name() == wanted || Some(role.id()) == id.as_deref();
    if let Some(role) = BuiltIn::VARIANTS.iter().copied().find(is_wanted) {
        return built_in(op, connection, role).await;
    }
    let mut found = role::Entity::find()
        .filter(match &id {
            Some(id) => Column::Id.eq(id.as_str()),
            None => Column::Name.eq(wanted),
        })
        .filter(
            Condition::any()
                .add(Column::OrganizationPk.is_null())
                .add(Column::OrganizationPk.eq(organization_pk)),
        )
        .lock(LockType::KeyShare)
        .all(connection)
        .await?;
    let one = found.pop();
    if !found.is_empty() {
        return Err(Error::conflict(
            ConflictReason::Ambiguous,
            format!("Two roles are named '{}'; specify the role by id.", shown(wanted)),
        ));
    }
    match one {
        Some(row) => Ok(Some(Assigned::of(row, &*catalogue::present(connection).await?))),
        None => Ok(None),
    }
}

/// The built-in role of a view, to be assigned. `INVALID` if it is hidden.
pub async fn of_view(op: &OpContext, connection: &impl Catalogued, view: OrganizationRole) -> Result<Assigned> {
    let role = view.role();
    let unknown = || Error::invalid("organizationRole", format!("There is no role '{}'.", role.name()));
    built_in(op, connection, role).await?.ok_or_else(unknown)
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
