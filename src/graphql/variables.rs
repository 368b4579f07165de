//! A request's variables, read from JSON into GraphQL values with every digit and key as it came.

use async_graphql::{Name, Value, Variables};
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::RawValue;

use crate::value::exact_json;

/// A JSON object as variables.
#[derive(Debug, Default)]
pub struct JsonVariables(pub Variables);

impl<'de> Deserialize<'de> for JsonVariables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let object = exact_json(raw.get()).filter(serde_json::Value::is_object);
        let object = object.ok_or_else(|| D::Error::custom("not a JSON object"))?;
        Ok(Self(Variables::from_value(from_json(object))))
    }
}

fn from_json(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Boolean(value),
        serde_json::Value::Number(number) => Value::Number(number),
        serde_json::Value::String(text) => Value::String(text),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        serde_json::Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| (Name::new(name), from_json(value)))
                .collect(),
        ),
    }
}
