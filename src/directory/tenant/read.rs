//! Reads tenants.

use std::collections::HashMap;

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, SimpleExpr};
use sea_orm::{Condition, ConnectionTrait, IntoSimpleExpr, QuerySelect, QueryTrait};

use super::{Label, Tenant, TenantFields};
use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::directory::organization;
use crate::list::{self, Filter, Search, Sql, TextTest};
use crate::model::TenantId;
use crate::model::error::Result;
use crate::store::entity::tenant::{self as table, Column};

/// A condition on a tenant.
#[derive(Clone, Debug)]
pub enum Term {
    Id(TextTest),
    Name(TextTest),
    /// Every word begins a word of the name or the id.
    Text(Search),
    /// Its organization matches.
    Organization(Filter<organization::Term>),
}

pub(super) fn condition(sql: &mut Sql, term: &Term) -> Result<Condition> {
    Ok(match term {
        Term::Id(test) => sql.text(Column::Id, test),
        Term::Name(test) => sql.name(Column::SortName, Column::Name, test),
        Term::Text(search) => search.condition(sql.backend(), Column::Words, Column::Pk),
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

/// The tenants that the caller may list.
pub fn readable(op: &OpContext) -> Result<Granted> {
    op.authorize(Action::Read, Resource::Tenant)
}

/// Tenants by internal key, for visible objects that belong to them. Of a tenant that the caller may not read, these show
/// only the id, the name and the times.
pub async fn by_keys(
    op: &OpContext,
    pks: impl IntoIterator<Item = i64>,
    fields: TenantFields,
) -> Result<HashMap<i64, Tenant>> {
    let surroundings = op.authorize(Action::Read, Resource::Surroundings)?;
    match readable(op) {
        Ok(granted) if granted.tenants().is_some() => {
            let mut found: HashMap<i64, Tenant> = list::by_keys(op, &surroundings, pks, fields).await?;
            for tenant in found.values_mut() {
                if !granted.covers(tenant.organization_pk, Some(tenant.pk)) {
                    tenant.variables = None;
                }
            }
            Ok(found)
        }
        Ok(granted) => list::by_keys(op, &granted, pks, fields).await,
        Err(_) => list::by_keys(op, &surroundings, pks, fields - TenantFields::VARIABLES).await,
    }
}

/// The internal key of a tenant of an organization, for questions about what somebody may do there.
pub async fn key_within(op: &OpContext, organization_pk: i64, id: &str) -> Result<Option<i64>> {
    let Some(id) = TenantId::existing(id) else {
        return Ok(None);
    };
    let pk = table::Entity::find()
        .select_only()
        .column(Column::Pk)
        .filter(Column::Id.eq(id))
        .filter(Column::OrganizationPk.eq(organization_pk));
    Ok(pk.into_tuple().one(op.db().reader()).await?)
}

/// The id of a tenant, by its internal key.
pub async fn id_of(op: &OpContext, pk: i64) -> Result<Option<String>> {
    let id = table::Entity::find_by_id(pk).select_only().column(Column::Id);
    let id: Option<TenantId> = id.into_tuple().one(op.db().reader()).await?;
    Ok(id.map(|id| id.to_string()))
}

/// The tenants with these keys, for the event of a user who moves between them.
pub async fn labels(
    connection: &impl ConnectionTrait,
    pks: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, Label>> {
    let found: Vec<(i64, String, String)> = table::Entity::find()
        .select_only()
        .columns([Column::Pk, Column::Id, Column::Name])
        .filter(Column::Pk.is_in(pks))
        .into_tuple()
        .all(connection)
        .await?;
    let label = |(pk, id, name)| (pk, Label { pk, id, name });
    Ok(found.into_iter().map(label).collect())
}

/// A tenant in a question about what users may do there.
#[derive(Clone, Copy, Debug)]
pub struct Nameable {
    pub pk: i64,
    pub organization_pk: i64,
    /// Whether the caller may read its users, and so ask about others than itself.
    pub of_others: bool,
}

/// The tenants with these ids that the caller may ask about: those whose users it may read and, about itself, its own and
/// those that it has a role for.
pub async fn nameable(
    op: &OpContext,
    ids: impl IntoIterator<Item = String> + Send,
) -> Result<HashMap<String, Nameable>> {
    let surroundings = op.authorize(Action::Read, Resource::Surroundings)?;
    let users = op.authorize(Action::Read, Resource::User).ok();
    let of_caller = |pk: i64| {
        let caller = op.actor().caller();
        caller
            .is_some_and(|caller| caller.tenant_pk == Some(pk) || caller.rights.tenants().any(|(known, _)| known == pk))
    };
    let known = ids.into_iter().filter_map(|id| TenantId::existing(&id));
    let found: Vec<(i64, TenantId, i64)> = table::Entity::find()
        .select_only()
        .columns([Column::Pk, Column::Id, Column::OrganizationPk])
        .filter(table::within(&surroundings))
        .filter(Column::Id.is_in(known))
        .into_tuple()
        .all(op.db().reader())
        .await?;
    let named = |(pk, id, organization_pk): (i64, TenantId, i64)| {
        let scope = users.as_ref();
        let of_others = scope.is_some_and(|granted| granted.covers(organization_pk, Some(pk)));
        let tenant = Nameable {
            pk,
            organization_pk,
            of_others,
        };
        (of_others || of_caller(pk)).then(|| (id.to_string(), tenant))
    };
    Ok(found.into_iter().filter_map(named).collect())
}
