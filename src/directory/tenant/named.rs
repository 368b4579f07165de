//! The tenants that a caller names by id, for a change: of one object, or of many at once.

use std::collections::{BTreeSet, HashMap};

use sea_orm::sea_query::LockType;
use sea_orm::{ConnectionTrait, EntityTrait, IntoSimpleExpr, QueryFilter, QuerySelect};

use crate::authz::Granted;
use crate::context::OpContext;
use crate::model::TenantId;
use crate::model::error::{Error, Result};
use crate::store::audit_trail::Mention;
use crate::store::entity::among;
use crate::store::entity::organization as organization_table;
use crate::store::entity::tenant::{self as table, Column};

/// A tenant as the audit trail names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub pk: i64,
    pub id: String,
    pub name: String,
}

impl Label {
    pub fn mention(&self) -> Mention {
        Mention::tenant(self.pk, &self.id, self.name.clone())
    }
}

/// Tenants within a caller's scope, by id, each with the key of its organization.
#[derive(Clone, Debug, Default)]
pub struct NamedTenants(HashMap<String, (Label, i64)>);

impl NamedTenants {
    /// Looks up the tenants with these ids, in one statement; none without an id. In a transaction, they cannot be deleted
    /// until that ends.
    pub async fn look_up(connection: &impl ConnectionTrait, granted: &Granted, ids: &[&str]) -> Result<Self> {
        let ids: BTreeSet<&str> = ids.iter().copied().collect();
        let ids: Vec<String> = ids
            .into_iter()
            .filter_map(|id| Some(TenantId::existing(id)?.to_string()))
            .collect();
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let named = among(
            connection.get_database_backend(),
            Column::Id.into_simple_expr(),
            ids,
            "text[]",
        );
        let found: Vec<(i64, String, String, i64)> = table::Entity::find()
            .select_only()
            .columns([Column::Pk, Column::Id, Column::Name, Column::OrganizationPk])
            .filter(table::within(granted))
            .filter(named)
            .lock(LockType::KeyShare)
            .into_tuple()
            .all(connection)
            .await?;
        let named = |(pk, id, name, organization_pk): (i64, String, String, i64)| {
            (id.clone(), (Label { pk, id, name }, organization_pk))
        };
        Ok(Self(found.into_iter().map(named).collect()))
    }

    /// The key of the organization of a tenant. `NOT_FOUND` for one outside the caller's scope.
    pub fn organization_of(&self, id: &str) -> Result<i64> {
        let found = self.0.get(id).map(|(_, organization_pk)| *organization_pk);
        found.ok_or_else(|| Error::no_such("tenant", "id", id))
    }

    /// A tenant of this organization. `NOT_FOUND` for one outside the caller's scope, `INVALID` for one of another
    /// organization within the scope.
    pub fn of_organization(&self, home: &organization_table::Model, id: &str) -> Result<Label> {
        match self.0.get(id) {
            None => Err(Error::no_such("tenant", "id", id)),
            Some((tenant, organization_pk)) if *organization_pk == home.pk => Ok(tenant.clone()),
            Some(_) => Err(Error::invalid(
                "tenantId",
                format!("The tenant '{id}' does not belong to the organization '{}'.", home.id),
            )),
        }
    }

    /// The same for a tenant that a role is assigned for: `NOT_FOUND` for one of another organization.
    pub fn within(&self, organization_pk: i64, id: &str) -> Result<Label> {
        let here = self.0.get(id).filter(|(_, its)| *its == organization_pk);
        here.map(|(tenant, _)| tenant.clone())
            .ok_or_else(|| Error::no_such("tenant", "id", id))
    }

    /// The tenant of a new user or invitation: the specified one, or else the caller's own if the organization is.
    /// Callers who manage single tenants create nothing outside them: `INVALID` if it is not clear which.
    pub fn for_new(
        &self,
        op: &OpContext,
        granted: &Granted,
        home: &organization_table::Model,
        id: Option<&str>,
    ) -> Result<ForNew> {
        if let Some(id) = id {
            let label = self.of_organization(home, id)?;
            return Ok(ForNew {
                pk: Some(label.pk),
                label: Some(label),
            });
        }
        let caller = op.actor().caller().filter(|caller| caller.organization_pk == home.pk);
        let own = caller.and_then(|caller| caller.tenant_pk);
        let pk = match granted.tenants() {
            None => own,
            Some(tenants) => match (own, tenants.keys.as_slice()) {
                (Some(own), keys) if keys.contains(&own) => Some(own),
                (_, [only]) => Some(*only),
                (_, _) => return Err(Error::invalid("tenantId", "Specify one of your tenants.".to_owned())),
            },
        };
        Ok(ForNew { pk, label: None })
    }
}

/// The tenant of a new user or invitation.
#[derive(Clone, Debug, Default)]
pub struct ForNew {
    pub pk: Option<i64>,
    /// `None` if the caller did not specify it, so that it was not looked up.
    pub label: Option<Label>,
}

/// The tenant within the caller's scope, and the key of its organization. In a transaction, it cannot be deleted until
/// that ends.
pub async fn find(connection: &impl ConnectionTrait, granted: &Granted, id: &str) -> Result<Option<(Label, i64)>> {
    Ok(NamedTenants::look_up(connection, granted, &[id]).await?.0.remove(id))
}

/// A tenant of this organization; see [`NamedTenants::of_organization`].
pub async fn of_organization(
    connection: &impl ConnectionTrait,
    granted: &Granted,
    home: &organization_table::Model,
    id: &str,
) -> Result<Label> {
    let found = NamedTenants::look_up(connection, granted, &[id]).await?;
    found.of_organization(home, id)
}

/// A tenant that a role is assigned for; see [`NamedTenants::within`].
pub async fn within(
    connection: &impl ConnectionTrait,
    granted: &Granted,
    organization_pk: i64,
    id: &str,
) -> Result<Label> {
    let found = NamedTenants::look_up(connection, granted, &[id]).await?;
    found.within(organization_pk, id)
}

/// The tenant of a new invitation; see [`NamedTenants::for_new`].
pub async fn for_new(
    op: &OpContext,
    connection: &impl ConnectionTrait,
    granted: &Granted,
    home: &organization_table::Model,
    id: Option<&str>,
) -> Result<ForNew> {
    let found = NamedTenants::look_up(connection, granted, id.as_slice()).await?;
    found.for_new(op, granted, home, id)
}
