//! Reads tenants.

use std::collections::HashMap;

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, SimpleExpr};
use sea_orm::{Condition, ConnectionTrait, IntoSimpleExpr, QuerySelect, QueryTrait};

use super::{Tenant, TenantFields};
use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::directory::organization;
use crate::list::{self, Filter, Sql, TextTest};
use crate::model::TenantId;
use crate::model::error::{Error, Result};
use crate::store::entity::organization as organization_table;
use crate::store::entity::tenant::{self as table, Column};

/// A condition on a tenant.
#[derive(Clone, Debug)]
pub enum Term {
    Id(TextTest),
    Name(TextTest),
    /// Its organization matches.
    Organization(Filter<organization::Term>),
}

pub(super) fn condition(sql: &mut Sql, term: &Term) -> Result<Condition> {
    Ok(match term {
        Term::Id(test) => sql.text(Column::Id, test),
        Term::Name(test) => sql.text(Column::Name, test),
        Term::Organization(filter) => organization::is_one_of(sql, Column::OrganizationPk, filter)?,
    })
}

/// `tenant` references a matching tenant of `organization`. A single id becomes two equalities, so that an index that
/// starts with both can be used in order; anything else becomes a set.
pub fn is_one_of<C: ColumnTrait>(
    sql: &mut Sql,
    tenant: C,
    organization: C,
    filter: &Filter<Term>,
) -> Result<Condition> {
    let like_this = filter.nested::<Tenant>(sql)?;
    let select = |column: Column| {
        let found = table::Entity::find().select_only().column(column);
        found.filter(like_this.clone()).into_query()
    };
    Ok(match filter.only() {
        _ if filter.is_empty() => Condition::all(),
        Some(Term::Id(TextTest::Equals(_))) => {
            let of_it = |column| SimpleExpr::SubQuery(None, Box::new(select(column).into()));
            Condition::all()
                .add(organization.into_simple_expr().eq(of_it(Column::OrganizationPk)))
                .add(tenant.into_simple_expr().eq(of_it(Column::Pk)))
        }
        _ => Condition::all().add(tenant.in_subquery(select(Column::Pk))),
    })
}

/// Tenants by internal key, for visible objects that belong to them. Callers who may not read tenants only see the id,
/// the name and the times of their own.
pub async fn by_keys(
    op: &OpContext,
    pks: impl IntoIterator<Item = i64>,
    fields: TenantFields,
) -> Result<HashMap<i64, Tenant>> {
    match op.authorize(Action::Read, Resource::Tenant) {
        Ok(granted) => list::by_keys(op, &granted, pks, fields).await,
        Err(_) => {
            let granted = op.authorize(Action::Read, Resource::Surroundings)?;
            list::by_keys(op, &granted, pks, fields - TenantFields::VARIABLES).await
        }
    }
}

/// A tenant of this organization; it cannot be deleted until the transaction ends. `NOT_FOUND` for one outside the
/// caller's scope, `INVALID` for one of another organization within the scope.
pub async fn of_organization(
    connection: &impl ConnectionTrait,
    granted: &Granted,
    home: &organization_table::Model,
    id: &str,
) -> Result<i64> {
    let not_found = || Error::no_such("tenant", "id", id);
    let known = TenantId::existing(id).ok_or_else(not_found)?;
    let found: Option<(i64, i64)> = table::Entity::find()
        .select_only()
        .columns([Column::Pk, Column::OrganizationPk])
        .filter(table::within(granted))
        .filter(Column::Id.eq(known))
        .lock(sea_orm::sea_query::LockType::KeyShare)
        .into_tuple()
        .one(connection)
        .await?;
    match found {
        None => Err(not_found()),
        Some((pk, organization_pk)) if organization_pk == home.pk => Ok(pk),
        Some(_) => Err(Error::invalid(
            "tenantId",
            format!("The tenant '{id}' does not belong to the organization '{}'.", home.id),
        )),
    }
}
