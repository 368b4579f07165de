//! How many tests a filter has, to charge for them before anything runs.
//!
//! They are counted as lists count them, which bound them where they become SQL: each field with a value is a test,
//! wherever it stands, a relation too; `AND`, `OR` and `NOT` are none, but as many as stand in them. A list of plain values
//! is one test, however long. A filter without a test counts as one.

use async_graphql::Name;
use async_graphql_value::Value;
use serde_json::Value as Json;

/// The tests in a value of the document; `variable` tells those of a variable.
pub fn tests<'a>(value: &'a Value, variable: &mut impl FnMut(&'a Name) -> u64) -> u64 {
    match value {
        Value::Variable(name) => variable(name),
        Value::List(items) => items
            .iter()
            .fold(0, |all, item| all.saturating_add(tests(item, variable))),
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !matches!(value, Value::Null));
            object(fields.map(|(name, value)| (name.as_str(), tests(value, variable))))
        }
        _ => 0,
    }
}

/// The tests in a value of the variables.
pub fn tests_in_json(value: &Json) -> u64 {
    match value {
        Json::Array(items) => items
            .iter()
            .fold(0, |all, item| all.saturating_add(tests_in_json(item))),
        Json::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            object(fields.map(|(name, value)| (name.as_str(), tests_in_json(value))))
        }
        _ => 0,
    }
}

fn object<'a>(fields: impl Iterator<Item = (&'a str, u64)>) -> u64 {
    let tests = fields.fold(0_u64, |all, (name, below)| {
        let own = u64::from(!["AND", "OR", "NOT"].contains(&name));
        all.saturating_add(own).saturating_add(below)
    });
    tests.max(1)
}
