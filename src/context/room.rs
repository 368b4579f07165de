//! Limits the size of a response, and the memory of all concurrent responses.
//!
//! A small document can request a large response. So bytes are charged as rows are read, and as they are written into
//! the response. A request holds its charge until its response is sent. There is a limit per caller, and one for all
//! callers. If it is exhausted, a new request waits at its start, while it holds nothing yet; a request that has
//! already started fails with `UNAVAILABLE`.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedSemaphorePermit;

use crate::model::JSON_VALUES_MAX;
use crate::model::error::{Error, Result};
use crate::store::db::Answers;

/// A larger response is refused.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes that every request gets without being charged.
const FREE_BYTES: usize = 64 * 1024;
/// The maximum charge for the request itself, so that some is left for the response.
const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Memory is reserved in pieces of this size.
const PIECE_BYTES: usize = 256 * 1024;
/// The charge per byte of the request: a few copies of the text, and each value as JSON, as a GraphQL value and as a
/// database value.
const BYTES_PER_BYTE: usize = 6;
const BYTES_PER_VALUE: usize = 320;
/// The charge per condition of a filter: an object with space for all possible conditions, and some SQL.
const BYTES_PER_TEST: usize = 3 * 1024;

/// The memory budget of a request.
#[derive(Debug)]
pub struct Room {
    answers: Answers,
    /// The charge for the request itself.
    request: AtomicUsize,
    /// Bytes read from the database for the field that is being resolved.
    read: AtomicUsize,
    written: AtomicUsize,
    overflowed: AtomicBool,
    held: Mutex<Held>,
    turn: tokio::sync::Mutex<()>,
}

/// Memory that is given back when this is dropped.
#[derive(Debug, Default)]
pub struct Held {
    bytes: usize,
    permits: Vec<[OwnedSemaphorePermit; 2]>,
}

impl Held {
    fn add(&mut self, bytes: usize, permits: [OwnedSemaphorePermit; 2]) {
        self.bytes += bytes;
        self.permits.push(permits);
    }

    pub fn is_none(&self) -> bool {
        self.permits.is_empty()
    }
}

/// The turn of one root field of a document; the others wait.
#[derive(Debug)]
pub struct Turn<'a> {
    room: &'a Room,
    _turn: tokio::sync::MutexGuard<'a, ()>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.room.read.store(0, Ordering::Relaxed);
    }
}

impl Room {
    /// Reserves memory for a request with this text; waits until it is available.
    pub async fn for_body(answers: Answers, text: &[u8]) -> Result<Self> {
        let values = text.iter().filter(|byte| matches!(byte, b',' | b':' | b'[')).count();
        let room = Self {
            answers,
            request: AtomicUsize::new(0),
            read: AtomicUsize::new(0),
            written: AtomicUsize::new(0),
            overflowed: AtomicBool::new(false),
            held: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        };
        // A request with more values is refused without reading them.
        let values = values.min(JSON_VALUES_MAX).saturating_mul(BYTES_PER_VALUE);
        room.wait(text.len().saturating_mul(BYTES_PER_BYTE).saturating_add(values))
            .await?;
        Ok(room)
    }

    /// The same for this number of conditions in its filters.
    pub async fn for_filters(&self, tests: u64) -> Result<()> {
        let tests = usize::try_from(tests).unwrap_or(usize::MAX);
        self.wait(tests.saturating_mul(BYTES_PER_TEST)).await
    }

    async fn wait(&self, bytes: usize) -> Result<()> {
        let before = self.request.load(Ordering::Relaxed);
        let all = before.saturating_add(bytes).min(REQUEST_BYTES_MAX);
        self.request.store(all, Ordering::Relaxed);
        let Some(more) = missing(all, self.held().bytes) else {
            return Ok(());
        };
        let permits = self.answers.wait(more).await?;
        self.held().add(more, permits);
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other root field of this document is being resolved, so that the rows of one field are freed, and
    /// only its text is left, before the next one reads.
    pub async fn turn(&self) -> Turn<'_> {
        Turn {
            _turn: self.turn.lock().await,
            room: self,
        }
    }

    /// Charges bytes that were read for the response, and will be part of it.
    pub fn read(&self, bytes: usize) -> Result<()> {
        self.charge(&self.read, bytes)
    }

    /// Charges bytes that were written into the response.
    pub fn written(&self, bytes: usize) -> Result<()> {
        self.charge(&self.written, bytes)
    }

    fn charge(&self, meter: &AtomicUsize, bytes: usize) -> Result<()> {
        let charged = meter.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if charged > ANSWER_BYTES_MAX {
            self.overflowed.store(true, Ordering::Relaxed);
            return Err(too_large());
        }
        let meters = [&self.request, &self.read, &self.written].map(|meter| meter.load(Ordering::Relaxed));
        let all = meters.into_iter().fold(0, usize::saturating_add);
        let mut held = self.held();
        if let Some(more) = missing(all, held.bytes) {
            let permits = self.answers.at_once(more)?;
            held.add(more, permits);
        }
        Ok(())
    }

    /// Whether the response became too large; then nothing of it is sent.
    pub fn overflowed(&self) -> bool {
        self.overflowed.load(Ordering::Relaxed)
    }

    /// The charge that a response of this size keeps until it is sent. The rest is released.
    pub fn left(&self, bytes: usize) -> Held {
        let mut held = std::mem::take(&mut *self.held());
        // The first piece may be larger than the others.
        while let Some(last) = held.permits.last() {
            let size = last[0].num_permits() * 1024;
            if held.bytes.saturating_sub(size) + FREE_BYTES < bytes {
                break;
            }
            held.bytes = held.bytes.saturating_sub(size);
            held.permits.pop();
        }
        held
    }
}

/// The error for a response that is too large.
pub fn too_large() -> Error {
    Error::LimitExceeded(format!(
        "The response would be larger than the limit of {ANSWER_BYTES_MAX} bytes. Select fewer fields or smaller \
         pages."
    ))
}

/// How many more bytes must be reserved.
fn missing(needed: usize, held: usize) -> Option<usize> {
    let missing = needed.saturating_sub(FREE_BYTES).saturating_sub(held);
    (missing > 0).then(|| missing.next_multiple_of(PIECE_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_unavailable<T>(result: &Result<T>) -> bool {
        matches!(result, Err(Error::Unavailable { .. }))
    }

    #[tokio::test]
    async fn an_answer_has_an_end() {
        let answers = Answers::default();
        let room = Room::for_body(answers.clone(), &[b'x'; 100]).await.unwrap();
        room.written(ANSWER_BYTES_MAX - 1).unwrap();
        room.written(1).unwrap();
        assert!(matches!(room.written(1), Err(Error::LimitExceeded(_))));
        // The rows of one field are freed before the next one reads.
        let room = Room::for_body(answers, &[b'x'; 100]).await.unwrap();
        for _ in 0..3 {
            let _turn = room.turn().await;
            room.read(ANSWER_BYTES_MAX / 2).unwrap();
        }
    }

    #[tokio::test]
    async fn what_one_caller_holds_is_bounded_and_comes_back() {
        let answers = Answers::default();
        let one = Room::for_body(answers.clone(), b"").await.unwrap();
        one.written(ANSWER_BYTES_MAX).unwrap();
        let two = Room::for_body(answers.clone(), b"").await.unwrap();
        assert!(
            is_unavailable(&two.written(ANSWER_BYTES_MAX)),
            "it does not have room for two of them"
        );
        let other = Room::for_body(answers.of_another(), b"").await.unwrap();
        other.written(ANSWER_BYTES_MAX).unwrap();
        // It keeps its charge until it is sent.
        let sending = one.left(ANSWER_BYTES_MAX);
        let three = Room::for_body(answers.clone(), b"").await.unwrap();
        assert!(is_unavailable(&three.written(ANSWER_BYTES_MAX)));
        drop((sending, three, two));
        let four = Room::for_body(answers.clone(), b"").await.unwrap();
        four.written(ANSWER_BYTES_MAX).unwrap();
        drop(four.left(1_000));
        let five = Room::for_body(answers, b"").await.unwrap();
        five.written(ANSWER_BYTES_MAX).unwrap();
    }

    #[tokio::test]
    async fn small_ones_ask_for_nothing() {
        let answers = Answers::default();
        let full: Vec<Room> = futures::future::join_all((0..3).map(async |_| {
            let room = Room::for_body(answers.of_another(), b"").await.unwrap();
            let _ = room.written(ANSWER_BYTES_MAX);
            room
        }))
        .await;
        for _ in 0..1_000 {
            let small = Room::for_body(answers.clone(), &[b'x'; 1_000]).await.unwrap();
            small.read(20_000).unwrap();
            small.written(30_000).unwrap();
        }
        drop(full);
    }

    #[tokio::test]
    async fn a_large_body_waits_for_its_room() {
        let answers = Answers::default();
        let body = "0,".repeat(30_000).into_bytes();
        let one = Room::for_body(answers.clone(), &body).await.unwrap();
        let two = Room::for_body(answers.clone(), &body).await.unwrap();
        let third = Room::for_body(answers.clone(), &body);
        tokio::pin!(third);
        let soon = std::time::Duration::from_millis(50);
        assert!(tokio::time::timeout(soon, &mut third).await.is_err(), "it waits");
        drop(one);
        let third = third.await.unwrap();
        drop(two);
        // Filters wait in the same way; and however large a request is, some memory is left for its response.
        let filters = third.for_filters(1_000_000);
        tokio::time::timeout(soon, filters).await.unwrap().unwrap();
        third.written(4 * 1024 * 1024).unwrap();
        assert!(is_unavailable(&third.written(8 * 1024 * 1024)));
    }
}
