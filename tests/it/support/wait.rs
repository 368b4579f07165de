//! Waiting until something is so. No test waits for time to pass and hopes that it has happened by then.

use std::time::{Duration, Instant};

/// Between two looks at this process.
const PAUSE: Duration = Duration::from_millis(5);
/// Between two looks at another process, which take a while themselves.
const PAUSE_OUTSIDE: Duration = Duration::from_millis(20);

/// Long enough for anything that does happen, on a busy machine too.
pub const AT_LAST: Duration = Duration::from_secs(30);

/// Waits until something is so, and fails if it is not within the limit. Gives how long it took.
pub async fn until(what: &str, limit: Duration, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(PAUSE).await;
    }
    started.elapsed()
}

/// The same where nothing of this process has to go on meanwhile: for what other processes do.
pub fn until_outside(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(PAUSE_OUTSIDE);
    }
    started.elapsed()
}
