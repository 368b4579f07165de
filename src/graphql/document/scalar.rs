//! Which values the schema's scalars and enums accept, and how faults describe them.
//!
//! Values in the document and in the variables have different types. Faults of both have the same wording.

use async_graphql::{Name, Number};
use async_graphql_value::Value;
use serde_json::Value as Json;

use crate::model::Timestamp;
use crate::model::error::shown;

/// What a scalar accepts, in words.
fn expected(scalar: &str) -> &'static str {
    match scalar {
        "Int" => "a whole number from -2147483648 to 2147483647",
        "PageSize" => "a whole number from 1 to 100",
        "String" => "a string",
        "Boolean" => "true or false",
        "ID" => "an id, as a string or a whole number",
        _ => "a time from 1970 to 9999 as RFC 3339 writes it, such as 2027-01-31T12:00:00.000Z",
    }
}

/// The message about a value that is something else.
pub fn must_be(path: &str, expected: &str) -> String {
    format!("'{path}' must be {expected}.")
}

pub fn one_of<S: AsRef<str>>(values: &[S]) -> String {
    let values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
    format!("one of {}", values.join(", "))
}

pub fn object_of(ty: &str) -> String {
    format!("an object of the type '{ty}'")
}

pub fn missing(path: &str, ty: &impl std::fmt::Display) -> String {
    format!("'{path}' is missing; it is of the type '{ty}'.")
}

pub fn no_such_field(path: &str, ty: &str) -> String {
    format!("There is no '{path}': the type '{ty}' has no such field.")
}

fn not_a(scalar: &str, text: Option<&str>) -> String {
    match (scalar, text) {
        ("DateTime", Some(text)) => format!("{}, not '{}'", expected(scalar), shown(text)),
        _ => expected(scalar).to_owned(),
    }
}

/// Checks that a value in the document is valid for a scalar. The error says what is expected.
pub fn check_literal(scalar: &str, value: &Value) -> Result<(), String> {
    let (fits, text) = match (scalar, value) {
        ("JSON", _) => (true, None),
        ("Int", Value::Number(digits)) => (is_int(digits), None),
        ("PageSize", Value::Number(digits)) => (digits.as_i64().is_some(), None),
        ("ID", Value::Number(digits)) => (is_whole(digits), None),
        ("ID" | "String", Value::String(_)) | ("Boolean", Value::Boolean(_)) => (true, None),
        ("DateTime", Value::String(text)) => (is_time(text), Some(text.as_str())),
        _ => (false, None),
    };
    match fits {
        true => Ok(()),
        false => Err(not_a(scalar, text)),
    }
}

/// Converts a value in the variables to a scalar. The error says what is expected.
pub fn coerce(scalar: &str, value: Json) -> Result<Value, String> {
    let refused = |text: Option<&str>| Err(not_a(scalar, text));
    match (scalar, value) {
        ("JSON", value) => Ok(from_json(value)),
        ("Int", Json::Number(digits)) if is_int(&digits) => Ok(Value::Number(digits)),
        ("PageSize", Json::Number(digits)) if digits.as_i64().is_some() => Ok(Value::Number(digits)),
        ("ID", Json::Number(digits)) if is_whole(&digits) => Ok(Value::Number(digits)),
        ("ID" | "String", Json::String(text)) => Ok(Value::String(text)),
        ("Boolean", Json::Bool(flag)) => Ok(Value::Boolean(flag)),
        ("DateTime", Json::String(text)) if is_time(&text) => Ok(Value::String(text)),
        ("DateTime", Json::String(text)) => refused(Some(&text)),
        _ => refused(None),
    }
}

fn is_time(text: &str) -> bool {
    Timestamp::parse("", text).is_ok()
}

/// Whether a number has only digits, without a fraction or an exponent.
fn is_whole(digits: &Number) -> bool {
    !digits.as_str().contains(['.', 'e', 'E'])
}

fn is_int(digits: &Number) -> bool {
    digits.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
}

/// Any JSON, unchanged.
fn from_json(value: Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Boolean(value),
        Json::Number(number) => Value::Number(number),
        Json::String(text) => Value::String(text),
        Json::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        Json::Object(members) => {
            let members = members
                .into_iter()
                .map(|(name, value)| (Name::new(name), from_json(value)));
            Value::Object(members.collect())
        }
    }
}
