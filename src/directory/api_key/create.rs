//! Creates an API key.

use sea_orm::{ActiveModelTrait, ConnectionTrait, Set};

use super::ApiKey;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::user::{self, Target};
use crate::model::Permissions;
use crate::model::error::{ConflictReason, Error, OrConflict, Result};
use crate::model::{self, ApiKeyId, Timestamp};
use crate::model::{Limits, Secret};
use crate::store::audit_trail::Event;
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
}

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
    let mut wanted = Wanted::parse(op, &new)?;
    if let Some(permissions) = wanted.permissions {
        let beyond = permissions - caller.rights.anywhere();
        if !beyond.is_empty() {
            let names = beyond.names().join(", ");
            let message = format!("You cannot grant permissions you do not hold: {names}.");
            return Err(Error::needing(beyond, message));
        }
    }
    wanted = wanted.within(caller.limits)?;
    let mut change = op.begin().await?;
    change.hold_caller().await?;
    let secret = Secret::api_key()?;
    let (key, event) = insert(&*change, op, caller.user_pk, wanted, &secret).await?;
    change.commit([event.of_caller(caller)]).await?;
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
}

impl Wanted {
    fn parse(op: &OpContext, new: &NewApiKey) -> Result<Self> {
        if new.expires_at.is_some_and(|expiry| expiry <= op.now()) {
            return Err(Error::invalid(
                "expiryDate",
                "'expiryDate' must be in the future.".to_owned(),
            ));
        }
        let permissions = new.permissions.as_deref().map(Permissions::parse).transpose()?;
        Ok(Self {
            name: model::name("name", &new.name)?,
            description: model::description("description", new.description.as_deref())?,
            expires_at: new.expires_at,
            permissions,
        })
    }

    /// Limits a new key by the original credential: no more permissions, and no later expiry.
    fn within(mut self, used: Limits) -> Result<Self> {
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
                self.expires_at = limit;
                Ok(self)
            }
        }
    }
}

/// Writes a new key; returns its audit event too, which still lacks the owner's organization.
pub(super) async fn insert(
    connection: &impl ConnectionTrait,
    op: &OpContext,
    user_pk: i64,
    wanted: Wanted,
    secret: &Secret,
) -> Result<(ApiKey, Event)> {
    let now = op.now();
    let name = wanted.name.clone();
    let row = table::ActiveModel {
        id: Set(ApiKeyId::from(op.new_id())),
        user_pk: Set(user_pk),
        name: Set(wanted.name),
        description: Set(wanted.description),
        digest: Set(secret.digest()),
        prefix: Set(secret.prefix()),
        permissions: Set(wanted.permissions.map(Permissions::to_stored)),
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
