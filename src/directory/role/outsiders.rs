//! Users who have a role for a tenant without belonging to it.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::{Assigned, held_in_answer};
use crate::context::OpContext;
use crate::directory::{tenant, user};
use crate::list::Window;
use crate::model::UserId;
use crate::model::error::{Error, Result};
use crate::store::entity::user::{self as table, Column};
use crate::store::entity::user_role;

/// What the administrators of a tenant see of a user from outside: who it is, and which roles it has for the tenant.
#[derive(Clone, Debug)]
pub struct Outsider {
    pub pk: i64,
    pub id: String,
    /// Never the address.
    pub name: String,
    /// Assigned directly for the tenant.
    pub roles: Vec<Assigned>,
}

/// Users of the organization who have a role for this tenant without belonging to it, by id. `NOT_FOUND` for a tenant
/// outside the caller's scope.
pub async fn outsiders(op: &OpContext, tenant_id: &str, window: Window) -> Result<Vec<Outsider>> {
    let granted = user::listable(op)?;
    let (limit, offset) = window.limit_and_offset();
    let reader = op.db().reader();
    let (tenant_pk, organization_pk) = tenant::find(reader, &granted, tenant_id)
        .await?
        .ok_or_else(|| Error::no_such("tenant", "id", tenant_id))?;
    let holders = user_role::Entity::find()
        .select_only()
        .column(user_role::Column::UserPk)
        .filter(user_role::Column::TenantPk.eq(tenant_pk));
    let elsewhere = Condition::any()
        .add(Column::TenantPk.is_null())
        .add(Column::TenantPk.ne(tenant_pk));
    let found: Vec<(i64, UserId, Option<String>)> = table::Entity::find()
        .select_only()
        .columns([Column::Pk, Column::Id])
        .expr(Expr::cust(
            "COALESCE(name, NULLIF(TRIM(COALESCE(firstname, '') || ' ' || COALESCE(lastname, '')), ''))",
        ))
        .filter(Column::OrganizationPk.eq(organization_pk))
        .filter(Column::Pk.in_subquery(holders.into_query()))
        .filter(elsewhere)
        .order_by_asc(Column::Id)
        .limit(limit)
        .offset(offset)
        .into_tuple()
        .all(reader)
        .await?;
    let mut held = held_in_answer(op, found.iter().map(|(pk, _, _)| *pk)).await?;
    let mut outsiders = Vec::with_capacity(found.len());
    for (pk, id, name) in found {
        let direct = held.remove(&pk).unwrap_or_default().directly_for_tenants();
        let one = Outsider {
            pk,
            name: name.unwrap_or_else(|| id.to_string()),
            id: id.to_string(),
            roles: direct
                .into_iter()
                .filter(|role| role.tenant_pk == Some(tenant_pk))
                .collect(),
        };
        op.charge_read(one.id.len() + one.name.len())?;
        outsiders.push(one);
    }
    Ok(outsiders)
}
