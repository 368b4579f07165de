//! Reads roles, the roles of users, and their permissions.

use std::collections::HashMap;

use sea_orm::sea_query::LockType;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryResult,
    QuerySelect, Statement, Value,
};
use strum::VariantArray;

use super::{OrganizationRole, Role, RoleFields};
use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::directory::organization;
use crate::list::{self, Filter, Named, Sql, TextTest};
use crate::model::BuiltIn;
use crate::model::Permissions;
use crate::model::error::{Error, Result, shown};
use crate::model::{is_storable, uuid_of};
use crate::store::entity::in_parameter;
use crate::store::entity::role::{self, Column};

/// A role of a user or group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    pub role_pk: i64,
    pub id: String,
    pub name: String,
    /// `None` for a role of an organization.
    pub built_in: Option<BuiltIn>,
    pub permissions: Permissions,
}

impl From<role::Model> for Assigned {
    fn from(row: role::Model) -> Self {
        let role = Role::from(row);
        Self {
            role_pk: role.pk,
            id: role.id.to_string(),
            built_in: role.built_in(),
            permissions: role.permissions(),
            name: role.name,
        }
    }
}

/// All roles of a user: assigned directly, and through groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Assigned to the user directly, sorted by name.
    pub direct: Vec<Assigned>,
    /// Given by its groups, sorted by name; a role that several groups give is included once.
    pub by_groups: Vec<Assigned>,
}

impl Held {
    pub fn all(&self) -> impl Iterator<Item = &Assigned> {
        self.direct.iter().chain(&self.by_groups)
    }

    /// The user's permissions.
    pub fn permissions(&self) -> Permissions {
        union(self.all())
    }

    /// Kili's view: the strongest.
    pub fn organization_role(&self) -> Option<OrganizationRole> {
        OrganizationRole::of(self.all())
    }

    /// AiR's view, which has only one role: the id of the strongest built-in one, or else of the first custom one, or
    /// else of `user`.
    pub fn role_id(&self) -> &str {
        let strongest = self
            .all()
            .filter(|role| role.built_in.is_some())
            .max_by_key(|role| role.built_in);
        strongest
            .or_else(|| self.all().next())
            .map_or(BuiltIn::User.id(), |role| &role.id)
    }
}

/// The union of the permissions of several roles.
pub fn union<'a>(roles: impl IntoIterator<Item = &'a Assigned>) -> Permissions {
    roles
        .into_iter()
        .fold(Permissions::empty(), |all, role| all | role.permissions)
}

/// The columns of a role of a user or group. The description may be long and is not needed for permissions.
const ASSIGNED: &str = "r.pk, r.id, r.organization_pk, r.name, CAST(NULL AS TEXT) AS description, r.permissions, r.version, \
                        r.created_at, r.updated_at";

/// The roles of several users, in one statement; a user without any role is absent.
pub async fn held(
    connection: &impl ConnectionTrait,
    user_pks: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, Held>> {
    let mut users = HashMap::new();
    let statement = held_by(connection.get_database_backend(), user_pks);
    for row in connection.query_all_raw(statement).await? {
        add_held(&mut users, &row)?;
    }
    Ok(users)
}

/// The same for a response, to which it is charged.
pub async fn held_in_answer(op: &OpContext, user_pks: impl IntoIterator<Item = i64>) -> Result<HashMap<i64, Held>> {
    let mut users = HashMap::new();
    let statement = held_by(op.db().backend(), user_pks);
    let add = |row: QueryResult| -> Result<()> { op.charge_read(add_held(&mut users, &row)?) };
    op.db().reader().each_row(statement, add).await?;
    Ok(users)
}

fn held_by(backend: DbBackend, user_pks: impl IntoIterator<Item = i64>) -> Statement {
    let (keys, is_one) = keys(backend, user_pks);
    Statement::from_sql_and_values(
        backend,
        format!(
            "SELECT {ASSIGNED}, has.user_pk, has.by_group
             FROM (SELECT user_pk, role_pk, CAST(0 AS BIGINT) AS by_group FROM user_roles WHERE user_pk {is_one}
                   UNION
                   SELECT gm.user_pk, gr.role_pk, CAST(1 AS BIGINT)
                   FROM group_members gm JOIN group_roles gr ON gr.group_pk = gm.group_pk
                   WHERE gm.user_pk {is_one}) has
             JOIN roles r ON r.pk = has.role_pk
             ORDER BY r.name, r.pk"
        ),
        [keys],
    )
}

/// Adds a role to its user; returns its size in bytes.
fn add_held(users: &mut HashMap<i64, Held>, row: &QueryResult) -> Result<usize> {
    let role = Assigned::from(role::Model::from_query_result(row, "")?);
    let bytes = role.name.len() + role.id.len();
    let has = users.entry(row.try_get("", "user_pk")?).or_default();
    match row.try_get("", "by_group")? {
        0_i64 => has.direct.push(role),
        _ => has.by_groups.push(role),
    }
    Ok(bytes)
}

/// The roles of several groups, each sorted by name; a group without any is absent.
pub async fn of_groups(
    connection: &impl ConnectionTrait,
    group_pks: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, Vec<Assigned>>> {
    let mut groups = HashMap::new();
    let statement = carried_by(connection.get_database_backend(), group_pks);
    for row in connection.query_all_raw(statement).await? {
        add_carried(&mut groups, &row)?;
    }
    Ok(groups)
}

/// The same for a response, to which it is charged.
pub async fn of_groups_in_answer(
    op: &OpContext,
    group_pks: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, Vec<Assigned>>> {
    let mut groups = HashMap::new();
    let statement = carried_by(op.db().backend(), group_pks);
    let add = |row: QueryResult| -> Result<()> { op.charge_read(add_carried(&mut groups, &row)?) };
    op.db().reader().each_row(statement, add).await?;
    Ok(groups)
}

fn carried_by(backend: DbBackend, group_pks: impl IntoIterator<Item = i64>) -> Statement {
    let (keys, is_one) = keys(backend, group_pks);
    Statement::from_sql_and_values(
        backend,
        format!(
            "SELECT {ASSIGNED}, gr.group_pk FROM group_roles gr JOIN roles r ON r.pk = gr.role_pk
             WHERE gr.group_pk {is_one} ORDER BY r.name, r.pk"
        ),
        [keys],
    )
}

/// Adds a role to its group; returns its size in bytes.
fn add_carried(groups: &mut HashMap<i64, Vec<Assigned>>, row: &QueryResult) -> Result<usize> {
    let role = Assigned::from(role::Model::from_query_result(row, "")?);
    let bytes = role.name.len() + role.id.len();
    groups.entry(row.try_get("", "group_pk")?).or_default().push(role);
    Ok(bytes)
}

/// Internal keys as the single parameter `$1`, and the condition that a column is among them.
fn keys(backend: DbBackend, pks: impl IntoIterator<Item = i64>) -> (Value, String) {
    let keys = match backend {
        DbBackend::Postgres => pks.into_iter().collect::<Vec<i64>>().into(),
        _ => serde_json::Value::from_iter(pks).to_string().into(),
    };
    (keys, in_parameter(backend, "$1", "bigint[]"))
}

/// The roles that a caller specified, by name or id. `INVALID` for one that does not exist.
pub async fn resolve(
    op: &OpContext,
    connection: &impl ConnectionTrait,
    organization_pk: i64,
    field: &str,
    named: &[String],
) -> Result<Vec<Assigned>> {
    let mut roles: Vec<Assigned> = Vec::with_capacity(named.len());
    for wanted in named {
        let role = find_named(op, connection, organization_pk, wanted)
            .await?
            .ok_or_else(|| Error::invalid(field, format!("There is no role '{}'.", shown(wanted))))?;
        if !roles.iter().any(|known| known.role_pk == role.role_pk) {
            roles.push(role);
        }
    }
    Ok(roles)
}

/// The role with this id, in any spelling of a UUID; names are not accepted. `INVALID` for one that does not exist.
pub async fn resolve_id(
    op: &OpContext,
    connection: &impl ConnectionTrait,
    organization_pk: i64,
    field: &str,
    id: &str,
) -> Result<Assigned> {
    let found = match uuid_of(id) {
        Some(_) => find_named(op, connection, organization_pk, id).await?,
        None => None,
    };
    found.ok_or_else(|| Error::invalid(field, format!("There is no role '{}'.", shown(id))))
}

/// The role of this name or id: built in, or the organization's own. It cannot be deleted until the transaction ends.
///
/// Ids are UUIDs and names cannot be UUIDs, and no custom role can have a name of a built-in one ([`super::reserved`]).
/// A later release may add built-in roles; if a custom role has the same name as one of these, it is ambiguous and
/// refused.
pub(super) async fn find_named(
    op: &OpContext,
    connection: &impl ConnectionTrait,
    organization_pk: i64,
    wanted: &str,
) -> Result<Option<Assigned>> {
    if !is_storable(wanted) {
        return Ok(None);
    }
    let id = uuid_of(wanted).map(|uuid| uuid.hyphenated().to_string());
    let is_wanted = |role: &BuiltIn| role.name() == wanted || Some(role.id()) == id.as_deref();
    if let Some(role) = BuiltIn::VARIANTS.iter().copied().find(is_wanted) {
        return built_in(op, connection, role).await.map(Some);
    }
    let mut found = role::Entity::find()
        .filter(match &id {
            Some(id) => Column::Id.eq(id.as_str()),
            None => Column::Name.eq(wanted),
        })
        .filter(
            Condition::any()
                .add(Column::OrganizationPk.is_null())
                .add(Column::OrganizationPk.eq(organization_pk)),
        )
        .lock(LockType::KeyShare)
        .all(connection)
        .await?;
    let one = found.pop();
    if !found.is_empty() {
        return Err(Error::Conflict(format!(
            "Two roles are named '{}'; specify the role by id.",
            shown(wanted)
        )));
    }
    Ok(one.map(Into::into))
}

/// A built-in role, to be assigned.
pub async fn built_in(op: &OpContext, connection: &impl ConnectionTrait, wanted: BuiltIn) -> Result<Assigned> {
    Ok(Assigned {
        role_pk: op.built_in_roles().pk(connection, wanted).await?,
        id: wanted.id().to_owned(),
        name: wanted.name().to_owned(),
        built_in: Some(wanted),
        permissions: wanted.permissions(),
    })
}

/// Roles by internal key, for visible users and groups that have them.
pub async fn by_keys(
    op: &OpContext,
    pks: impl IntoIterator<Item = i64>,
    fields: RoleFields,
) -> Result<HashMap<i64, Role>> {
    let granted = op.authorize(Action::Read, Resource::Surroundings)?;
    list::by_keys(op, &granted, pks, fields).await
}

/// A condition on a role.
#[derive(Clone, Debug)]
pub enum Term {
    Id(TextTest),
    Name(TextTest),
    BuiltIn(bool),
    /// It belongs to a matching organization.
    Organization(Filter<organization::Term>),
}

pub(super) fn condition(sql: &mut Sql, term: &Term) -> Result<Condition> {
    Ok(match term {
        Term::Id(test) => sql.text(Column::Id, test),
        Term::Name(test) => sql.text(Column::Name, test),
        Term::BuiltIn(true) => Condition::all().add(Column::OrganizationPk.is_null()),
        Term::BuiltIn(false) => Condition::all().add(Column::OrganizationPk.is_not_null()),
        Term::Organization(filter) => organization::is_one_of(sql, Column::OrganizationPk, filter)?,
    })
}

/// Looks up the role to change, within the caller's scope, and locks it until the transaction ends. `FORBIDDEN` for a
/// built-in one, which everybody may see and nobody can change.
pub(super) async fn locate(
    connection: &impl ConnectionTrait,
    granted: &Granted,
    named: &Named<Term>,
) -> Result<role::Model> {
    let row = list::locate::<Role>(connection, granted, named, "role").await?;
    if row.organization_pk.is_none() {
        return Err(Error::Forbidden(format!(
            "The role '{}' is built in and cannot be changed. Create a role of your own.",
            row.name
        )));
    }
    Ok(row)
}

/// The roles that `organizationRole` and `roles` specify together.
pub async fn wanted(
    op: &OpContext,
    connection: &impl ConnectionTrait,
    organization_pk: i64,
    organization_role: Option<OrganizationRole>,
    named: &[String],
) -> Result<Vec<Assigned>> {
    let mut roles = resolve(op, connection, organization_pk, "roles", named).await?;
    if let Some(view) = organization_role {
        let role = built_in(op, connection, view.role()).await?;
        if !roles.iter().any(|known| known.role_pk == role.role_pk) {
            roles.push(role);
        }
    }
    Ok(roles)
}
