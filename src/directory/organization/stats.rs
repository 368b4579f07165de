//! The numbers of an organization at a glance.

use std::collections::HashMap;

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, SelectStatement};
use sea_orm::{Condition, QuerySelect, QueryTrait};

use crate::authz::Scope;
use crate::context::OpContext;
use crate::directory::user;
use crate::model::error::Result;
use crate::store::entity::{any_of, group, invitation, organization, role, tenant};

/// How many objects an organization has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub users: i64,
    pub activated: i64,
    pub tenants: i64,
    pub groups: i64,
    /// Its own roles, without built-in and product-wide ones.
    pub roles: i64,
    /// Invitations that can still be accepted.
    pub pending_invitations: i64,
}

/// The numbers of those of some organizations all of whose users the caller may see.
pub async fn stats(op: &OpContext, organization_pks: &[i64]) -> Result<HashMap<i64, Stats>> {
    let granted = user::readable(op)?;
    let pks: Vec<i64> = match granted.scope() {
        Scope::Everything => organization_pks.to_vec(),
        Scope::Organization(own) => organization_pks.iter().copied().filter(|pk| pk == own).collect(),
        Scope::Tenants(_) | Scope::Oneself(_) => Vec::new(),
    };
    if pks.is_empty() {
        return Ok(HashMap::new());
    }
    let whose: Vec<Option<i64>> = pks.iter().copied().map(Some).collect();
    let users = op.user_counts(&whose).await?;
    let pending = Condition::all()
        .add(invitation::Column::AcceptedAt.is_null())
        .add(invitation::Column::WithdrawnAt.is_null())
        .add(invitation::Column::ExpiresAt.gt(op.now()));
    let mut select = organization::Entity::find()
        .select_only()
        .column(organization::Column::Pk)
        .into_query();
    select
        .expr(number_of::<tenant::Entity>(
            tenant::Column::OrganizationPk,
            Condition::all(),
        ))
        .expr(number_of::<group::Entity>(
            group::Column::OrganizationPk,
            Condition::all(),
        ))
        .expr(number_of::<role::Entity>(
            role::Column::OrganizationPk,
            Condition::all(),
        ))
        .expr(number_of::<invitation::Entity>(
            invitation::Column::OrganizationPk,
            pending,
        ))
        .and_where(any_of(op.db().backend(), organization::Column::Pk, pks));
    let rows = op.db().reader().query_all(&select).await?;
    rows.iter()
        .map(|row| {
            let pk: i64 = row.try_get_by_index(0)?;
            let counted = users.get(&Some(pk)).copied().unwrap_or_default();
            let stats = Stats {
                users: counted.all,
                activated: counted.activated,
                tenants: row.try_get_by_index(1)?,
                groups: row.try_get_by_index(2)?,
                roles: row.try_get_by_index(3)?,
                pending_invitations: row.try_get_by_index(4)?,
            };
            Ok((pk, stats))
        })
        .collect()
}

fn number_of<E: EntityTrait>(organization: E::Column, such: Condition) -> Expr {
    let mut select: SelectStatement = E::find().select_only().expr(Expr::cust("COUNT(*)")).into_query();
    let owner = Expr::col((organization::Entity, organization::Column::Pk));
    select.and_where(organization.into_expr().eq(owner)).cond_where(such);
    Expr::SubQuery(None, Box::new(select.into()))
}
