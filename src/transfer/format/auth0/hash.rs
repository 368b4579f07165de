//! `custom_password_hash` of Auth0's bulk import.

use data_encoding::HEXLOWER_PERMISSIVE;
use serde_json::{Map, Value};

use crate::model::error::shown;
use crate::transfer::format::common::text;
use crate::transfer::record::{Hash, NamedHash};
use crate::transfer::values::{Trouble, base64, base64_bare};

const FIELD: &str = "custom_password_hash";

/// The hash of a `custom_password_hash`. The error says what is missing, and nothing about the hash.
pub(super) fn custom(given: &Map<String, Value>) -> Result<Hash, Trouble> {
    let algorithm = text(given.get("algorithm"))
        .map(|algorithm| algorithm.to_ascii_lowercase())
        .ok_or_else(|| trouble("needs an 'algorithm'"))?;
    let hash = given
        .get("hash")
        .and_then(Value::as_object)
        .ok_or_else(|| trouble("needs a 'hash' with a 'value'"))?;
    let password_encoding = given
        .get("password")
        .and_then(|password| text(password.get("encoding")));
    if password_encoding.is_some_and(|encoding| !matches!(encoding.as_str(), "utf8" | "ascii")) {
        return Ok(Hash::Unusable("passwords in UTF-16"));
    }
    match algorithm.as_str() {
        "argon2" | "bcrypt" | "pbkdf2" | "ldap" => text(hash.get("value"))
            .map(Hash::Text)
            .ok_or_else(|| trouble("needs a 'hash' with a 'value'")),
        "scrypt" => scrypt(given, hash),
        "md5" | "sha1" | "sha256" | "sha512" => digest(algorithm, given, hash),
        "hmac" => hmac(hash),
        "md4" => Ok(Hash::Unusable("MD4")),
        other => Err(trouble(&format!(
            "has the unknown algorithm '{}': write argon2, bcrypt, pbkdf2, scrypt, ldap, hmac, md5, sha1, sha256 or \
             sha512",
            shown(other)
        ))),
    }
}

fn trouble(what: &str) -> Trouble {
    Trouble::new(FIELD, format!("'{FIELD}' {what}."))
}

/// Bytes of an object with a `value` and its `encoding`.
fn bytes(object: &Map<String, Value>, name: &str, otherwise: &str) -> Result<Vec<u8>, Trouble> {
    // A salt may have blanks at its ends that count.
    let value = object
        .get("value")
        .and_then(Value::as_str)
        .ok_or_else(|| trouble(&format!("needs '{name}.value'")))?;
    let encoding = text(object.get("encoding")).unwrap_or_else(|| otherwise.to_owned());
    match encoding.as_str() {
        "utf8" | "ascii" => Ok(value.as_bytes().to_vec()),
        "hex" => HEXLOWER_PERMISSIVE
            .decode(value.as_bytes())
            .map_err(|_| trouble(&format!("has a '{name}.value' that is not hexadecimal"))),
        "base64" => base64(value).ok_or_else(|| trouble(&format!("has a '{name}.value' that is not base64"))),
        other => Err(trouble(&format!(
            "has a '{name}.encoding' of '{}': write utf8, hex or base64",
            shown(other)
        ))),
    }
}

fn salt(given: &Map<String, Value>) -> Result<Option<Vec<u8>>, Trouble> {
    given
        .get("salt")
        .and_then(Value::as_object)
        .map(|salt| bytes(salt, "salt", "utf8"))
        .transpose()
}

fn digest(algorithm: String, given: &Map<String, Value>, hash: &Map<String, Value>) -> Result<Hash, Trouble> {
    let position = given.get("salt").and_then(|salt| text(salt.get("position")));
    let salt_first = match position.as_deref() {
        None | Some("prefix") => true,
        Some("suffix") => false,
        Some(_) => return Err(trouble("has a 'salt.position' that is neither prefix nor suffix")),
    };
    Ok(Hash::Named(NamedHash {
        algorithm,
        digest: bytes(hash, "hash", "hex")?,
        salt: salt(given)?.unwrap_or_default(),
        salt_first,
        ..NamedHash::default()
    }))
}

fn hmac(hash: &Map<String, Value>) -> Result<Hash, Trouble> {
    let digest_name = text(hash.get("digest")).map(|name| name.to_ascii_lowercase());
    let Some(name @ ("md5" | "sha1" | "sha256" | "sha512")) = digest_name.as_deref() else {
        return match digest_name {
            Some(_) => Ok(Hash::Unusable("HMAC of another digest")),
            None => Err(trouble("needs 'hash.digest' for hmac")),
        };
    };
    let key = hash
        .get("key")
        .and_then(Value::as_object)
        .ok_or_else(|| trouble("needs 'hash.key' for hmac"))?;
    Ok(Hash::Named(NamedHash {
        algorithm: format!("hmac-{name}"),
        digest: bytes(hash, "hash", "hex")?,
        key: bytes(key, "hash.key", "utf8")?,
        ..NamedHash::default()
    }))
}

fn scrypt(given: &Map<String, Value>, hash: &Map<String, Value>) -> Result<Hash, Trouble> {
    let number = |name: &str, otherwise: u32| match given.get(name) {
        None | Some(Value::Null) => Ok(otherwise),
        value => text(value)
            .and_then(|text| text.parse::<u32>().ok())
            .ok_or_else(|| trouble(&format!("has a '{name}' that is not a number"))),
    };
    // What Node.js takes where nothing is given.
    let cost = number("cost", 16_384)?;
    let (block, lanes) = (number("blockSize", 8)?, number("parallelization", 1)?);
    if !cost.is_power_of_two() {
        return Err(trouble("has a 'cost' that is not a power of two"));
    }
    let salt = salt(given)?.ok_or_else(|| trouble("needs a 'salt' for scrypt"))?;
    Ok(Hash::Text(format!(
        "$scrypt$ln={},r={block},p={lanes}${}${}",
        cost.trailing_zeros(),
        base64_bare(&salt),
        base64_bare(&bytes(hash, "hash", "hex")?),
    )))
}
