//! Nobody hands out, or takes charge of, more than they hold.

use crate::model::Actor;
use crate::model::Permissions;
use crate::model::error::{Error, Result};

/// Refuses managing a user (changing, deleting, deactivating, resetting) whose permissions go beyond the caller's.
pub fn may_manage(actor: &Actor, target: Permissions) -> Result<()> {
    within(actor, target, "This user's permissions go beyond yours")
}

/// Refuses changing a group, or who is in it, whose roles permit more than the caller may.
pub fn may_manage_group(actor: &Actor, carried: Permissions) -> Result<()> {
    within(actor, carried, "This group's permissions go beyond yours")
}

/// Refuses impersonating a user whose permissions go beyond the caller's; equals may.
pub fn may_impersonate(actor: &Actor, target: Permissions) -> Result<()> {
    within(actor, target, "This user's permissions go beyond yours")
}

/// Refuses what nobody does in another's name: changing a password, which would outlast the impersonation, or
/// impersonating further.
pub fn as_oneself(actor: &Actor, what: &str) -> Result<()> {
    match actor.caller().and_then(|caller| caller.impersonator.as_ref()) {
        Some(_) => Err(Error::Forbidden(format!(
            "{what} is not possible while impersonating a user. Stop impersonating first."
        ))),
        None => Ok(()),
    }
}

/// Refuses what would outlast the limits of the API key that everything started from: a password, or an address that one
/// can be mailed to, opens all that its owner may do, and for good.
pub fn unlimited(actor: &Actor, what: &str) -> Result<()> {
    match actor.caller() {
        Some(caller) if !caller.limits.are_none() => Err(Error::Forbidden(format!(
            "{what} is not possible with an API key that has limited permissions or an expiry date. Use another \
             credential."
        ))),
        Some(_) | None => Ok(()),
    }
}

/// Refuses granting a role whose permissions go beyond the caller's.
pub fn may_grant(actor: &Actor, granted: Permissions) -> Result<()> {
    within(actor, granted, "You cannot grant permissions you do not hold")
}

fn within(actor: &Actor, wanted: Permissions, sentence: &str) -> Result<()> {
    let beyond = wanted - actor.permissions();
    if beyond.is_empty() {
        return Ok(());
    }
    let names = beyond.names();
    Err(Error::Forbidden(if names.is_empty() {
        format!("{sentence}.")
    } else {
        format!("{sentence}: {}.", names.join(", "))
    }))
}
