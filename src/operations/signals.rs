//! Signals: to stop, and to reopen the audit log. Others that would end the process are caught.

use std::io::IsTerminal;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind};
use tokio_util::sync::CancellationToken;

/// Cancelled by the first SIGINT or SIGTERM. From now on, these signals do not end the process by themselves, as they
/// never do for process 1 in a container. A second SIGINT ends it at once.
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

/// The convention of shells: 128 plus the signal number.
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

/// Waits for a signal; forever if the system does not support it.
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

/// From now on, exceeding `ulimit -f` is a write error like a full disk, and does not end the process.
pub fn outlive_full_files() {
    #[cfg(unix)]
    drop(tokio::signal::unix::signal(SignalKind::from_raw(
        rustix::process::Signal::XFSZ.as_raw(),
    )));
}

/// For a server without an audit log: SIGHUP, which asks a daemon to reload, does not end the process. On a terminal,
/// it means that the terminal was closed.
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

/// SIGHUP: the audit log file was rotated. From now on, it does not end the process.
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
