//! What a filter comes to, counted as its caller can count it.
//!
//! Each field with a value is a test, wherever it stands. `AND`, `OR`, `NOT` and relations are as many as stand in them,
//! and one if that is none. A list of plain values is one test, however long. How deep it is nested is the number of its
//! objects within each other.

use async_graphql::Name;
use async_graphql_value::Value;
use serde_json::Value as Json;

use crate::error::{Error, Result};
use crate::list::{FILTER_DEPTH_MAX, FILTER_TESTS_MAX, Measure};

/// Refuses what is beyond the limits, by the name of its argument.
pub fn check(Measure { depth, tests }: Measure, argument: &str) -> Result<()> {
    let refused = |message: String| Err(Error::invalid(argument, message));
    if depth > FILTER_DEPTH_MAX {
        return refused(format!(
            "'{argument}' is nested {depth} deep; the limit is {FILTER_DEPTH_MAX}."
        ));
    }
    if tests > FILTER_TESTS_MAX {
        return refused(format!(
            "'{argument}' has {tests} tests; the limit is {FILTER_TESTS_MAX}."
        ));
    }
    Ok(())
}

/// The measure of a value of the document; `variable` tells that of a variable.
pub fn measure<'a>(value: &'a Value, variable: &mut impl FnMut(&'a Name) -> Measure) -> Measure {
    match value {
        Value::Null => Measure::default(),
        Value::Variable(name) => variable(name),
        Value::Object(fields) => object(fields.values().map(|field| measure(field, variable))),
        Value::List(items) => list(items.iter().map(|item| measure(item, variable))),
        _ => TEST,
    }
}

/// The measure of a value of the variables.
pub fn measure_json(value: &Json) -> Measure {
    match value {
        Json::Null => Measure::default(),
        Json::Object(fields) => object(fields.values().map(measure_json)),
        Json::Array(items) => list(items.iter().map(measure_json)),
        _ => TEST,
    }
}

const TEST: Measure = Measure { depth: 0, tests: 1 };

fn together(parts: impl Iterator<Item = Measure>) -> Measure {
    parts.fold(Measure::default(), |all, part| Measure {
        depth: all.depth.max(part.depth),
        tests: all.tests.saturating_add(part.tests),
    })
}

fn list(items: impl Iterator<Item = Measure>) -> Measure {
    match together(items) {
        // Plain values.
        Measure { depth: 0, .. } => TEST,
        filters => filters,
    }
}

fn object(fields: impl Iterator<Item = Measure>) -> Measure {
    let inner = together(fields);
    Measure {
        depth: inner.depth + 1,
        tests: inner.tests.max(1),
    }
}
