//! Which statements a request sends: for its log line, and for tests.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::Statement;

tokio::task_local! {
    /// How many statements the running request has sent; for its log line and for the tests that count them.
    pub static STATEMENTS: Arc<AtomicU32>;
    /// The statements themselves, for tests that count or explain them; nobody else opens this scope.
    pub static SENT: Arc<Mutex<Vec<Statement>>>;
}

/// Prepares a part of the running request for a separate task: its statements count as the request's.
pub fn counted_here<F: Future>(part: F) -> impl Future<Output = F::Output> {
    let statements = STATEMENTS.try_with(Arc::clone).unwrap_or_default();
    let sent = SENT.try_with(Arc::clone).ok();
    STATEMENTS.scope(statements, async move {
        match sent {
            Some(sent) => SENT.scope(sent, part).await,
            None => part.await,
        }
    })
}

/// Counts a statement that is about to be sent.
pub(super) fn count(statement: &Statement) {
    let _ = STATEMENTS.try_with(|statements| statements.fetch_add(1, Ordering::Relaxed));
    let _ = SENT.try_with(|sent| {
        let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.push(statement.clone());
    });
}
