//! A response, from values to JSON.
//!
//! Large parts become JSON text as soon as they are known: free JSON, and each list of objects when its last one is
//! resolved. In the library's values, JSON text is represented as bytes ([`Value::Binary`], which nothing else here
//! uses). Bytes are shared, not copied: the same settings under fifteen aliases are in memory once. A long text
//! consists of pieces, so that nothing is moved when it grows. A tree of values takes twenty times the memory of its
//! text.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{ContextBase, ContextSelectionSet, Name, OutputType, Positioned, ServerError, ServerResult, Value};
use axum::body::Bytes;

use super::Failure;
use crate::context::OpContext;
use crate::context::room::ANSWER_BYTES_MAX;
use crate::model::error::{Error, Result};

/// A JSON text as a value.
pub fn text(text: impl Into<Bytes>) -> Value {
    Value::Binary(text.into())
}

/// The same for a text in pieces. It is represented as an object with a single member without a name, which a response
/// never contains otherwise.
pub fn text_in_pieces(mut pieces: Vec<Bytes>) -> Value {
    match pieces.pop() {
        Some(one) if pieces.is_empty() => text(one),
        last => {
            let pieces = pieces.into_iter().chain(last).map(Value::Binary).collect();
            Value::Object([(Name::new(""), Value::List(pieces))].into_iter().collect())
        }
    }
}

/// A list of objects in a response. Each object becomes text, and is charged to the memory budget, before the next one
/// is resolved.
///
/// All lists of objects use this type instead of `Vec`, because the library keeps a `Vec` as a tree of values. A list
/// that appears in several places, such as the members of a group with several selected users, is not copied.
#[derive(Clone, Debug)]
pub struct List<T>(Arc<[T]>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> From<Vec<T>> for List<T> {
    fn from(items: Vec<T>) -> Self {
        Self(items.into())
    }
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

impl<T> List<T> {
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

impl<T: OutputType> OutputType for List<T> {
    fn type_name() -> Cow<'static, str> {
        Vec::<T>::type_name()
    }

    fn qualified_type_name() -> String {
        Vec::<T>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Vec::<T>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let op = ctx.data_unchecked::<OpContext>();
        let mut out = Written::default();
        out.push(b"[");
        for (number, item) in self.0.iter().enumerate() {
            let ctx = ctx.with_index(number);
            let value = item.resolve(&ctx, field).await?;
            let before = out.bytes;
            out.push(if number == 0 { b"" } else { b"," });
            let charged = out.value(&value).and_then(|raw| {
                // What was text before is already charged.
                op.charge_written(out.bytes.saturating_sub(before + raw))
            });
            charged.map_err(|error| placed(&ctx, field, error))?;
        }
        out.push(b"]");
        Ok(text_in_pieces(out.into_pieces()))
    }
}

/// An error with the path of this place in the response.
pub(super) fn placed<T>(ctx: &ContextBase<'_, T>, field: &Positioned<Field>, error: Error) -> ServerError {
    let failure = Failure::at(ctx, error);
    ctx.set_error_path(async_graphql::Error::from(failure).into_server_error(field.pos))
}

/// A text in pieces. The large ones share memory with their sources.
#[derive(Debug, Default)]
pub struct Written {
    pieces: Vec<Bytes>,
    last: Vec<u8>,
    bytes: usize,
}

/// Smaller pieces are copied, because sending a piece has a cost too.
const PIECE_BYTES: usize = 32 * 1024;

impl Written {
    /// A response with these errors and data. `None` if it is larger than the limit.
    pub fn answer(errors: &[ServerError], data: Option<&Value>) -> Result<Option<Self>> {
        let mut written = Self::default();
        written.push(b"{");
        if !errors.is_empty() {
            written.push(b"\"errors\":");
            written.push(&serde_json::to_vec(errors).map_err(Error::internal)?);
        }
        if let Some(data) = data {
            written.push(if errors.is_empty() { b"\"data\":" } else { b",\"data\":" });
            written.value(data)?;
        }
        written.push(b"}");
        Ok((written.bytes <= ANSWER_BYTES_MAX).then_some(written))
    }

    /// A value as JSON.
    pub fn json(value: &Value) -> Result<String> {
        let mut written = Self::default();
        written.value(value)?;
        let bytes = written.into_pieces().concat();
        String::from_utf8(bytes).map_err(Error::internal)
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn into_pieces(mut self) -> Vec<Bytes> {
        self.cut();
        self.pieces
    }

    /// Writes a value as JSON. Returns how many bytes of it already were text.
    pub(super) fn value(&mut self, value: &Value) -> Result<usize> {
        let mut raw = 0;
        match value {
            Value::Null => self.push(b"null"),
            Value::Boolean(flag) => self.push(if *flag { b"true" } else { b"false" }),
            Value::Number(number) => self.push(number.as_str().as_bytes()),
            Value::String(text) => self.string(text)?,
            Value::Enum(name) => self.string(name)?,
            Value::Binary(text) => {
                self.text(text);
                raw += text.len();
            }
            Value::List(items) => {
                self.push(b"[");
                for (number, item) in items.iter().enumerate() {
                    self.push(if number == 0 { b"" } else { b"," });
                    raw += self.value(item)?;
                }
                self.push(b"]");
            }
            Value::Object(members) => {
                if let Some(Value::List(pieces)) = members.get("") {
                    return pieces.iter().try_fold(0, |raw, piece| Ok(raw + self.value(piece)?));
                }
                for (number, (name, member)) in members.iter().enumerate() {
                    self.push(if number == 0 { b"{\"" } else { b",\"" });
                    // Names contain no characters that need an escape.
                    self.push(name.as_bytes());
                    self.push(b"\":");
                    raw += self.value(member)?;
                }
                self.push(if members.is_empty() { b"{}" } else { b"}" });
            }
        }
        Ok(raw)
    }

    fn string(&mut self, text: &str) -> Result<()> {
        let before = self.last.len();
        serde_json::to_writer(&mut self.last, text).map_err(Error::internal)?;
        self.bytes += self.last.len().saturating_sub(before);
        Ok(())
    }

    fn push(&mut self, text: &[u8]) {
        self.bytes += text.len();
        self.last.extend_from_slice(text);
        if self.last.len() >= PIECE_BYTES {
            self.cut();
        }
    }

    fn text(&mut self, text: &Bytes) {
        if text.len() < PIECE_BYTES {
            return self.push(text);
        }
        self.cut();
        self.bytes += text.len();
        self.pieces.push(text.clone());
    }

    fn cut(&mut self) {
        if !self.last.is_empty() {
            self.last.shrink_to_fit();
            self.pieces.push(std::mem::take(&mut self.last).into());
        }
    }
}
