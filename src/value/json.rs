//! A caller's JSON, kept as the text it came as: key order, integers of 64 bits and every digit stay.

use sea_orm::DeriveValueType;

use crate::error::{Error, Result};

const BYTES_MAX: usize = 64 * 1024;
const DEPTH_MAX: usize = 32;

/// One JSON value as compact text, at most 64 KiB and 32 levels deep.
#[derive(Clone, Debug, PartialEq, Eq, DeriveValueType)]
pub struct JsonText(String);

impl JsonText {
    /// Any JSON value.
    pub fn parse(field: &str, value: &serde_json::Value) -> Result<Self> {
        let depth = depth(value);
        if depth > DEPTH_MAX {
            return Err(Error::invalid(
                field,
                format!("'{field}' is nested {depth} deep; the limit is {DEPTH_MAX}."),
            ));
        }
        if contains_nul(value) {
            return Err(Error::invalid(
                field,
                format!("'{field}' must not contain the character U+0000."),
            ));
        }
        let text = value.to_string();
        if text.len() > BYTES_MAX {
            return Err(Error::invalid(
                field,
                format!("'{field}' is {} bytes long; the limit is {BYTES_MAX}.", text.len()),
            ));
        }
        Ok(Self(text))
    }

    /// A JSON object, as variables are.
    pub fn object(field: &str, value: &serde_json::Value) -> Result<Self> {
        if !value.is_object() {
            return Err(Error::invalid(field, format!("'{field}' must be a JSON object.")));
        }
        Self::parse(field, value)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// Recursion is safe: whatever parsed the value has bounded its nesting (serde_json at 128).
fn depth(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        serde_json::Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Not for the database's sake (the escape is stored), but because the character is refused everywhere.
fn contains_nul(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().any(contains_nul),
        serde_json::Value::Object(members) => members
            .iter()
            .any(|(key, value)| key.contains('\0') || contains_nul(value)),
        _ => false,
    }
}
