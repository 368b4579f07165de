//! An answer on its way from values to JSON.
//!
//! What is large is JSON text as soon as it is known: free JSON, and each list of things once its last one is resolved.
//! Text stands in the library's values as bytes ([`Value::Binary`], which is nothing else here), which are shared and not
//! copied: the same settings under fifteen aliases are in memory once. A long text is in pieces, so that nothing is moved when
//! it grows. Trees of values take twenty times what their text does.

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

/// A text that is JSON already, as a value.
pub fn text(text: impl Into<Bytes>) -> Value {
    Value::Binary(text.into())
}

/// The same of a text in pieces: as the one member of an object without a name, which nothing in an answer is.
pub fn text_in_pieces(mut pieces: Vec<Bytes>) -> Value {
    match pieces.pop() {
        Some(one) if pieces.is_empty() => text(one),
        last => {
            let pieces = pieces.into_iter().chain(last).map(Value::Binary).collect();
            Value::Object([(Name::new(""), Value::List(pieces))].into_iter().collect())
        }
    }
}

/// A list of things in an answer. Each is text before the next one is resolved, and charged as such.
///
/// All lists of things are of this type and not `Vec`s: of those the library keeps trees of values. What is in a list that
/// stands in several places, as the members of a group that several users are in, is not copied.
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
                // What was text already was charged when it became that.
                op.charge_written(out.bytes.saturating_sub(before + raw))
            });
            charged.map_err(|error| placed(&ctx, field, error))?;
        }
        out.push(b"]");
        Ok(text_in_pieces(out.into_pieces()))
    }
}

/// An error of this place in the answer.
pub(super) fn placed<T>(ctx: &ContextBase<'_, T>, field: &Positioned<Field>, error: Error) -> ServerError {
    let failure = Failure::at(ctx, error);
    ctx.set_error_path(async_graphql::Error::from(failure).into_server_error(field.pos))
}

/// A text in pieces, of which the large ones are shared with what they were made of.
#[derive(Debug, Default)]
pub struct Written {
    pieces: Vec<Bytes>,
    last: Vec<u8>,
    bytes: usize,
}

/// A smaller piece is copied: to send one has its cost too.
const PIECE_BYTES: usize = 32 * 1024;

impl Written {
    /// An answer with these errors and these data. `None`, if it is larger than answers are.
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

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn into_pieces(mut self) -> Vec<Bytes> {
        self.cut();
        self.pieces
    }

    /// Writes a value as JSON; tells how much of it was text already.
    fn value(&mut self, value: &Value) -> Result<usize> {
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
                    // A name has no sign that needs an escape.
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
