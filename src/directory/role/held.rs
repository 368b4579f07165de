//! The roles of users and groups, and what they permit.

use std::collections::HashMap;

use sea_orm::{DbBackend, FromQueryResult, QueryResult, Statement, Value};

use super::{OrganizationRole, Role, RoleScope};
use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::directory::tenant;
use crate::model::error::Result;
use crate::model::{BuiltIn, Catalogue, Permissions, Rights};
use crate::store::audit_trail::Mention;
use crate::store::catalogue::{self, Catalogued};
use crate::store::entity::in_parameter;
use crate::store::entity::role;

/// A role of a user or group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    pub role_pk: i64,
    pub id: String,
    pub name: String,
    /// `None` for a product-wide role, and for one of an organization.
    pub built_in: Option<BuiltIn>,
    pub scope: RoleScope,
    /// Whether it is built in and belongs to a face that is off: it counts, and nothing shows it.
    pub hidden: bool,
    pub permissions: Permissions,
    /// The tenant that it is assigned for; `None` for the whole organization.
    pub tenant_pk: Option<i64>,
    /// That tenant, for the audit trail.
    pub tenant: Option<tenant::Label>,
}

impl Assigned {
    /// This role for the whole organization.
    pub fn of(row: role::Model, catalogue: &Catalogue) -> Self {
        let role = Role::from(row);
        Self {
            role_pk: role.pk,
            id: role.id.to_string(),
            built_in: role.built_in(),
            scope: role.scope(),
            hidden: role.built_in().is_some_and(|role| catalogue.hides(role)),
            permissions: role.permissions(catalogue),
            name: role.name,
            tenant_pk: None,
            tenant: None,
        }
    }

    /// The same for this tenant.
    #[must_use]
    pub fn in_tenant(self, tenant: Option<tenant::Label>) -> Self {
        Self {
            tenant_pk: tenant.as_ref().map(|tenant| tenant.pk),
            tenant,
            ..self
        }
    }

    /// As the audit trail names it.
    pub fn mention(&self) -> Mention {
        let role = Mention::new("role", &self.id, self.name.clone());
        match &self.tenant {
            Some(tenant) => role.for_tenant(tenant.pk, tenant.id.clone(), tenant.name.clone()),
            None => role,
        }
    }

    /// The tenant's internal key, or 0: what tells it apart in the primary key.
    pub fn scope_key(&self) -> i64 {
        self.tenant_pk.unwrap_or_default()
    }

    /// Whether it is the same assignment.
    pub fn is(&self, other: &Self) -> bool {
        (self.role_pk, self.tenant_pk) == (other.role_pk, other.tenant_pk)
    }
}

/// All roles of a user: assigned directly, and through groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Assigned to the user directly for the whole organization, sorted by name.
    pub direct: Vec<Assigned>,
    /// Given by its groups for the whole organization, sorted by name; a role that several groups give is included once.
    pub by_groups: Vec<Assigned>,
    /// For single tenants, sorted by name.
    pub for_tenants: Vec<ForTenant>,
}

/// A role of a user for one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForTenant {
    pub role: Assigned,
    /// The group that gives it; `None` if it is assigned to the user directly.
    pub group_pk: Option<i64>,
}

impl Held {
    /// Those for the whole organization.
    pub fn all(&self) -> impl Iterator<Item = &Assigned> {
        self.direct.iter().chain(&self.by_groups)
    }

    /// What the user may do.
    pub fn rights(&self) -> Rights {
        union(self.all().chain(self.for_tenants.iter().map(|held| &held.role)))
    }

    /// The direct assignment of a role, for a tenant or for the whole organization.
    pub fn has_directly(&self, wanted: &Assigned) -> bool {
        let of_tenants = self.for_tenants.iter().filter(|held| held.group_pk.is_none());
        let mut direct = self.direct.iter().chain(of_tenants.map(|held| &held.role));
        direct.any(|role| role.is(wanted))
    }

    /// The direct assignments for single tenants.
    pub fn directly_for_tenants(&self) -> Vec<Assigned> {
        let direct = self.for_tenants.iter().filter(|held| held.group_pk.is_none());
        direct.map(|held| held.role.clone()).collect()
    }

    /// The direct assignments for the whole organization, and for this tenant if there is one; each role once, sorted by
    /// name.
    pub fn directly(&self, tenant_pk: Option<i64>) -> Vec<Assigned> {
        let mut here = self.directly_for_tenants();
        here.retain(|role| role.tenant_pk == tenant_pk);
        let mut roles: Vec<Assigned> = self.direct.iter().cloned().chain(here).collect();
        roles.sort_by(|a, b| (&a.name, a.role_pk).cmp(&(&b.name, b.role_pk)));
        roles.dedup_by_key(|role| role.role_pk);
        roles
    }

    /// Kili's view: the strongest.
    pub fn organization_role(&self) -> Option<OrganizationRole> {
        OrganizationRole::of(self.all())
    }

    /// AiR's view, which has only one role: the id of the strongest built-in one, or else of the first custom one, or
    /// else of `user`.
    pub fn role_id(&self) -> &str {
        let shown = || self.all().filter(|role| !role.hidden);
        let strongest = shown()
            .filter(|role| role.built_in.is_some())
            .max_by_key(|role| role.built_in);
        strongest
            .or_else(|| shown().next())
            .map_or(BuiltIn::User.id(), |role| &role.id)
    }
}

/// The roles of groups or invitations: those for the whole organization, and those for single tenants.
#[expect(clippy::type_complexity)]
pub fn by_scope(all: HashMap<i64, Vec<Assigned>>) -> (HashMap<i64, Vec<Assigned>>, Vec<(i64, Vec<ForTenant>)>) {
    let (mut everywhere, mut for_tenants) = (HashMap::new(), Vec::new());
    for (owner, roles) in all {
        let (of_tenants, others): (Vec<_>, Vec<_>) = roles.into_iter().partition(|role| role.tenant_pk.is_some());
        let of_tenants = of_tenants.into_iter().map(|role| ForTenant { role, group_pk: None });
        for_tenants.push((owner, of_tenants.collect()));
        everywhere.insert(owner, others);
    }
    (everywhere, for_tenants)
}

/// What several roles permit together.
pub fn union<'a>(roles: impl IntoIterator<Item = &'a Assigned>) -> Rights {
    let mut all = Rights::default();
    for role in roles {
        all.add(role.tenant_pk, role.permissions);
    }
    all
}

/// The columns of a role of a user or group. The description may be long and is not needed for permissions.
const ASSIGNED: &str = "r.pk, r.id, r.organization_pk, r.product, r.name, CAST(NULL AS TEXT) AS description, r.permissions, r.version, \
                        r.created_at, r.updated_at";

/// The columns of the tenant that it is assigned for.
const TENANT: &str = "t.id AS tenant_id, t.name AS tenant_name";

fn tenant_of(row: &QueryResult) -> Result<Option<tenant::Label>> {
    let Some(pk) = row.try_get("", "tenant_pk")? else {
        return Ok(None);
    };
    Ok(Some(tenant::Label {
        pk,
        id: row.try_get("", "tenant_id")?,
        name: row.try_get("", "tenant_name")?,
    }))
}

/// The roles of several users, in one statement; a user without any role is absent.
pub async fn held(connection: &impl Catalogued, user_pks: impl IntoIterator<Item = i64>) -> Result<HashMap<i64, Held>> {
    let mut users = HashMap::new();
    let statement = held_by(connection.get_database_backend(), user_pks);
    let rows = connection.query_all_raw(statement).await?;
    let Some(first) = rows.first() else {
        return Ok(HashMap::new());
    };
    let catalogue = catalogue::at(connection, version_of(first)?).await?;
    for row in rows {
        add_held(&mut users, &row, &catalogue)?;
    }
    Ok(users)
}

/// The version of the catalogue that a row was read with.
fn version_of(row: &QueryResult) -> Result<i64> {
    Ok(row.try_get("", "catalogue_version")?)
}

/// The same for a response, to which it is charged.
pub async fn held_in_answer(op: &OpContext, user_pks: impl IntoIterator<Item = i64>) -> Result<HashMap<i64, Held>> {
    let statement = held_by(op.db().backend(), user_pks);
    in_answer(op, &statement, add_held).await
}

/// What rows of roles say together, charged to the response.
pub(super) async fn in_answer<T>(
    op: &OpContext,
    statement: &Statement,
    add: impl Fn(&mut HashMap<i64, T>, &QueryResult, &Catalogue) -> Result<usize> + Sync,
) -> Result<HashMap<i64, T>>
where
    T: Send,
{
    let reader = op.db().reader();
    loop {
        let catalogue = op.catalogue();
        let (mut all, mut version) = (HashMap::new(), 0);
        let add = |row: QueryResult| -> Result<()> {
            version = version_of(&row)?;
            op.charge_read(add(&mut all, &row, &catalogue)?)
        };
        reader.each_row(statement.clone(), add).await?;
        if version <= catalogue.version() {
            return Ok(all);
        }
        // Somebody has changed the catalogue in the meantime.
        catalogue::read(reader).await?;
    }
}

fn held_by(backend: DbBackend, user_pks: impl IntoIterator<Item = i64>) -> Statement {
    let (keys, is_one) = keys(backend, user_pks);
    let version = catalogue::VERSION;
    Statement::from_sql_and_values(
        backend,
        format!(
            "SELECT {ASSIGNED}, {version}, has.user_pk, has.by_group, has.tenant_pk, has.group_pk, {TENANT}
             FROM (SELECT user_pk, role_pk, CAST(0 AS BIGINT) AS by_group, tenant_pk, CAST(NULL AS BIGINT) AS group_pk
                   FROM user_roles WHERE user_pk {is_one}
                   UNION
                   SELECT gm.user_pk, gr.role_pk, CAST(1 AS BIGINT), gr.tenant_pk,
                          CASE WHEN gr.tenant_pk IS NULL THEN NULL ELSE gr.group_pk END
                   FROM group_members gm JOIN group_roles gr ON gr.group_pk = gm.group_pk
                   WHERE gm.user_pk {is_one}) has
             JOIN roles r ON r.pk = has.role_pk
             LEFT JOIN tenants t ON t.pk = has.tenant_pk
             ORDER BY r.name, r.pk, has.tenant_pk, has.group_pk"
        ),
        [keys],
    )
}

/// Adds a role to its user; returns its size in bytes.
fn add_held(users: &mut HashMap<i64, Held>, row: &QueryResult, catalogue: &Catalogue) -> Result<usize> {
    let role = Assigned::of(role::Model::from_query_result(row, "")?, catalogue);
    let bytes = role.name.len() + role.id.len();
    let has = users.entry(row.try_get("", "user_pk")?).or_default();
    let tenant = tenant_of(row)?;
    match (&tenant, row.try_get("", "by_group")?) {
        (None, 0_i64) => has.direct.push(role),
        (None, _) => has.by_groups.push(role),
        (Some(_), _) => has.for_tenants.push(ForTenant {
            role: role.in_tenant(tenant),
            group_pk: row.try_get("", "group_pk")?,
        }),
    }
    Ok(bytes)
}

/// The roles of several groups, for the whole organization and for tenants, each sorted by name; a group without any is
/// absent.
pub async fn of_groups(
    connection: &impl Catalogued,
    group_pks: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, Vec<Assigned>>> {
    let mut groups = HashMap::new();
    let statement = carried_by(connection.get_database_backend(), group_pks);
    let rows = connection.query_all_raw(statement).await?;
    let Some(first) = rows.first() else {
        return Ok(HashMap::new());
    };
    let catalogue = catalogue::at(connection, version_of(first)?).await?;
    for row in rows {
        add_carried(&mut groups, &row, &catalogue)?;
    }
    Ok(groups)
}

/// The same for a response, to which it is charged.
pub async fn of_groups_in_answer(
    op: &OpContext,
    group_pks: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, Vec<Assigned>>> {
    let statement = carried_by(op.db().backend(), group_pks);
    in_answer(op, &statement, add_carried).await
}

fn carried_by(backend: DbBackend, group_pks: impl IntoIterator<Item = i64>) -> Statement {
    let (keys, is_one) = keys(backend, group_pks);
    let version = catalogue::VERSION;
    Statement::from_sql_and_values(
        backend,
        format!(
            "SELECT {ASSIGNED}, {version}, gr.group_pk, gr.tenant_pk, {TENANT} FROM group_roles gr JOIN roles r ON r.pk = gr.role_pk
             LEFT JOIN tenants t ON t.pk = gr.tenant_pk
             WHERE gr.group_pk {is_one} ORDER BY r.name, r.pk, gr.tenant_pk"
        ),
        [keys],
    )
}

/// Adds a role to its group; returns its size in bytes.
fn add_carried(groups: &mut HashMap<i64, Vec<Assigned>>, row: &QueryResult, catalogue: &Catalogue) -> Result<usize> {
    let role = Assigned::of(role::Model::from_query_result(row, "")?, catalogue);
    let bytes = role.name.len() + role.id.len();
    let role = role.in_tenant(tenant_of(row)?);
    groups.entry(row.try_get("", "group_pk")?).or_default().push(role);
    Ok(bytes)
}

/// Internal keys as the single parameter `$1`, and the condition that a column is among them.
pub(super) fn keys(backend: DbBackend, pks: impl IntoIterator<Item = i64>) -> (Value, String) {
    let keys = match backend {
        DbBackend::Postgres => pks.into_iter().collect::<Vec<i64>>().into(),
        _ => serde_json::Value::from_iter(pks).to_string().into(),
    };
    (keys, in_parameter(backend, "$1", "bigint[]"))
}

/// The roles for single tenants of some users, groups or invitations, as far as the caller sees them: all for who may read
/// these objects in the whole organization, those for its tenants for who may read them there, and everybody its own.
pub fn for_tenants_in_sight(
    op: &OpContext,
    resource: Resource,
    owners: impl IntoIterator<Item = (i64, Vec<ForTenant>)>,
) -> Vec<(i64, Vec<ForTenant>)> {
    let granted = op.authorize(Action::Read, resource).ok();
    let is_shown = |owner: i64, held: &ForTenant| {
        let own = resource == Resource::User && op.actor().is(owner);
        let covered = |granted: &Granted| held.role.tenant_pk.is_none_or(|pk| granted.covers_roles_for(pk));
        own || granted.as_ref().is_some_and(covered)
    };
    let owners = owners.into_iter();
    owners
        .map(|(owner, roles)| (owner, roles.into_iter().filter(|held| is_shown(owner, held)).collect()))
        .collect()
}
