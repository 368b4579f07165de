//! Secrets that we generate: their format, and the digest, which is all we store.

use data_encoding::HEXLOWER;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::model::error::{Error, Result};

const REFRESH_PREFIX: &str = "tnr_";
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_BYTES: usize = 32;
/// 62^43 is the first power of 62 above 2^256.
const RANDOM_DIGITS: usize = 43;
const TEMPORARY_PASSWORD_CHARACTERS: usize = 20;
/// 62^6 is above 2^32.
const CHECKSUM_DIGITS: usize = 6;

/// A secret on its way to its owner: shown once, never logged (`Debug` hides it), gone from memory when dropped.
#[derive(Clone, Debug)]
pub struct Secret(SecretString);

impl Secret {
    /// An API key: `tnt_`, 32 random bytes and a checksum, so that a scanner can tell a real key from a lookalike.
    pub fn api_key() -> Result<Self> {
        let random = random()?;
        let body = format!("tnt_{}", base62(&random, RANDOM_DIGITS));
        let checksum = crc32fast::hash(body.as_bytes()).to_be_bytes();
        Ok(Self(format!("{body}{}", base62(&checksum, CHECKSUM_DIGITS)).into()))
    }

    /// A token for a link in a mail.
    pub fn mailed_token() -> Result<Self> {
        Ok(Self(base62(&random()?, RANDOM_DIGITS).into()))
    }

    /// The part that is common to all refresh tokens of a session.
    pub fn family() -> Result<Self> {
        Ok(Self(base62(&random()?, RANDOM_DIGITS).into()))
    }

    /// A refresh token: the session's common part, and its own part.
    pub fn refresh_token(family: &str, own: &[u8; RANDOM_BYTES]) -> Self {
        Self(format!("{REFRESH_PREFIX}{family}{}", base62(own, RANDOM_DIGITS)).into())
    }

    /// A temporary password, which must be changed at the first sign-in: 20 characters, about 119 bits.
    pub fn temporary_password() -> Result<Self> {
        let text = base62(&random()?, RANDOM_DIGITS);
        Ok(Self(
            text.chars()
                .rev()
                .take(TEMPORARY_PASSWORD_CHARACTERS)
                .collect::<String>()
                .into(),
        ))
    }

    /// A secret from the configuration or from a caller.
    pub fn given(text: &str) -> Self {
        Self(text.to_owned().into())
    }

    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    pub fn digest(&self) -> String {
        digest(self.expose())
    }

    /// The first characters, which identify a key for its owner; never more than a third of the secret.
    pub fn prefix(&self) -> String {
        let secret = self.expose();
        secret.chars().take((secret.len() / 3).min(12)).collect()
    }
}

/// The digest that is stored and looked up instead of a secret: SHA-256, as 64 hex digits. The secrets are long and
/// random, so a slow hash would add nothing; and the look-up of a digest does not reveal, by timing or otherwise, how
/// close a guess was.
pub fn digest(secret: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(secret.as_bytes()))
}

/// The common part of a refresh token; `None` if it does not have the form of one.
pub fn family_of(token: &str) -> Option<&str> {
    let parts = token.strip_prefix(REFRESH_PREFIX)?;
    (parts.len() == 2 * RANDOM_DIGITS && parts.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .then(|| parts.get(..RANDOM_DIGITS))
        .flatten()
}

/// Random bytes from the system.
pub fn random() -> Result<[u8; RANDOM_BYTES]> {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes).map_err(Error::internal)?;
    Ok(bytes)
}

/// A big-endian number in base 62, with leading zeros.
fn base62(bytes: &[u8], digits: usize) -> String {
    let mut number = bytes.to_vec();
    let mut text = vec![BASE62[0]; digits];
    for digit in text.iter_mut().rev() {
        let mut remainder = 0_u16;
        for byte in &mut number {
            let value = (remainder << 8) | u16::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        *digit = BASE62.get(usize::from(remainder)).copied().unwrap_or(b'0');
    }
    text.into_iter().map(char::from).collect()
}
