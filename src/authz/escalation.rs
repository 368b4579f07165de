//! Prevents privilege escalation: nobody grants or manages permissions that they do not hold.

use std::borrow::Cow;

use crate::model::error::{Error, Result};
use crate::model::{Actor, BuiltIn, Door, Permissions, Rights};

/// What the caller does to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray)]
pub enum Managing {
    Address,
    Password,
    FederatedIdentities,
    /// Roles, and memberships of groups that have roles.
    Roles,
    Home,
    Variables,
    /// What an identity provider finds the user by, and what it says about the user.
    Provisioning,
    /// A deleted user's id can be chosen again.
    Deletion,
    Names,
    Activation,
    /// Memberships of groups without roles.
    Memberships,
    /// Mailing a link to the address that the user already has.
    Link,
    /// Ending its sessions and revoking its API keys.
    Access,
}

impl Managing {
    /// Whether it can lead to acting as the user, or changes what other products believe about the user.
    fn leads_to_acting(self) -> bool {
        match self {
            Self::Address
            | Self::Password
            | Self::FederatedIdentities
            | Self::Roles
            | Self::Home
            | Self::Variables
            | Self::Provisioning
            | Self::Deletion => true,
            Self::Names | Self::Activation | Self::Memberships | Self::Link | Self::Access => false,
        }
    }
}

/// Refuses to do this to a user whose permissions go beyond the caller's. For what cannot lead to acting as the user,
/// only permissions that open something in this server count. So a help desk can rename a user who has permissions of
/// the product that the help desk lacks, but cannot set that user's password.
pub fn may_manage(actor: &Actor, what: Managing, target: &Rights) -> Result<()> {
    let compared = match what.leads_to_acting() {
        true => Cow::Borrowed(target),
        false => Cow::Owned(target.clone().only(Door::all().into())),
    };
    within(actor, &compared, "This user's permissions go beyond yours")
}

/// The same for an invitation, with the permissions of the roles that it promises.
pub fn may_manage_invitation(actor: &Actor, promised: Rights) -> Result<()> {
    within(
        actor,
        &promised.only(Door::all().into()),
        "This invitation's permissions go beyond yours",
    )
}

/// Refuses to change a group or its members if the group's roles go beyond the caller's permissions.
pub fn may_manage_group(actor: &Actor, carried: &Rights) -> Result<()> {
    within(actor, carried, "This group's permissions go beyond yours")
}

/// Refuses to impersonate a user whose permissions go beyond the caller's. Equal permissions are allowed.
pub fn may_impersonate(actor: &Actor, target: &Rights) -> Result<()> {
    within(actor, target, "This user's permissions go beyond yours")
}

/// Refuses operations that are not allowed while impersonating: changing a password, which would outlast the
/// impersonation, or impersonating another user.
pub fn as_oneself(actor: &Actor, what: &str) -> Result<()> {
    match actor.caller().and_then(|caller| caller.impersonator.as_ref()) {
        Some(_) => Err(Error::forbidden(format!(
            "{what} is not possible while impersonating a user. Stop impersonating first."
        ))),
        None => Ok(()),
    }
}

/// Refuses operations that would bypass the limits of the original API key: a password, or an e-mail address for
/// resetting it, gives permanent access to everything that the owner may do.
pub fn unlimited(actor: &Actor, what: &str) -> Result<()> {
    directly(actor, what)?;
    match actor.caller() {
        Some(caller) if !caller.limits.are_none() => Err(Error::forbidden(format!(
            "{what} is not possible with an API key that has limited permissions or an expiry date. Use another \
             credential."
        ))),
        Some(_) | None => Ok(()),
    }
}

/// Refuses operations that an API key cannot do that is limited to some permissions, even if it has the one that is needed.
pub fn with_all_permissions(actor: &Actor, what: &str) -> Result<()> {
    match actor.caller().and_then(|caller| caller.limits.permissions) {
        Some(_) => Err(Error::forbidden(format!(
            "{what} is not possible with an API key that has limited permissions. Use another credential."
        ))),
        None => Ok(()),
    }
}

/// Refuses changes for all organizations as somebody else, with an API key that is limited to some permissions, or with a
/// token that was made from another credential.
pub fn in_full_power(actor: &Actor, what: &str) -> Result<()> {
    as_oneself(actor, what)?;
    directly(actor, what)?;
    with_all_permissions(actor, what)
}

/// Refuses operations that need the person itself: a session that began with signing in. With an API key or while
/// impersonating, the caller may be somebody else.
pub fn in_person(actor: &Actor, what: &str) -> Result<()> {
    as_oneself(actor, what)?;
    directly(actor, what)?;
    match actor.caller().and_then(|caller| caller.session_pk) {
        Some(_) => Ok(()),
        None => Err(Error::forbidden(format!(
            "{what} is not possible with an API key. Sign in first."
        ))),
    }
}

/// Refuses operations with an access token that was made from another credential or narrowed: what is started with it would
/// outlast it, or permit more.
pub fn directly(actor: &Actor, what: &str) -> Result<()> {
    match actor.caller() {
        Some(caller) if caller.derived.is_some() => Err(Error::forbidden(format!(
            "{what} is not possible with an access token that was made from another credential. Use that credential."
        ))),
        Some(_) | None => Ok(()),
    }
}

/// Refuses to create an API key with these rights unless the caller has all of them, in the same places.
pub fn may_create_key(actor: &Actor, rights: &Rights) -> Result<()> {
    within(actor, rights, "This API key's permissions would go beyond yours")
}

/// Refuses to grant a role whose permissions go beyond the caller's.
pub fn may_grant(actor: &Actor, granted: &Rights) -> Result<()> {
    within(actor, granted, "You cannot grant permissions you do not hold")
}

/// Whether the caller has every permission of an administrator of the organization, in all of it.
pub fn administers_organization(actor: &Actor) -> bool {
    let all = Rights::of_organization(BuiltIn::OrganizationAdmin.permissions());
    all.beyond(actor.rights()).is_empty()
}

/// Compared for the organization and for each tenant: a permission for one tenant counts for that tenant only.
fn within(actor: &Actor, wanted: &Rights, sentence: &str) -> Result<()> {
    if wanted.beyond(actor.rights()).is_empty() {
        return Ok(());
    }
    // Which permissions others have is for callers who may read roles, and not what they have for tenants that the caller
    // has nothing to do with.
    let surplus = match actor.rights().anywhere().open(Door::READ_ROLE) {
        true => wanted.beyond_in_sight(actor.rights()),
        false => Permissions::empty(),
    };
    let names = actor.names(surplus);
    let message = match names.as_slice() {
        [] => format!("{sentence}."),
        _ => format!("{sentence}: {}.", names.join(", ")),
    };
    Err(Error::needing(names, message))
}
