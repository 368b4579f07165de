//! Logs: one line per request, on standard error. Nothing waits for them: a line that cannot be written is dropped and
//! counted.
//!
//! A thread of its own writes them, some at a time: to wake it for each line would cost a request more than the line.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing_subscriber::EnvFilter;

/// The maximum size of the lines that wait for a slow reader of standard error; further ones are dropped.
const WAITING_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long lines are collected before they are written together.
const COLLECTED_FOR: Duration = Duration::from_millis(10);
/// How long the end of the process waits for the last lines.
const LAST_LINES: Duration = Duration::from_secs(1);

static LINES: Lines = Lines {
    waiting: Mutex::new(Waiting {
        text: Vec::new(),
        lines: 0,
        at_work: false,
        ending: false,
    }),
    news: Condvar::new(),
    done: Condvar::new(),
};
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Lines on their way to standard error.
struct Lines {
    waiting: Mutex<Waiting>,
    /// The thread that writes has something to do.
    news: Condvar,
    /// It has written everything, or has ended.
    done: Condvar,
}

struct Waiting {
    text: Vec<u8>,
    lines: u64,
    /// Whether the thread looks again by itself.
    at_work: bool,
    ending: bool,
}

/// While this exists, lines are written. When it is dropped, waiting lines are still written for up to a second.
#[derive(Debug)]
pub struct Logging(());

/// Sets logging up once for the process. `RUST_LOG` overrides the filter.
pub fn start() -> Logging {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,tenantry=info"));
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Line)
        // It would report a failed write to the same stream, and panic.
        .log_internal_errors(false)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .try_init();
    if started.is_ok() {
        LINES.lock().at_work = true;
        let writes = std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(|| LINES.write());
        LINES.lock().at_work &= writes.is_ok();
    }
    Logging(())
}

/// How many log lines were dropped since the start.
pub fn lines_dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

impl Drop for Logging {
    fn drop(&mut self) {
        let mut waiting = LINES.lock();
        waiting.ending = true;
        LINES.news.notify_one();
        let unwritten = |waiting: &mut Waiting| waiting.at_work;
        let _ = LINES.done.wait_timeout_while(waiting, LAST_LINES, unwritten);
    }
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: &[u8]) {
        let mut waiting = self.lock();
        if waiting.text.len() + line.len() > WAITING_BYTES_MAX {
            DROPPED.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.text.extend_from_slice(line);
        waiting.lines += 1;
        if !waiting.at_work {
            waiting.at_work = true;
            self.news.notify_one();
        }
    }

    /// Writes lines until the end of the process.
    fn write(&self) {
        let mut text = Vec::new();
        loop {
            let mut waiting = self.lock();
            while waiting.text.is_empty() {
                waiting.at_work = false;
                self.done.notify_all();
                if waiting.ending {
                    return;
                }
                waiting = self.news.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            std::mem::swap(&mut text, &mut waiting.text);
            let lines = std::mem::take(&mut waiting.lines);
            drop(waiting);
            if io::stderr().write_all(&text).is_err() {
                DROPPED.fetch_add(lines, Ordering::Relaxed);
            }
            text.clear();
            text.shrink_to(WAITING_BYTES_MAX / 16);
            let waiting = self.lock();
            let _ = self
                .news
                .wait_timeout_while(waiting, COLLECTED_FOR, |waiting| !waiting.ending);
        }
    }
}

/// Takes one line.
struct Line;

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        LINES.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
