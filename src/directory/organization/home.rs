//! The organizations of new objects, as the caller names them: of one object, or of many at once.

use std::collections::{BTreeSet, HashMap};

use sea_orm::sea_query::{LockType, SimpleExpr};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoSimpleExpr, QueryFilter, QuerySelect, QueryTrait};

use crate::authz::Granted;
use crate::model::error::{Error, Result};
use crate::model::{Actor, OrganizationId, TenantId};
use crate::store::entity::organization::{self as table, Column};
use crate::store::entity::{among, tenant};

/// How the organization of a new object is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HomeName<'a> {
    Id(&'a str),
    /// That of the tenant with this id.
    OfTenant(&'a str),
    /// That of the caller.
    OfCaller,
}

/// Organizations within a caller's scope. They cannot be deleted until the transaction ends.
#[derive(Clone, Debug, Default)]
pub struct Homes {
    by_key: HashMap<i64, table::Model>,
    by_id: HashMap<String, i64>,
}

impl Homes {
    /// Looks up the organizations with these names, in one statement for each kind of name.
    pub async fn look_up(
        connection: &impl ConnectionTrait,
        actor: &Actor,
        granted: &Granted,
        names: &[HomeName<'_>],
    ) -> Result<Self> {
        let (mut ids, mut tenants, mut of_caller) = (BTreeSet::new(), BTreeSet::new(), false);
        for name in names {
            match *name {
                HomeName::Id(id) => ids.extend(OrganizationId::existing(id).map(|id| id.to_string())),
                HomeName::OfTenant(id) => tenants.extend(TenantId::existing(id).map(|id| id.to_string())),
                HomeName::OfCaller => of_caller = true,
            }
        }
        let backend = connection.get_database_backend();
        let mut found = Self::default();
        if !ids.is_empty() {
            let ids: Vec<String> = ids.into_iter().collect();
            let named = among(backend, Column::Id.into_simple_expr(), ids, "text[]");
            found.add(connection, granted, named).await?;
        }
        if !tenants.is_empty() {
            let tenants: Vec<String> = tenants.into_iter().collect();
            let of_tenants = tenant::Entity::find()
                .select_only()
                .column(tenant::Column::OrganizationPk)
                .filter(among(backend, tenant::Column::Id.into_simple_expr(), tenants, "text[]"));
            let named = Column::Pk.in_subquery(of_tenants.into_query());
            found.add(connection, granted, named).await?;
        }
        if let Some(caller) = actor.caller().filter(|_| of_caller) {
            let named = Column::Pk.eq(caller.organization_pk);
            found.add(connection, granted, named).await?;
        }
        Ok(found)
    }

    async fn add(&mut self, connection: &impl ConnectionTrait, granted: &Granted, named: SimpleExpr) -> Result<()> {
        let rows = table::Entity::find()
            .filter(table::within(granted))
            .filter(named)
            .lock(LockType::KeyShare)
            .all(connection)
            .await?;
        for row in rows {
            self.by_id.insert(row.id.to_string(), row.pk);
            self.by_key.insert(row.pk, row);
        }
        Ok(())
    }

    /// The specified organization, or the caller's own. `NOT_FOUND` for one outside the caller's scope.
    pub fn find(&self, actor: &Actor, id: Option<&str>) -> Result<&table::Model> {
        let key = match (id, actor.caller()) {
            (Some(id), _) => self.by_id.get(id).copied(),
            (None, Some(caller)) => Some(caller.organization_pk),
            (None, None) => return Err(Error::invalid("organizationId", "Specify the organization.".to_owned())),
        };
        key.and_then(|key| self.with_key(key))
            .ok_or_else(|| Error::no_such("organization", "id", id.unwrap_or_default()))
    }

    /// The keys of all of them.
    pub fn keys(&self) -> Vec<i64> {
        self.by_key.keys().copied().collect()
    }

    /// The organization with this key.
    pub fn with_key(&self, key: i64) -> Option<&table::Model> {
        self.by_key.get(&key)
    }
}

/// The organization for a new object: the specified one, within the caller's scope, or the caller's own. It cannot be
/// deleted until the transaction ends.
pub async fn home(
    connection: &impl ConnectionTrait,
    actor: &Actor,
    granted: &Granted,
    id: Option<&str>,
) -> Result<table::Model> {
    let name = id.map_or(HomeName::OfCaller, HomeName::Id);
    let found = Homes::look_up(connection, actor, granted, &[name]).await?;
    found.find(actor, id).cloned()
}
