//! Hashes made elsewhere, of users who move here with their passwords.

use argon2::password_hash::phc::PasswordHash;

use crate::error::{Error, Result};

const FIELD: &str = "passwordHash";
const CHARACTERS_MAX: usize = 512;

/// Bounds on what checking one password may cost: about a second of a core and 128 MiB. A hash beyond them would let
/// whoever wrote it stop the server with a few sign-ins.
const ARGON2_MEMORY_KIB_MAX: u32 = 128 * 1024;
const ARGON2_ITERATIONS_MAX: u32 = 16;
const ARGON2_LANES_MAX: u32 = 16;
const ARGON2_WORK_KIB_MAX: u64 = 512 * 1024;
const SCRYPT_LOG_N_MAX: u32 = 17;
const SCRYPT_BLOCK_MAX: u32 = 16;
const SCRYPT_LANES_MAX: u32 = 8;
/// 128 · r · 2^ln bytes at once, and p times that in all.
const SCRYPT_BYTES_MAX: u64 = 128 * 1024 * 1024;
const SCRYPT_WORK_BYTES_MAX: u64 = 512 * 1024 * 1024;
const PBKDF2_ROUNDS_MIN: u32 = 1_000;
const PBKDF2_ROUNDS_MAX: u32 = 2_000_000;
const BCRYPT_COST_MIN: u32 = 4;
const BCRYPT_COST_MAX: u32 = 14;

/// How a stored hash is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Argon2,
    Scrypt,
    Pbkdf2,
    Bcrypt,
}

/// The kind of a hash, by its first part.
pub(super) fn kind(hash: &str) -> Option<Kind> {
    match hash.strip_prefix('$')?.split('$').next()? {
        "argon2d" | "argon2i" | "argon2id" => Some(Kind::Argon2),
        "scrypt" => Some(Kind::Scrypt),
        "pbkdf2-sha256" | "pbkdf2-sha512" => Some(Kind::Pbkdf2),
        "2a" | "2b" | "2x" | "2y" => Some(Kind::Bcrypt),
        _ => None,
    }
}

/// Refuses a hash that we could not check, or that would cost too much to.
pub fn acceptable_hash(hash: &str) -> Result<()> {
    // The hash itself is told to nobody, not even in a refusal.
    let malformed = || {
        Error::invalid(
            FIELD,
            "'passwordHash' must be a PHC string of argon2, scrypt or pbkdf2 (sha256, sha512), with salt and hash, or a bcrypt string '$2b$…'.".to_owned(),
        )
    };
    if hash.len() > CHARACTERS_MAX || !hash.is_ascii() {
        return Err(malformed());
    }
    let kind = kind(hash).ok_or_else(malformed)?;
    if kind == Kind::Bcrypt {
        // Parsed only when it has the one length there is, so that nothing is cut where it should not be.
        let parts = (hash.len() == 60)
            .then(|| hash.parse::<bcrypt::HashParts>().ok())
            .flatten()
            .ok_or_else(malformed)?;
        return bounded("cost", parts.get_cost(), BCRYPT_COST_MIN, BCRYPT_COST_MAX);
    }
    let hash = PasswordHash::new(hash).map_err(|_| malformed())?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(malformed());
    }
    let number = |name: &str| hash.params.get_decimal(name);
    match kind {
        Kind::Argon2 => {
            let memory = number("m").ok_or_else(malformed)?;
            let iterations = number("t").ok_or_else(malformed)?;
            let lanes = number("p").ok_or_else(malformed)?;
            bounded("m", memory, 8, ARGON2_MEMORY_KIB_MAX)?;
            bounded("t", iterations, 1, ARGON2_ITERATIONS_MAX)?;
            bounded("p", lanes, 1, ARGON2_LANES_MAX)?;
            within("m·t", u64::from(memory) * u64::from(iterations), ARGON2_WORK_KIB_MAX)?;
            // Without a version it is the first one of old, which the library would take for today's.
            let version = hash.version.ok_or_else(malformed)?;
            argon2::Version::try_from(version).map_err(|_| malformed())?;
            argon2::Params::try_from(&hash).map_err(|_| malformed())?;
        }
        Kind::Scrypt => {
            let log_n = number("ln").ok_or_else(malformed)?;
            let block = number("r").ok_or_else(malformed)?;
            let lanes = number("p").ok_or_else(malformed)?;
            bounded("ln", log_n, 1, SCRYPT_LOG_N_MAX)?;
            bounded("r", block, 1, SCRYPT_BLOCK_MAX)?;
            bounded("p", lanes, 1, SCRYPT_LANES_MAX)?;
            let bytes = (128 * u64::from(block)) << log_n;
            within("128·r·2^ln", bytes, SCRYPT_BYTES_MAX)?;
            within("128·r·2^ln·p", bytes * u64::from(lanes), SCRYPT_WORK_BYTES_MAX)?;
            scrypt::Params::try_from(&hash).map_err(|_| malformed())?;
        }
        Kind::Pbkdf2 => {
            let rounds = number("i").ok_or_else(malformed)?;
            bounded("i", rounds, PBKDF2_ROUNDS_MIN, PBKDF2_ROUNDS_MAX)?;
            pbkdf2::Params::try_from(&hash).map_err(|_| malformed())?;
        }
        Kind::Bcrypt => {}
    }
    Ok(())
}

fn bounded(name: &str, value: u32, min: u32, max: u32) -> Result<()> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(Error::invalid(
        FIELD,
        format!("The parameter '{name}' of 'passwordHash' must be from {min} to {max}, and is {value}."),
    ))
}

fn within(name: &str, value: u64, max: u64) -> Result<()> {
    if value <= max {
        return Ok(());
    }
    Err(Error::invalid(
        FIELD,
        format!("Checking this 'passwordHash' costs too much: '{name}' is {value}; the limit is {max}."),
    ))
}
