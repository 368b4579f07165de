//! An answer on its way from values to JSON.
//!
//! What is large is JSON text as soon as it is known: free JSON, and each list of things once its last one is resolved.
//! Text stands in the library's values as bytes ([`Value::Binary`], which is nothing else here), which are shared and not
//! copied: the same settings under fifteen aliases are in memory once. Trees of values take twenty times what their text
//! does.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{ContextBase, ContextSelectionSet, OutputType, Positioned, ServerError, ServerResult, Value};
use axum::body::Bytes;

use super::Failure;
use crate::context::OpContext;
use crate::context::room::ANSWER_BYTES_MAX;
use crate::error::{Error, Result};

/// A text that is JSON already, as a value.
pub fn text(text: impl Into<Bytes>) -> Value {
    Value::Binary(text.into())
}

/// Writes a value as JSON; tells how much of it was text already.
fn write(value: &Value, out: &mut Vec<u8>) -> Result<usize> {
    let mut raw = 0;
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Boolean(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Value::Number(number) => out.extend_from_slice(number.as_str().as_bytes()),
        Value::String(text) => serde_json::to_writer(out, text).map_err(Error::internal)?,
        Value::Enum(name) => serde_json::to_writer(out, name.as_str()).map_err(Error::internal)?,
        Value::Binary(text) => {
            out.extend_from_slice(text);
            raw += text.len();
        }
        Value::List(items) => {
            out.push(b'[');
            for (number, item) in items.iter().enumerate() {
                out.extend_from_slice(if number == 0 { b"" } else { b"," });
                raw += write(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            out.push(b'{');
            for (number, (name, member)) in members.iter().enumerate() {
                out.extend_from_slice(if number == 0 { b"\"" } else { b",\"" });
                // A name has no sign that needs an escape.
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b"\":");
                raw += write(member, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(raw)
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
        let mut out = vec![b'['];
        for (number, item) in self.0.iter().enumerate() {
            let ctx = ctx.with_index(number);
            let value = item.resolve(&ctx, field).await?;
            let before = out.len();
            out.extend_from_slice(if number == 0 { b"" } else { b"," });
            let charged = write(&value, &mut out).and_then(|raw| {
                // What was text already was charged when it became that.
                op.charge_written(out.len().saturating_sub(before + raw))
            });
            charged.map_err(|error| placed(&ctx, field, error))?;
        }
        out.push(b']');
        Ok(text(out))
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
    pieces: VecDeque<Bytes>,
    last: Vec<u8>,
    bytes: usize,
}

/// A smaller piece is copied: to send one has its cost too.
const PIECE_BYTES: usize = 32 * 1024;

impl Written {
    /// An answer with these errors and these data. `None`, if it is larger than answers are.
    pub fn answer(errors: &[ServerError], data: Option<&Value>) -> Result<Option<Self>> {
        let mut written = Self::default();
        written.last.push(b'{');
        if !errors.is_empty() {
            written.last.extend_from_slice(b"\"errors\":");
            serde_json::to_writer(&mut written.last, errors).map_err(Error::internal)?;
        }
        if let Some(data) = data {
            let comma: &[u8] = if errors.is_empty() { b"" } else { b"," };
            written.last.extend_from_slice(comma);
            written.last.extend_from_slice(b"\"data\":");
            written.value(data)?;
        }
        written.last.push(b'}');
        written.cut();
        Ok((written.bytes <= ANSWER_BYTES_MAX).then_some(written))
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn into_pieces(self) -> VecDeque<Bytes> {
        self.pieces
    }

    fn value(&mut self, value: &Value) -> Result<()> {
        match value {
            Value::Binary(text) if text.len() >= PIECE_BYTES => {
                self.cut();
                self.bytes += text.len();
                self.pieces.push_back(text.clone());
            }
            // Between the text of lists there are few levels.
            Value::Object(members) => {
                self.last.push(b'{');
                for (number, (name, member)) in members.iter().enumerate() {
                    self.last.extend_from_slice(if number == 0 { b"\"" } else { b",\"" });
                    self.last.extend_from_slice(name.as_bytes());
                    self.last.extend_from_slice(b"\":");
                    self.value(member)?;
                }
                self.last.push(b'}');
            }
            other => {
                write(other, &mut self.last)?;
            }
        }
        Ok(())
    }

    fn cut(&mut self) {
        if !self.last.is_empty() {
            self.bytes += self.last.len();
            self.pieces.push_back(std::mem::take(&mut self.last).into());
        }
    }
}
