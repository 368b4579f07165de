//! The client that calls an endpoint: any credential, or HTTP Basic with a user's id and one of its API keys.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::form::Form;
use crate::context::{OpContext, Presented};
use crate::model::error::{Error, Result};
use crate::model::{Actor, Caller, Faces};
use crate::request::{App, RequestInfo, presented};

/// Who calls. With HTTP Basic, the API key must be the named user's.
pub struct Client {
    presented: Arc<Presented>,
    /// The user that HTTP Basic names.
    id: Option<String>,
}

impl Client {
    pub fn read(headers: &HeaderMap, info: &RequestInfo, faces: Faces) -> Result<Self> {
        let Some(header) = headers.get(header::AUTHORIZATION).filter(|value| is_basic(value)) else {
            return Ok(Self {
                presented: presented(headers, info, faces)?,
                id: None,
            });
        };
        let ClientSecret { id, secret } = basic(header).ok_or_else(refused)?;
        let mut as_key = headers.clone();
        let bearer = HeaderValue::try_from(format!("Bearer {secret}")).map_err(|_| refused())?;
        // Replaces one value; a second header of the name is refused.
        let others = headers.get_all(header::AUTHORIZATION).iter().skip(1).cloned();
        as_key.insert(header::AUTHORIZATION, bearer);
        for other in others {
            as_key.append(header::AUTHORIZATION, other);
        }
        Ok(Self {
            presented: presented(&as_key, info, faces)?,
            id: Some(id),
        })
    }

    pub fn is_basic(&self) -> bool {
        self.id.is_some()
    }

    /// Checks the credential before the body is read. `UNAUTHENTICATED` without one.
    pub async fn owner(&self, app: &App) -> Result<Actor> {
        let actor = self.presented.owner(&app.services).await?;
        match (actor.caller(), &self.id) {
            (None, _) => Err(Error::Unauthenticated(
                "This needs a credential: HTTP Basic with a user's id and one of its API keys, or 'Authorization: Bearer'."
                    .to_owned(),
            )),
            (Some(caller), Some(id)) if !has_key(caller) || caller.user_id.as_str() != id => Err(refused()),
            (Some(_), _) => Ok(actor),
        }
    }

    pub async fn op(self, app: &App) -> Result<OpContext> {
        OpContext::of_request(Arc::clone(&app.services), self.presented).await
    }
}

/// An access token that was made from a key is no key.
fn has_key(caller: &Caller) -> bool {
    caller.api_key_pk.is_some() && caller.derived.is_none()
}

fn refused() -> Error {
    Error::Unauthenticated("This is not the id of a user with one of its API keys.".to_owned())
}

fn is_basic(value: &HeaderValue) -> bool {
    let scheme = value.as_bytes().split(|byte| *byte == b' ').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case(b"basic")
}

/// A user's id and one of its API keys, as a client sends them.
pub struct ClientSecret {
    pub id: String,
    pub secret: String,
}

/// The client that the header or the form names (RFC 6749, section 2.3.1); `None` if neither has a secret. `INVALID` for
/// both, or another header; `UNAUTHENTICATED` for a header that cannot be read.
pub fn client_secret(headers: &HeaderMap, form: &Form) -> Result<Option<ClientSecret>> {
    let (id, secret) = (form.value("client_id")?, form.value("client_secret")?);
    let Some(header) = headers.get(header::AUTHORIZATION) else {
        let named = |secret: &str| ClientSecret {
            id: id.unwrap_or_default().to_owned(),
            secret: secret.to_owned(),
        };
        return Ok(secret.map(named));
    };
    if !is_basic(header) {
        return Err(Error::invalid(
            "authorization",
            "A client authenticates with HTTP Basic, or with 'client_id' and 'client_secret' in the form.",
        ));
    }
    let client = basic(header).ok_or_else(refused)?;
    if secret.is_some() || id.is_some_and(|id| id != client.id) {
        return Err(Error::invalid(
            "client_secret",
            "The header and the form name a client. Use one of them.",
        ));
    }
    Ok(Some(client))
}

/// Both parts are form-encoded.
fn basic(value: &HeaderValue) -> Option<ClientSecret> {
    let (_, credentials) = value.to_str().ok()?.split_once(' ')?;
    let credentials = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (id, secret) = credentials.split_once(':')?;
    Some(ClientSecret {
        id: decoded(id)?,
        secret: decoded(secret)?,
    })
}

fn decoded(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    Some(
        percent_encoding::percent_decode_str(&text)
            .decode_utf8()
            .ok()?
            .into_owned(),
    )
}
