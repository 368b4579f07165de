//! Automatic persisted queries: a client sends a document's hash instead of its text. Apollo's and urql's clients do
//! this by default.
//!
//! The protocol is theirs. If a hash is unknown, the response says so in the protocol's terms, and the client sends the
//! text with its next request. The text is kept if it has this hash, is valid, and comes from a known caller. Each
//! caller has its own documents: nobody can run or displace those of another. They are in this process's memory and can
//! be gone at any time, and other processes do not have them. That only costs the client a second request.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use async_graphql::{ErrorExtensionValues, Response, ServerError};
use moka::sync::Cache;

use crate::model::error::{Error, Result};
use crate::model::{Actor, Caller, digest};

/// The texts of all callers together.
const ALL_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// The documents of one caller, and the size of their texts. New documents displace the oldest.
pub const PERSISTED_DOCUMENTS_MAX: usize = 200;
pub const PERSISTED_BYTES_MAX: usize = 512 * 1024;
/// The number of callers whose documents are counted.
const CALLERS_MAX: u64 = 10_000;

/// What a client sends to identify a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersistedQuery {
    /// The SHA-256 of the document's text, in lower-case hexadecimal digits.
    hash: String,
    /// Whether it uses the only version of the protocol.
    known: bool,
}

/// A caller's document: the internal key of the user, and the hash.
type Place = (i64, String);

static TEXTS: LazyLock<Cache<Place, Arc<str>>> = LazyLock::new(|| {
    Cache::builder()
        .weigher(|(_, hash): &Place, text: &Arc<str>| u32::try_from(hash.len() + text.len()).unwrap_or(u32::MAX))
        .max_capacity(ALL_BYTES_MAX)
        .build()
});

/// The documents of each caller with their sizes, oldest first.
type Shelf = Arc<Mutex<VecDeque<(String, usize)>>>;

static SHELVES: LazyLock<Cache<i64, Shelf>> = LazyLock::new(|| Cache::new(CALLERS_MAX));

impl PersistedQuery {
    /// Reads `extensions.persistedQuery`; `None` if there is none.
    pub fn read(extensions: &serde_json::Map<String, serde_json::Value>) -> Result<Option<Self>> {
        let Some(given) = extensions.get("persistedQuery").filter(|given| !given.is_null()) else {
            return Ok(None);
        };
        let hash = given
            .get("sha256Hash")
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default();
        if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::invalid(
                "extensions.persistedQuery.sha256Hash",
                "'extensions.persistedQuery.sha256Hash' must be 64 hexadecimal digits.".to_owned(),
            ));
        }
        Ok(Some(Self {
            hash: hash.to_ascii_lowercase(),
            known: given.get("version").and_then(serde_json::Value::as_i64) == Some(1),
        }))
    }

    /// The text that this caller sent before. If it is unknown, a response in the protocol's terms.
    pub fn text(&self, actor: &Actor) -> Result<Arc<str>, Box<Response>> {
        if !self.known {
            return Err(told("PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED"));
        }
        let caller = actor.caller().map(Caller::behind);
        let known = caller.and_then(|caller| TEXTS.get(&(caller, self.hash.clone())));
        known.ok_or_else(|| told("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND"))
    }

    /// Refuses a text that does not have the hash sent with it.
    pub fn check(&self, text: &str) -> Result<()> {
        match digest(text) == self.hash {
            true => Ok(()),
            false => Err(Error::invalid(
                "extensions.persistedQuery.sha256Hash",
                "'extensions.persistedQuery.sha256Hash' is not the SHA-256 of 'query'.".to_owned(),
            )),
        }
    }

    /// Keeps a document, which is checked and valid, for its caller.
    pub fn keep(&self, actor: &Actor, text: &str) {
        let Some(caller) = actor.caller().map(Caller::behind) else {
            return;
        };
        let place = (caller, self.hash.clone());
        if !self.known || text.len() > PERSISTED_BYTES_MAX || TEXTS.contains_key(&place) {
            return;
        }
        let shelf = SHELVES.get_with(caller, Shelf::default);
        let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
        // It may still be on the list although other callers' documents displaced its text.
        shelf.retain(|(hash, _)| *hash != self.hash);
        shelf.push_back((self.hash.clone(), text.len()));
        TEXTS.insert(place, text.into());
        let mut bytes: usize = shelf.iter().map(|(_, bytes)| bytes).sum();
        while shelf.len() > PERSISTED_DOCUMENTS_MAX || bytes > PERSISTED_BYTES_MAX {
            let Some((hash, size)) = shelf.pop_front() else { return };
            bytes -= size;
            TEXTS.invalidate(&(caller, hash));
        }
    }
}

/// A response in the protocol's terms. Clients compare its message exactly.
fn told(words: &str, code: &str) -> Box<Response> {
    let mut error = ServerError::new(words, None);
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code);
    error.extensions = Some(extensions);
    Box::new(Response::from_errors(vec![error]))
}
