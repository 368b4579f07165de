//! A stored hash: its parameters, its text, and verification of passwords.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;

use argon2::password_hash::phc::{Output, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::{hmac, pbkdf2};
use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;

use super::digest::Digest;
use super::firebase::Firebase;
use super::onion::Onion;
use super::sha_crypt::ShaCrypt;
use crate::model::error::{Error, Result};

/// The cost parameters of our own hashes.
pub(super) const MEMORY_KIB: u32 = 19 * 1024;
pub(super) const ITERATIONS: u32 = 2;
pub(super) const LANES: u32 = 1;
const OUTPUT_BYTES: usize = 32;

/// bcrypt ignores the rest of a password.
const BCRYPT_BYTES_MAX: usize = 72;
const WORDPRESS_KEY: &[u8] = b"wp-sha384";
/// What WordPress removes from both ends of a password, as PHP's `trim` does.
const BLANKS: [char; 6] = [' ', '\t', '\n', '\r', '\0', '\u{b}'];

/// A hash with everything needed for verification. Only parsing can fail, so a hash that no password can match because
/// of its form is never accepted.
pub enum Stored {
    Argon2(Argon2Hash),
    Scrypt {
        params: scrypt::Params,
        salt: Salt,
        hash: Output,
        /// It is of the password in the form NFKC (better-auth), which has one spelling for more texts than NFC.
        nfkc: bool,
    },
    Pbkdf2 {
        digest: Digest,
        rounds: NonZeroU32,
        salt: Salt,
        hash: Output,
    },
    Bcrypt {
        of: Prehash,
        version: bcrypt::Version,
        parts: bcrypt::HashParts,
    },
    ShaCrypt(ShaCrypt),
    Firebase(Firebase),
    Onion(Box<Onion>),
}

/// It has the salt, the hash and maybe a key, which no log should contain.
impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stored({})", self.kind())
    }
}

impl Stored {
    /// The kind of hash, for counting.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Argon2(hash) => hash.algorithm.as_str(),
            Self::Scrypt { .. } => "scrypt",
            Self::Pbkdf2 { digest, .. } => match digest {
                Digest::Sha1 => "pbkdf2-sha1",
                Digest::Sha256 => "pbkdf2-sha256",
                Digest::Sha512 => "pbkdf2-sha512",
            },
            Self::Bcrypt { of, .. } => match of {
                Prehash::None => "bcrypt",
                Prehash::WordPress => "wordpress",
                Prehash::Sha256 => "bcrypt-sha256",
            },
            Self::ShaCrypt(hash) => hash.kind(),
            Self::Firebase(_) => "firebase",
            Self::Onion(onion) => onion.inner.kind(),
        }
    }

    /// The text to store. Recognizing it gives the same hash.
    pub fn text(&self) -> String {
        match self {
            Self::Argon2(hash) => hash.text(),
            Self::Scrypt {
                params,
                salt,
                hash,
                nfkc,
            } => {
                let (log_n, block, lanes) = (params.log_n(), params.r(), params.p());
                let nfkc = if *nfkc { ",nfkc=1" } else { "" };
                format!("$scrypt$ln={log_n},r={block},p={lanes}{nfkc}${salt}${hash}")
            }
            Self::Pbkdf2 {
                digest,
                rounds,
                salt,
                hash,
            } => {
                let (name, length) = (digest.name(), hash.len());
                format!("$pbkdf2-{name}$i={rounds},l={length}${salt}${hash}")
            }
            Self::Bcrypt { of, version, parts } => {
                format!("{}{}", of.prefix(), parts.format_for_version(version.clone()))
            }
            Self::ShaCrypt(hash) => hash.text().to_owned(),
            Self::Firebase(hash) => hash.text(),
            Self::Onion(onion) => onion.text(),
        }
    }

    /// Whether the password matches the hash. It takes the same time for a wrong one.
    pub(super) fn opens(&self, password: &str) -> Result<bool> {
        match self {
            Self::Argon2(hash) => hash.opens(password.as_bytes()),
            Self::Scrypt {
                params,
                salt,
                hash,
                nfkc,
            } => {
                let password = match nfkc {
                    true => nfkc_of(password),
                    false => Cow::Borrowed(password),
                };
                let mut computed = [0; Output::MAX_LENGTH];
                let computed = computed.get_mut(..hash.len()).unwrap_or_default();
                scrypt::scrypt(password.as_bytes(), salt, params, computed)
                    .map_err(|e| Error::internal(e.to_string()))?;
                Ok((*computed).ct_eq(hash.as_ref()).into())
            }
            Self::Pbkdf2 {
                digest,
                rounds,
                salt,
                hash,
            } => Ok(pbkdf2::verify(digest.pbkdf2(), *rounds, salt, password.as_bytes(), hash.as_ref()).is_ok()),
            Self::Bcrypt { of, parts, .. } => {
                let computed =
                    bcrypt::hash_with_salt(of.input(password).as_bytes(), parts.get_cost(), parts.get_salt_raw())
                        .map_err(|e| Error::internal(e.to_string()))?;
                Ok(computed
                    .to_string()
                    .as_bytes()
                    .ct_eq(parts.to_string().as_bytes())
                    .into())
            }
            Self::ShaCrypt(hash) => hash.opens(password.as_bytes()),
            Self::Firebase(hash) => hash.opens(password.as_bytes()),
            Self::Onion(onion) => onion.opens(password.as_bytes()),
        }
    }

    /// Whether it has the algorithm and the parameters of new hashes.
    pub fn is_ours(&self) -> bool {
        match self {
            Self::Argon2(hash) => {
                let params = &hash.params;
                (hash.algorithm, hash.version) == (Algorithm::Argon2id, Version::V0x13)
                    && (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY_KIB, ITERATIONS, LANES)
                    && hash.hash.len() == OUTPUT_BYTES
            }
            Self::Scrypt { .. }
            | Self::Pbkdf2 { .. }
            | Self::Bcrypt { .. }
            | Self::ShaCrypt(_)
            | Self::Firebase(_)
            | Self::Onion(_) => false,
        }
    }

    /// Whether this text, which matches, may be another one than the original password: bcrypt ignores everything after
    /// its limit, WordPress ignores blanks at the ends, and NFKC has one spelling for full-width and plain letters. Such
    /// a text must not be stored as the password.
    pub(super) fn opens_for_more_than(&self, password: &str) -> bool {
        match self {
            Self::Bcrypt { of, .. } => match of {
                Prehash::None => password.len() >= BCRYPT_BYTES_MAX,
                Prehash::WordPress => password.trim_matches(BLANKS) != password,
                Prehash::Sha256 => false,
            },
            Self::Scrypt { nfkc, .. } => *nfkc && nfkc_of(password) != password,
            Self::Argon2(_) | Self::Pbkdf2 { .. } | Self::ShaCrypt(_) | Self::Firebase(_) | Self::Onion(_) => false,
        }
    }
}

/// A hash by Argon2.
pub struct Argon2Hash {
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    pub(super) params: Params,
    pub(super) salt: Salt,
    pub(super) hash: Output,
}

impl Argon2Hash {
    pub(super) fn text(&self) -> String {
        let (algorithm, version) = (self.algorithm, u32::from(self.version));
        let (memory, iterations, lanes) = (self.params.m_cost(), self.params.t_cost(), self.params.p_cost());
        let (salt, hash) = (self.salt, self.hash);
        format!("${algorithm}$v={version}$m={memory},t={iterations},p={lanes}${salt}${hash}")
    }

    pub(super) fn opens(&self, password: &[u8]) -> Result<bool> {
        let mut computed = [0; Output::MAX_LENGTH];
        let computed = computed.get_mut(..self.hash.len()).unwrap_or_default();
        Argon2::new(self.algorithm, self.version, self.params.clone())
            .hash_password_into(password, &self.salt, computed)
            .map_err(|e| Error::internal(e.to_string()))?;
        Ok((*computed).ct_eq(self.hash.as_ref()).into())
    }
}

/// What bcrypt gets: some products compute a digest first, so that all bytes of a long password count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prehash {
    /// The password itself.
    None,
    /// WordPress 6.8: HMAC-SHA-384 in Base64.
    WordPress,
    /// Django: SHA-256 in hex.
    Sha256,
}

impl Prehash {
    /// What is before `$2b$…` in the text to store.
    fn prefix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::WordPress => "$wp",
            Self::Sha256 => "$bcrypt-sha256",
        }
    }

    fn input(self, password: &str) -> Cow<'_, str> {
        match self {
            Self::None => Cow::Borrowed(password),
            Self::WordPress => {
                let key = hmac::Key::new(hmac::HMAC_SHA384, WORDPRESS_KEY);
                let tag = hmac::sign(&key, password.trim_matches(BLANKS).as_bytes());
                Cow::Owned(BASE64.encode(tag.as_ref()))
            }
            Self::Sha256 => Cow::Owned(HEXLOWER.encode(&Sha256::digest(password.as_bytes()))),
        }
    }
}

fn nfkc_of(password: &str) -> Cow<'_, str> {
    match password.is_ascii() {
        true => Cow::Borrowed(password),
        false => Cow::Owned(password.nfkc().collect()),
    }
}
