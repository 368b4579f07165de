//! What a request says of its caller, kept so that it can be asked again.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::Services;
use crate::authn::{Credential, credential, impersonated, refused_impersonation};
use crate::model::Actor;
use crate::model::error::{Error, Result};

/// A credential, and whom it wants to act as. Nothing of it is believed: each look asks the database, or what this
/// process remembers of it for half a second.
#[derive(Clone, Debug)]
pub struct Presented {
    credential: Kept,
    impersonate: Option<String>,
    request_id: String,
}

/// [`Credential`] with a text of its own, which `Debug` hides.
#[derive(Clone, Debug)]
enum Kept {
    None,
    Key(SecretString),
    Token(SecretString),
    Unreadable,
}

impl Presented {
    /// The value of the `Authorization` header, if there is one, and the id of the user to act as.
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

    /// The same by nobody, for a route that looks at no credential: it heeds whom it is to act as all the same, and so is
    /// refused.
    #[must_use]
    pub fn without_credential(&self) -> Arc<Self> {
        Arc::new(Self {
            credential: Kept::None,
            ..self.clone()
        })
    }

    /// Whose credential it is. Cheap, and good enough to refuse by: the body may still be on its way.
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

    /// Who calls at this moment: the owner, or whom the owner acts as. An impersonation that cannot be honoured fails the
    /// request, which would otherwise run with the power of whoever meant to lay it down.
    pub async fn actor(&self, services: &Services) -> Result<Actor> {
        let owner = self.owner(services).await?;
        let Some(id) = &self.impersonate else {
            return Ok(owner);
        };
        // Not remembered: the right to it is looked up anew, on top of what is remembered of the credential.
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
