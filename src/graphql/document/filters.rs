//! Counts the conditions of filters, so that a document is charged for them before anything runs.
//!
//! They are counted in the same way as where they become SQL, which also limits them. Each field with a value is one
//! condition at any depth, and so is a relation. `AND`, `OR` and `NOT` count as the conditions inside them. A list of
//! plain values is one condition, however long it is. A filter without conditions counts as one.

use async_graphql::Name;
use async_graphql_value::Value;
use serde_json::Value as Json;

/// The conditions in a value in the document. `variable` returns those of a variable.
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

/// The conditions in a value in the variables.
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
