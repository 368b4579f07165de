//! Imported password hashes: which of them can be verified, and how they are stored.
//!
//! A text is either one of the forms that are stored, which differ from each other in what is before the second `$`, or a
//! form of another product, which is rewritten to one of them.

use argon2::Algorithm;

use super::digest::Digest;
use super::firebase::{self, Firebase};
use super::onion::Onion;
use super::refused::{Refused, malformed, unknown};
use super::sha_crypt::ShaCrypt;
use super::stored::{Prehash, Stored};
use super::weak::Weak;
use super::{forms, phc};

const CHARACTERS_MAX: usize = 512;

/// A hash that passwords can be checked against.
#[derive(Debug)]
pub enum Recognized {
    /// It can be stored: as [`Stored::text`].
    Ready(Stored),
    /// It is too weak to be stored before [`Hasher::wrap`](super::Hasher::wrap).
    Weak(Weak),
}

impl Recognized {
    /// The kind of hash, for counting.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Ready(stored) => stored.kind(),
            Self::Weak(weak) => weak.kind(),
        }
    }
}

/// Parses an imported hash, or one of ours, and refuses one that we cannot verify or that is too expensive.
pub fn recognize(text: &str) -> Result<Recognized, Refused> {
    if text.len() > CHARACTERS_MAX || !text.is_ascii() {
        return Err(malformed());
    }
    let scheme = text.strip_prefix('{').and_then(|rest| rest.split_once('}'));
    match (scheme, text.split_once('$')) {
        (Some((scheme, rest)), _) => after_scheme(scheme, rest),
        (None, Some(("", _))) => after_dollar(text),
        (None, Some((method, rest))) => after_method(text, method, rest),
        (None, None) => forms::better_auth(text)
            .or_else(|| forms::aspnet(text))
            .unwrap_or_else(|| Err(unknown(text)))
            .map(Recognized::Ready),
    }
}

/// The same for a hash that is stored already.
pub(super) fn ready(text: &str) -> Result<Stored, Refused> {
    match recognize(text)? {
        Recognized::Ready(stored) => Ok(stored),
        Recognized::Weak(_) => Err(malformed()),
    }
}

/// After a scheme in braces, as in LDAP and Spring. Its case is ignored.
fn after_scheme(scheme: &str, rest: &str) -> Result<Recognized, Refused> {
    match scheme.to_ascii_lowercase().as_str() {
        "argon2" | "bcrypt" | "crypt" => match rest.starts_with('$') {
            true => after_dollar(rest),
            false => Err(unknown(rest)),
        },
        scheme => Weak::of_ldap(scheme, rest).map(Recognized::Weak),
    }
}

/// `$<kind>$…`.
fn after_dollar(text: &str) -> Result<Recognized, Refused> {
    let stored = match text.split('$').nth(1).unwrap_or_default() {
        "argon2id" => Stored::Argon2(phc::argon2(Algorithm::Argon2id, text)?),
        "argon2i" => Stored::Argon2(phc::argon2(Algorithm::Argon2i, text)?),
        "argon2d" => Stored::Argon2(phc::argon2(Algorithm::Argon2d, text)?),
        "scrypt" => phc::scrypt(text)?,
        "pbkdf2" | "pbkdf2-sha1" => phc::pbkdf2(Digest::Sha1, text)?,
        "pbkdf2-sha256" => phc::pbkdf2(Digest::Sha256, text)?,
        "pbkdf2-sha512" => phc::pbkdf2(Digest::Sha512, text)?,
        "2a" | "2b" | "2x" | "2y" => forms::bcrypt(text, Prehash::None)?,
        "wp" => forms::bcrypt(after("$wp", text), Prehash::WordPress)?,
        "bcrypt-sha256" => forms::bcrypt(after("$bcrypt-sha256", text), Prehash::Sha256)?,
        "5" => Stored::ShaCrypt(ShaCrypt::parse(Digest::Sha256, text)?),
        "6" => Stored::ShaCrypt(ShaCrypt::parse(Digest::Sha512, text)?),
        "fbscrypt" => Stored::Firebase(Firebase::parse(text)?),
        "firescrypt" => Stored::Firebase(Firebase::parse_kratos(text)?),
        "f_scrypt" => return Err(firebase::without_key()),
        "onion" => Stored::Onion(Box::new(Onion::parse(text)?)),
        "P" | "H" => return Weak::of_phpass(text).map(Recognized::Weak),
        _ => return Err(unknown(text)),
    };
    Ok(Recognized::Ready(stored))
}

/// `<method>$…`, as Django and Werkzeug write hashes.
fn after_method(text: &str, method: &str, rest: &str) -> Result<Recognized, Refused> {
    let stored = match method {
        // Its own name follows, and no other kind of hash.
        "argon2" if rest.starts_with("argon2") => return after_dollar(after("argon2", text)),
        "bcrypt" => forms::bcrypt(rest, Prehash::None)?,
        "bcrypt_sha256" => forms::bcrypt(rest, Prehash::Sha256)?,
        "md5" => return Weak::of_django_md5(rest).map(Recognized::Weak),
        "pbkdf2_sha1" => forms::django_pbkdf2(Digest::Sha1, rest)?,
        "pbkdf2_sha256" => forms::django_pbkdf2(Digest::Sha256, rest)?,
        "pbkdf2_sha512" => forms::django_pbkdf2(Digest::Sha512, rest)?,
        "scrypt" => forms::django_scrypt(rest)?,
        _ => forms::werkzeug(method, rest).unwrap_or_else(|| Err(unknown(text)))?,
    };
    Ok(Recognized::Ready(stored))
}

fn after<'a>(prefix: &str, text: &'a str) -> &'a str {
    text.strip_prefix(prefix).unwrap_or_default()
}
