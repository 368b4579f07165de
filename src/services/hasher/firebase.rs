//! Firebase's own form of scrypt: the project's signer key, encrypted with what scrypt makes of the password.

use aws_lc_rs::cipher::{AES_256, AES_256_KEY_LEN, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::{FixedLength, IV_LEN_128_BIT};
use data_encoding::BASE64;
use subtle::ConstantTimeEq;

use super::forms::fields;
use super::imported::Recognized;
use super::limits;
use super::refused::{Refused, because, malformed};
use super::stored::Stored;
use super::text::{base64, members, number, numbers};
use crate::model::error::{Error, Result};

/// Of salt and separator.
const SALT_BYTES_MAX: usize = 64;
/// Of the signer key, which is as long as the hash.
const KEY_BYTES_MIN: usize = 16;
const KEY_BYTES_MAX: usize = 96;

/// A hash of a Firebase project.
pub struct Firebase {
    pub(super) params: scrypt::Params,
    separator: Vec<u8>,
    signer_key: Vec<u8>,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// What all hashes of a Firebase project have in common. Its console shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct FirebaseProject {
    pub signer_key: Vec<u8>,
    pub salt_separator: Vec<u8>,
    /// scrypt's r.
    pub rounds: u32,
    /// The logarithm of scrypt's N.
    pub memory_cost: u32,
}

impl FirebaseProject {
    /// A hash of this project, and its salt.
    pub fn recognize(&self, hash: &[u8], salt: &[u8]) -> Result<Recognized, Refused> {
        let params = [Some(self.memory_cost), Some(self.rounds), Some(1)];
        let firebase = Firebase::new(params, [&self.salt_separator, &self.signer_key, salt, hash])?;
        Ok(Recognized::Ready(Stored::Firebase(firebase)))
    }

    /// SuperTokens' `$f_scrypt$<hash>$<salt>$m=…$r=…$s=…`, which has all but the signer key.
    pub fn recognize_supertokens(&self, text: &str) -> Result<Recognized, Refused> {
        let rest = text.strip_prefix("$f_scrypt$").ok_or_else(malformed)?;
        let [hash, salt, memory_cost, rounds, separator] = fields(rest)?;
        let log_n = number(value_of("m=", memory_cost)?)?;
        let block = number(value_of("r=", rounds)?)?;
        let separator = base64(value_of("s=", separator)?)?;
        let params = [log_n, block, 1].map(Some);
        let firebase = Firebase::new(params, [&separator, &self.signer_key, &base64(salt)?, &base64(hash)?])?;
        Ok(Recognized::Ready(Stored::Firebase(firebase)))
    }
}

impl Firebase {
    fn new(params: [Option<u32>; 3], [separator, signer_key, salt, hash]: [&[u8]; 4]) -> Result<Self, Refused> {
        let short = separator.len() <= SALT_BYTES_MAX && (1..=SALT_BYTES_MAX).contains(&salt.len());
        let key = (KEY_BYTES_MIN..=KEY_BYTES_MAX).contains(&hash.len()) && signer_key.len() == hash.len();
        match short && key {
            true => Ok(Self {
                params: limits::scrypt_params(params)?,
                separator: separator.to_vec(),
                signer_key: signer_key.to_vec(),
                salt: salt.to_vec(),
                hash: hash.to_vec(),
            }),
            false => Err(malformed()),
        }
    }

    /// `$fbscrypt$v=1,n=…,r=…,p=…,ss=<separator>,sk=<signer key>$<salt>$<hash>`, our form and Supabase's.
    pub(super) fn parse(text: &str) -> Result<Self, Refused> {
        let rest = text.strip_prefix("$fbscrypt$").ok_or_else(malformed)?;
        let [params, salt, hash] = fields(rest)?;
        let [version, log_n, block, lanes, separator, key] = members(params, ["v", "n", "r", "p", "ss", "sk"])?;
        let (Some("1"), Some(separator), Some(key)) = (version, separator, key) else {
            return Err(malformed());
        };
        let (Some(log_n), Some(block), Some(lanes)) = (log_n, block, lanes) else {
            return Err(malformed());
        };
        let params = [number(log_n)?, number(block)?, number(lanes)?].map(Some);
        let [separator, key, salt, hash] = [base64(separator)?, base64(key)?, base64(salt)?, base64(hash)?];
        Self::new(params, [&separator, &key, &salt, &hash])
    }

    /// Kratos: `$firescrypt$ln=…,r=…,p=…$<salt>$<hash>$<separator>$<signer key>`.
    pub(super) fn parse_kratos(text: &str) -> Result<Self, Refused> {
        let rest = text.strip_prefix("$firescrypt$").ok_or_else(malformed)?;
        let [params, salt, hash, separator, key] = fields(rest)?;
        let params = numbers(params, ["ln", "r", "p"])?;
        let [separator, key, salt, hash] = [base64(separator)?, base64(key)?, base64(salt)?, base64(hash)?];
        Self::new(params, [&separator, &key, &salt, &hash])
    }

    pub(super) fn text(&self) -> String {
        let (log_n, block, lanes) = (self.params.log_n(), self.params.r(), self.params.p());
        let [separator, key] = [&self.separator, &self.signer_key].map(|bytes| BASE64.encode(bytes));
        let [salt, hash] = [&self.salt, &self.hash].map(|bytes| BASE64.encode(bytes));
        format!("$fbscrypt$v=1,n={log_n},r={block},p={lanes},ss={separator},sk={key}${salt}${hash}")
    }

    pub(super) fn opens(&self, password: &[u8]) -> Result<bool> {
        let salt = [self.salt.as_slice(), self.separator.as_slice()].concat();
        let mut key = [0; AES_256_KEY_LEN];
        scrypt::scrypt(password, &salt, &self.params, &mut key).map_err(|e| Error::internal(e.to_string()))?;
        let mut computed = self.signer_key.clone();
        // In counter mode, encryption and decryption are the same. Firebase's counter begins at zero, which only
        // decryption allows to choose.
        let counter = DecryptionContext::Iv128(FixedLength::from([0_u8; IV_LEN_128_BIT]));
        UnboundCipherKey::new(&AES_256, &key)
            .and_then(DecryptingKey::ctr)
            .and_then(|cipher| cipher.decrypt(&mut computed, counter).map(|_| ()))
            .map_err(|_| Error::internal("cannot encrypt a signer key"))?;
        Ok(computed.ct_eq(&self.hash).into())
    }
}

fn value_of<'a>(name: &str, field: &'a str) -> Result<&'a str, Refused> {
    field.strip_prefix(name).ok_or_else(malformed)
}

/// A hash of SuperTokens without the key of its project.
pub(super) fn without_key() -> Refused {
    because(
        "firebase-without-key",
        "'passwordHash' needs the signer key of its Firebase project, which it does not contain.",
    )
}
