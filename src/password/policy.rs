//! What a password must be.

use crate::error::{Error, Result};
use crate::value::is_storable;

/// The most used passwords in leaked collections, as far as they are long enough; in lower case, one a line.
const WORST: &str = include_str!("worst.txt");

const CHARACTERS_MIN: usize = 8;
const CHARACTERS_MAX: usize = 128;

/// Refuses a password that is too short, too long to hash in good time, or among the known-worst.
pub fn acceptable(field: &str, password: &str) -> Result<()> {
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
    if is_common(password) {
        return Err(Error::invalid(
            field,
            "The password is one of the first that anybody guesses. Choose another one.".to_owned(),
        ));
    }
    Ok(())
}

/// Whether it is among the known-worst, in any case of its letters.
fn is_common(password: &str) -> bool {
    let lower = password.to_lowercase();
    WORST.lines().any(|worst| worst == lower)
}
