//! Issues an access token.

use serde_json::{Map, Value};

use super::Prepared;
use crate::authn::{Act, Audience, Claims, Signed, Signer, TOKEN_BYTES_MAX};
use crate::context::OpContext;
use crate::model::error::{Error, Result};
use crate::model::{Caller, PermissionsClaim, Recipient, Secret, Timestamp};

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
    caller: &Caller,
    client: &str,
    source: Source,
    ends_at: Option<Timestamp>,
    prepared: Prepared,
) -> Result<AccessToken> {
    let settings = &prepared.recipient.settings;
    let issued = seconds(op.now());
    let longest = issued.saturating_add(settings.token_lifetime_seconds);
    let expires = ends_at.map_or(longest, |end| seconds(end).min(longest));
    let expires_in_seconds = u64::try_from(expires.saturating_sub(issued)).unwrap_or_default();
    if expires_in_seconds == 0 {
        return Err(Error::Unauthenticated(
            "This credential is about to expire, so no token was made from it.".to_owned(),
        ));
    }
    let scope = prepared.scope.map(|scope| caller.catalogue.names(scope).join(" "));
    let (sid, key_id, authenticated_at) = match source {
        Source::Session { id, authenticated_at } => (Some(id), None, authenticated_at),
        Source::Key(id) => (None, Some(id), None),
    };
    let address = caller.email.as_ref().filter(|_| settings.email_claim);
    let issuer = op.signing().issuer().url();
    let mut claims = Claims {
        iss: issuer.to_owned(),
        aud: audience(issuer, &prepared.recipient),
        sub: caller.user_id.to_string(),
        org_id: caller.organization_id.to_string(),
        tenant_scope: prepared.tenant.is_some(),
        tenant_id: match &prepared.tenant {
            Some((id, _)) => Some(id.clone()),
            None => caller.tenant_id.as_ref().map(ToString::to_string),
        },
        client_id: client.to_owned(),
        iat: issued,
        nbf: issued,
        exp: expires,
        jti: op.new_id().to_string(),
        sid,
        key_id,
        auth_time: authenticated_at.map(seconds),
        email: address.map(ToString::to_string),
        email_verified: address.map(|_| caller.email_verified),
        roles: None,
        groups: None,
        permissions: None,
        entitlements: None,
        omitted: Vec::new(),
        limited: scope.is_some(),
        scope: scope.clone(),
        act: caller.impersonator.as_ref().map(|impersonator| Act {
            sub: impersonator.user_id.to_string(),
            org_id: impersonator.organization_id.to_string(),
        }),
    };
    let constants = settings.claims.iter();
    let constants = constants.filter_map(|(name, claim)| Some((name.clone(), claim.get("value")?.clone())));
    let added = constants.collect();
    tell_rights(&mut claims, caller, &prepared);
    claims.groups = prepared.groups;
    Ok(AccessToken {
        token: Secret::given(&sign_to_fit(&prepared.signer, &mut claims, added)?),
        expires_in_seconds,
        scope,
    })
}

fn audience(issuer: &str, recipient: &Recipient) -> Audience {
    if !recipient.is_own() {
        return Audience::Elsewhere(recipient.id.clone());
    }
    let mut all = vec![issuer.to_owned()];
    all.extend(recipient.settings.audiences.iter().filter(|id| *id != issuer).cloned());
    Audience::Here(all)
}

/// Roles and permissions, in the claims where the resource server reads them.
fn tell_rights(claims: &mut Claims, caller: &Caller, prepared: &Prepared) {
    let settings = &prepared.recipient.settings;
    let tenant_pk = prepared.tenant.as_ref().map(|(_, pk)| *pk);
    if settings.roles_claim {
        let roles = match prepared.scope {
            Some(_) => Vec::new(),
            None => caller.role_names(tenant_pk),
        };
        claims.roles = Some(roles.into_iter().map(str::to_owned).collect());
    }
    let held = match tenant_pk {
        Some(pk) => caller.rights.for_tenant(pk),
        None => caller.rights.organization(),
    };
    let permits = prepared.scope.map_or(held, |limit| limit & held);
    let names = caller.catalogue.names(prepared.recipient.tells(permits));
    match settings.permissions_claim {
        PermissionsClaim::None => {}
        PermissionsClaim::Permissions => claims.permissions = Some(names),
        PermissionsClaim::Entitlements => claims.entitlements = Some(names),
        // The limit stands there already, if there is one.
        PermissionsClaim::Scope if claims.limited => {}
        PermissionsClaim::Scope => claims.scope = Some(names.join(" ")),
    }
}

/// Signs a token that is not too long. Claims are left out whole, and named, until it fits; only a `scope` that is a limit
/// never is. `INVALID` if that is too long.
fn sign_to_fit(signer: &Signer, claims: &mut Claims, mut added: Map<String, Value>) -> Result<String> {
    loop {
        let token = signer.sign(&Signed { claims, added: &added })?;
        if token.len() <= TOKEN_BYTES_MAX {
            return Ok(token);
        }
        if claims.groups.take().is_some() {
            claims.omitted.push("groups".to_owned());
        } else if !added.is_empty() {
            claims.omitted.extend(added.keys().cloned());
            added.clear();
        } else if claims.permissions.take().is_some() {
            claims.omitted.push("permissions".to_owned());
        } else if claims.entitlements.take().is_some() {
            claims.omitted.push("entitlements".to_owned());
        } else if claims.scope.take_if(|_| !claims.limited).is_some() {
            claims.omitted.push("scope".to_owned());
        } else if claims.roles.take().is_some() {
            claims.omitted.push("roles".to_owned());
        } else {
            return Err(Error::invalid(
                "scope",
                format!("The token would be longer than {TOKEN_BYTES_MAX} bytes. Ask for fewer permissions."),
            ));
        }
    }
}

fn seconds(at: Timestamp) -> i64 {
    at.micros().div_euclid(1_000_000)
}
