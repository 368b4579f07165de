//! Creates a user.

use sea_orm::{EntityTrait, NotSet, Set, TryIntoModel};

use super::User;
use super::person::takes_seat;
use crate::authn::CLIENT;
use crate::authz::{Action, Granted, Resource};
use crate::context::{Change, OpContext};
use crate::directory::federated_identity::{self, FederatedIdentity};
use crate::directory::role::{self, Assigned, OrganizationRole, RoleForTenant};
use crate::directory::{organization, password, tenant};
use crate::model::error::{ConflictReason, Error, OrConflict, Result};
use crate::model::{self, Email, JsonText, Timestamp, UserId, uuid_of};
use crate::services::hasher::Password;
use crate::store::audit_trail::Event;
use crate::store::entity::user as table;

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
    /// Names or ids, for the whole organization.
    pub roles: Vec<String>,
    /// Roles for single tenants.
    pub tenant_roles: Vec<RoleForTenant>,
    /// One more role, by id only, for AiR.
    pub role_id: Option<String>,
    /// True by default.
    pub activated: Option<bool>,
    /// Whether it is a program: without password and federated identities.
    pub service: bool,
    /// True by default; only for services.
    pub takes_seat: Option<bool>,
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
    let row = described(op, &new)?;
    refuse_service_with_password(&new)?;
    let identities = federated_identity::parse(&new.federated_identities)?;
    let password_hash = password_hash(op, &new, &row).await?;

    let mut change = op.begin().await?;
    let home = match (&new.organization_id, &new.tenant_id) {
        (None, Some(tenant)) => organization::home_of_tenant(&*change, &granted, tenant).await?,
        (named, _) => organization::home(&*change, op.actor(), &granted, named.as_deref()).await?,
    };
    let tenant = tenant::for_new(op, &*change, &granted, &home, new.tenant_id.as_deref()).await?;
    let mut roles = role::wanted(op, &*change, home.pk, new.organization_role, &new.roles).await?;
    if let Some(id) = &new.role_id {
        let role = role::resolve_id(op, &*change, home.pk, "roleId", id).await?;
        if !roles.iter().any(|known| known.role_pk == role.role_pk) {
            roles.push(role);
        }
    }
    roles.extend(role::resolve_for_tenants(op, &*change, &granted, home.pk, &new.tenant_roles).await?);
    role::grantable(op.actor(), &granted, &roles, &[])?;
    let takes_seat = takes_seat(op, home.pk, new.service, new.takes_seat, true)?;
    let row = table::ActiveModel {
        organization_pk: Set(home.pk),
        tenant_pk: Set(tenant.pk),
        takes_seat: Set(takes_seat),
        password_changed_at: Set(password_hash.is_some().then_some(op.now())),
        password_temporary: Set(new.password_temporary && password_hash.is_some()),
        password_hash: Set(password_hash),
        ..row
    };
    let inserted = insert_in_txn(&mut change, row, &roles, role::Made::by_caller(op).by).await;
    let (row, event) = inserted.inspect_err(|error| note_conflict(op, &granted, "user.create", error))?;
    if !identities.is_empty() {
        federated_identity::replace_in_txn(&*change, row.pk, &identities).await?;
    }
    if row.activated && row.takes_seat {
        organization::take_seat(&mut change, &home, Some(&granted)).await?;
    }
    let into = tenant.label.iter().map(|tenant| tenant.mention().added());
    change.commit([event.about(into)]).await?;
    Ok(row.into())
}

/// The validated row of a new user, with the fields that the caller provides.
fn described(op: &OpContext, new: &NewUser) -> Result<table::ActiveModel> {
    let email = new.email.as_deref();
    let email = email.map(|email| Email::parse("email", email)).transpose()?;
    let id = match (&new.id, &email) {
        (Some(id), _) => chosen_id(id)?,
        (None, Some(_)) => op.new_id().into(),
        (None, None) => return Err(Error::invalid("email", "Provide an 'email' or an 'id'.".to_owned())),
    };
    let name = model::optional("name", new.name.as_deref())?;
    let firstname = model::optional("firstname", new.firstname.as_deref())?;
    let lastname = model::optional("lastname", new.lastname.as_deref())?;
    let variables = JsonText::object("variables", new.variables.as_ref())?;
    Ok(table::ActiveModel {
        id: Set(id),
        email: Set(email),
        name: Set(name),
        firstname: Set(firstname),
        lastname: Set(lastname),
        activated: Set(new.activated.unwrap_or(true)),
        service: Set(new.service),
        variables: Set(variables),
        ..new_row(op.now())
    })
}

/// An id that the caller chooses. One is reserved: access tokens name a user as their client (`client_id`), or with this
/// word this server itself.
pub fn chosen_id(id: &str) -> Result<UserId> {
    match id {
        CLIENT => Err(Error::invalid(
            "id",
            format!("The id '{CLIENT}' is reserved. Choose another one."),
        )),
        _ => UserId::parse("id", id),
    }
}

/// A service has no way to sign in.
fn refuse_service_with_password(new: &NewUser) -> Result<()> {
    let given = [
        ("password", new.password.is_some()),
        ("passwordHash", new.password_hash.is_some()),
        ("federatedIdentities", !new.federated_identities.is_empty()),
    ];
    match given.into_iter().find(|(_, is)| *is && new.service) {
        Some((field, _)) => Err(Error::invalid(
            field,
            format!("A service cannot sign in, so '{field}' must not be given. Create an API key for it."),
        )),
        None => Ok(()),
    }
}

/// An empty row with timestamps.
pub(crate) fn new_row(now: Timestamp) -> table::ActiveModel {
    table::ActiveModel {
        pk: NotSet,
        id: NotSet,
        organization_pk: NotSet,
        tenant_pk: Set(None),
        email: Set(None),
        email_verified_at: Set(None),
        name: Set(None),
        firstname: Set(None),
        lastname: Set(None),
        activated: Set(true),
        service: Set(false),
        takes_seat: Set(true),
        variables: Set(None),
        password_hash: Set(None),
        password_changed_at: Set(None),
        password_temporary: Set(false),
        password_verified_at: Set(None),
        email_changed_at: Set(None),
        last_seen_at: Set(None),
        sort_name: NotSet,
        words: NotSet,
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
    }
}

/// The hash of the given password, or the given hash in the form to store. Hashing takes the most time, so it is done
/// before the transaction, without holding locks.
async fn password_hash(op: &OpContext, new: &NewUser, row: &table::ActiveModel) -> Result<Option<String>> {
    if let Some(password) = &new.password {
        let email = row.email.as_ref().iter().map(Email::as_str);
        let own: Vec<&str> = email.chain([row.id.as_ref().as_str()]).collect();
        password::acceptable("password", password, &own)?;
    }
    let organization = op.actor().caller().map(|caller| caller.organization_pk);
    match (&new.password, &new.password_hash) {
        (Some(_), Some(_)) => Err(Error::invalid(
            "passwordHash",
            "Provide a 'password' or a 'passwordHash', not both.".to_owned(),
        )),
        (Some(password), None) => Ok(Some(op.hasher().hash(organization, password).await?)),
        (None, Some(hash)) => Ok(Some(op.hasher().accept("passwordHash", organization, hash).await?)),
        (None, None) => Ok(None),
    }
}

/// Writes a new user with its roles, which `by` gives it; returns its audit event too. `CONFLICT` for an id or address that
/// is taken. The roles are written right before the commit.
pub(crate) async fn insert_in_txn(
    change: &mut Change<'_>,
    row: table::ActiveModel,
    roles: &[Assigned],
    by: Option<i64>,
) -> Result<(table::Model, Event)> {
    let mut row = row.complete()?;
    // Only the key is unknown, so this is not `insert`, which makes the database return the whole row.
    let inserted = table::Entity::insert(row.clone())
        .exec(&**change)
        .await
        .or_conflict(|constraint| taken(constraint, row.id.as_ref(), row.email.as_ref().as_ref()))?;
    row.pk = Set(inserted.last_insert_id);
    let row = row.try_into_model()?;
    let made = role::Made { at: row.created_at, by };
    change.insert_last(role::assigning(row.pk, row.organization_pk, roles, made));
    let given = roles.iter().map(|role| role.mention().added());
    let event = Event::new("user.create", row.pk, &row.id)
        .of_user(&row)
        .counting(None, Some(&row))
        .about(given);
    Ok((row, event))
}

/// A conflict tells callers who manage single tenants that somebody outside has an address or id, which cannot be hidden
/// from who wants to take it. So the organization's administrators see who tried.
pub(super) fn note_conflict(op: &OpContext, granted: &Granted, action: &str, error: &Error) {
    if matches!(error, Error::Conflict(_)) && granted.tenants().is_some() {
        op.note_refusal(action);
    }
}

/// What a violated unique constraint of `users` means.
pub(crate) fn taken(constraint: &str, id: &UserId, email: Option<&Email>) -> Error {
    // SQLite reports the column, PostgreSQL the constraint; both contain the word.
    match email {
        Some(email) if constraint.contains("email") => Error::conflict(ConflictReason::Taken, address_taken(email)),
        Some(_) | None if uuid_of(id.as_str()).is_some() => Error::conflict(
            ConflictReason::Taken,
            format!("A user with the id '{id}', or the same UUID in another spelling, already exists."),
        ),
        Some(_) | None => Error::conflict(
            ConflictReason::Taken,
            format!("A user with the id '{id}' already exists."),
        ),
    }
}

/// The message for an address that is taken.
pub(crate) fn address_taken(email: &Email) -> String {
    format!("A user with the e-mail address '{email}' already exists.")
}
