//! A caller's JSON, kept as the text it came as: key order, integers of 64 bits and every digit stay.

use std::fmt;

use sea_orm::DeriveValueType;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

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

/// Nesting of what a caller sends; stored JSON is limited further.
const PARSED_DEPTH_MAX: usize = 100;

/// Reads any JSON text as the value that it is; `None` if it is no JSON or nested too deep.
///
/// Not `serde_json::from_str`, which takes objects with certain keys of its own for something else: to it
/// `{"$serde_json::private::RawValue": "1"}` is the number 1.
pub fn exact_json(text: &str) -> Option<serde_json::Value> {
    exact(serde_json::from_str(text).ok()?, PARSED_DEPTH_MAX)
}

fn exact(raw: &RawValue, depth: usize) -> Option<serde_json::Value> {
    use serde_json::Value;
    let text = raw.get();
    let depth = depth.checked_sub(1)?;
    Some(match text.as_bytes().first()? {
        b'{' => {
            let members: Members<'_> = serde_json::from_str(text).ok()?;
            let read = |(name, value)| Some((name, exact(value, depth)?));
            Value::Object(members.0.into_iter().map(read).collect::<Option<_>>()?)
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            Value::Array(
                items
                    .into_iter()
                    .map(|item| exact(item, depth))
                    .collect::<Option<_>>()?,
            )
        }
        b'"' => Value::String(serde_json::from_str(text).ok()?),
        b't' | b'f' => Value::Bool(serde_json::from_str(text).ok()?),
        b'n' => Value::Null,
        // With its very digits, which parsing would write anew: 1e400 as 1e+400. The function is not documented; the
        // lock file and a test hold it.
        _ => Value::Number(serde_json::Number::from_string_unchecked(text.to_owned())),
    })
}

/// An object's members in their order, their values not read yet.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Each)
    }
}
