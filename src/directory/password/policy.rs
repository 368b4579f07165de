//! Rules for passwords, and for changing them.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::authz::escalation::as_oneself;
use crate::model::Actor;
use crate::model::error::{Error, Result};
use crate::model::is_storable;
use crate::services::hasher::{CHARACTERS_MAX, Password};

const CHARACTERS_MIN: usize = 8;

/// The most common passwords, in lower case; those shorter than the minimum are not listed.
static WORST: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("worst.txt").lines().collect());

/// Refuses a password that is too short, too long to hash quickly, too common, or one of the user's own names (`own`:
/// e-mail address, user name, id). All comparisons are case-insensitive. Characters are counted in the normalized form.
pub fn acceptable(field: &str, password: &Password, own: &[&str]) -> Result<()> {
    let password = password.expose();
    let characters = password.chars().take(CHARACTERS_MAX + 1).count();
    if characters < CHARACTERS_MIN {
        return Err(Error::invalid(
            field,
            format!("The password must be at least {CHARACTERS_MIN} characters long."),
        ));
    }
    if characters > CHARACTERS_MAX {
        return Err(Error::invalid(
            field,
            format!("The password must be at most {CHARACTERS_MAX} characters long."),
        ));
    }
    if !is_storable(password) {
        return Err(Error::invalid(
            field,
            "The password must not contain the character U+0000.".to_owned(),
        ));
    }
    let lower = password.to_lowercase();
    if WORST.contains(lower.as_str()) {
        return Err(Error::invalid(
            field,
            "This password is too common. Choose another one.".to_owned(),
        ));
    }
    let is_name = |name: &str| {
        let name = name.to_lowercase();
        let local_part = name.rsplit_once('@').map(|(local, _)| local);
        lower == name || Some(lower.as_str()) == local_part
    };
    if own.iter().any(|name| is_name(name)) {
        return Err(Error::invalid(
            field,
            "The password must not be the user's own e-mail address, user name or id.".to_owned(),
        ));
    }
    Ok(())
}

/// Refuses to change a password while impersonating: an impersonator must not be able to lock the user out. Every verb
/// that sets a password with a credential calls this.
pub fn refuse_impersonation(actor: &Actor) -> Result<()> {
    as_oneself(actor, "Changing a password")
}
