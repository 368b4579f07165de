//! Documents, parsed; those met lately are remembered by their text.
//!
//! Clients send the same few documents again and again, with other variables, and parsing one costs more than finding a
//! user. What a text parses to depends on nothing else, so one memory serves the whole process, whoever asks. It is
//! bounded by bytes, and a text that was refused is not kept. What a document costs depends on its variables too, and is
//! measured each time.

use std::sync::{Arc, LazyLock};

use async_graphql::Response;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::ExecutableDocument;
use moka::sync::Cache;

use super::error::{response_of, syntax_error};
use super::limits;

/// A longer text is parsed each time: people and programs write shorter ones.
const TEXT_BYTES_MAX: usize = 16 * 1024;
const REMEMBERED_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// What a byte of text becomes at most, nearly: a field of one letter and a blank are some 250 bytes of tree.
const BYTES_PER_BYTE: usize = 128;

static REMEMBERED: LazyLock<Cache<String, Arc<ExecutableDocument>>> = LazyLock::new(|| {
    Cache::builder()
        .weigher(|text: &String, _| u32::try_from(text.len() * BYTES_PER_BYTE).unwrap_or(u32::MAX))
        .max_capacity(REMEMBERED_BYTES_MAX)
        .build()
});

/// Reads a document; the answer that refuses it otherwise.
pub fn parse(text: &str) -> Result<Arc<ExecutableDocument>, Box<Response>> {
    if let Some(known) = REMEMBERED.get(text) {
        return Ok(known);
    }
    limits::check_text(text).map_err(|error| Box::new(response_of(error)))?;
    let document = parse_query(text).map_err(|error| Box::new(Response::from_errors(vec![syntax_error(error)])))?;
    let document = Arc::new(document);
    if text.len() <= TEXT_BYTES_MAX {
        REMEMBERED.insert(text.to_owned(), Arc::clone(&document));
    }
    Ok(document)
}
