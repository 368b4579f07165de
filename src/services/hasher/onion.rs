//! A weak hash inside Argon2id: an attacker who steals it must compute Argon2id for each guess.

use data_encoding::HEXLOWER;

use super::phc;
use super::refused::{Refused, malformed};
use super::stored::Argon2Hash;
use super::weak::Inner;
use crate::model::error::Result;

/// Argon2id of the hex digits of a weak hash.
pub struct Onion {
    pub(super) inner: Inner,
    pub(super) outer: Argon2Hash,
}

impl Onion {
    /// `$onion$<inner>$argon2id$…`.
    pub(super) fn parse(text: &str) -> Result<Self, Refused> {
        let rest = text.strip_prefix("$onion$").ok_or_else(malformed)?;
        let (inner, _) = rest.split_once('$').ok_or_else(malformed)?;
        let outer = rest.strip_prefix(inner).unwrap_or_default();
        match outer.starts_with("$argon2id$") {
            true => Ok(Self {
                inner: Inner::parse(inner)?,
                outer: phc::argon2(argon2::Algorithm::Argon2id, outer)?,
            }),
            false => Err(malformed()),
        }
    }

    pub(super) fn text(&self) -> String {
        text(&self.inner, &self.outer.text())
    }

    pub(super) fn opens(&self, password: &[u8]) -> Result<bool> {
        self.outer
            .opens(HEXLOWER.encode(&self.inner.digest(password)).as_bytes())
    }
}

/// The text to store for an inner hash, and Argon2id of its digits.
pub(super) fn text(inner: &Inner, outer: &str) -> String {
    format!("$onion${}{outer}", inner.text())
}
