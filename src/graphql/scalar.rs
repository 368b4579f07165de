//! Scalars of our own.

use std::borrow::Cow;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{
    ContextSelectionSet, InputValueError, InputValueResult, OutputType, Positioned, Scalar, ScalarType, ServerResult,
    Value,
};
use axum::body::Bytes;

use super::answer;
use crate::context::OpContext;
use crate::model::{JsonText, Timestamp};

// A scalar's description in the schema is the comment on the `impl`, not on the type.

/// A time in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime(pub Timestamp);

/// A time in UTC, always returned as `YYYY-MM-DDTHH:MM:SS.fffZ`. As input: RFC 3339, with any offset.
#[Scalar(
    name = "DateTime",
    specified_by_url = "https://scalars.graphql.org/andimarek/date-time.html"
)]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Timestamp::parse("value", text)
                .map(Self)
                .map_err(InputValueError::custom),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(_))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

impl From<Timestamp> for DateTime {
    fn from(value: Timestamp) -> Self {
        Self(value)
    }
}

/// The number of objects on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(pub i64);

/// Page size: an integer from 1 to 100. Other values fail; they are not reduced to 100.
#[Scalar(name = "PageSize")]
impl ScalarType for PageSize {
    fn parse(value: Value) -> InputValueResult<Self> {
        // Integers of any size are accepted here. The list checks the range, because its error has a path.
        match &value {
            Value::Number(number) => number
                .as_i64()
                .map(Self)
                .ok_or_else(|| InputValueError::expected_type(value)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::Number(number) if number.as_i64().is_some())
    }

    fn to_value(&self) -> Value {
        Value::Number(self.0.into())
    }
}

/// Any JSON value as input.
#[derive(Clone, Debug, PartialEq)]
pub struct Json(serde_json::Value);

impl Json {
    /// The value as the caller gave it.
    pub fn given(self) -> serde_json::Value {
        self.0
    }
}

/// Any JSON value. It is returned exactly as it was given: key order, every digit of a number, and nested nulls.
#[Scalar(name = "JSON")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        to_json(value)
            .map(Self)
            .ok_or_else(|| InputValueError::custom("not JSON"))
    }

    fn to_value(&self) -> Value {
        answer::text(self.0.to_string())
    }
}

/// Any JSON value from the database. It is shared between all places in a response and not copied.
#[derive(Clone, Debug)]
pub struct KeptJson(Bytes);

impl KeptJson {
    /// The JSON text.
    pub fn text(&self) -> crate::model::error::Result<&str> {
        std::str::from_utf8(&self.0).map_err(crate::model::error::Error::internal)
    }
}

impl From<String> for KeptJson {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<JsonText> for KeptJson {
    fn from(text: JsonText) -> Self {
        text.into_string().into()
    }
}

impl OutputType for KeptJson {
    fn type_name() -> Cow<'static, str> {
        <Json as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Json as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let op = ctx.data_unchecked::<OpContext>();
        op.charge_written(self.0.len())
            .map_err(|error| answer::placed(ctx, field, error))?;
        Ok(answer::text(self.0.clone()))
    }
}

/// Not with serde, because that treats certain keys as markers of its own.
fn to_json(value: Value) -> Option<serde_json::Value> {
    Some(match value {
        Value::Null => serde_json::Value::Null,
        Value::Boolean(value) => value.into(),
        Value::Number(number) => serde_json::Value::Number(number),
        Value::String(text) => text.into(),
        Value::Enum(name) => name.as_str().into(),
        Value::List(items) => serde_json::Value::Array(items.into_iter().map(to_json).collect::<Option<_>>()?),
        Value::Object(members) => serde_json::Value::Object(
            members
                .into_iter()
                .map(|(name, value)| Some((name.as_str().to_owned(), to_json(value)?)))
                .collect::<Option<_>>()?,
        ),
        Value::Binary(_) => return None,
    })
}
