//! Reading tenants.

use std::collections::HashMap;

use sea_orm::entity::prelude::*;
use sea_orm::{Condition, ConnectionTrait, DbBackend, QuerySelect, QueryTrait};

use super::{Tenant, TenantFields};
use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::entity::tenant::{self as table, Column};
use crate::error::{Error, Result};
use crate::list::{self, Filter, Named, TextTest, text_condition};
use crate::organization;
use crate::value::TenantId;

/// One test of a tenant.
#[derive(Clone, Debug)]
pub enum Term {
    Id(TextTest),
    Name(TextTest),
    /// Its organization is like this.
    Organization(Box<Filter<organization::Term>>),
}

pub(super) fn condition(backend: DbBackend, term: &Term) -> Condition {
    match term {
        Term::Id(test) => text_condition(backend, Column::Id, test),
        Term::Name(test) => text_condition(backend, Column::Name, test),
        Term::Organization(filter) => organization::is_one_of(backend, Column::OrganizationPk, filter),
    }
}

pub(super) fn measure(term: &Term) -> (usize, usize) {
    match term {
        Term::Id(_) | Term::Name(_) => (0, 0),
        Term::Organization(filter) => filter.measure::<organization::Organization>(),
    }
}

/// `column` points to a tenant like this.
pub fn is_one_of<C: ColumnTrait>(backend: DbBackend, column: C, filter: &Filter<Term>) -> Condition {
    match filter {
        Filter::All(parts) if parts.is_empty() => Condition::all(),
        other => {
            let keys = table::Entity::find()
                .select_only()
                .column(Column::Pk)
                .filter(other.condition::<Tenant>(backend));
            Condition::all().add(column.in_subquery(keys.into_query()))
        }
    }
}

/// Tenants by internal key, for things that belong to them and that the caller may see already. Who may not read tenants
/// learns no more of their own than its id, its name and its times.
pub async fn by_keys(
    op: &OpContext,
    pks: impl IntoIterator<Item = i64>,
    fields: TenantFields,
) -> Result<HashMap<i64, Tenant>> {
    let may_read = op.authorize(Action::Read, Resource::Tenant).is_ok();
    list::by_keys(
        op,
        pks,
        if may_read {
            fields
        } else {
            fields - TenantFields::VARIABLES
        },
    )
    .await
}

/// The one tenant of this id within reach, for a change; locked until the transaction ends.
pub async fn locate(connection: &impl ConnectionTrait, granted: &Granted, named: &Named<Term>) -> Result<table::Model> {
    let id = named.required_id()?;
    named.also.check::<Tenant>()?;
    let not_found = || Error::no_such("tenant", "id", id);
    let known = TenantId::existing(id).ok_or_else(not_found)?;
    table::Entity::find()
        .filter(table::within(granted))
        .filter(Column::Id.eq(known))
        .filter(named.also.condition::<Tenant>(connection.get_database_backend()))
        .lock_exclusive()
        .one(connection)
        .await?
        .ok_or_else(not_found)
}
