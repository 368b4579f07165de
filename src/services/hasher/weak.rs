//! Hashes that are computed too fast to be stored: a stolen database would give the passwords away. Argon2id is put around
//! them; see [`Onion`](super::onion::Onion).

use std::fmt;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use md5::{Digest as _, Md5};

use super::digest::Digest;
use super::forms::fields;
use super::limits;
use super::onion;
use super::refused::{Refused, malformed, unsupported};
use super::text::{base64, crypt64, crypt64_value, hex, members, number};

const SALT_BYTES_MAX: usize = 64;
const KEY_BYTES_MAX: usize = 128;
const PHPASS_SALT_CHARACTERS: usize = 8;
const MD5_BYTES: usize = 16;
const MD5_BLOCK_BYTES: usize = 64;

/// A weak hash as another product had it.
#[derive(Clone)]
pub struct Weak {
    inner: Inner,
    digest: Vec<u8>,
}

/// How a weak hash is computed from a password: everything but its result.
#[derive(Clone)]
pub struct Inner {
    function: Function,
    salt: Vec<u8>,
    salt_first: bool,
}

#[derive(Clone)]
pub enum Function {
    /// MD5 many times: WordPress before 6.8, phpBB.
    Phpass {
        log_rounds: u32,
    },
    Plain(Bare),
    Hmac {
        bare: Bare,
        key: Vec<u8>,
    },
}

#[derive(Clone, Copy)]
pub enum Bare {
    Md5,
    Sha(Digest),
}

/// It has the digest, which no log should contain.
impl fmt::Debug for Weak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Weak({})", self.kind())
    }
}

impl Weak {
    /// The kind of hash, for counting.
    pub fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    /// What Argon2id gets.
    pub(super) fn digits(&self) -> String {
        HEXLOWER.encode(&self.digest)
    }

    /// The text to store, with Argon2id of [`digits`](Self::digits).
    pub(super) fn wrapped(&self, outer: &str) -> String {
        onion::text(&self.inner, outer)
    }

    pub(super) fn new(function: Function, digest: &[u8], salt: &[u8], salt_first: bool) -> Result<Self, Refused> {
        let inner = Inner::new(function, salt, salt_first)?;
        match digest.len() == inner.bytes() {
            true => Ok(Self {
                inner,
                digest: digest.to_vec(),
            }),
            false => Err(malformed()),
        }
    }

    /// LDAP: Base64 of the digest and, for the names with `S` at the beginning, the salt. `scheme` is in lower case.
    pub(super) fn of_ldap(scheme: &str, rest: &str) -> Result<Self, Refused> {
        let (bare, salted) = match scheme {
            "md5" => (Bare::Md5, false),
            "smd5" => (Bare::Md5, true),
            "sha" => (Bare::Sha(Digest::Sha1), false),
            "ssha" => (Bare::Sha(Digest::Sha1), true),
            "sha256" => (Bare::Sha(Digest::Sha256), false),
            "ssha256" => (Bare::Sha(Digest::Sha256), true),
            "sha512" => (Bare::Sha(Digest::Sha512), false),
            "ssha512" => (Bare::Sha(Digest::Sha512), true),
            "lanman" | "nt" => return Err(unsupported("ntlm")),
            _ if scheme.starts_with("scram-") => return Err(unsupported("scram")),
            _ => return Err(unsupported("ldap-scheme")),
        };
        let bytes = base64(rest)?;
        let (digest, salt) = bytes.split_at_checked(bare.bytes()).ok_or_else(malformed)?;
        match salted || salt.is_empty() {
            true => Self::new(Function::Plain(bare), digest, salt, false),
            false => Err(malformed()),
        }
    }

    /// `$P$` or `$H$`, a character for the rounds, 8 of salt and 22 of hash.
    pub(super) fn of_phpass(text: &str) -> Result<Self, Refused> {
        let rest = text.get(3..).ok_or_else(malformed)?;
        let (log_rounds, rest) = rest.split_at_checked(1).ok_or_else(malformed)?;
        let (salt, hash) = rest.split_at_checked(PHPASS_SALT_CHARACTERS).ok_or_else(malformed)?;
        let log_rounds = log_rounds.bytes().next().ok_or_else(malformed)?;
        let function = Function::Phpass {
            log_rounds: crypt64_value(log_rounds)?,
        };
        Self::new(function, &crypt64(hash)?, salt.as_bytes(), true)
    }

    /// Django: `<salt>$<hex>`, after `md5$`.
    pub(super) fn of_django_md5(rest: &str) -> Result<Self, Refused> {
        let [salt, digest] = fields(rest)?;
        Self::new(Function::Plain(Bare::Md5), &hex(digest)?, salt.as_bytes(), true)
    }
}

impl Inner {
    fn new(function: Function, salt: &[u8], salt_first: bool) -> Result<Self, Refused> {
        let possible = match &function {
            Function::Phpass { log_rounds } => {
                limits::phpass_log_rounds(*log_rounds)?;
                salt.len() == PHPASS_SALT_CHARACTERS
            }
            Function::Plain(_) => true,
            Function::Hmac { key, .. } => (1..=KEY_BYTES_MAX).contains(&key.len()),
        };
        match possible && salt.len() <= SALT_BYTES_MAX {
            true => Ok(Self {
                function,
                salt: salt.to_vec(),
                salt_first,
            }),
            false => Err(malformed()),
        }
    }

    /// `phpass,n=…,s=…`, `<digest>[,s=…,o=…]` or `hmac-<digest>,k=…[,s=…,o=…]`. Salt and key are in Base64 for URLs; the
    /// order `o` is `ps` if the password is before the salt, and `sp` if it is after it.
    pub(super) fn parse(text: &str) -> Result<Self, Refused> {
        let (name, params) = match text.split_once(',') {
            Some((name, params)) => (name, Some(params)),
            None => (text, None),
        };
        let [log_rounds, key, salt, order] = match params {
            Some(params) => members(params, ["n", "k", "s", "o"])?,
            None => [None; 4],
        };
        let bytes = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| malformed());
        let function = match name.strip_prefix("hmac-") {
            Some(digest) => Function::Hmac {
                bare: Bare::of_name(digest).ok_or_else(malformed)?,
                key: bytes(key.ok_or_else(malformed)?)?,
            },
            None if name == "phpass" => Function::Phpass {
                log_rounds: number(log_rounds.ok_or_else(malformed)?)?,
            },
            None => Function::Plain(Bare::of_name(name).ok_or_else(malformed)?),
        };
        let salt = salt.map(bytes).transpose()?.unwrap_or_default();
        let salt_first = name == "phpass" || order == Some("sp");
        let inner = Self::new(function, &salt, salt_first)?;
        // Only the form that we write: a member too many would be ignored otherwise.
        match inner.text() == text {
            true => Ok(inner),
            false => Err(malformed()),
        }
    }

    pub(super) fn text(&self) -> String {
        let name = match &self.function {
            Function::Phpass { log_rounds } => format!("phpass,n={log_rounds}"),
            Function::Plain(bare) => bare.name().to_owned(),
            Function::Hmac { bare, key } => format!("hmac-{},k={}", bare.name(), BASE64URL_NOPAD.encode(key)),
        };
        let salt = BASE64URL_NOPAD.encode(&self.salt);
        match (&self.function, salt.is_empty()) {
            (_, true) => name,
            (Function::Phpass { .. }, false) => format!("{name},s={salt}"),
            (Function::Plain(_) | Function::Hmac { .. }, false) => {
                let order = if self.salt_first { "sp" } else { "ps" };
                format!("{name},s={salt},o={order}")
            }
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        match &self.function {
            Function::Phpass { .. } => "phpass",
            Function::Plain(bare) => bare.name(),
            Function::Hmac { .. } => "hmac",
        }
    }

    /// How often it computes MD5, if that takes time at all.
    pub(super) fn log_rounds(&self) -> Option<u32> {
        match self.function {
            Function::Phpass { log_rounds } => Some(log_rounds),
            Function::Plain(_) | Function::Hmac { .. } => None,
        }
    }

    pub(super) fn digest(&self, password: &[u8]) -> Vec<u8> {
        let parts = match self.salt_first {
            true => [self.salt.as_slice(), password],
            false => [password, self.salt.as_slice()],
        };
        match &self.function {
            Function::Plain(Bare::Md5) => md5(parts).to_vec(),
            Function::Plain(Bare::Sha(digest)) => digest.of(parts),
            Function::Hmac { bare, key } => match bare {
                Bare::Md5 => hmac_md5(key, parts).to_vec(),
                Bare::Sha(digest) => digest.hmac(key, parts),
            },
            Function::Phpass { log_rounds } => {
                let mut digest = md5(parts);
                for _ in 0..1_u32 << log_rounds {
                    digest = md5([&digest, password]);
                }
                digest.to_vec()
            }
        }
    }

    /// The length of the digest.
    fn bytes(&self) -> usize {
        match &self.function {
            Function::Phpass { .. } => MD5_BYTES,
            Function::Plain(bare) | Function::Hmac { bare, .. } => bare.bytes(),
        }
    }
}

impl Bare {
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "md5" => Some(Self::Md5),
            _ => Digest::of_name(name).map(Self::Sha),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha(digest) => digest.name(),
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::Md5 => MD5_BYTES,
            Self::Sha(digest) => digest.bytes(),
        }
    }
}

fn md5([first, second]: [&[u8]; 2]) -> [u8; MD5_BYTES] {
    Md5::new().chain_update(first).chain_update(second).finalize().into()
}

/// HMAC (RFC 2104) with MD5, which the library of the others does not have.
fn hmac_md5(key: &[u8], [first, second]: [&[u8]; 2]) -> [u8; MD5_BYTES] {
    let short = md5([key, &[]]);
    let key = if key.len() > MD5_BLOCK_BYTES { &short[..] } else { key };
    let padded = |pad: u8| {
        let mut block = [pad; MD5_BLOCK_BYTES];
        for (byte, of_key) in block.iter_mut().zip(key) {
            *byte ^= of_key;
        }
        block
    };
    let inner = md5([&[padded(0x36).as_slice(), first].concat(), second]);
    md5([&padded(0x5c), &inner])
}
