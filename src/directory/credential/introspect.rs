//! What a credential is worth now (RFC 7662).

use std::sync::Arc;

use super::shown::{Kind, Shown, shown};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::tenant;
use crate::model::error::Result;
use crate::model::{Caller, Permissions};

/// A credential that is in force.
#[derive(Clone, Debug)]
pub struct Introspected {
    /// Whose it is, with what it may do.
    pub caller: Arc<Caller>,
    /// What it permits: for the whole organization, or for the tenant that was asked about or that it is for.
    pub permissions: Permissions,
    /// The built-in and product-wide roles behind it, in the same place.
    pub roles: Vec<String>,
    pub kind: Kind,
}

/// What is asked about a credential besides its state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// The id of the tenant that it is needed for: nothing is permitted, if it is no tenant of the owner's organization.
    pub tenant: Option<&'a str>,
    /// Who a token must be for. API keys are for everybody.
    pub resource: Option<&'a str>,
}

/// What an API key or an access token is worth now; `None` if it is not in force, is for somebody else, or belongs to
/// somebody out of the caller's scope. Needs `tenantry:introspect`. Counts as a use of the API key.
pub async fn introspect(op: &OpContext, text: &str, asked: Asked<'_>) -> Result<Option<Introspected>> {
    let granted = op.authorize(Action::Read, Resource::Credential)?;
    let Some(Shown { caller, kind }) = shown(op, text).await? else {
        return Ok(None);
    };
    if !granted.covers(caller.organization_pk, caller.tenant_pk) || !is_for(&kind, asked.resource) {
        return Ok(None);
    }
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    let (permissions, roles) = match asked.tenant {
        None => (caller.permitted(), owned(caller.role_names(caller.only_tenant()))),
        Some(id) => match tenant::key_within(op, caller.organization_pk, id).await? {
            Some(pk) if caller.only_tenant().is_none_or(|only| only == pk) => {
                (caller.rights.for_tenant(pk), owned(caller.role_names(Some(pk))))
            }
            Some(_) | None => (Permissions::empty(), Vec::new()),
        },
    };
    Ok(Some(Introspected {
        caller,
        permissions,
        roles,
        kind,
    }))
}

fn is_for(kind: &Kind, resource: Option<&str>) -> bool {
    match (kind, resource) {
        (Kind::Session(claims) | Kind::Token(claims), Some(resource)) => claims.aud.contains(resource),
        (Kind::ApiKey { .. }, _) | (_, None) => true,
    }
}
