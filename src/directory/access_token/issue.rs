//! Issues an access token.

use super::Narrowed;
use crate::authn::{ACCESS_LIFETIME, Act, Claims, Signer, TOKEN_BYTES_MAX};
use crate::context::OpContext;
use crate::model::error::{Error, Result};
use crate::model::{Caller, Secret, Timestamp};

/// A new access token.
#[derive(Clone, Debug)]
pub struct AccessToken {
    pub token: Secret,
    pub expires_in_seconds: u64,
    /// The permissions that it is limited to, if it is, separated by spaces.
    pub scope: Option<String>,
}

/// What a token is made from: its row is looked up whenever the token is used.
#[derive(Clone, Debug)]
pub enum Source {
    Session {
        id: String,
        /// When the password was checked; `None` under impersonation.
        authenticated_at: Option<Timestamp>,
    },
    /// An API key, by its id.
    Key(String),
}

/// Signs a token for a caller. `client` is who asks for it; `ends_at` is when that ends which it is made from.
/// `UNAUTHENTICATED` if less than a second of that is left.
pub fn issue(
    op: &OpContext,
    signer: &Signer,
    caller: &Caller,
    client: &str,
    source: Source,
    ends_at: Option<Timestamp>,
    narrowed: Narrowed,
) -> Result<AccessToken> {
    let lifetime = i64::try_from(ACCESS_LIFETIME.as_secs()).unwrap_or_default();
    let issued = seconds(op.now());
    let longest = issued.saturating_add(lifetime);
    let expires = ends_at.map_or(longest, |end| seconds(end).min(longest));
    let expires_in_seconds = u64::try_from(expires.saturating_sub(issued)).unwrap_or_default();
    if expires_in_seconds == 0 {
        return Err(Error::Unauthenticated(
            "This credential is about to expire, so no token was made from it.".to_owned(),
        ));
    }
    let Narrowed { scope, tenant } = narrowed;
    let held = match &tenant {
        Some((_, pk)) => caller.rights.for_tenant(*pk),
        None => caller.rights.organization(),
    };
    let permits = scope.map_or(held, |limit| limit & held);
    let declared = caller.catalogue.declared_names(permits);
    let declared = declared.map(str::to_owned).collect();
    let scope = scope.map(|scope| caller.catalogue.names(scope).join(" "));
    let roles = match scope {
        Some(_) => Vec::new(),
        None => caller.role_names(tenant.as_ref().map(|(_, pk)| *pk)),
    };
    let (sid, key_id, authenticated_at) = match source {
        Source::Session { id, authenticated_at } => (Some(id), None, authenticated_at),
        Source::Key(id) => (None, Some(id), None),
    };
    let issuer = op.signing().issuer().url();
    let mut claims = Claims {
        iss: issuer.to_owned(),
        aud: vec![issuer.to_owned()],
        sub: caller.user_id.to_string(),
        org_id: caller.organization_id.to_string(),
        tenant_scope: tenant.is_some(),
        tenant_id: tenant
            .map(|(id, _)| id)
            .or_else(|| caller.tenant_id.as_ref().map(ToString::to_string)),
        client_id: client.to_owned(),
        iat: issued,
        nbf: issued,
        exp: expires,
        jti: op.new_id().to_string(),
        sid,
        key_id,
        auth_time: authenticated_at.map(seconds),
        email: caller.email.as_ref().map(ToString::to_string),
        email_verified: caller.email.as_ref().map(|_| caller.email_verified),
        roles: Some(roles.into_iter().map(str::to_owned).collect()),
        permissions: Some(declared),
        omitted: Vec::new(),
        limited: scope.is_some(),
        scope: scope.clone(),
        act: caller.impersonator.as_ref().map(|impersonator| Act {
            sub: impersonator.user_id.to_string(),
            org_id: impersonator.organization_id.to_string(),
        }),
    };
    Ok(AccessToken {
        token: Secret::given(&sign_to_fit(signer, &mut claims)?),
        expires_in_seconds,
        scope,
    })
}

/// Signs a token that is not too long. Claims are left out whole, and named, until it fits; only `scope` never is, because it
/// is a limit. `INVALID` if that is too long.
fn sign_to_fit(signer: &Signer, claims: &mut Claims) -> Result<String> {
    let token = signer.sign(claims)?;
    if token.len() <= TOKEN_BYTES_MAX {
        return Ok(token);
    }
    if claims.permissions.take().is_some() {
        claims.omitted.push("permissions".to_owned());
    } else if claims.roles.take().is_some() {
        claims.omitted.push("roles".to_owned());
    } else {
        return Err(Error::invalid(
            "scope",
            format!("The token would be longer than {TOKEN_BYTES_MAX} bytes. Ask for fewer permissions."),
        ));
    }
    sign_to_fit(signer, claims)
}

fn seconds(at: Timestamp) -> i64 {
    at.micros().div_euclid(1_000_000)
}
