//! SHA-crypt: the `$5$` and `$6$` of Linux.

use ::sha_crypt::{Params, sha256_crypt, sha512_crypt};
use subtle::ConstantTimeEq;

use super::digest::Digest;
use super::limits;
use super::refused::{Refused, malformed};
use super::text::{crypt64, number};
use crate::model::error::{Error, Result};

const ROUNDS_DEFAULT: u32 = 5_000;
const SALT_CHARACTERS_MAX: usize = 16;

/// The order in which the bytes of the output are written.
const SHA256_ORDER: [usize; 32] = [
    20, 10, 0, 11, 1, 21, 2, 22, 12, 23, 13, 3, 14, 4, 24, 5, 25, 15, 26, 16, 6, 17, 7, 27, 8, 28, 18, 29, 19, 9, 30,
    31,
];
const SHA512_ORDER: [usize; 64] = [
    42, 21, 0, 1, 43, 22, 23, 2, 44, 45, 24, 3, 4, 46, 25, 26, 5, 47, 48, 27, 6, 7, 49, 28, 29, 8, 50, 51, 30, 9, 10,
    52, 31, 32, 11, 53, 54, 33, 12, 13, 55, 34, 35, 14, 56, 57, 36, 15, 16, 58, 37, 38, 17, 59, 60, 39, 18, 19, 61, 40,
    41, 20, 62, 63,
];

/// A hash by SHA-crypt.
pub struct ShaCrypt {
    /// SHA-256 or SHA-512.
    pub(super) digest: Digest,
    pub(super) rounds: u32,
    pub(super) salt: String,
    hash: Vec<u8>,
    text: String,
}

impl ShaCrypt {
    /// `$5$[rounds=…$]<salt>$<hash>`, and the same with `$6$`.
    pub(super) fn parse(digest: Digest, text: &str) -> Result<Self, Refused> {
        let fields: Vec<&str> = text.split('$').skip(2).collect();
        let (rounds, salt, hash) = match fields.as_slice() {
            [salt, hash] => (ROUNDS_DEFAULT, *salt, *hash),
            [rounds, salt, hash] => {
                let rounds = rounds.strip_prefix("rounds=").ok_or_else(malformed)?;
                (number(rounds)?, *salt, *hash)
            }
            _ => return Err(malformed()),
        };
        // A text with rounds but without a salt has two fields, too.
        let is_salt = (1..=SALT_CHARACTERS_MAX).contains(&salt.len()) && !salt.starts_with("rounds=");
        let hash = crypt64(hash)?;
        match is_salt && hash.len() == digest.bytes() {
            true => Ok(Self {
                digest,
                rounds: limits::sha_crypt_rounds(rounds)?,
                salt: salt.to_owned(),
                hash,
                text: text.to_owned(),
            }),
            false => Err(malformed()),
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        match self.digest {
            Digest::Sha512 => "sha512-crypt",
            Digest::Sha256 | Digest::Sha1 => "sha256-crypt",
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn opens(&self, password: &[u8]) -> Result<bool> {
        let params = Params::new(self.rounds).map_err(|e| Error::internal(e.to_string()))?;
        let salt = self.salt.as_bytes();
        let computed = match self.digest {
            Digest::Sha512 => ordered(&sha512_crypt(password, salt, params), &SHA512_ORDER),
            Digest::Sha256 | Digest::Sha1 => ordered(&sha256_crypt(password, salt, params), &SHA256_ORDER),
        };
        Ok(computed.ct_eq(&self.hash).into())
    }
}

fn ordered(output: &[u8], order: &[usize]) -> Vec<u8> {
    order.iter().filter_map(|at| output.get(*at).copied()).collect()
}
