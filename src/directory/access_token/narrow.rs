//! What a new access token is limited to.

use crate::context::OpContext;
use crate::directory::tenant;
use crate::model::error::{Error, Result, shown};
use crate::model::{Caller, Catalogue, Permissions};

/// The limits that a client asks for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Names of permissions, separated by spaces.
    pub scope: Option<String>,
    /// The id of a tenant of the user's organization.
    pub tenant: Option<String>,
    /// Who the token is for: only this server.
    pub resource: Option<String>,
}

/// The limits of a new token.
#[derive(Clone, Debug, Default)]
pub struct Narrowed {
    /// `None`: everything that what it is made from permits.
    pub(super) scope: Option<Permissions>,
    /// The tenant that it is for, with its internal key.
    pub(super) tenant: Option<(String, i64)>,
}

/// The limits of a token for this caller, made from the credential that it calls with: what is asked for, as far as that
/// credential permits it. `INVALID` with the field `scope` if nothing is left or a permission does not exist, `tenant` for a
/// tenant of another organization or another than the credential's own, `resource` for another server.
pub async fn narrowed(op: &OpContext, caller: &Caller, wanted: &Wanted) -> Result<Narrowed> {
    if let Some(resource) = wanted.resource.as_deref()
        && resource != op.signing().issuer().url()
    {
        return Err(Error::invalid(
            "resource",
            format!("There is no resource server '{}'.", shown(resource)),
        ));
    }
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
    let scope = asked.or(before).map(|limit| limit & held);
    if scope.is_some_and(|scope| scope.is_empty()) {
        return Err(Error::invalid(
            "scope",
            "Nothing of this scope is permitted: the token would permit nothing.".to_owned(),
        ));
    }
    Ok(Narrowed { scope, tenant })
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
