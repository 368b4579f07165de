//! Creates an API key.

use std::time::Duration;

use sea_orm::{ActiveModelTrait, EntityTrait, Set};

use super::ApiKey;
use crate::authn;
use crate::authz::escalation::{directly, may_create_key};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::user::{self, Target};
use crate::model::Permissions;
use crate::model::error::{ConflictReason, Error, OrConflict, Result};
use crate::model::{self, ApiKeyId, Timestamp};
use crate::model::{Caller, Limits, Secret};
use crate::store::audit_trail::Event;
use crate::store::catalogue::{self, Catalogued};
use crate::store::entity::{api_key as table, user as user_table};

/// A new key as the caller describes it.
#[derive(Clone, Debug, Default)]
pub struct NewApiKey {
    pub name: String,
    pub description: Option<String>,
    /// Never, by default.
    pub expires_at: Option<Timestamp>,
    /// Names; all of the owner's, by default.
    pub permissions: Option<Vec<String>>,
    /// Whether it never expires by default while impersonating too, as a client of another product expects.
    pub lasting: bool,
}

/// How long a key lasts by default that is created while impersonating.
const IMPERSONATED_LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// A key with its secret, which is shown only once.
#[derive(Clone, Debug)]
pub struct NewSecret {
    pub key: ApiKey,
    pub secret: Secret,
}

/// Creates a key for the caller. `CONFLICT` if another active key of the caller has the name.
pub async fn create(op: &OpContext, new: NewApiKey) -> Result<NewSecret> {
    op.authorize(Action::Create, Resource::ApiKey)?;
    let caller = op.actor().caller().ok_or_else(|| Error::internal("a key for nobody"))?;
    directly(op.actor(), "Creating an API key")?;
    let mut wanted = Wanted::parse(op, &new)?;
    wanted.held_by(caller)?;
    wanted = wanted.within(op, caller)?;
    let mut change = op.begin().await?;
    wanted.still_declared(&*change, &new).await?;
    change.hold_caller().await?;
    if caller.impersonator.is_none() {
        let owner = user_table::Entity::find_by_id(caller.user_pk).one(&*change).await?;
        if owner.is_some_and(|owner| owner.service) {
            return Err(Error::forbidden(
                "A service does not create API keys for itself. Its administrators create them.".to_owned(),
            ));
        }
    }
    let secret = Secret::api_key()?;
    let (key, event) = insert(&*change, op, caller.user_pk, wanted, &secret).await?;
    change.commit([event.of_caller(caller)]).await?;
    Ok(NewSecret { key, secret })
}

/// Creates a key for a service that the caller may change. The key gives no more than the caller may do, and expires no
/// later than the credential of the request. People create their own keys, so every person is `INVALID`.
pub async fn create_for_service(op: &OpContext, target: &Target, new: NewApiKey) -> Result<NewSecret> {
    let granted = op.authorize(Action::Create, Resource::ManagedApiKey)?;
    directly(op.actor(), "Creating an API key")?;
    target.must_name("user")?;
    let wanted = Wanted::parse(op, &new)?;
    // First what the caller has, so that the answer does not tell what the service has.
    op.actor().caller().map_or(Ok(()), |caller| wanted.held_by(caller))?;
    let change = op.begin().await?;
    wanted.still_declared(&*change, &new).await?;
    let owner = user::locate(&*change, &granted, target).await?;
    if !owner.service {
        return Err(Error::invalid(
            "user",
            format!(
                "The user '{}' is a person. People create their own API keys; only services get them from others.",
                owner.id
            ),
        ));
    }
    let rights = authn::rights_of(&*change, owner.pk).await?;
    if let Some(permissions) = wanted.permissions {
        let missing = permissions - rights.in_sight_of(op.actor().rights());
        if !missing.is_empty() {
            return Err(Error::invalid(
                "permissions",
                format!(
                    "The user '{}' does not have these permissions: {}.",
                    owner.id,
                    op.catalogue().names(missing).join(", ")
                ),
            ));
        }
    }
    may_create_key(op.actor(), &wanted.limits().narrow(rights))?;
    let wanted = match op.actor().caller() {
        Some(caller) => wanted.within(op, caller)?,
        None => wanted,
    };
    let secret = Secret::api_key()?;
    let (key, event) = insert(&*change, op, owner.pk, wanted, &secret).await?;
    change.commit([event.of_user(&owner)]).await?;
    Ok(NewSecret { key, secret })
}

/// Creates a key for a user, from the command line; or sets the configured one.
pub async fn create_for(op: &OpContext, target: &Target, new: NewApiKey, given: Option<Secret>) -> Result<NewSecret> {
    let granted = op.authorize(Action::Modify, Resource::User)?;
    let wanted = Wanted::parse(op, &new)?;
    let secret = match given {
        Some(secret) => secret,
        None => Secret::api_key()?,
    };
    let change = op.begin().await?;
    wanted.still_declared(&*change, &new).await?;
    let user: user_table::Model = user::locate(&*change, &granted, target).await?;
    let (key, event) = insert(&*change, op, user.pk, wanted, &secret).await?;
    change.commit([event.of_user(&user)]).await?;
    Ok(NewSecret { key, secret })
}

pub(super) struct Wanted {
    pub name: String,
    pub description: Option<String>,
    pub expires_at: Option<Timestamp>,
    pub permissions: Option<Permissions>,
    pub lasting: bool,
}

impl Wanted {
    fn limits(&self) -> Limits {
        Limits {
            permissions: self.permissions,
            ends_at: self.expires_at,
        }
    }

    /// Refuses permissions that the caller does not have.
    fn held_by(&self, caller: &Caller) -> Result<()> {
        let beyond = self.permissions.unwrap_or_default() - caller.rights.anywhere();
        if beyond.is_empty() {
            return Ok(());
        }
        let names = caller.catalogue.names(beyond);
        let message = format!("You cannot grant permissions you do not hold: {}.", names.join(", "));
        Err(Error::needing(names, message))
    }

    fn parse(op: &OpContext, new: &NewApiKey) -> Result<Self> {
        if new.expires_at.is_some_and(|expiry| expiry <= op.now()) {
            return Err(Error::invalid(
                "expiryDate",
                "'expiryDate' must be in the future.".to_owned(),
            ));
        }
        let catalogue = op.catalogue();
        let permissions = new.permissions.as_deref().map(|names| catalogue.parse(names));
        let permissions = permissions.transpose()?;
        Ok(Self {
            name: model::name("name", &new.name)?,
            description: model::description("description", new.description.as_deref())?,
            expires_at: new.expires_at,
            permissions,
            lasting: new.lasting,
        })
    }

    /// Refuses permissions that were deleted in the meantime, and keeps the others until the transaction ends.
    async fn still_declared(&self, transaction: &impl Catalogued, new: &NewApiKey) -> Result<()> {
        if self.permissions.is_none() {
            return Ok(());
        }
        let catalogue = catalogue::hold(transaction).await?;
        new.permissions
            .as_deref()
            .map_or(Ok(()), |names| catalogue.parse(names).map(drop))
    }

    /// Limits a new key by the original credential: no more permissions, and no later expiry.
    fn within(mut self, op: &OpContext, caller: &Caller) -> Result<Self> {
        let used = caller.limits;
        let by_default = while_impersonating(op, caller).filter(|_| !self.lasting);
        // The requested permissions are already within the caller's. But an impersonated user's permissions may go
        // beyond the limits of the impersonator's key.
        self.permissions = match (self.permissions, used.permissions) {
            (Some(wanted), Some(limit)) => Some(wanted & limit),
            (wanted, limit) => wanted.or(limit),
        };
        match (self.expires_at, used.ends_at) {
            (Some(wanted), Some(limit)) if wanted > limit => Err(Error::invalid(
                "expiryDate",
                format!(
                    "'expiryDate' must not be later than the expiry of the API key that you authenticated with, \
                         {limit}."
                ),
            )),
            (Some(_), _) => Ok(self),
            (None, limit) => {
                self.expires_at = [limit, by_default].into_iter().flatten().min();
                Ok(self)
            }
        }
    }
}

/// When a secret ends that is made while impersonating; `None` for callers who act as themselves.
pub(super) fn while_impersonating(op: &OpContext, caller: &Caller) -> Option<Timestamp> {
    caller
        .impersonator
        .is_some()
        .then(|| op.now().after(IMPERSONATED_LIFETIME))
}

/// Writes a new key; returns its audit event too, which still lacks the owner's organization.
pub(super) async fn insert(
    connection: &impl Catalogued,
    op: &OpContext,
    user_pk: i64,
    wanted: Wanted,
    secret: &Secret,
) -> Result<(ApiKey, Event)> {
    let now = op.now();
    let name = wanted.name.clone();
    let catalogue = connection.known().now();
    let row = table::ActiveModel {
        id: Set(ApiKeyId::from(op.new_id())),
        user_pk: Set(user_pk),
        creator_pk: Set(op.actor().caller().map(Caller::behind)),
        name: Set(wanted.name),
        description: Set(wanted.description),
        digest: Set(secret.digest()),
        prefix: Set(secret.prefix()),
        permissions: Set(wanted.permissions.map(|these| catalogue.to_stored(these))),
        expires_at: Set(wanted.expires_at),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    let row = row.insert(connection).await.or_conflict(|constraint| {
        if constraint.contains("digest") {
            Error::conflict(ConflictReason::Taken, "This key is already in use.".to_owned())
        } else {
            Error::conflict(
                ConflictReason::Taken,
                format!("An API key named '{name}' already exists."),
            )
        }
    })?;
    let event = Event::new("apiKey.create", row.pk, &row.id).named(row.name.clone());
    Ok((row.into(), event))
}
