//! A stored hash: its parameters, and verification of passwords.

use std::num::NonZeroU32;

use argon2::password_hash::phc::{Output, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::pbkdf2;
use subtle::ConstantTimeEq;

use crate::model::error::{Error, Result};

/// The cost parameters of our own hashes.
pub(super) const MEMORY_KIB: u32 = 19 * 1024;
pub(super) const ITERATIONS: u32 = 2;
pub(super) const LANES: u32 = 1;
const OUTPUT_BYTES: usize = 32;

/// bcrypt ignores the rest of a password.
const BCRYPT_BYTES_MAX: usize = 72;

/// A hash with everything needed for verification. Only parsing can fail, so a hash that no password can match because
/// of its form is never accepted.
#[derive(Debug)]
pub(super) enum Stored {
    Argon2 {
        algorithm: Algorithm,
        version: Version,
        params: Params,
        salt: Salt,
        hash: Output,
    },
    Scrypt {
        params: scrypt::Params,
        salt: Salt,
        hash: Output,
    },
    Pbkdf2 {
        digest: Digest,
        rounds: NonZeroU32,
        salt: Salt,
        hash: Output,
    },
    Bcrypt(bcrypt::HashParts),
}

/// The digest of PBKDF2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    Sha256,
    Sha512,
}

impl Digest {
    pub fn bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    fn algorithm(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }
}

impl Stored {
    /// Whether the password matches the hash. It takes the same time for a wrong one.
    pub fn opens(&self, password: &str) -> Result<bool> {
        let password = password.as_bytes();
        let mut computed = [0; Output::MAX_LENGTH];
        match self {
            Self::Argon2 {
                algorithm,
                version,
                params,
                salt,
                hash,
            } => {
                let computed = computed.get_mut(..hash.len()).unwrap_or_default();
                Argon2::new(*algorithm, *version, params.clone())
                    .hash_password_into(password, salt, computed)
                    .map_err(|e| Error::internal(e.to_string()))?;
                Ok((*computed).ct_eq(hash.as_ref()).into())
            }
            Self::Scrypt { params, salt, hash } => {
                let computed = computed.get_mut(..hash.len()).unwrap_or_default();
                scrypt::scrypt(password, salt, params, computed).map_err(|e| Error::internal(e.to_string()))?;
                Ok((*computed).ct_eq(hash.as_ref()).into())
            }
            Self::Pbkdf2 {
                digest,
                rounds,
                salt,
                hash,
            } => Ok(pbkdf2::verify(digest.algorithm(), *rounds, salt, password, hash.as_ref()).is_ok()),
            Self::Bcrypt(parts) => {
                let computed = bcrypt::hash_with_salt(password, parts.get_cost(), parts.get_salt_raw())
                    .map_err(|e| Error::internal(e.to_string()))?;
                Ok(computed
                    .to_string()
                    .as_bytes()
                    .ct_eq(parts.to_string().as_bytes())
                    .into())
            }
        }
    }

    /// Whether it has the algorithm and the parameters of new hashes.
    pub fn is_ours(&self) -> bool {
        match self {
            Self::Argon2 {
                algorithm,
                version,
                params,
                hash,
                ..
            } => {
                (*algorithm, *version) == (Algorithm::Argon2id, Version::V0x13)
                    && (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY_KIB, ITERATIONS, LANES)
                    && hash.len() == OUTPUT_BYTES
            }
            Self::Scrypt { .. } | Self::Pbkdf2 { .. } | Self::Bcrypt(_) => false,
        }
    }

    /// Whether another text than the original password may match: bcrypt ignores everything after its limit. Such a
    /// text must not be stored as the password.
    pub fn opens_for_more_than(&self, password: &str) -> bool {
        matches!(self, Self::Bcrypt(_)) && password.len() >= BCRYPT_BYTES_MAX
    }
}
