//! Encrypts the internal keys in cursors: a plain key would tell how many rows a table has, those of other organizations
//! included.

use std::fmt;

use aws_lc_rs::cipher::{AES_128, AES_128_KEY_LEN, DecryptingKey, DecryptionContext, EncryptingKey, UnboundCipherKey};
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;

use super::error::{Error, Result};

/// One block of AES.
pub const SEALED_BYTES: usize = 16;

/// 128 bits, as 32 hex digits.
pub struct CursorKey {
    encrypting: EncryptingKey,
    decrypting: DecryptingKey,
}

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorKey(…)")
    }
}

impl CursorKey {
    /// Reads 32 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; AES_128_KEY_LEN] = HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()?;
        let key = || UnboundCipherKey::new(&AES_128, &bytes).ok();
        Some(Self {
            encrypting: EncryptingKey::ecb(key()?).ok()?,
            decrypting: DecryptingKey::ecb(key()?).ok()?,
        })
    }

    /// Encrypts an internal key, for a cursor of which `about` is the rest. The same key gives the same text.
    pub fn seal(&self, pk: i64, about: &[u8]) -> Result<[u8; SEALED_BYTES]> {
        let mut block = [0; SEALED_BYTES];
        let (front, back) = block.split_at_mut(SEALED_BYTES / 2);
        front.copy_from_slice(&pk.to_be_bytes());
        back.copy_from_slice(&tag(about));
        // A single block, half of which is a digest of what it belongs to: nothing that the mode could repeat.
        self.encrypting
            .encrypt(&mut block)
            .map_err(|_| Error::internal("cannot encrypt a cursor"))?;
        Ok(block)
    }

    /// Decrypts it; `None` if it is not from this database, or from another cursor.
    pub fn open(&self, mut block: [u8; SEALED_BYTES], about: &[u8]) -> Option<i64> {
        let plain = self.decrypting.decrypt(&mut block, DecryptionContext::None).ok()?;
        let (front, back) = plain.split_at_checked(SEALED_BYTES / 2)?;
        (*back == tag(about)).then_some(i64::from_be_bytes(front.try_into().ok()?))
    }
}

fn tag(about: &[u8]) -> [u8; SEALED_BYTES / 2] {
    let mut tag = [0; SEALED_BYTES / 2];
    for (to, from) in tag.iter_mut().zip(digest(&SHA256, about).as_ref()) {
        *to = *from;
    }
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_key_opens_for_its_cursor_alone() {
        let key = CursorKey::parse("00112233445566778899aabbccddeeff").unwrap();
        let other = CursorKey::parse("ffeeddccbbaa99887766554433221100").unwrap();
        for pk in [0, 1, 2, i64::MAX, i64::MIN] {
            let sealed = key.seal(pk, b"users").unwrap();
            assert_eq!(key.open(sealed, b"users"), Some(pk));
            assert_eq!(key.open(sealed, b"groups"), None);
            assert_eq!(other.open(sealed, b"users"), None);
        }
        assert!(CursorKey::parse("00").is_none());
    }
}
