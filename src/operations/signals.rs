//! The signals: to stop, and that the audit log file was moved. Others that would end the process are caught.

use std::io::IsTerminal;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind};
use tokio_util::sync::CancellationToken;

/// Is cancelled by the first signal to stop: an interrupt or, from a supervisor, a termination. From here on they do not
/// end the process by themselves, as they never do that of process 1 in a container. A further interrupt ends it at once.
pub fn stop() -> CancellationToken {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let mut signals = Signals::listen();
    tokio::spawn(async move {
        signals.any().await;
        stopped.cancel();
        signals.interrupt().await;
        std::process::exit(INTERRUPTED);
    });
    stop
}

/// As shells have it: 128 and the signal's number.
const INTERRUPTED: i32 = 130;

#[cfg(unix)]
struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> Self {
        let of = |kind| tokio::signal::unix::signal(kind).ok();
        Self {
            interrupt: of(SignalKind::interrupt()),
            terminate: of(SignalKind::terminate()),
        }
    }

    async fn any(&mut self) {
        tokio::select! {
            () = next(&mut self.interrupt) => {}
            () = next(&mut self.terminate) => {}
        }
    }

    async fn interrupt(&mut self) {
        next(&mut self.interrupt).await;
    }
}

/// Waits for a signal; for ever, if the system does not tell.
#[cfg(unix)]
async fn next(signal: &mut Option<Signal>) {
    let came = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if came.is_none() {
        std::future::pending().await
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Self {
        Self
    }

    async fn any(&mut self) {
        self.interrupt().await;
    }

    async fn interrupt(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// From here on a file that may not grow further (`ulimit -f`) is a full disk, as [`std::io::Write`] tells, and no end of the
/// process.
pub fn outlive_full_files() {
    #[cfg(unix)]
    drop(tokio::signal::unix::signal(SignalKind::from_raw(
        rustix::process::Signal::XFSZ.as_raw(),
    )));
}

/// For a server without an audit log file: SIGHUP, which asks others to read their files again, is no end of the process.
/// On a terminal it says that the terminal was closed.
pub fn outlive_hangups(stop: CancellationToken) {
    let mut hangups = Hangups::listen();
    tokio::spawn(async move {
        loop {
            hangups.next().await;
            if std::io::stdin().is_terminal() {
                stop.cancel();
            }
        }
    });
}

/// SIGHUP: the audit log file was moved away by whoever rotates it. From here on it does not end the process.
#[derive(Debug)]
pub struct Hangups(#[cfg(unix)] Option<Signal>);

impl Hangups {
    pub fn listen() -> Self {
        #[cfg(unix)]
        return Self(tokio::signal::unix::signal(SignalKind::hangup()).ok());
        #[cfg(not(unix))]
        return Self();
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        next(&mut self.0).await;
        #[cfg(not(unix))]
        std::future::pending().await
    }
}
