//! Objects that are in many places of an answer, such as the organization of every user on a page.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{ContextSelectionSet, OutputType, Positioned, ServerResult, Value};
use axum::body::Bytes;

use super::answer::{Written, placed, text, text_in_pieces};
use crate::context::OpContext;

/// An object of one answer that several others refer to. For each field of the document that selects it, it is resolved
/// once; from then on its JSON is written again. One with errors is resolved each time, because an error says where it
/// happened.
#[derive(Debug)]
pub struct Shared<T>(Arc<Inner<T>>);

#[derive(Debug)]
struct Inner<T> {
    object: T,
    written: Mutex<Vec<(Place, Bytes)>>,
}

/// The address of a field in the document that runs. The document stays where it is until the answer is complete, and no
/// object lives longer than that. Its line and column would not do: a fragment can select different fields in each place
/// where it is spread.
type Place = usize;

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> From<T> for Shared<T> {
    fn from(object: T) -> Self {
        let written = Mutex::default();
        Self(Arc::new(Inner { object, written }))
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.object
    }
}

impl<T> Shared<T> {
    fn written(&self, place: Place) -> Option<Bytes> {
        let written = self.0.written.lock().unwrap_or_else(PoisonError::into_inner);
        let found = written.iter().find(|(known, _)| *known == place);
        found.map(|(_, text)| text.clone())
    }

    fn keep(&self, place: Place, text: Bytes) {
        let mut written = self.0.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.push((place, text));
    }
}

fn errors(ctx: &ContextSelectionSet<'_>) -> usize {
    let errors = ctx.query_env.errors.lock();
    errors.unwrap_or_else(PoisonError::into_inner).len()
}

impl<T: OutputType> OutputType for Shared<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn qualified_type_name() -> String {
        T::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let op = ctx.data_unchecked::<OpContext>();
        let place = std::ptr::from_ref(field).addr();
        if let Some(written) = self.written(place) {
            let charged = op.charge_written(written.len());
            charged.map_err(|error| placed(ctx, field, error))?;
            return Ok(text(written));
        }
        let before = errors(ctx);
        let value = self.0.object.resolve(ctx, field).await?;
        if errors(ctx) != before {
            return Ok(value);
        }
        let mut out = Written::default();
        let charged = out.value(&value).and_then(|raw| {
            // What was text before is already charged.
            op.charge_written(out.bytes().saturating_sub(raw))
        });
        charged.map_err(|error| placed(ctx, field, error))?;
        let pieces = out.into_pieces();
        if let [whole] = pieces.as_slice()
            && Arc::strong_count(&self.0) > 1
        {
            self.keep(place, whole.clone());
        }
        Ok(text_in_pieces(pieces))
    }
}
