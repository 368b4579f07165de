//! The forms in which other products write hashes that can be stored as they are, in a common form.

use data_encoding::BASE64;

use super::digest::Digest;
use super::limits;
use super::refused::{Refused, because, malformed};
use super::stored::{Prehash, Stored};
use super::text::{base64, hex, number};

/// better-auth's parameters are fixed: N is 2^14, r 16 and p 1.
const BETTER_AUTH: [Option<u32>; 3] = [Some(14), Some(16), Some(1)];
const BETTER_AUTH_SALT_DIGITS: usize = 32;
const BETTER_AUTH_KEY_DIGITS: usize = 128;

/// ASP.NET Identity version 2: a marker, 16 bytes of salt and 32 of key.
const ASPNET_2_SALT_BYTES: usize = 16;
const ASPNET_2_BYTES: usize = 48;
const ASPNET_2_ROUNDS: u32 = 1_000;

/// A bcrypt string, of the password itself or of a digest of it.
pub fn bcrypt(text: &str, of: Prehash) -> Result<Stored, Refused> {
    let version = match text.get(..4) {
        Some("$2a$") => bcrypt::Version::TwoA,
        Some("$2b$") => bcrypt::Version::TwoB,
        Some("$2y$") => bcrypt::Version::TwoY,
        Some("$2x$") => {
            return Err(because(
                "bcrypt-2x",
                "'$2x$' marks hashes of a faulty bcrypt implementation, which is not supported.",
            ));
        }
        Some(_) | None => return Err(malformed()),
    };
    let parts: bcrypt::HashParts = text.parse().map_err(|_| malformed())?;
    // Requires the canonical form: the parser also accepts '+5' as a cost.
    if parts.format_for_version(version.clone()) != text {
        return Err(malformed());
    }
    limits::bcrypt_cost(parts.get_cost())?;
    Ok(Stored::Bcrypt { of, version, parts })
}

/// Django: `<rounds>$<salt>$<Base64>`, after the name of the digest. The salt is the text, not what it encodes.
pub fn django_pbkdf2(digest: Digest, rest: &str) -> Result<Stored, Refused> {
    let [rounds, salt, hash] = fields(rest)?;
    limits::pbkdf2(digest, Some(number(rounds)?), salt.as_bytes(), &base64(hash)?)
}

/// Django: `<N>$<salt>$<r>$<p>$<Base64>`. The salt is the text.
pub fn django_scrypt(rest: &str) -> Result<Stored, Refused> {
    let [n, salt, block, lanes, hash] = fields(rest)?;
    let params = [limits::log2(number(n)?)?, number(block)?, number(lanes)?].map(Some);
    limits::scrypt(params, salt.as_bytes(), &base64(hash)?, false)
}

/// Werkzeug: `pbkdf2:sha256:<rounds>` or `scrypt:<N>:<r>:<p>` before `$<salt>$<hex>`; `None` for any other method. The
/// salt is the text.
pub fn werkzeug(method: &str, rest: &str) -> Option<Result<Stored, Refused>> {
    let method: Vec<&str> = method.split(':').collect();
    match method.as_slice() {
        ["pbkdf2", digest, rounds] => Some(werkzeug_pbkdf2(digest, rounds, rest)),
        ["scrypt", n, block, lanes] => Some(werkzeug_scrypt(n, [*block, *lanes], rest)),
        _ => None,
    }
}

fn werkzeug_pbkdf2(digest: &str, rounds: &str, rest: &str) -> Result<Stored, Refused> {
    let [salt, hash] = fields(rest)?;
    let digest = Digest::of_name(digest).ok_or_else(malformed)?;
    limits::pbkdf2(digest, Some(number(rounds)?), salt.as_bytes(), &hex(hash)?)
}

fn werkzeug_scrypt(n: &str, [block, lanes]: [&str; 2], rest: &str) -> Result<Stored, Refused> {
    let [salt, hash] = fields(rest)?;
    let params = [limits::log2(number(n)?)?, number(block)?, number(lanes)?].map(Some);
    limits::scrypt(params, salt.as_bytes(), &hex(hash)?, false)
}

/// better-auth: the hex digits of salt and key with a colon between them; `None` for anything else. The salt is the text
/// of the digits, and the password was brought into the form NFKC.
pub fn better_auth(text: &str) -> Option<Result<Stored, Refused>> {
    let (salt, key) = text.split_once(':')?;
    let lengths = (BETTER_AUTH_SALT_DIGITS, BETTER_AUTH_KEY_DIGITS);
    if (salt.len(), key.len()) != lengths || hex(salt).is_err() {
        return None;
    }
    Some(hex(key).and_then(|key| limits::scrypt(BETTER_AUTH, salt.as_bytes(), &key, true)))
}

/// ASP.NET Identity, in Base64: a byte 0, salt and key (version 2); or a byte 1, the function, the rounds, the length of
/// the salt, salt and key (version 3). `None` for anything else.
pub fn aspnet(text: &str) -> Option<Result<Stored, Refused>> {
    let bytes = BASE64.decode(text.as_bytes()).ok()?;
    match bytes.split_first()? {
        (0, rest) if rest.len() == ASPNET_2_BYTES => {
            let (salt, key) = rest.split_at_checked(ASPNET_2_SALT_BYTES)?;
            Some(limits::pbkdf2(Digest::Sha1, Some(ASPNET_2_ROUNDS), salt, key))
        }
        (1, rest) => {
            let (function, rest) = big_endian(rest)?;
            let (rounds, rest) = big_endian(rest)?;
            let (salt_bytes, rest) = big_endian(rest)?;
            let (salt, key) = rest.split_at_checked(usize::try_from(salt_bytes).ok()?)?;
            let digest = match function {
                0 => Digest::Sha1,
                1 => Digest::Sha256,
                2 => Digest::Sha512,
                _ => return None,
            };
            Some(limits::pbkdf2(digest, Some(rounds), salt, key))
        }
        _ => None,
    }
}

fn big_endian(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}

/// Exactly so many fields between `$`.
pub fn fields<const N: usize>(text: &str) -> Result<[&str; N], Refused> {
    let fields: Vec<&str> = text.split('$').collect();
    fields.try_into().map_err(|_| malformed())
}
