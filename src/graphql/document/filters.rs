//! What a filter comes to, counted as its caller can count it.
//!
//! Each field with a value is a test, wherever it stands, a relation too; `AND`, `OR` and `NOT` are none, but as many as
//! stand in them. A list of plain values is one test, however long. An object without a test counts as one. How deep a
//! filter is nested is the number of its objects within each other.
//!
//! Lists bound what becomes SQL of a filter by the same numbers; here it is found out before anything runs, so that it can
//! be charged for.

use async_graphql::Name;
use async_graphql_value::Value;
use serde_json::Value as Json;

use crate::error::{Error, Result};

/// Objects of a filter within each other.
pub const FILTER_DEPTH_MAX: u64 = 10;
/// Tests in a filter. What a person writes fits, what only costs does not.
pub const FILTER_TESTS_MAX: u64 = 200;

/// What a filter comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    pub depth: u64,
    pub tests: u64,
}

impl Measure {
    /// Refuses what is beyond the limits, by the name of its argument.
    pub fn check(self, argument: &str) -> Result<()> {
        let Self { depth, tests } = self;
        let refused = |message: String| Err(Error::invalid(argument, message));
        if depth > FILTER_DEPTH_MAX {
            return refused(format!(
                "'{argument}' nests {depth} levels deep; the limit is {FILTER_DEPTH_MAX}."
            ));
        }
        if tests > FILTER_TESTS_MAX {
            return refused(format!(
                "'{argument}' has {tests} tests; the limit is {FILTER_TESTS_MAX}."
            ));
        }
        Ok(())
    }
}

/// The measure of a value of the document; `variable` tells that of a variable.
pub fn measure<'a>(value: &'a Value, variable: &mut impl FnMut(&'a Name) -> Measure) -> Measure {
    match value {
        Value::Variable(name) => variable(name),
        Value::List(items) => together(items.iter().map(|item| measure(item, variable))),
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !matches!(value, Value::Null));
            object(fields.map(|(name, value)| (name.as_str(), measure(value, variable))))
        }
        _ => Measure::default(),
    }
}

/// The measure of a value of the variables.
pub fn measure_json(value: &Json) -> Measure {
    match value {
        Json::Array(items) => together(items.iter().map(measure_json)),
        Json::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            object(fields.map(|(name, value)| (name.as_str(), measure_json(value))))
        }
        _ => Measure::default(),
    }
}

fn together(parts: impl Iterator<Item = Measure>) -> Measure {
    parts.fold(Measure::default(), |all, part| Measure {
        depth: all.depth.max(part.depth),
        tests: all.tests.saturating_add(part.tests),
    })
}

fn object<'a>(fields: impl Iterator<Item = (&'a str, Measure)>) -> Measure {
    let inner = together(fields.map(|(name, measure)| {
        Measure {
            tests: measure
                .tests
                .saturating_add(u64::from(!["AND", "OR", "NOT"].contains(&name))),
            ..measure
        }
    }));
    Measure {
        depth: inner.depth + 1,
        tests: inner.tests.max(1),
    }
}
