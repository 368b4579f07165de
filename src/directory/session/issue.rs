//! Creates a session and its tokens.

use std::time::Duration;

use sea_orm::{ActiveModelTrait, ConnectionTrait, Set};

use crate::authn::{ACCESS_LIFETIME, Act, CLIENT, Claims};
use crate::context::OpContext;
use crate::directory::user::User;
use crate::model::error::Result;
use crate::model::{Caller, Secret, SecretKey, SessionId};
use crate::store::entity::session as table;

/// The tokens of a session.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access_token: Secret,
    pub expires_in_seconds: u64,
    pub refresh_token: Secret,
    pub refresh_expires_in_seconds: u64,
    pub user: User,
    /// The user, as caller.
    pub caller: Caller,
}

/// How a session was started. All but `verified` is about impersonations.
#[derive(Clone, Debug, Default)]
pub(super) struct Begun {
    /// With a verified password.
    pub verified: bool,
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

/// The tokens for a session's current generation. `sign` creates a token from its claims.
pub(super) fn tokens(
    op: &OpContext,
    sign: impl FnOnce(&Claims) -> Result<String>,
    row: &table::Model,
    family: &str,
    user: User,
    mut caller: Caller,
) -> Result<Tokens> {
    let signing = op.signing();
    let now = op.now();
    // The token does not outlast its session.
    let expires_in_seconds = now.until(row.expires_at).as_secs().min(ACCESS_LIFETIME.as_secs());
    let issued = now.micros() / 1_000_000;
    let claims = Claims {
        iss: signing.issuer().to_owned(),
        aud: vec![signing.issuer().to_owned()],
        sub: caller.user_id.to_string(),
        org_id: caller.organization_id.to_string(),
        tenant_id: caller.tenant_id.as_ref().map(ToString::to_string),
        client_id: CLIENT.to_owned(),
        email: caller.email.as_ref().map(ToString::to_string),
        email_verified: caller.email.as_ref().map(|_| caller.email_verified),
        roles: caller.role_names(None).into_iter().map(str::to_owned).collect(),
        iat: issued,
        nbf: issued,
        exp: issued.saturating_add(i64::try_from(expires_in_seconds).unwrap_or_default()),
        jti: op.new_id().to_string(),
        sid: row.id.to_string(),
        act: caller.impersonator.as_ref().map(|impersonator| Act {
            sub: impersonator.user_id.to_string(),
            org_id: impersonator.organization_id.to_string(),
        }),
    };
    caller.session_pk = Some(row.pk);
    Ok(Tokens {
        access_token: Secret::given(&sign(&claims)?),
        expires_in_seconds,
        refresh_token: refresh_token(signing.secret()?, row, row.generation, family),
        refresh_expires_in_seconds: now.until(row.expires_at).as_secs(),
        user,
        caller,
    })
}
