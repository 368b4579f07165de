//! Settings: a user's own key-value store with JSON values. Users can only access their own.
//!
//! Each key is a row. An update upserts and deletes rows in one transaction, so two concurrent updates of different
//! keys both take effect. A lock on the user serializes them, which also enforces the limit on the number of keys.

mod read;
mod update;

pub use read::read;
pub use update::{KEYS_MAX, check_key, update};

use std::collections::BTreeMap;

/// All settings of a user: values as JSON texts, sorted by key in code point order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings(pub BTreeMap<String, String>);

impl Settings {
    /// As a JSON object, with the original text of the values.
    pub fn to_json(&self) -> String {
        let members: Vec<String> = self
            .0
            .iter()
            .map(|(key, value)| format!("{}:{value}", serde_json::Value::from(key.as_str())))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}
