//! Settings: a user's own store, from keys to JSON values. Everybody has one, and nobody reads another's.
//!
//! A key is a row. An update upserts and deletes rows in one transaction, so two updates of different keys at the same
//! moment both survive. They take turns by a lock on their user, which also keeps the number of keys within its limit.

mod read;
mod update;

pub use read::read;
pub use update::update;

use std::collections::BTreeMap;

/// All of a user's settings: values as JSON texts, by key in the order of code points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings(pub BTreeMap<String, String>);

impl Settings {
    /// One JSON object. Values stand in it as they came.
    pub fn to_json(&self) -> String {
        let members: Vec<String> = self
            .0
            .iter()
            .map(|(key, value)| format!("{}:{value}", serde_json::Value::from(key.as_str())))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}
