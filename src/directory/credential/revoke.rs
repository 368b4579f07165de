//! Ends a credential that somebody holds (RFC 7009). Nothing else is needed: somebody who finds a leaked one can end it.

use crate::authn::{Credential, credential};
use crate::context::OpContext;
use crate::directory::{api_key, session};
use crate::model::error::Result;
use crate::model::{Faces, family_of};

/// What was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    ApiKey,
    Session,
    /// It is a token that was made from an API key: it ends with the key, or in some minutes.
    NotAlone,
    /// The credential is unknown, or has ended before.
    Nothing,
}

/// Revokes an API key, or ends the session of an access or refresh token.
pub async fn revoke(op: &OpContext, text: &str) -> Result<Ended> {
    let op = &op.as_nobody();
    let header = format!("Bearer {text}");
    let ended = match (family_of(text), credential(Some(header.as_bytes()), Faces::empty())) {
        (Some(family), _) => session::end_by_family(op, family).await?.then_some(Ended::Session),
        (None, Credential::Token(token)) => match op.signing().verify(op.db(), token, op.now()).await? {
            Some((claims, _)) if claims.key_id.is_some() => Some(Ended::NotAlone),
            Some((claims, _)) => session::end_by_token(op, &claims).await?.then_some(Ended::Session),
            None => None,
        },
        (None, Credential::Key(key)) => api_key::revoke_by_secret(op, key).await?.then_some(Ended::ApiKey),
        (None, Credential::None | Credential::Unreadable) => None,
    };
    Ok(ended.unwrap_or(Ended::Nothing))
}
