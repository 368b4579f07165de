//! Logs: one line per request, on standard error. Nothing waits for them: a line that cannot be written is dropped and
//! counted.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// The maximum number of lines that wait for a slow reader of standard error; further ones are dropped.
const LINES_WAITING_MAX: usize = 8_192;

/// Lines that could not be written: the reader is gone, or the disk is full.
static UNWRITTEN: AtomicU64 = AtomicU64::new(0);
/// Lines that were dropped because too many were waiting.
static CROWDED_OUT: std::sync::OnceLock<ErrorCounter> = std::sync::OnceLock::new();

/// Sets logging up once for the process. `RUST_LOG` overrides the filter. Lines are written while the guard exists;
/// when it is dropped, waiting lines are still written for up to a second.
pub fn start() -> WorkerGuard {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,tenantry=info"));
    let (writer, guard) = waiting_room();
    let _ = CROWDED_OUT.set(writer.error_counter());
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        // It would report a failed write to the same stream, and panic.
        .log_internal_errors(false)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .try_init();
    guard
}

/// How many log lines were dropped since the start.
pub fn lines_dropped() -> u64 {
    let crowded_out = CROWDED_OUT.get().map_or(0, ErrorCounter::dropped_lines);
    UNWRITTEN.load(Ordering::Relaxed) + u64::try_from(crowded_out).unwrap_or(u64::MAX)
}

fn waiting_room() -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(LINES_WAITING_MAX)
        .thread_name("log")
        .finish(Stderr)
}

/// Standard error that never fails: lines that cannot be written are counted.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if io::stderr().write_all(line).is_err() {
            UNWRITTEN.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
