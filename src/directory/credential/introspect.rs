//! What a credential is worth now (RFC 7662).

use std::sync::Arc;

use sea_orm::EntityTrait;

use crate::authn::{Claims, Credential, credential};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::tenant;
use crate::model::error::Result;
use crate::model::{Actor, ApiKeyId, Caller, Permissions, Timestamp};
use crate::store::entity::api_key;

/// A credential that is in force.
#[derive(Clone, Debug)]
pub struct Introspected {
    /// Whose it is, with what it may do.
    pub caller: Arc<Caller>,
    /// What it permits: for the whole organization, or for the tenant that was asked about.
    pub permissions: Permissions,
    /// The built-in and product-wide roles behind it, in the same place.
    pub roles: Vec<String>,
    pub kind: Kind,
}

/// The kind of a credential.
#[derive(Clone, Debug)]
pub enum Kind {
    Session(Box<Claims>),
    ApiKey {
        id: ApiKeyId,
        /// `None` if it does not expire.
        ends_at: Option<Timestamp>,
    },
}

/// What an API key or an access token is worth now; `None` if it is not in force, or belongs to somebody out of the
/// caller's scope. With the id of a tenant, what it permits there: nothing, if it is no tenant of the owner's organization.
/// Needs `tenantry:introspect`. Counts as a use of the API key.
pub async fn introspect(op: &OpContext, text: &str, tenant: Option<&str>) -> Result<Option<Introspected>> {
    let granted = op.authorize(Action::Read, Resource::Credential)?;
    let header = format!("Bearer {text}");
    let presented = credential(Some(header.as_bytes()));
    let Some(Actor::User(caller)) = op.owner_of(presented).await? else {
        return Ok(None);
    };
    if !granted.covers(caller.organization_pk, caller.tenant_pk) {
        return Ok(None);
    }
    let kind = match (presented, caller.api_key_pk) {
        (Credential::Token(token), _) => match op.signing().verify(op.db(), token, op.now()).await? {
            Some((claims, _)) => Kind::Session(Box::new(claims)),
            None => return Ok(None),
        },
        (_, Some(pk)) => match api_key::Entity::find_by_id(pk).one(op.db().reader()).await? {
            Some(row) => Kind::ApiKey {
                id: row.id,
                ends_at: caller.limits.ends_at,
            },
            None => return Ok(None),
        },
        (_, None) => return Ok(None),
    };
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    let (permissions, roles) = match tenant {
        None => (caller.rights.organization(), owned(caller.role_names(None))),
        Some(id) => match tenant::key_within(op, caller.organization_pk, id).await? {
            Some(pk) => (caller.rights.for_tenant(pk), owned(caller.role_names(Some(pk)))),
            None => (Permissions::empty(), Vec::new()),
        },
    };
    Ok(Some(Introspected {
        caller,
        permissions,
        roles,
        kind,
    }))
}
