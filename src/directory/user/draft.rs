//! A new user as it is described, checked as far as that is possible without the database.

use sea_orm::{NotSet, Set};
use uuid::Uuid;

use crate::authn::CLIENT;
use crate::directory::federated_identity::{self, FederatedIdentity};
use crate::directory::password;
use crate::directory::role::{self, OrganizationRole, RoleForTenant};
use crate::model::error::{Error, Result};
use crate::model::{self, Email, JsonText, Profile, Timestamp, UserId};
use crate::services::hasher::Password;
use crate::store::entity::user as table;

/// A new user as the caller describes it: all optional, except that an e-mail address, a user name
/// or an id is required.
#[derive(Clone, Debug, Default)]
pub struct NewUser {
    pub id: Option<String>,
    pub email: Option<String>,
    pub password: Option<Password>,
    pub name: Option<String>,
    pub firstname: Option<String>,
    pub lastname: Option<String>,
    /// What the identity provider calls the user; the empty text counts as absent.
    pub user_name: Option<String>,
    /// The identity provider's own id of the user; the empty text counts as absent.
    pub external_id: Option<String>,
    /// What else it says; see [`model::Profile`].
    pub profile: Option<serde_json::Value>,
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

/// A new user whose fields are as they may be. What they refer to is not looked up yet, and a password not hashed.
#[derive(Clone, Debug)]
pub struct Draft {
    /// As described: its home, its roles, and its password are still to be read from here.
    pub new: NewUser,
    /// The row without home and password.
    pub row: table::ActiveModel,
    pub identities: Vec<FederatedIdentity>,
}

impl Draft {
    /// `INVALID` for a field that no user can have. `new_id` makes the id of a user who is given none.
    pub fn of(new: NewUser, now: Timestamp, new_id: impl FnOnce() -> Uuid) -> Result<Self> {
        let row = described(&new, now, new_id)?;
        refuse_service_with_password(&new)?;
        let identities = federated_identity::parse(&new.federated_identities)?;
        role::few_named(&new.roles, &new.tenant_roles)?;
        if let Some(password) = &new.password {
            let email = row.email.as_ref().iter().map(Email::as_str);
            let names = email.chain(row.user_name.as_ref().as_deref());
            let own: Vec<&str> = names.chain([row.id.as_ref().as_str()]).collect();
            password::acceptable("password", password, &own)?;
        }
        if new.password.is_some() && new.password_hash.is_some() {
            return Err(Error::invalid(
                "passwordHash",
                "Provide a 'password' or a 'passwordHash', not both.".to_owned(),
            ));
        }
        Ok(Self { new, row, identities })
    }
}

/// The validated row of a new user, with the fields that the caller provides.
fn described(new: &NewUser, now: Timestamp, new_id: impl FnOnce() -> Uuid) -> Result<table::ActiveModel> {
    let email = new.email.as_deref();
    let email = email.map(|email| Email::parse("email", email)).transpose()?;
    let user_name = model::user_name("userName", new.user_name.as_deref())?;
    let id = match (&new.id, &email, &user_name) {
        (Some(id), _, _) => chosen_id(id)?,
        (None, None, None) => {
            let refused = "Provide an 'email', a 'userName' or an 'id'.".to_owned();
            return Err(Error::invalid("email", refused));
        }
        (None, _, _) => new_id().into(),
    };
    let external_id = new.external_id.as_deref();
    let external_id = external_id.map(|id| model::external_id("externalId", id)).transpose()?;
    let profile = new.profile.as_ref();
    let profile = profile.map(|profile| Profile::parse("profile", profile)).transpose()?;
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
        user_name: Set(user_name),
        external_id: Set(external_id.flatten()),
        profile: Set(profile.flatten().map(Profile::into_text)),
        activated: Set(new.activated.unwrap_or(true)),
        service: Set(new.service),
        variables: Set(variables),
        ..new_row(now)
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
        user_name: Set(None),
        user_name_key: NotSet,
        external_id: Set(None),
        profile: Set(None),
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
