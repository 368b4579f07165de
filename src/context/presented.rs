//! The credential that a request presents, kept so that it can be checked again.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::Services;
use crate::authn::{Credential, credential, impersonated, refused_impersonation};
use crate::model::Actor;
use crate::model::error::{Error, Result};

/// A credential, and the user to impersonate, if any. It is not trusted: every check asks the database, or this
/// process's cache of half a second.
#[derive(Clone, Debug)]
pub struct Presented {
    credential: Kept,
    impersonate: Option<String>,
    request_id: String,
}

/// An owned [`Credential`], whose text `Debug` hides.
#[derive(Clone, Debug)]
enum Kept {
    None,
    Key(SecretString),
    Token(SecretString),
    Unreadable,
}

impl Presented {
    /// The value of the `Authorization` header, if there is one, and the id of the user to impersonate.
    pub fn new(authorization: Option<&[u8]>, impersonate: Option<&str>, request_id: &str) -> Self {
        Self {
            credential: match credential(authorization) {
                Credential::None => Kept::None,
                Credential::Key(text) => Kept::Key(text.into()),
                Credential::Token(text) => Kept::Token(text.into()),
                Credential::Unreadable => Kept::Unreadable,
            },
            impersonate: impersonate.map(str::to_owned),
            request_id: request_id.to_owned(),
        }
    }

    /// The same without the credential, for a route that ignores credentials. A request to impersonate is kept, and so
    /// is refused.
    #[must_use]
    pub fn without_credential(&self) -> Arc<Self> {
        Arc::new(Self {
            credential: Kept::None,
            ..self.clone()
        })
    }

    /// The owner of the credential. A cheap check, so that a request can be refused before its body has arrived.
    pub async fn owner(&self, services: &Services) -> Result<Actor> {
        let credential = match &self.credential {
            Kept::None => Credential::None,
            Kept::Key(text) => Credential::Key(text.expose_secret()),
            Kept::Token(text) => Credential::Token(text.expose_secret()),
            Kept::Unreadable => Credential::Unreadable,
        };
        services
            .credentials
            .actor(&services.db, &services.signing, credential, services.clock.now())
            .await
    }

    /// The current caller: the owner, or the impersonated user. If the impersonation is not possible, the request
    /// fails; otherwise it would run with the owner's own, larger permissions.
    pub async fn actor(&self, services: &Services) -> Result<Actor> {
        let owner = self.owner(services).await?;
        let Some(id) = &self.impersonate else {
            return Ok(owner);
        };
        // Not cached: only the credential is cached, and the right to impersonate is looked up every time.
        let target = impersonated(services.db.reader(), &owner, id).await;
        if let Err(Error::Forbidden(_) | Error::NotFound(_)) = &target {
            let refusal = refused_impersonation(services.db.reader(), &owner, Some(id), None).await?;
            services
                .refusals
                .note(refusal, None, &self.request_id, services.clock.now());
        }
        Ok(Actor::user(target?))
    }
}
