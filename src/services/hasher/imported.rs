//! Imported password hashes: which of them can be verified.

use std::num::NonZeroU32;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Params, Version};

use super::stored::{Digest, Stored};

const CHARACTERS_MAX: usize = 512;

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
/// Per output block of the digest's length.
const PBKDF2_ROUNDS_MIN: u32 = 1_000;
const PBKDF2_ROUNDS_MAX: u32 = 2_000_000;
const BCRYPT_COST_MIN: u32 = 4;
const BCRYPT_COST_MAX: u32 = 14;

const MALFORMED: &str = "'passwordHash' must be a PHC string of argon2, scrypt or pbkdf2 (sha256, sha512), with a salt of 8 \
                         to 48 bytes and a hash of 10 to 64 bytes, or a bcrypt string '$2b$…'.";

/// Why a hash is refused, as a sentence, which never contains any part of the hash.
type Reason = String;

/// Parses an imported hash, or one of ours, and refuses one that we cannot verify or that is too expensive.
pub(super) fn recognize(hash: &str) -> Result<Stored, Reason> {
    if hash.len() > CHARACTERS_MAX || !hash.is_ascii() {
        return Err(malformed());
    }
    let mut parts = hash.split('$');
    let (Some(""), Some(kind)) = (parts.next(), parts.next()) else {
        return Err(malformed());
    };
    match kind {
        "argon2id" => argon2(Algorithm::Argon2id, &Phc::parse(hash)?),
        "argon2i" => argon2(Algorithm::Argon2i, &Phc::parse(hash)?),
        "argon2d" => argon2(Algorithm::Argon2d, &Phc::parse(hash)?),
        "scrypt" => scrypt(&Phc::parse(hash)?),
        "pbkdf2-sha256" => pbkdf2(Digest::Sha256, &Phc::parse(hash)?),
        "pbkdf2-sha512" => pbkdf2(Digest::Sha512, &Phc::parse(hash)?),
        "2a" => bcrypt(hash, bcrypt::Version::TwoA),
        "2b" => bcrypt(hash, bcrypt::Version::TwoB),
        "2y" => bcrypt(hash, bcrypt::Version::TwoY),
        "2x" => Err("'$2x$' marks hashes of a faulty bcrypt implementation, which is not supported.".to_owned()),
        _ => Err(malformed()),
    }
}

fn malformed() -> Reason {
    MALFORMED.to_owned()
}

/// The parts of a PHC string.
struct Phc {
    version: Option<u32>,
    params: ParamsString,
    salt: Salt,
    hash: Output,
}

impl Phc {
    fn parse(text: &str) -> Result<Self, Reason> {
        let PasswordHash {
            version,
            params,
            salt: Some(salt),
            hash: Some(hash),
            ..
        } = PasswordHash::new(text).map_err(|_| malformed())?
        else {
            return Err(malformed());
        };
        Ok(Self {
            version,
            params,
            salt,
            hash,
        })
    }

    /// The numbers of these names. Each is allowed once: otherwise one value could be checked and the other one used.
    fn numbers<const N: usize>(&self, names: [&str; N]) -> Result<[Option<u32>; N], Reason> {
        let mut numbers = [None; N];
        for (name, value) in self.params.iter() {
            let known = numbers.iter_mut().zip(names).find(|(_, known)| *known == name.as_str());
            let Some((number, name)) = known else {
                return Err(format!(
                    "'passwordHash' has an unknown parameter; supported parameters are {}.",
                    names.join(", ")
                ));
            };
            if number.is_some() {
                return Err(format!("'passwordHash' has the parameter '{name}' twice."));
            }
            *number = Some(value.decimal().map_err(|_| malformed())?);
        }
        Ok(numbers)
    }
}

fn argon2(algorithm: Algorithm, phc: &Phc) -> Result<Stored, Reason> {
    if phc.params.get("keyid").is_some() {
        return Err(
            "'passwordHash' was created with a secret key ('keyid'), which this server does not have: no password \
             would match it."
                .to_owned(),
        );
    }
    if phc.params.get("data").is_some() {
        return Err("'passwordHash' was created with associated data ('data'), which is not supported.".to_owned());
    }
    let [memory, iterations, lanes] = phc.numbers(["m", "t", "p"])?;
    let memory = bounded("m", memory, 8, ARGON2_MEMORY_KIB_MAX)?;
    let iterations = bounded("t", iterations, 1, ARGON2_ITERATIONS_MAX)?;
    let lanes = bounded("p", lanes, 1, ARGON2_LANES_MAX)?;
    within("m·t", u64::from(memory) * u64::from(iterations), ARGON2_WORK_KIB_MAX)?;
    // Without a version, it is the oldest one.
    let version = phc.version.ok_or_else(malformed)?;
    Ok(Stored::Argon2 {
        algorithm,
        version: Version::try_from(version).map_err(|_| malformed())?,
        params: Params::new(memory, iterations, lanes, Some(phc.hash.len())).map_err(|_| malformed())?,
        salt: phc.salt,
        hash: phc.hash,
    })
}

fn scrypt(phc: &Phc) -> Result<Stored, Reason> {
    let [log_n, block, lanes] = phc.numbers(["ln", "r", "p"])?;
    let log_n = bounded("ln", log_n, 1, SCRYPT_LOG_N_MAX)?;
    let block = bounded("r", block, 1, SCRYPT_BLOCK_MAX)?;
    let lanes = bounded("p", lanes, 1, SCRYPT_LANES_MAX)?;
    let bytes = (128 * u64::from(block)) << log_n;
    within("128·r·2^ln", bytes, SCRYPT_BYTES_MAX)?;
    within("128·r·2^ln·p", bytes * u64::from(lanes), SCRYPT_WORK_BYTES_MAX)?;
    unversioned(phc)?;
    let log_n = u8::try_from(log_n).map_err(|_| malformed())?;
    Ok(Stored::Scrypt {
        params: scrypt::Params::new(log_n, block, lanes).map_err(|_| malformed())?,
        salt: phc.salt,
        hash: phc.hash,
    })
}

fn pbkdf2(digest: Digest, phc: &Phc) -> Result<Stored, Reason> {
    let [rounds, length] = phc.numbers(["i", "l"])?;
    let rounds = bounded("i", rounds, PBKDF2_ROUNDS_MIN, PBKDF2_ROUNDS_MAX)?;
    let bytes = phc.hash.len();
    if length.is_some_and(|length| usize::try_from(length) != Ok(bytes)) {
        return Err("The parameter 'l' of 'passwordHash' does not match the length of its hash.".to_owned());
    }
    let blocks = bytes.div_ceil(digest.bytes()) as u64;
    within("i·blocks", u64::from(rounds) * blocks, u64::from(PBKDF2_ROUNDS_MAX))?;
    unversioned(phc)?;
    Ok(Stored::Pbkdf2 {
        digest,
        rounds: NonZeroU32::new(rounds).ok_or_else(malformed)?,
        salt: phc.salt,
        hash: phc.hash,
    })
}

fn bcrypt(hash: &str, version: bcrypt::Version) -> Result<Stored, Reason> {
    let parts: bcrypt::HashParts = hash.parse().map_err(|_| malformed())?;
    // Requires the canonical form: the parser also accepts '+5' as a cost.
    if parts.format_for_version(version) != hash {
        return Err(malformed());
    }
    bounded("cost", Some(parts.get_cost()), BCRYPT_COST_MIN, BCRYPT_COST_MAX)?;
    Ok(Stored::Bcrypt(parts))
}

/// Only Argon2 has versions.
fn unversioned(phc: &Phc) -> Result<(), Reason> {
    match phc.version {
        None => Ok(()),
        Some(_) => Err(malformed()),
    }
}

fn bounded(name: &str, value: Option<u32>, min: u32, max: u32) -> Result<u32, Reason> {
    match value {
        None => Err(malformed()),
        Some(value) if (min..=max).contains(&value) => Ok(value),
        Some(value) => Err(format!(
            "The parameter '{name}' of 'passwordHash' must be from {min} to {max}, but is {value}."
        )),
    }
}

fn within(name: &str, value: u64, max: u64) -> Result<(), Reason> {
    if value <= max {
        return Ok(());
    }
    Err(format!(
        "Checking this 'passwordHash' costs too much: '{name}' is {value}; the limit is {max}."
    ))
}
