//! The credential that a request presents, kept so that it can be checked again.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretSlice};

use super::Services;
use crate::authn::{Accepted, Credential, credential, impersonated, refused_impersonation};
use crate::model::error::{Error, Result};
use crate::model::{Actor, Client, Faces};

/// A credential, and the user to impersonate, if any. It is not trusted: every check asks the database, or this
/// process's cache of half a second.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The value of the `Authorization` header; `Debug` hides it.
    authorization: Option<SecretSlice<u8>>,
    impersonate: Option<String>,
    /// The resource server whose access tokens are accepted too.
    resource: Option<String>,
    request_id: Arc<str>,
    client: Client,
}

impl Presented {
    /// The value of the `Authorization` header, if there is one, and the id of the user to impersonate.
    pub fn new(authorization: Option<&[u8]>, impersonate: Option<&str>, request_id: &Arc<str>, client: Client) -> Self {
        Self {
            authorization: authorization.map(|value| value.to_vec().into()),
            impersonate: impersonate.map(str::to_owned),
            resource: None,
            request_id: Arc::clone(request_id),
            client,
        }
    }

    /// The same without the credential, for a route that ignores credentials. A request to impersonate is kept, and so
    /// is refused.
    #[must_use]
    pub fn without_credential(&self) -> Arc<Self> {
        Arc::new(Self {
            authorization: None,
            ..self.clone()
        })
    }

    /// The same for a question that this resource server asks: tokens for it are accepted too. Nobody impersonates with them.
    #[must_use]
    pub fn also_for(&self, resource: Option<&str>) -> Arc<Self> {
        Arc::new(Self {
            resource: resource.map(str::to_owned),
            ..self.clone()
        })
    }

    /// Whether it asks to impersonate somebody.
    pub fn impersonates(&self) -> bool {
        self.impersonate.is_some()
    }

    /// The credential, as [`credential`] reads it with these faces.
    pub fn credential(&self, faces: Faces) -> Credential<'_> {
        let authorization = self.authorization.as_ref().map(|value| value.expose_secret());
        credential(authorization, faces)
    }

    pub fn request_id(&self) -> Arc<str> {
        Arc::clone(&self.request_id)
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The owner of the credential. A cheap check, so that a request can be refused before its body has arrived.
    pub async fn owner(&self, services: &Services) -> Result<Actor> {
        let accepted = match (&self.resource, &self.impersonate) {
            (Some(resource), None) => Accepted::OwnAnd(resource),
            (None, _) | (_, Some(_)) => Accepted::Own,
        };
        services
            .credentials
            .actor(
                &services.db,
                &services.signing,
                self.credential(services.faces()),
                accepted,
                services.clock.now(),
            )
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
                .note(refusal, &self.client, &self.request_id, services.clock.now());
        }
        Ok(Actor::user(target?))
    }
}
