//! What a file would create, while nothing is written.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Remembers what would be there. Of users only digests, so that the memory stays small.
#[derive(Debug, Default)]
pub(super) struct Imagined {
    /// What the record of each user, by id and by address, was like.
    users: HashMap<u128, u64>,
    next: i64,
}

impl Imagined {
    /// An internal key that no row has.
    pub fn key(&mut self) -> i64 {
        self.next -= 1;
        self.next
    }

    /// The digest of the record that would have been created under one of these names.
    pub fn user(&self, names: &[String]) -> Option<u64> {
        names.iter().find_map(|name| self.users.get(&digest(name)).copied())
    }

    pub fn create_user(&mut self, names: &[String], record: u64) {
        for name in names {
            self.users.insert(digest(name), record);
        }
    }
}

/// A digest of a name.
pub(super) fn digest(name: &str) -> u128 {
    let half = |number: u8| {
        let mut hasher = DefaultHasher::new();
        (number, name).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    (half(0) << 64) | half(1)
}

/// The digest of a record's content.
pub(super) fn content(record: &impl std::fmt::Debug) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{record:?}").hash(&mut hasher);
    hasher.finish()
}
