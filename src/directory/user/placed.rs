//! New users with what they refer to: their organization, tenant and roles.

use sea_orm::Set;

use super::draft::{Draft, NewUser};
use super::person::takes_seat;
use crate::authz::Granted;
use crate::context::OpContext;
use crate::directory::federated_identity::FederatedIdentity;
use crate::directory::organization::{HomeName, Homes};
use crate::directory::role::{self, Assigned, NamedRoles};
use crate::directory::tenant::{ForNew, NamedTenants};
use crate::model::error::{Error, Result};
use crate::store::catalogue::Catalogued;
use crate::store::entity::organization as organization_table;
use crate::store::entity::user as table;

/// A new user that the caller may create.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    /// Its place among those that were described.
    pub number: usize,
    pub row: table::ActiveModel,
    pub tenant: ForNew,
    pub roles: Vec<Assigned>,
    pub identities: Vec<FederatedIdentity>,
}

/// What new users refer to, looked up for all of them at once, within the caller's scope. It cannot be deleted until the
/// transaction ends.
#[derive(Debug)]
pub(super) struct Surroundings {
    homes: Homes,
    tenants: NamedTenants,
    roles: NamedRoles,
}

impl Surroundings {
    /// The organizations go first, in the same order as deleting them.
    pub async fn look_up(
        op: &OpContext,
        connection: &impl Catalogued,
        granted: &Granted,
        drafts: &[(usize, Draft)],
    ) -> Result<Self> {
        let (mut names, mut tenants, mut roles) = (Vec::new(), Vec::new(), Vec::new());
        for (_, Draft { new, .. }) in drafts {
            names.push(home_name(new));
            tenants.extend(new.tenant_id.as_deref());
            tenants.extend(new.tenant_roles.iter().map(|one| one.tenant.as_str()));
            roles.extend(new.roles.iter().chain(&new.role_id).map(String::as_str));
            roles.extend(new.organization_role.map(|view| view.role().name()));
            roles.extend(new.tenant_roles.iter().map(|one| one.role.as_str()));
        }
        let homes = Homes::look_up(connection, op.actor(), granted, &names).await?;
        let tenants = NamedTenants::look_up(connection, granted, &tenants).await?;
        let roles = NamedRoles::look_up(op, connection, homes.keys(), &roles).await?;
        Ok(Self { homes, tenants, roles })
    }

    /// A user with what it refers to. A refusal concerns this user alone.
    pub fn place(&self, op: &OpContext, granted: &Granted, number: usize, draft: Draft) -> Result<Placed> {
        let Draft { new, row, identities } = draft;
        let home = self.named_home(op, &new)?;
        let tenant = self.tenants.for_new(op, granted, home, new.tenant_id.as_deref())?;
        let roles = self.wanted_roles(home.pk, &new)?;
        role::grantable(op.actor(), granted, &roles, &[])?;
        let takes_seat = takes_seat(op, home.pk, new.service, new.takes_seat, true)?;
        let row = table::ActiveModel {
            organization_pk: Set(home.pk),
            tenant_pk: Set(tenant.pk),
            takes_seat: Set(takes_seat),
            ..row
        };
        Ok(Placed {
            number,
            row,
            tenant,
            roles,
            identities,
        })
    }

    fn named_home(&self, op: &OpContext, new: &NewUser) -> Result<&organization_table::Model> {
        match home_name(new) {
            HomeName::OfTenant(tenant) => {
                let pk = self.tenants.organization_of(tenant)?;
                let home = self.homes.with_key(pk);
                home.ok_or_else(|| Error::no_such("tenant", "id", tenant))
            }
            HomeName::Id(_) | HomeName::OfCaller => self.homes.find(op.actor(), new.organization_id.as_deref()),
        }
    }

    /// All roles that a user is described with, each once.
    fn wanted_roles(&self, home_pk: i64, new: &NewUser) -> Result<Vec<Assigned>> {
        let mut roles = self.roles.all(home_pk, "roles", &new.roles)?;
        let view = new.organization_role.map(|view| self.roles.of_view(view)).transpose()?;
        let by_id = new.role_id.as_deref();
        let by_id = by_id.map(|id| self.roles.with_id(home_pk, "roleId", id)).transpose()?;
        for role in view.into_iter().chain(by_id) {
            if !roles.iter().any(|known| known.role_pk == role.role_pk) {
                roles.push(role);
            }
        }
        roles.extend(self.roles.for_tenants(home_pk, &self.tenants, &new.tenant_roles)?);
        Ok(roles)
    }

    /// The organization with this key, which a user is created in.
    pub fn home(&self, pk: i64) -> Result<&organization_table::Model> {
        let home = self.homes.with_key(pk);
        home.ok_or_else(|| Error::internal("an organization that was not looked up"))
    }

    pub fn home_of(&self, one: &Placed) -> Result<&organization_table::Model> {
        self.home(*one.row.organization_pk.as_ref())
    }
}

/// Whose organization a user is created in: the specified one, the specified tenant's, or the caller's.
fn home_name(new: &NewUser) -> HomeName<'_> {
    match (&new.organization_id, &new.tenant_id) {
        (Some(id), _) => HomeName::Id(id),
        (None, Some(tenant)) => HomeName::OfTenant(tenant),
        (None, None) => HomeName::OfCaller,
    }
}
