//! Users who have a role for a tenant without belonging to it.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::{Assigned, held_in_answer};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::tenant;
use crate::directory::user::{self, User, UserFields};
use crate::list::{self, Window};
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
    let (tenant, organization_pk) = tenant::find(reader, &granted, tenant_id)
        .await?
        .ok_or_else(|| Error::no_such("tenant", "id", tenant_id))?;
    let tenant_pk = tenant.pk;
    let holders = user_role::Entity::find()
        .select_only()
        .column(user_role::Column::UserPk)
        .filter(user_role::Column::TenantPk.eq(tenant_pk));
    let elsewhere = Condition::any()
        .add(Column::TenantPk.is_null())
        .add(Column::TenantPk.ne(tenant_pk));
    let pks: Vec<i64> = table::Entity::find()
        .select_only()
        .column(Column::Pk)
        .filter(Column::OrganizationPk.eq(organization_pk))
        .filter(Column::Pk.in_subquery(holders.into_query()))
        .filter(elsewhere)
        .order_by_asc(Column::Id)
        .limit(limit)
        .offset(offset)
        .into_tuple()
        .all(reader)
        .await?;
    let fields = UserFields::NAME | UserFields::FIRSTNAME | UserFields::LASTNAME;
    let surroundings = op.authorize(Action::Read, Resource::Surroundings)?;
    let mut users = list::by_keys::<User>(op, &surroundings, pks.iter().copied(), fields).await?;
    let mut held = held_in_answer(op, pks.iter().copied()).await?;
    let outsider = |pk: i64| {
        let user = users.remove(&pk)?;
        let mut roles = held.remove(&pk).unwrap_or_default().directly_for_tenants();
        roles.retain(|role| role.tenant_pk == Some(tenant_pk));
        Some(Outsider {
            pk,
            id: user.id.to_string(),
            name: user.display_name_without_email(),
            roles,
        })
    };
    Ok(pks.iter().copied().filter_map(outsider).collect())
}
