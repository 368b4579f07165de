//! Which roles a user has, and what they permit.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

use super::BuiltIn;
use crate::entity::{any_of, role, user_role};
use crate::error::{Error, Result, shown};
use crate::permission::Permissions;
use crate::value::is_storable;

/// A role as somebody has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    pub role_pk: i64,
    pub id: String,
    pub name: String,
    /// `None` for a role that an organization made.
    pub built_in: Option<BuiltIn>,
    pub permissions: Permissions,
}

impl From<role::Model> for Assigned {
    fn from(row: role::Model) -> Self {
        let built_in = if row.organization_pk.is_none() {
            BuiltIn::named(&row.name)
        } else {
            None
        };
        let permissions = match (row.organization_pk, built_in) {
            (None, Some(role)) => role.permissions(),
            // A built-in role of a later release: nothing, rather than a guess.
            (None, None) => Permissions::empty(),
            (Some(_), _) => Permissions::from_stored(&row.permissions),
        };
        Self {
            role_pk: row.pk,
            id: row.id.to_string(),
            name: row.name,
            built_in,
            permissions,
        }
    }
}

/// The roles of several users, each user's in the order of their names; a user without any is absent.
pub async fn assigned(
    connection: &impl ConnectionTrait,
    user_pks: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, Vec<Assigned>>> {
    #[derive(FromQueryResult)]
    struct Of {
        user_pk: i64,
    }
    let select = role::Entity::find()
        .join(
            JoinType::InnerJoin,
            role::Entity::belongs_to(user_role::Entity)
                .from(role::Column::Pk)
                .to(user_role::Column::RolePk)
                .into(),
        )
        .column(user_role::Column::UserPk)
        .filter(Condition::all().add(any_of(
            connection.get_database_backend(),
            user_role::Column::UserPk,
            user_pks,
        )))
        .order_by_asc(role::Column::Name);
    let mut roles: HashMap<i64, Vec<Assigned>> = HashMap::new();
    let statement = sea_orm::QueryTrait::build(&select, connection.get_database_backend());
    for row in connection.query_all_raw(statement).await? {
        let of = Of::from_query_result(&row, "")?;
        roles
            .entry(of.user_pk)
            .or_default()
            .push(role::Model::from_query_result(&row, "")?.into());
    }
    Ok(roles)
}

/// What one user may do: the union over the user's roles.
pub async fn permissions_of(connection: &impl ConnectionTrait, user_pk: i64) -> Result<Permissions> {
    let roles = assigned(connection, [user_pk]).await?;
    Ok(roles
        .into_values()
        .flatten()
        .fold(Permissions::empty(), |all, role| all | role.permissions))
}

/// The roles that a caller named, by name or id: built in, or the organization's own. An exact id comes before a UUID
/// written otherwise.
pub async fn resolve(
    connection: &impl ConnectionTrait,
    organization_pk: i64,
    field: &str,
    named: &[String],
) -> Result<Vec<Assigned>> {
    let mut roles: Vec<Assigned> = Vec::with_capacity(named.len());
    for wanted in named {
        let unknown = || Error::invalid(field, format!("There is no role '{}'.", shown(wanted)));
        if !is_storable(wanted) {
            return Err(unknown());
        }
        let mut is_it = Condition::any()
            .add(role::Column::Id.eq(wanted.as_str()))
            .add(role::Column::Name.eq(wanted.as_str()));
        let uuid = Uuid::try_parse(wanted).ok().map(|uuid| uuid.to_string());
        if let Some(uuid) = &uuid {
            is_it = is_it.add(role::Column::Id.eq(uuid.as_str()));
        }
        let found = role::Entity::find()
            .filter(is_it)
            .filter(
                Condition::any()
                    .add(role::Column::OrganizationPk.is_null())
                    .add(role::Column::OrganizationPk.eq(organization_pk)),
            )
            .all(connection)
            .await?;
        let rank = |role: &role::Model| {
            let exact_id = role.id.as_str() == wanted;
            let same_uuid = uuid.as_deref() == Some(role.id.as_str());
            (!exact_id, !same_uuid, role.organization_pk.is_some())
        };
        let role: Assigned = found.into_iter().min_by_key(rank).ok_or_else(unknown)?.into();
        if !roles.iter().any(|known| known.role_pk == role.role_pk) {
            roles.push(role);
        }
    }
    Ok(roles)
}
