//! Exchanges a credential for an access token that permits no more (RFC 8693).

use std::sync::Arc;

use super::shown::{Kind, Shown, presented};
use crate::authn::{Audience, Claims, Credential, credential};
use crate::context::OpContext;
use crate::directory::access_token::{self, AccessToken, Source, Wanted};
use crate::model::error::{Error, Result, shown};
use crate::model::{Caller, Faces, Timestamp};

/// A new token, and whose it is.
#[derive(Clone, Debug)]
pub struct Exchanged {
    pub token: AccessToken,
    pub caller: Arc<Caller>,
}

/// A token made from an API key or an access token, which is all that is needed. It never permits more and never ends later,
/// and nothing can be started with it that outlasts it. From a token for one resource server only a token for the same one
/// can be made. `UNAUTHENTICATED` if the credential is not in force.
pub async fn exchange(op: &OpContext, subject: &str, wanted: &Wanted) -> Result<Exchanged> {
    let header = format!("Bearer {subject}");
    exchange_presented(op, credential(Some(header.as_bytes()), Faces::empty()), wanted).await
}

/// The same for a credential as it was presented.
pub async fn exchange_presented(op: &OpContext, subject: Credential<'_>, wanted: &Wanted) -> Result<Exchanged> {
    let refused = || {
        Error::Unauthenticated(
            "This is not an API key or access token in force. It may be mistyped, revoked or expired.".to_owned(),
        )
    };
    made_from(op, presented(op, subject).await?.ok_or_else(refused)?, wanted).await
}

pub(super) async fn made_from(op: &OpContext, subject: Shown, wanted: &Wanted) -> Result<Exchanged> {
    let Shown { caller, kind } = subject;
    let (source, ends_at) = match &kind {
        Kind::Session(claims) | Kind::Token(claims) => (source_of(claims)?, Some(at(claims.exp))),
        Kind::ApiKey { id, ends_at } => (Source::Key(id.to_string()), *ends_at),
    };
    // A token that is looked up with its key ends with it, though it says a later time.
    let ends_at = [ends_at, caller.limits.ends_at].into_iter().flatten().min();
    let prepared = access_token::prepare(op, &caller, wanted).await?;
    if let Kind::Session(claims) | Kind::Token(claims) = &kind
        && let Audience::Elsewhere(own) = &claims.aud
        && *own != prepared.recipient().id
    {
        return Err(Error::invalid(
            "resource",
            format!("This token is for '{}' alone: name it as the resource.", shown(own)),
        ));
    }
    let token = access_token::issue(op, &caller, caller.user_id.as_str(), source, ends_at, prepared)?;
    Ok(Exchanged { token, caller })
}

fn source_of(claims: &Claims) -> Result<Source> {
    match (&claims.sid, &claims.key_id) {
        (Some(id), _) => Ok(Source::Session {
            id: id.clone(),
            authenticated_at: claims.auth_time.map(at),
        }),
        (None, Some(id)) => Ok(Source::Key(id.clone())),
        (None, None) => Err(Error::internal("a token in force of neither a session nor an API key")),
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds.saturating_mul(1_000_000))
}
