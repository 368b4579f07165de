//! The time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::Timestamp;

/// The clock. Tests stop it and move it by hand.
#[derive(Debug)]
pub enum Clock {
    System,
    Held(AtomicI64),
}

impl Clock {
    /// A clock that is stopped at this moment until it is moved.
    pub fn held(at: Timestamp) -> Self {
        Self::Held(AtomicI64::new(at.micros()))
    }

    pub fn now(&self) -> Timestamp {
        match self {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
            Self::System => {
                let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                Timestamp::from_micros(0).after(since_1970.unwrap_or_default())
            }
            Self::Held(at) => Timestamp::from_micros(at.load(Ordering::SeqCst)),
        }
    }

    /// Moves a stopped clock; has no effect on the system clock.
    pub fn advance(&self, by: Duration) {
        if let Self::Held(at) = self {
            at.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }
}
