//! What verifying a password may cost.

use std::num::NonZeroU32;

use argon2::password_hash::phc::{Output, Salt};
use argon2::{Algorithm, Params, Version};

use super::digest::Digest;
use super::refused::{Refused, beyond_limits, malformed};
use super::stored::{Argon2Hash, Stored};

/// Limits on the cost of verifying a password: about a second of CPU time and 128 MiB. A more expensive hash would let
/// its creator stop the server with a few sign-ins.
const ARGON2_MEMORY_KIB_MAX: u32 = 128 * 1024;
const ARGON2_ITERATIONS_MAX: u32 = 16;
const ARGON2_LANES_MAX: u32 = 16;
const ARGON2_WORK_KIB_MAX: u64 = 512 * 1024;
const SCRYPT_LOG_N_MAX: u32 = 17;
const SCRYPT_BLOCK_MAX: u32 = 16;
const SCRYPT_LANES_MAX: u32 = 8;
/// 128 · r · 2^ln bytes at the same time, and p times that in total.
const SCRYPT_BYTES_MAX: u64 = 128 * 1024 * 1024;
const SCRYPT_WORK_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Per output block of the digest's length; also of SHA-crypt.
const ROUNDS_MIN: u32 = 1_000;
const ROUNDS_MAX: u32 = 2_000_000;
const BCRYPT_COST_MIN: u32 = 4;
const BCRYPT_COST_MAX: u32 = 14;
/// phpass has no fewer than 2^7 rounds. It is stored inside Argon2id, so it may be cheap.
const PHPASS_LOG_ROUNDS_MIN: u32 = 7;
const PHPASS_LOG_ROUNDS_MAX: u32 = 20;

/// Argon2 with memory in KiB, iterations and lanes.
pub fn argon2(
    algorithm: Algorithm,
    version: u32,
    [memory, iterations, lanes]: [Option<u32>; 3],
    salt: &[u8],
    hash: &[u8],
) -> Result<Argon2Hash, Refused> {
    let memory = bounded("m", memory, 8, ARGON2_MEMORY_KIB_MAX)?;
    let iterations = bounded("t", iterations, 1, ARGON2_ITERATIONS_MAX)?;
    let lanes = bounded("p", lanes, 1, ARGON2_LANES_MAX)?;
    within("m·t", u64::from(memory) * u64::from(iterations), ARGON2_WORK_KIB_MAX)?;
    let hash = output(hash)?;
    Ok(Argon2Hash {
        algorithm,
        version: Version::try_from(version).map_err(|_| malformed())?,
        params: Params::new(memory, iterations, lanes, Some(hash.len())).map_err(|_| malformed())?,
        salt: salt_of(salt)?,
        hash,
    })
}

/// The parameters of scrypt: the logarithm of N, r and p.
pub fn scrypt_params([log_n, block, lanes]: [Option<u32>; 3]) -> Result<scrypt::Params, Refused> {
    let log_n = bounded("ln", log_n, 1, SCRYPT_LOG_N_MAX)?;
    let block = bounded("r", block, 1, SCRYPT_BLOCK_MAX)?;
    let lanes = bounded("p", lanes, 1, SCRYPT_LANES_MAX)?;
    let bytes = (128 * u64::from(block)) << log_n;
    within("128·r·2^ln", bytes, SCRYPT_BYTES_MAX)?;
    within("128·r·2^ln·p", bytes * u64::from(lanes), SCRYPT_WORK_BYTES_MAX)?;
    let log_n = u8::try_from(log_n).map_err(|_| malformed())?;
    scrypt::Params::new(log_n, block, lanes).map_err(|_| malformed())
}

/// scrypt; `nfkc` if it is of the password in the form NFKC.
pub fn scrypt(params: [Option<u32>; 3], salt: &[u8], hash: &[u8], nfkc: bool) -> Result<Stored, Refused> {
    Ok(Stored::Scrypt {
        params: scrypt_params(params)?,
        salt: salt_of(salt)?,
        hash: output(hash)?,
        nfkc,
    })
}

/// The logarithm of scrypt's N, which is a power of two.
pub fn log2(n: u32) -> Result<u32, Refused> {
    match n.is_power_of_two() {
        true => Ok(n.trailing_zeros()),
        false => Err(malformed()),
    }
}

/// PBKDF2. Only the first 64 bytes of a longer hash are kept: they are the hash of that length.
pub fn pbkdf2(digest: Digest, rounds: Option<u32>, salt: &[u8], hash: &[u8]) -> Result<Stored, Refused> {
    let rounds = bounded("i", rounds, ROUNDS_MIN, ROUNDS_MAX)?;
    let hash = output(hash.get(..Output::MAX_LENGTH).unwrap_or(hash))?;
    let blocks = u64::try_from(hash.len().div_ceil(digest.bytes())).map_err(|_| malformed())?;
    within("i·blocks", u64::from(rounds) * blocks, u64::from(ROUNDS_MAX))?;
    Ok(Stored::Pbkdf2 {
        digest,
        rounds: NonZeroU32::new(rounds).ok_or_else(malformed)?,
        salt: salt_of(salt)?,
        hash,
    })
}

pub fn bcrypt_cost(cost: u32) -> Result<u32, Refused> {
    bounded("cost", Some(cost), BCRYPT_COST_MIN, BCRYPT_COST_MAX)
}

pub fn sha_crypt_rounds(rounds: u32) -> Result<u32, Refused> {
    bounded("rounds", Some(rounds), ROUNDS_MIN, ROUNDS_MAX)
}

pub fn phpass_log_rounds(log_rounds: u32) -> Result<u32, Refused> {
    bounded("n", Some(log_rounds), PHPASS_LOG_ROUNDS_MIN, PHPASS_LOG_ROUNDS_MAX)
}

/// A salt of 8 to 48 bytes.
fn salt_of(bytes: &[u8]) -> Result<Salt, Refused> {
    Salt::new(bytes).map_err(|_| malformed())
}

/// A hash of 10 to 64 bytes.
fn output(bytes: &[u8]) -> Result<Output, Refused> {
    Output::new(bytes).map_err(|_| malformed())
}

fn bounded(name: &str, value: Option<u32>, min: u32, max: u32) -> Result<u32, Refused> {
    match value {
        None => Err(malformed()),
        Some(value) if (min..=max).contains(&value) => Ok(value),
        Some(value) => Err(beyond_limits(format!(
            "The parameter '{name}' of 'passwordHash' must be from {min} to {max}, but is {value}."
        ))),
    }
}

fn within(name: &str, value: u64, max: u64) -> Result<(), Refused> {
    match value <= max {
        true => Ok(()),
        false => Err(beyond_limits(format!(
            "Checking this 'passwordHash' costs too much: '{name}' is {value}; the limit is {max}."
        ))),
    }
}
