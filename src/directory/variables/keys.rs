//! The top-level keys that a caller asks for.

use std::collections::HashSet;

use crate::model::error::{Error, Result};

/// More keys are refused.
const KEYS_MAX: usize = 100;

/// Some top-level keys, or all.
#[derive(Debug)]
pub struct Keys(Option<HashSet<String>>);

impl Keys {
    /// `None` asks for all.
    pub fn new(keys: Option<Vec<String>>) -> Result<Self> {
        match keys {
            Some(keys) if keys.len() > KEYS_MAX => Err(Error::invalid(
                "keys",
                format!("'keys' has {} items; the limit is {KEYS_MAX}.", keys.len()),
            )),
            keys => Ok(Self(keys.map(HashSet::from_iter))),
        }
    }

    pub fn are_all(&self) -> bool {
        self.0.is_none()
    }

    pub fn contain(&self, key: &str) -> bool {
        self.0.as_ref().is_none_or(|keys| keys.contains(key))
    }
}
