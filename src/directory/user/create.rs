//! Creates a user.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, NotSet, QueryFilter, QuerySelect, Set, TryIntoModel};

use super::{User, seats};
use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::directory::federated_identity::{self, FederatedIdentity};
use crate::directory::password;
use crate::directory::role::{self, Assigned, OrganizationRole};
use crate::model::error::{Error, OrConflict, Result};
use crate::model::{self, Email, JsonText, TenantId, UserId, uuid_of};
use crate::services::hasher::Password;
use crate::store::audit_trail::Event;
use crate::store::entity::{organization, tenant, user as table};

/// A new user as the caller describes it: all optional, except that an e-mail address or an id is required.
#[derive(Clone, Debug, Default)]
pub struct NewUser {
    pub id: Option<String>,
    pub email: Option<String>,
    pub password: Option<Password>,
    pub name: Option<String>,
    pub firstname: Option<String>,
    pub lastname: Option<String>,
    /// The tenant's by default, or else the caller's; only a super admin can specify another one.
    pub organization_id: Option<String>,
    /// The caller's by default, if the user belongs to the caller's organization; otherwise none.
    pub tenant_id: Option<String>,
    pub organization_role: Option<OrganizationRole>,
    /// Names or ids.
    pub roles: Vec<String>,
    /// One more role, by id only, for AiR.
    pub role_id: Option<String>,
    /// True by default.
    pub activated: Option<bool>,
    pub variables: Option<serde_json::Value>,
    /// Instead of a password: its hash, for importing a user.
    pub password_hash: Option<String>,
    /// The password must be changed before signing in.
    pub password_temporary: bool,
    pub federated_identities: Vec<FederatedIdentity>,
}

/// Creates a user. `CONFLICT` for an id or address that is taken, `SEAT_LIMIT_REACHED` above the organization's limit,
/// `FORBIDDEN` for a role beyond the caller's own permissions.
pub async fn create(op: &OpContext, new: NewUser) -> Result<User> {
    let granted = op.authorize(Action::Create, Resource::User)?;
    let email = new
        .email
        .as_deref()
        .map(|email| Email::parse("email", email))
        .transpose()?;
    let id = match (&new.id, &email) {
        (Some(id), _) => UserId::parse("id", id)?,
        (None, Some(_)) => op.new_id().into(),
        (None, None) => return Err(Error::invalid("email", "Provide an 'email' or an 'id'.".to_owned())),
    };
    let name = model::optional("name", new.name.as_deref())?;
    let firstname = model::optional("firstname", new.firstname.as_deref())?;
    let lastname = model::optional("lastname", new.lastname.as_deref())?;
    let variables = new
        .variables
        .as_ref()
        .map(|json| JsonText::object("variables", json))
        .transpose()?;
    let activated = new.activated.unwrap_or(true);
    let federated_identities = federated_identity::parse(&new.federated_identities)?;
    if let Some(password) = &new.password {
        let own: Vec<&str> = email.iter().map(Email::as_str).chain([id.as_str()]).collect();
        password::acceptable("password", password, &own)?;
    }
    if let Some(hash) = &new.password_hash {
        if new.password.is_some() {
            return Err(Error::invalid(
                "passwordHash",
                "Provide a 'password' or a 'passwordHash', not both.".to_owned(),
            ));
        }
        op.hasher().accept("passwordHash", hash).await?;
    }
    // Hashing takes the most time, so it is done before the transaction, without holding locks.
    let password_hash = match &new.password {
        Some(password) => {
            let organization = op.actor().caller().map(|caller| caller.organization_pk);
            Some(op.hasher().hash(organization, password).await?)
        }
        None => new.password_hash.clone(),
    };

    let now = op.now();
    let mut change = op.begin().await?;
    let home = match (&new.organization_id, &new.tenant_id) {
        (None, Some(tenant)) => crate::directory::organization::home_of_tenant(&*change, &granted, tenant).await?,
        (named, _) => crate::directory::organization::home(&*change, op.actor(), &granted, named.as_deref()).await?,
    };
    let tenant_pk = match (&new.tenant_id, op.actor().caller()) {
        (Some(id), _) => Some(tenant_of(&*change, &granted, &home, id).await?),
        (None, Some(caller)) if caller.organization_pk == home.pk => caller.tenant_pk,
        (None, _) => None,
    };
    let mut roles = wanted_roles(op, &*change, home.pk, new.organization_role, &new.roles).await?;
    if let Some(id) = &new.role_id {
        let role = role::resolve_id(op, &*change, home.pk, "roleId", id).await?;
        if !roles.iter().any(|known| known.role_pk == role.role_pk) {
            roles.push(role);
        }
    }
    role::grantable(op.actor(), &roles, &[])?;
    if activated {
        seats::take(&*change, &home).await?;
    }
    let mut row = table::ActiveModel {
        id: Set(id.clone()),
        organization_pk: Set(home.pk),
        tenant_pk: Set(tenant_pk),
        email: Set(email.clone()),
        name: Set(name),
        firstname: Set(firstname),
        lastname: Set(lastname),
        activated: Set(activated),
        variables: Set(variables),
        password_changed_at: Set(password_hash.is_some().then_some(now)),
        password_temporary: Set(new.password_temporary && password_hash.is_some()),
        password_hash: Set(password_hash),
        email_verified_at: Set(None),
        last_seen_at: Set(None),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
        pk: NotSet,
    };
    // Only the key is unknown, so this is not `insert`, which makes the database return the whole row.
    let inserted = table::Entity::insert(row.clone())
        .exec(&*change)
        .await
        .or_conflict(|constraint| taken(constraint, &id, email.as_ref()))?;
    row.pk = Set(inserted.last_insert_id);
    let row = row.try_into_model()?;
    role::replace_in_txn(&*change, row.pk, &[], &roles, now).await?;
    if !federated_identities.is_empty() {
        federated_identity::replace_in_txn(&*change, row.pk, &federated_identities).await?;
    }
    change
        .record(Event::new("user.create", row.pk, &row.id).of_organization(home.pk))
        .await?;
    change.commit().await?;
    Ok(row.into())
}

/// What a violated unique constraint of `users` means.
pub(crate) fn taken(constraint: &str, id: &UserId, email: Option<&Email>) -> Error {
    // SQLite reports the column, PostgreSQL the constraint; both contain the word.
    match email {
        Some(email) if constraint.contains("email") => Error::Conflict(address_taken(email)),
        Some(_) | None if uuid_of(id.as_str()).is_some() => Error::Conflict(format!(
            "A user with the id '{id}', or the same UUID in another spelling, already exists."
        )),
        Some(_) | None => Error::Conflict(format!("A user with the id '{id}' already exists.")),
    }
}

/// The message for an address that is taken.
pub(crate) fn address_taken(email: &Email) -> String {
    format!("A user with the e-mail address '{email}' already exists.")
}

/// A tenant of this organization; it cannot be deleted until the transaction ends. `NOT_FOUND` for one outside the
/// caller's scope, `INVALID` for one of another organization within the scope.
pub(crate) async fn tenant_of(
    connection: &impl ConnectionTrait,
    granted: &Granted,
    home: &organization::Model,
    id: &str,
) -> Result<i64> {
    let not_found = || Error::no_such("tenant", "id", id);
    let known = TenantId::existing(id).ok_or_else(not_found)?;
    let found: Option<(i64, i64)> = tenant::Entity::find()
        .select_only()
        .columns([tenant::Column::Pk, tenant::Column::OrganizationPk])
        .filter(tenant::within(granted))
        .filter(tenant::Column::Id.eq(known))
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

/// The roles that `organizationRole` and `roles` specify together.
pub(crate) async fn wanted_roles(
    op: &OpContext,
    connection: &impl ConnectionTrait,
    organization_pk: i64,
    organization_role: Option<OrganizationRole>,
    named: &[String],
) -> Result<Vec<Assigned>> {
    let mut roles = role::resolve(op, connection, organization_pk, "roles", named).await?;
    if let Some(view) = organization_role {
        let role = role::built_in(op, connection, view.role()).await?;
        if !roles.iter().any(|known| known.role_pk == role.role_pk) {
            roles.push(role);
        }
    }
    Ok(roles)
}
