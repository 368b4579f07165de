//! What a new access token is for, and what it is limited to.

use std::sync::Arc;

use sea_orm::ConnectionTrait;

use crate::authn::Signer;
use crate::context::OpContext;
use crate::directory::{group, signing_key, tenant};
use crate::model::error::{Error, Result, shown};
use crate::model::{Caller, Catalogue, OWN_RECIPIENT, Permissions, Recipient};
use crate::store::catalogue;

/// What a client asks for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Names of permissions, separated by spaces.
    pub scope: Option<String>,
    /// The id of a tenant of the user's organization.
    pub tenant: Option<String>,
    /// Who the token is for: the id of a resource server, or this server's URL; by default this server.
    pub resource: Option<String>,
}

impl Wanted {
    /// A token for a resource server, without further limits.
    pub fn resource(id: Option<String>) -> Self {
        Self {
            resource: id,
            ..Self::default()
        }
    }
}

/// A new token, before its source is known.
pub struct Prepared {
    pub(super) signer: Signer,
    pub(super) recipient: Arc<Recipient>,
    /// `None`: everything that what it is made from permits.
    pub(super) scope: Option<Permissions>,
    /// The tenant that it is for, with its internal key.
    pub(super) tenant: Option<(String, i64)>,
    /// The keys of the user's groups, if the token says them.
    pub(super) groups: Option<Vec<String>>,
}

impl Prepared {
    /// A token for this server without limits, for a session. Must not be called in a transaction.
    pub async fn own(op: &OpContext) -> Result<Self> {
        let catalogue = catalogue::present(op.db().reader()).await?;
        Self::of(op, recipient(op, &catalogue, None)?).await
    }

    async fn of(op: &OpContext, recipient: Arc<Recipient>) -> Result<Self> {
        Ok(Self {
            signer: signing_key::current(op, recipient.settings.algorithm).await?,
            recipient,
            scope: None,
            tenant: None,
            groups: None,
        })
    }

    /// The same, saying the groups of the user if the resource server reads them. A limited token has none: like roles,
    /// they say more than it permits.
    pub async fn with_groups_of(self, connection: &impl ConnectionTrait, user_pk: i64) -> Result<Self> {
        let is_limited = self.scope.is_some() || self.tenant.is_some();
        let groups = match (self.recipient.settings.groups_claim, is_limited) {
            (false, _) => None,
            (true, true) => Some(Vec::new()),
            (true, false) => Some(group::keys_of_user(connection, user_pk).await?),
        };
        Ok(Self { groups, ..self })
    }

    pub fn recipient(&self) -> &Recipient {
        &self.recipient
    }
}

/// Prepares a token for this caller, made from the credential that it calls with: what is asked for, as far as that
/// credential permits it. `INVALID` with the field `scope` if nothing is left or a permission does not exist, `tenant` for a
/// tenant of another organization or another than the credential's own, `resource` for an unknown resource server. Must not
/// be called in a transaction.
pub async fn prepare(op: &OpContext, caller: &Caller, wanted: &Wanted) -> Result<Prepared> {
    let recipient = recipient(op, &caller.catalogue, wanted.resource.as_deref())?;
    let tenant = match (&wanted.tenant, caller.only_tenant()) {
        (None, None) => None,
        (None, Some(pk)) => {
            let gone = || Error::Unauthenticated("The tenant of this credential was deleted.".to_owned());
            Some((tenant::id_of(op, pk).await?.ok_or_else(gone)?, pk))
        }
        (Some(id), only) => {
            let pk = tenant::key_within(op, caller.organization_pk, id).await?;
            let pk = pk.filter(|pk| only.is_none_or(|only| only == *pk));
            Some((id.clone(), pk.ok_or_else(|| no_tenant(id))?))
        }
    };
    let held = match &tenant {
        Some((_, pk)) => caller.rights.for_tenant(*pk),
        None => caller.rights.organization(),
    };
    let asked = wanted.scope.as_deref();
    let asked = asked.map(|scope| parse(&caller.catalogue, scope)).transpose()?;
    let before = caller.derived.and_then(|derived| derived.permissions);
    let scope = asked.or(before).map(|limit| recipient.permits(limit & held));
    if scope.is_some_and(|scope| scope.is_empty()) {
        return Err(Error::invalid(
            "scope",
            "Nothing of this scope is permitted: the token would permit nothing.".to_owned(),
        ));
    }
    let prepared = Prepared {
        scope,
        tenant,
        ..Prepared::of(op, recipient).await?
    };
    prepared.with_groups_of(op.db().reader(), caller.user_pk).await
}

/// Refuses an unknown resource server early, before anything is looked up for the caller.
pub async fn check_resource(op: &OpContext, id: Option<&str>) -> Result<()> {
    if id.is_some() {
        let catalogue = catalogue::present(op.db().reader()).await?;
        recipient(op, &catalogue, id)?;
    }
    Ok(())
}

fn recipient(op: &OpContext, catalogue: &Catalogue, id: Option<&str>) -> Result<Arc<Recipient>> {
    let own = id.is_none_or(|id| id == op.signing().issuer().url());
    let id = if own { OWN_RECIPIENT } else { id.unwrap_or_default() };
    let unknown = || Error::invalid("resource", format!("There is no resource server '{}'.", shown(id)));
    catalogue.recipient(id).cloned().ok_or_else(unknown)
}

fn parse(catalogue: &Catalogue, scope: &str) -> Result<Permissions> {
    let named = |name: &str| {
        let unknown = || Error::invalid("scope", format!("There is no permission '{}'.", shown(name)));
        catalogue.named(name).ok_or_else(unknown)
    };
    let mut names = scope.split_ascii_whitespace();
    names.try_fold(Permissions::empty(), |all, name| Ok(all | named(name)?))
}

fn no_tenant(id: &str) -> Error {
    Error::invalid(
        "tenant",
        format!(
            "'{}' is not the id of a tenant that this credential can be used for.",
            shown(id)
        ),
    )
}
