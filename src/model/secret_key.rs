//! The server's own secret: it encrypts the signing keys at rest and goes into every refresh token. It is never in the
//! database, so that nobody who reads the database or a backup can forge either of them.

use std::fmt;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::secret::random;
use crate::model::error::{Error, Reason, Result};

/// 256 bits, as 64 hex digits.
#[derive(Clone)]
pub struct SecretKey([u8; 32]);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

impl SecretKey {
    /// Reads 64 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// Writes it into a key file (mode 0600). Changes nothing if there is one, and fails if that has another key.
    pub fn store(&self, path: &Path) -> std::io::Result<()> {
        write(path, &HEXLOWER.encode(&self.0))?;
        match self.is_in(path)? {
            true => Ok(()),
            false => Err(std::io::Error::other("the file has another key")),
        }
    }

    /// Whether this key file contains it.
    pub fn is_in(&self, path: &Path) -> std::io::Result<bool> {
        Ok(read(path)?.is_some_and(|key| key.0 == self.0))
    }

    /// A keyed digest of several parts. Each purpose has its own derived key, so that a digest for one purpose is not
    /// valid for another.
    pub fn mac(&self, purpose: &str, parts: &[&str]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.derived(purpose));
        let mut context = hmac::Context::with_key(&key);
        for part in parts {
            // The length prefix ensures that different lists of parts never give the same input.
            context.update(&part.len().to_be_bytes());
            context.update(part.as_bytes());
        }
        bytes_of(&context.sign())
    }

    /// Encrypts a value for this id; it cannot be decrypted for another id or purpose.
    pub fn seal(&self, purpose: &str, id: &str, plain: &[u8]) -> Result<String> {
        let mut text = plain.to_vec();
        let nonce = self
            .aead(purpose)?
            .seal_in_place_append_tag(Aad::from(id.as_bytes()), &mut text)
            .map_err(|_| Error::internal("cannot encrypt a secret"))?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut text);
        Ok(STANDARD.encode(sealed))
    }

    /// Decrypts a value that was sealed for this purpose and id with this key.
    pub fn open(&self, purpose: &str, id: &str, sealed: &str) -> Result<Vec<u8>> {
        let unreadable = || Error::internal("a secret was encrypted with another TENANTRY_SECRET_KEY");
        let bytes = STANDARD.decode(sealed).map_err(|_| unreadable())?;
        let (nonce, text) = bytes.split_at_checked(NONCE_LEN).ok_or_else(unreadable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| unreadable())?;
        let mut text = text.to_vec();
        let plain = self
            .aead(purpose)?
            .open_in_place(nonce, Aad::from(id.as_bytes()), &mut text)
            .map_err(|_| unreadable())?;
        Ok(plain.to_vec())
    }

    fn aead(&self, purpose: &str) -> Result<RandomizedNonceKey> {
        RandomizedNonceKey::new(&AES_256_GCM, &self.derived(purpose))
            .map_err(|_| Error::internal("AES-256-GCM refused its key"))
    }

    fn derived(&self, purpose: &str) -> [u8; 32] {
        bytes_of(&hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, &self.0),
            purpose.as_bytes(),
        ))
    }
}

fn bytes_of(tag: &hmac::Tag) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    bytes
}

/// Where the secret comes from.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// `TENANTRY_SECRET_KEY`.
    Given(SecretKey),
    /// A file next to the SQLite file, with mode 0600, created when first needed.
    File(PathBuf),
    /// There is no secret, and so no sessions.
    Missing,
}

impl SecretSource {
    /// The given key, or else a file next to the SQLite file, or else none.
    pub fn new(given: Option<SecretKey>, sqlite_file: Option<&Path>) -> Self {
        match (given, sqlite_file) {
            (Some(key), _) => Self::Given(key),
            (None, Some(file)) => {
                let mut name = file.as_os_str().to_owned();
                name.push(".key");
                Self::File(name.into())
            }
            (None, None) => Self::Missing,
        }
    }

    /// The key, if it exists.
    pub fn present(&self) -> std::io::Result<Option<SecretKey>> {
        match self {
            Self::Given(key) => Ok(Some(key.clone())),
            Self::File(path) => read(path),
            Self::Missing => Ok(None),
        }
    }

    /// The key; creates the key file if it does not exist.
    pub fn require(&self) -> Result<SecretKey> {
        if let Some(key) = self.present().map_err(Error::internal)? {
            return Ok(key);
        }
        match self {
            Self::File(path) => {
                make(path).map_err(Error::internal)?;
                let made = read(path).map_err(Error::internal)?;
                made.ok_or_else(|| Error::internal("the key file that was just created is gone"))
            }
            Self::Given(_) | Self::Missing => Err(Error::unavailable(
                Reason::NoSecretKey,
                "TENANTRY_SECRET_KEY is not set: set it to what 'openssl rand -hex 32' prints",
            )),
        }
    }
}

fn read(path: &Path) -> std::io::Result<Option<SecretKey>> {
    match std::fs::read_to_string(path) {
        Ok(text) => SecretKey::parse(text.trim()).map(Some).ok_or_else(|| {
            std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                format!(
                    "the key file {} does not contain 64 hex digits; restore the copy that belongs to this database",
                    path.display()
                ),
            )
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Creates the file with a new key. If another process was first, that process's key is used.
fn make(path: &Path) -> std::io::Result<()> {
    write(path, &hex()?)
}

fn hex() -> std::io::Result<String> {
    random()
        .map(|bytes| HEXLOWER.encode(&bytes))
        .map_err(std::io::Error::other)
}

/// Creates the file atomically: it is written under another name and then renamed. A file that is there is left as it is.
fn write(path: &Path, key: &str) -> std::io::Result<()> {
    use std::io::Write;
    let name = hex()?;
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", name.get(..8).unwrap_or_default()));
    let draft = PathBuf::from(draft);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&draft)?;
    let written = writeln!(file, "{key}")
        .and_then(|()| file.sync_all())
        .and_then(|()| rename_unless_there(&draft, path));
    if written.is_err() {
        std::fs::remove_file(&draft)?;
    }
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// In one step: a process that ends between a link and a removal would leave a second file with the key.
fn rename_unless_there(from: &Path, to: &Path) -> std::io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems do not support it.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            std::fs::hard_link(from, to)?;
            std::fs::remove_file(from)
        }
        renamed => Ok(renamed?),
    }
}
