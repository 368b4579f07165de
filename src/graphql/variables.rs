//! A request's variables, read from JSON straight into GraphQL values.
//!
//! Not by way of `serde_json::Value`, which takes one key for a mark of its own and reads the text under it as JSON again:
//! nesting without a bound.

use std::fmt;

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Number, Value, Variables};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The key under which serde_json hands a number over, so that no digit is lost.
const NUMBER: &str = "$serde_json::private::Number";

/// A JSON object as variables.
#[derive(Debug, Default)]
pub struct JsonVariables(pub Variables);

impl<'de> Deserialize<'de> for JsonVariables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = deserializer.deserialize_map(JsonVisitor)?;
        Ok(Self(Variables::from_value(value)))
    }
}

struct Json(Value);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor).map(Self)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Json(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = IndexMap::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.is_empty() && name == NUMBER {
                let text: String = members.next_value()?;
                return text.parse().map(Value::Number).map_err(A::Error::custom);
            }
            let Json(value) = members.next_value()?;
            object.insert(Name::new(name), value);
        }
        Ok(Value::Object(object))
    }
}
