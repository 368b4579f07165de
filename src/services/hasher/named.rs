//! Bare digests, with what a map or a preset of an import says about them.

use super::digest::Digest;
use super::firebase::FirebaseProject;
use super::imported::Recognized;
use super::limits;
use super::refused::{Refused, because, unsupported};
use super::weak::{Bare, Function, Weak};

/// A bare digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedHash {
    /// "md5", "sha1", "sha256", "sha512", "hmac-sha256" and so on, "pbkdf2-sha256", "scrypt", "firebase". Case and
    /// punctuation are ignored.
    pub algorithm: String,
    pub digest: Vec<u8>,
    pub salt: Vec<u8>,
    /// Whether the salt stands before the password; otherwise after it.
    pub salt_first: bool,
    /// The key of an HMAC, or Firebase's signer key.
    pub key: Vec<u8>,
    /// PBKDF2's rounds; scrypt's N; Firebase's rounds.
    pub rounds: Option<u32>,
}

/// What users of scrypt have who choose nothing, as in Node.js, or N alone.
const SCRYPT_N: u32 = 16_384;
const SCRYPT_BLOCK: u32 = 8;
const SCRYPT_LANES: u32 = 1;
/// The same in all projects.
const FIREBASE_ROUNDS: u32 = 8;
const FIREBASE_MEMORY_COST: u32 = 14;
const FIREBASE_SALT_SEPARATOR: u8 = 7;

impl NamedHash {
    /// The same as [`recognize`](super::recognize), for a digest.
    pub fn recognize(&self) -> Result<Recognized, Refused> {
        let name = self.algorithm.chars().filter(char::is_ascii_alphanumeric);
        let name = name.collect::<String>().to_ascii_lowercase();
        match (
            name.as_str(),
            Bare::of_name(&name),
            name.strip_prefix("hmac").and_then(Bare::of_name),
            name.strip_prefix("pbkdf2").and_then(Digest::of_name),
        ) {
            (_, Some(bare), _, _) => self.weak(Function::Plain(bare)),
            (_, _, Some(bare), _) => self.weak(Function::Hmac {
                bare,
                key: self.key.clone(),
            }),
            (_, _, _, Some(digest)) => {
                let needed = || because("malformed", "The algorithm of 'passwordHash' needs its 'rounds'.");
                let rounds = self.rounds.ok_or_else(needed)?;
                limits::pbkdf2(digest, Some(rounds), &self.salt, &self.digest).map(Recognized::Ready)
            }
            ("scrypt", ..) => {
                let n = self.rounds.unwrap_or(SCRYPT_N);
                let params = [limits::log2(n)?, SCRYPT_BLOCK, SCRYPT_LANES].map(Some);
                limits::scrypt(params, &self.salt, &self.digest, false).map(Recognized::Ready)
            }
            ("firebase" | "firebasescrypt", ..) => self.firebase().recognize(&self.digest, &self.salt),
            ("md4" | "ntlm", ..) => Err(unsupported("ntlm")),
            _ => Err(because(
                "unknown-algorithm",
                "The algorithm of 'passwordHash' must be md5, sha1, sha256, sha512, hmac-md5, hmac-sha1, hmac-sha256, \
                 hmac-sha512, pbkdf2-sha1, pbkdf2-sha256, pbkdf2-sha512, scrypt or firebase.",
            )),
        }
    }

    fn weak(&self, function: Function) -> Result<Recognized, Refused> {
        Weak::new(function, &self.digest, &self.salt, self.salt_first).map(Recognized::Weak)
    }

    fn firebase(&self) -> FirebaseProject {
        FirebaseProject {
            signer_key: self.key.clone(),
            salt_separator: vec![FIREBASE_SALT_SEPARATOR],
            rounds: self.rounds.unwrap_or(FIREBASE_ROUNDS),
            memory_cost: FIREBASE_MEMORY_COST,
        }
    }
}
