//! Changes a user.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, Set};

use super::create::{taken, tenant_of};
use super::{Target, User, locate, seats};
use crate::authz::escalation::{as_oneself, may_grant, may_manage, unlimited};
use crate::authz::{Action, Granted, Resource, Scope};
use crate::context::OpContext;
use crate::directory::email_verification;
use crate::directory::federated_identity::{self, FederatedIdentity};
use crate::directory::group;
use crate::directory::role::{self, Assigned, Held, OrganizationRole, union};
use crate::directory::session;
use crate::list::expect_version;
use crate::model::Permissions;
use crate::model::error::{Error, OrConflict, Result};
use crate::model::{self, Email, JsonText, Timestamp};
use crate::store::audit_trail::Event;
use crate::store::entity::{api_key, organization, user as table};

/// A field that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clearable {
    Email,
    Name,
    Firstname,
    Lastname,
    Tenant,
    Variables,
}

/// The changes; `None` leaves a field unchanged. The empty string clears a name or the tenant.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    pub email: Option<String>,
    pub name: Option<String>,
    pub firstname: Option<String>,
    pub lastname: Option<String>,
    pub organization_id: Option<String>,
    pub tenant_id: Option<String>,
    /// A move to another organization without a tenant is refused instead of clearing the tenant.
    pub tenant_stays: bool,
    /// Replaces the built-in roles and leaves the organization's own.
    pub organization_role: Option<OrganizationRole>,
    /// Replaces all direct roles; names or ids.
    pub roles: Option<Vec<String>>,
    /// AiR's view of the roles, by id: replaces all direct roles, unless it is what [`role::Held::role_id`] already
    /// shows.
    pub role_id: Option<String>,
    /// Wallaroo's view of the roles: whether the user is an administrator. True sets `organization_role` to
    /// [`OrganizationRole::Admin`], false to [`OrganizationRole::User`], unless nothing changes.
    pub is_admin: Option<bool>,
    pub activated: Option<bool>,
    pub variables: Option<serde_json::Value>,
    /// Replaces the current ones.
    pub federated_identities: Option<Vec<FederatedIdentity>>,
    pub clear: Vec<Clearable>,
}

/// Changes only the given fields; changes nothing if it fails. `CONFLICT` for an address that is taken, or if
/// `expected_version` is given and the row has changed.
pub async fn update(
    op: &OpContext,
    target: &Target,
    wanted: UserChange,
    expected_version: Option<i64>,
) -> Result<User> {
    update_as(op, "user.update", target, wanted, expected_version).await
}

pub(super) async fn update_as(
    op: &OpContext,
    action: &'static str,
    target: &Target,
    wanted: UserChange,
    expected_version: Option<i64>,
) -> Result<User> {
    let granted = op.authorize(Action::Modify, Resource::User)?;
    let new_email = wanted
        .email
        .as_deref()
        .map(|email| Email::parse("email", email))
        .transpose()?;
    let name = model::clearable("name", wanted.name.as_deref())?;
    let firstname = model::clearable("firstname", wanted.firstname.as_deref())?;
    let lastname = model::clearable("lastname", wanted.lastname.as_deref())?;
    let variables = wanted
        .variables
        .as_ref()
        .map(|json| JsonText::object("variables", json))
        .transpose()?;
    let clears = |field| wanted.clear.contains(&field);
    let email = model::cleared("email", new_email.clone().map(Some), clears(Clearable::Email))?;
    let name = model::cleared("name", name, clears(Clearable::Name))?;
    let firstname = model::cleared("firstname", firstname, clears(Clearable::Firstname))?;
    let lastname = model::cleared("lastname", lastname, clears(Clearable::Lastname))?;
    let variables = model::cleared("variables", variables.map(Some), clears(Clearable::Variables))?;
    let tenant_id = wanted
        .tenant_id
        .as_deref()
        .map(|id| Some(id).filter(|id| !id.is_empty()));
    let tenant_id = model::cleared("tenantId", tenant_id, clears(Clearable::Tenant))?;
    let identities = wanted
        .federated_identities
        .as_deref()
        .map(federated_identity::parse)
        .transpose()?;

    let mut change = op.begin().await?;
    let row = locate(&*change, &granted, target).await?;
    if op.actor().is(row.pk) {
        // Before the caller's own access changes.
        change.hold_caller().await?;
    }
    expect_version(row.version, expected_version)?;
    let Held {
        direct: had,
        mut by_groups,
    } = role::held(&*change, [row.pk])
        .await?
        .remove(&row.pk)
        .unwrap_or_default();
    let permissions = union(had.iter().chain(&by_groups));
    may_manage(op.actor(), permissions)?;

    let mut fields = Vec::new();
    let mut new = row.clone().into_active_model();
    let mut set = |changes: bool, field: &'static str| {
        if changes {
            fields.push(field);
        }
        changes
    };
    if let Some(email) = email
        && set(email != row.email, "email")
    {
        // The owner of the address can request a password reset by mail.
        if op.actor().is(row.pk) {
            as_oneself(op.actor(), "Changing your e-mail address")?;
        }
        if op.actor().is_behind(row.pk) {
            unlimited(op.actor(), "Changing your e-mail address")?;
        }
        new.email = Set(email);
        new.email_verified_at = Set(None);
    }
    if let Some(name) = name
        && set(name != row.name, "name")
    {
        new.name = Set(name);
    }
    if let Some(firstname) = firstname
        && set(firstname != row.firstname, "firstname")
    {
        new.firstname = Set(firstname);
    }
    if let Some(lastname) = lastname
        && set(lastname != row.lastname, "lastname")
    {
        new.lastname = Set(lastname);
    }
    if let Some(variables) = variables
        && set(variables != row.variables, "variables")
    {
        new.variables = Set(variables);
    }
    let had_identities = match &identities {
        Some(_) => federated_identity::of_users(&*change, [row.pk]).await?.remove(&row.pk),
        None => None,
    };
    let identities =
        identities.filter(|wanted| set(*wanted != had_identities.unwrap_or_default(), "federatedIdentities"));

    // The organization first, because tenant, roles and seats depend on it.
    let home = new_home(op, &*change, &granted, &row, wanted.organization_id.as_deref()).await?;
    let moves = home.pk != row.organization_pk;
    if set(moves, "organizationId") {
        new.organization_pk = Set(home.pk);
    }
    let tenant_pk = match tenant_id {
        Some(None) => None,
        Some(Some(id)) => Some(tenant_of(&*change, &granted, &home, id).await?),
        None if moves && wanted.tenant_stays && row.tenant_pk.is_some() => {
            return Err(Error::invalid(
                "tenantId",
                format!(
                    "The user's tenant does not belong to the organization '{}'; specify one that does.",
                    home.id
                ),
            ));
        }
        None if moves => None,
        None => row.tenant_pk,
    };
    if set(tenant_pk != row.tenant_pk, "tenantId") {
        new.tenant_pk = Set(tenant_pk);
    }

    // Roles: first the ones that are kept, then the requested ones.
    let kept: Vec<Assigned> = had
        .iter()
        .filter(|role| !moves || (role.built_in.is_some() && may_grant(op.actor(), role.permissions).is_ok()))
        .cloned()
        .collect();
    if moves {
        by_groups.clear();
    }
    let roles = new_roles(op, &*change, home.pk, &kept, &by_groups, &wanted).await?;
    role::grantable(op.actor(), &roles, &kept)?;
    let role_keys = |roles: &[Assigned]| {
        let mut keys: Vec<i64> = roles.iter().map(|role| role.role_pk).collect();
        keys.sort_unstable();
        keys
    };
    let roles_change = set(role_keys(&roles) != role_keys(&had), "roles");
    let myself = op.actor().is(row.pk);
    let permitted = union(roles.iter().chain(&by_groups));
    if (roles_change || moves) && myself && !permitted.contains(permissions) {
        return Err(Error::invalid(
            "roles",
            "You cannot remove permissions from yourself.".to_owned(),
        ));
    }

    let activated = wanted.activated.unwrap_or(row.activated);
    if set(activated != row.activated, "activated") {
        if myself && !activated {
            return Err(Error::invalid(
                "activated",
                "You cannot deactivate yourself.".to_owned(),
            ));
        }
        new.activated = Set(activated);
    }
    if activated && (!row.activated || moves) {
        seats::take(&*change, &home).await?;
    }
    let leaves_super_admins = permissions.contains(Permissions::EVERY_ORGANIZATION)
        && (!permitted.contains(Permissions::EVERY_ORGANIZATION) || (row.activated && !activated));

    if fields.is_empty() {
        return Ok(row.into());
    }
    // Before the row itself: a group member cannot leave the organization of its groups.
    if moves && group::leave_all_in_txn(&*change, row.pk).await? {
        fields.push("groups");
    }
    new.version = Set(row.version + 1);
    new.updated_at = Set(op.now().later_than(row.updated_at));
    let updated = new
        .update(&*change)
        .await
        .or_conflict(|constraint| taken(constraint, &row.id, new_email.as_ref()))?;
    role::replace_in_txn(&*change, row.pk, &had, &roles, op.now()).await?;
    if leaves_super_admins {
        role::keep_a_super_admin(&*change).await?;
    }
    if let Some(identities) = &identities {
        federated_identity::replace_in_txn(&*change, row.pk, identities).await?;
    }
    let email_changes = fields.contains(&"email");
    if email_changes {
        email_verification::void_tokens_in_txn(&*change, row.pk).await?;
    }
    let mut event = Event::new(action, row.pk, &row.id).of_organization(row.organization_pk);
    if row.activated && !activated {
        session::end_all(&*change, row.pk, op.now()).await?;
    }
    if moves {
        end_access(&*change, op, row.pk).await?;
        // The new organization gets an event too.
        change
            .record(Event::new("user.arrive", row.pk, &row.id).of_organization(home.pk))
            .await?;
    }
    if moves || roles_change || activated != row.activated || email_changes || fields.contains(&"tenantId") {
        event = event.access();
    }
    if email_changes && let Some(old) = &row.email {
        email_verification::tell_old_address_in_txn(&*change, op, old, &updated).await?;
    }
    change.record(event.fields(fields)).await?;
    change.commit().await?;
    Ok(updated.into())
}

/// Records a change outside the user's row, such as of its roles.
pub async fn touch_in_txn(
    connection: &impl ConnectionTrait,
    row: &table::Model,
    now: Timestamp,
) -> Result<table::Model> {
    let mut new = row.clone().into_active_model();
    new.version = Set(row.version + 1);
    new.updated_at = Set(now.later_than(row.updated_at));
    Ok(new.update(connection).await?)
}

/// The new organization of the user. Moving requires access to both.
async fn new_home(
    op: &OpContext,
    connection: &impl ConnectionTrait,
    granted: &Granted,
    row: &table::Model,
    wanted: Option<&str>,
) -> Result<organization::Model> {
    match wanted.filter(|id| !id.is_empty()) {
        Some(id) => {
            let home = crate::directory::organization::home(connection, op.actor(), granted, Some(id)).await?;
            if home.pk != row.organization_pk && op.actor().is(row.pk) && granted.scope() != Scope::Everything {
                return Err(Error::invalid("organizationId", "You cannot move yourself.".to_owned()));
            }
            Ok(home)
        }
        None => organization::Entity::find_by_id(row.organization_pk)
            .one(connection)
            .await?
            .ok_or_else(|| Error::internal("a user without its organization")),
    }
}

async fn new_roles(
    op: &OpContext,
    connection: &impl ConnectionTrait,
    organization_pk: i64,
    kept: &[Assigned],
    by_groups: &[Assigned],
    wanted: &UserChange,
) -> Result<Vec<Assigned>> {
    let mut roles = match &wanted.roles {
        Some(named) => role::resolve(op, connection, organization_pk, "roles", named).await?,
        None => kept.to_vec(),
    };
    // Setting a view to what it already shows changes nothing.
    if let Some(id) = &wanted.role_id {
        let only = role::resolve_id(op, connection, organization_pk, "roleId", id).await?;
        let shown = Held {
            direct: roles.clone(),
            by_groups: by_groups.to_vec(),
        };
        if only.id != shown.role_id() {
            roles = vec![only];
        }
    }
    let shown = OrganizationRole::of(roles.iter().chain(by_groups));
    let view = match wanted.is_admin {
        Some(is_admin) if is_admin != (shown == Some(OrganizationRole::Admin)) => Some(match is_admin {
            true => OrganizationRole::Admin,
            false => OrganizationRole::User,
        }),
        Some(_) | None => wanted.organization_role,
    };
    if let Some(view) = view
        && shown != Some(view)
    {
        roles.retain(|role| role.built_in.is_none());
        roles.push(role::built_in(op, connection, view.role()).await?);
    }
    Ok(roles)
}

/// When a user leaves an organization, its keys and sessions end.
async fn end_access(connection: &impl ConnectionTrait, op: &OpContext, user_pk: i64) -> Result<()> {
    api_key::Entity::update_many()
        .col_expr(api_key::Column::RevokedAt, Expr::val(op.now().micros()))
        .col_expr(api_key::Column::UpdatedAt, Expr::val(op.now().micros()))
        .col_expr(api_key::Column::Version, Expr::col(api_key::Column::Version).add(1))
        .filter(api_key::Column::UserPk.eq(user_pk))
        .filter(api_key::in_force(op.now()))
        .exec(connection)
        .await?;
    session::end_all(connection, user_pk, op.now()).await
}
