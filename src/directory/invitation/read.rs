//! Reads invitations, and looks up the one that a mutation changes.

use std::collections::HashMap;

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{Condition, JoinType, QuerySelect};

use super::InvitationState;
use crate::directory::organization;
use crate::directory::role::Assigned;
use crate::directory::tenant::{self, Label};
use crate::list::{Filter, Sql, TextTest};
use crate::model::Timestamp;
use crate::model::error::Result;
use crate::store::catalogue::{self, Catalogued};
use crate::store::entity::invitation::{Column, open, pending};
use crate::store::entity::{any_of, invitation_role, role, tenant as tenant_table};

/// A condition on an invitation.
#[derive(Clone, Debug)]
pub enum Term {
    Id(TextTest),
    /// Addresses are stored in lower case, so the text must be in lower case too.
    Email(TextTest),
    /// Its state at this time.
    State {
        state: InvitationState,
        at: Timestamp,
    },
    Organization(Filter<organization::Term>),
    Tenant(Filter<tenant::Term>),
}

pub(super) fn condition(sql: &mut Sql, term: &Term) -> Result<Condition> {
    Ok(match term {
        Term::Id(test) => sql.text(Column::Id, test),
        Term::Email(test) => sql.text(Column::Email, test),
        Term::State { state, at } => match state {
            InvitationState::Pending => pending(*at),
            InvitationState::Expired => open().add(Column::ExpiresAt.lte(*at)),
            InvitationState::Accepted => Condition::all().add(Column::AcceptedAt.is_not_null()),
            InvitationState::Withdrawn => Condition::all().add(Column::WithdrawnAt.is_not_null()),
        },
        Term::Organization(filter) => organization::is_one_of(sql, Column::OrganizationPk, filter)?,
        Term::Tenant(filter) => tenant::is_one_of(sql, Column::TenantPk, Column::OrganizationPk, filter)?,
    })
}

/// The roles of several invitations, each sorted by name; an invitation without roles is absent.
pub async fn promised_roles(
    connection: &impl Catalogued,
    pks: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, Vec<Assigned>>> {
    promised(connection, pks, None).await
}

/// The roles of an invitation, to be assigned: they cannot be deleted until the transaction ends.
pub(super) async fn roles_to_assign(connection: &impl Catalogued, pk: i64) -> Result<Vec<Assigned>> {
    let mut roles = promised(connection, [pk], Some(LockType::KeyShare)).await?;
    Ok(roles.remove(&pk).unwrap_or_default())
}

/// The keys of an invitation and a role, and the tenant that the role is for.
type Promise = (i64, i64, Option<i64>, Option<String>, Option<String>);

async fn promised(
    connection: &impl Catalogued,
    pks: impl IntoIterator<Item = i64>,
    lock: Option<LockType>,
) -> Result<HashMap<i64, Vec<Assigned>>> {
    let backend = connection.get_database_backend();
    let to_tenant = invitation_role::Entity::belongs_to(tenant_table::Entity)
        .from(invitation_role::Column::TenantPk)
        .to(tenant_table::Column::Pk);
    let promises: Vec<Promise> = invitation_role::Entity::find()
        .select_only()
        .columns([invitation_role::Column::InvitationPk, invitation_role::Column::RolePk])
        .columns([
            tenant_table::Column::Pk,
            tenant_table::Column::Id,
            tenant_table::Column::Name,
        ])
        .join(JoinType::LeftJoin, to_tenant.into())
        .filter(any_of(backend, invitation_role::Column::InvitationPk, pks))
        .into_tuple()
        .all(connection)
        .await?;
    if promises.is_empty() {
        return Ok(HashMap::new());
    }
    let keys = promises.iter().map(|(_, role_pk, ..)| *role_pk);
    let mut select = role::Entity::find().filter(any_of(backend, role::Column::Pk, keys));
    if let Some(lock) = lock {
        select = select.lock(lock);
    }
    let rows = select.all(connection).await?;
    // For an answer, it is at most as old as the caller's look-up.
    let catalogue = match lock {
        Some(_) => catalogue::present(connection).await?,
        None => connection.known().now(),
    };
    let known: HashMap<i64, Assigned> = rows
        .into_iter()
        .map(|row| (row.pk, Assigned::of(row, &catalogue)))
        .collect();
    let mut roles: HashMap<i64, Vec<Assigned>> = HashMap::new();
    for (invitation_pk, role_pk, pk, id, name) in promises {
        let tenant = pk.zip(id).zip(name);
        let tenant = tenant.map(|((pk, id), name)| Label { pk, id, name });
        if let Some(role) = known.get(&role_pk) {
            let role = role.clone().in_tenant(tenant);
            roles.entry(invitation_pk).or_default().push(role);
        }
    }
    for list in roles.values_mut() {
        list.sort_by(|a, b| (&a.name, a.tenant_pk).cmp(&(&b.name, b.tenant_pk)));
    }
    Ok(roles)
}
