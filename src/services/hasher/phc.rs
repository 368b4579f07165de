//! Hashes as PHC strings: `$<algorithm>[$v=<version>]$<name>=<value>,…$<salt>$<hash>`.

use argon2::Algorithm;

use super::digest::Digest;
use super::limits;
use super::refused::{Refused, because, malformed};
use super::stored::{Argon2Hash, Stored};
use super::text::{base64, number, numbers};

/// scrypt's cost is a logarithm; Kratos writes N itself, which is greater than any logarithm.
const LOG_N_MAX: u32 = 63;

/// The parts of a PHC string.
struct Phc<'a> {
    version: Option<u32>,
    params: &'a str,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl<'a> Phc<'a> {
    fn parse(text: &'a str) -> Result<Self, Refused> {
        // Before the first `$` is nothing, and after it the algorithm.
        let mut fields = text.split('$').skip(2).peekable();
        let version = match fields.peek().copied().and_then(|field| field.strip_prefix("v=")) {
            Some(version) if !version.contains(',') => {
                fields.next();
                Some(number(version)?)
            }
            Some(_) | None => None,
        };
        let (Some(params), Some(salt), Some(hash), None) = (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(malformed());
        };
        Ok(Self {
            version,
            params,
            salt: base64(salt)?,
            hash: base64(hash)?,
        })
    }

    /// For an algorithm that has no versions: all but Argon2.
    fn parse_unversioned(text: &'a str) -> Result<Self, Refused> {
        let phc = Self::parse(text)?;
        match phc.version {
            None => Ok(phc),
            Some(_) => Err(malformed()),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.params
            .split(',')
            .any(|param| param.split_once('=').is_some_and(|(known, _)| known == name))
    }
}

pub fn argon2(algorithm: Algorithm, text: &str) -> Result<Argon2Hash, Refused> {
    let phc = Phc::parse(text)?;
    if phc.has("keyid") {
        return Err(because(
            "argon2-keyid",
            "'passwordHash' was created with a secret key ('keyid'), which this server does not have: no password would \
             match it.",
        ));
    }
    if phc.has("data") {
        return Err(because(
            "argon2-data",
            "'passwordHash' was created with associated data ('data'), which is not supported.",
        ));
    }
    let params = numbers(phc.params, ["m", "t", "p"])?;
    // Without a version, it is the oldest one.
    let version = phc.version.ok_or_else(malformed)?;
    limits::argon2(algorithm, version, params, &phc.salt, &phc.hash)
}

pub fn scrypt(text: &str) -> Result<Stored, Refused> {
    let phc = Phc::parse_unversioned(text)?;
    let [log_n, block, lanes, nfkc] = numbers(phc.params, ["ln", "r", "p", "nfkc"])?;
    let log_n = match log_n {
        Some(n) if n > LOG_N_MAX => Some(limits::log2(n)?),
        log_n => log_n,
    };
    let nfkc = match nfkc {
        None => false,
        Some(1) => true,
        Some(_) => return Err(malformed()),
    };
    limits::scrypt([log_n, block, lanes], &phc.salt, &phc.hash, nfkc)
}

/// PBKDF2; passlib and Zitadel write the rounds alone.
pub fn pbkdf2(digest: Digest, text: &str) -> Result<Stored, Refused> {
    let phc = Phc::parse_unversioned(text)?;
    let [rounds, length] = match phc.params.contains('=') {
        true => numbers(phc.params, ["i", "l"])?,
        false => [Some(number(phc.params)?), None],
    };
    if length.is_some_and(|length| usize::try_from(length) != Ok(phc.hash.len())) {
        return Err(because(
            "malformed",
            "The parameter 'l' of 'passwordHash' does not match the length of its hash.",
        ));
    }
    limits::pbkdf2(digest, rounds, &phc.salt, &phc.hash)
}
