//! Where the caller has permissions, with the credential of the request.

use crate::authz::{Action, Resource, TENANTS_MAX};
use crate::context::OpContext;
use crate::directory::tenant::{Tenant, TenantFields};
use crate::list;
use crate::model::error::Result;
use crate::model::{Door, Rights};

/// Where a caller has permissions.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Access to every organization.
    pub everything: bool,
    /// A permission for the whole organization.
    pub organization: bool,
    /// The tenants with further permissions, by id, at most [`TENANTS_MAX`]; and the names of all that holds there.
    pub tenants: Vec<(Tenant, Vec<String>)>,
}

/// The caller's; `None` for an anonymous one. The ids and names of these tenants need no permission.
pub async fn reach(op: &OpContext) -> Result<Option<Reach>> {
    let Some(caller) = op.actor().caller() else {
        return Ok(None);
    };
    let rights = &caller.rights;
    let granted = op.authorize(Action::Read, Resource::Surroundings)?;
    let pks = rights.tenants().filter(|(_, held)| !held.is_empty()).map(|(pk, _)| pk);
    let known = list::by_keys::<Tenant>(op, &granted, pks, TenantFields::NAME).await?;
    let mut tenants: Vec<Tenant> = known.into_values().collect();
    tenants.sort_by(|a, b| a.id.as_str().cmp(b.id.as_str()));
    tenants.truncate(TENANTS_MAX);
    let with_permissions = |tenant: Tenant| {
        let held = caller.catalogue.names(rights.for_tenant(tenant.pk));
        (tenant, held)
    };
    Ok(Some(Reach {
        everything: rights.reach_everywhere(),
        organization: !(rights.organization() - Door::EVERY_ORGANIZATION.into()).is_empty(),
        tenants: tenants.into_iter().map(with_permissions).collect(),
    }))
}

/// What a user may do by its roles, as far as the credential of the request permits it, if the user is the caller. An
/// impersonated user may do all of it.
pub fn permitted_now(op: &OpContext, user_pk: i64, rights: Rights) -> Rights {
    match op.actor().caller() {
        Some(caller) if caller.user_pk == user_pk && caller.impersonator.is_none() => caller.narrow(rights),
        Some(_) | None => rights,
    }
}
