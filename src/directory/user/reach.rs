//! Where the caller has permissions, with the credential of the request.

use crate::authz::{Action, Resource, TENANTS_MAX};
use crate::context::OpContext;
use crate::directory::tenant::{Tenant, TenantFields};
use crate::list;
use crate::model::Permissions;
use crate::model::error::Result;

/// Where a caller has permissions.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Access to every organization.
    pub everything: bool,
    /// A permission for the whole organization.
    pub organization: bool,
    /// The tenants with further permissions, by id, at most [`TENANTS_MAX`]; and all that holds there.
    pub tenants: Vec<(Tenant, Permissions)>,
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
        let held = rights.for_tenant(tenant.pk);
        (tenant, held)
    };
    Ok(Some(Reach {
        everything: rights.reach_everywhere(),
        organization: !(rights.organization() - Permissions::EVERY_ORGANIZATION).is_empty(),
        tenants: tenants.into_iter().map(with_permissions).collect(),
    }))
}
