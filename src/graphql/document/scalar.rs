//! Which values the schema's scalars and enums accept, and how faults describe them.

use async_graphql::Number;
use async_graphql_value::Value;

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

/// Checks that a value is valid for a scalar. The error says what is expected.
pub fn check(scalar: &str, value: &Value) -> Result<(), String> {
    let (fits, text) = match (scalar, value) {
        ("JSON", _) => (true, None),
        ("Int", Value::Number(digits)) => (is_int(digits), None),
        ("PageSize", Value::Number(digits)) => (digits.as_i64().is_some(), None),
        ("ID", Value::Number(digits)) => (is_whole(digits), None),
        ("ID" | "String", Value::String(_)) | ("Boolean", Value::Boolean(_)) => (true, None),
        ("DateTime", Value::String(text)) => (is_time(text), Some(text.as_str())),
        _ => (false, None),
    };
    match (fits, text) {
        (true, _) => Ok(()),
        (false, Some(text)) => Err(format!("{}, not '{}'", expected(scalar), shown(text))),
        (false, None) => Err(expected(scalar).to_owned()),
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
