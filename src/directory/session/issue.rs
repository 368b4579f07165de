//! Creates a session and its tokens.

use std::time::Duration;

use sea_orm::{ActiveModelTrait, ConnectionTrait, Set};

use crate::authn::CLIENT;
use crate::context::OpContext;
use crate::directory::access_token::{self, Prepared, Source};
use crate::directory::user::User;
use crate::model::error::Result;
use crate::model::{Caller, Secret, SecretKey, SessionId, Timestamp};
use crate::store::entity::session as table;

/// The tokens of a session.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access_token: Secret,
    pub expires_in_seconds: u64,
    pub refresh_token: Secret,
    pub refresh_expires_in_seconds: u64,
    /// The permissions that the access token is limited to, if it is, separated by spaces.
    pub scope: Option<String>,
    pub user: User,
    /// The user, as caller.
    pub caller: Caller,
}

/// How a session was started. All but `verified` and `authenticated_at` is about impersonations.
#[derive(Clone, Debug, Default)]
pub(super) struct Begun {
    /// With a verified password.
    pub verified: bool,
    /// When the password was checked.
    pub authenticated_at: Option<Timestamp>,
    pub impersonator_pk: Option<i64>,
    pub parent_pk: Option<i64>,
    pub api_key_pk: Option<i64>,
    pub reason: Option<String>,
}

/// A new session's row, and the common part of its refresh tokens.
pub(super) async fn begin(
    connection: &impl ConnectionTrait,
    op: &OpContext,
    user_pk: i64,
    lifetime: Duration,
    begun: Begun,
) -> Result<(table::Model, Secret)> {
    let now = op.now();
    let family = Secret::family()?;
    let row = table::ActiveModel {
        id: Set(SessionId::from(op.new_id())),
        user_pk: Set(user_pk),
        family: Set(family.digest()),
        generation: Set(0),
        rotated_at: Set(now),
        verified: Set(begun.verified),
        authenticated_at: Set(begun.authenticated_at),
        impersonator_pk: Set(begun.impersonator_pk),
        parent_pk: Set(begun.parent_pk),
        api_key_pk: Set(begun.api_key_pk),
        reason: Set(begun.reason),
        expires_at: Set(now.after(lifetime)),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    Ok((row.insert(connection).await?, family))
}

/// The refresh token for a session's current generation.
pub(super) fn refresh_token(secret: &SecretKey, row: &table::Model, generation: i64, family: &str) -> Secret {
    let own = secret.mac("refresh tokens", &[row.id.as_str(), &generation.to_string(), family]);
    Secret::refresh_token(family, &own)
}

/// The tokens for a session's current generation.
pub(super) fn tokens(
    op: &OpContext,
    row: &table::Model,
    family: &str,
    user: User,
    mut caller: Caller,
    prepared: Prepared,
) -> Result<Tokens> {
    let source = Source::Session {
        id: row.id.to_string(),
        authenticated_at: row.authenticated_at,
    };
    // The token does not outlast its session.
    let issued = access_token::issue(op, &caller, CLIENT, source, Some(row.expires_at), prepared)?;
    caller.session_pk = Some(row.pk);
    Ok(Tokens {
        access_token: issued.token,
        expires_in_seconds: issued.expires_in_seconds,
        refresh_token: refresh_token(op.signing().secret()?, row, row.generation, family),
        refresh_expires_in_seconds: op.now().until(row.expires_at).as_secs(),
        scope: issued.scope,
        user,
        caller,
    })
}
