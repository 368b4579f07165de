//! Signals: to stop, and to reopen the audit log. Others that would end the process are caught.

use std::io::IsTerminal;

use tokio::signal::unix::{Signal, SignalKind};
use tokio_util::sync::CancellationToken;

/// Cancelled by the first SIGINT or SIGTERM. From now on, these signals do not end the process by themselves, as they
/// never do for process 1 in a container. A second SIGINT ends it at once.
pub fn stop() -> CancellationToken {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt()), listen(SignalKind::terminate()));
    tokio::spawn(async move {
        tokio::select! {
            () = next(&mut interrupt) => {}
            () = next(&mut terminate) => {}
        }
        stopped.cancel();
        next(&mut interrupt).await;
        std::process::exit(INTERRUPTED);
    });
    stop
}

/// The convention of shells: 128 plus the signal number.
const INTERRUPTED: i32 = 130;

fn listen(kind: SignalKind) -> Option<Signal> {
    tokio::signal::unix::signal(kind).ok()
}

/// Waits for a signal; forever if the system does not support it.
async fn next(signal: &mut Option<Signal>) {
    let came = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if came.is_none() {
        std::future::pending().await
    }
}

/// From now on, exceeding `ulimit -f` is a write error like a full disk, and does not end the process.
pub fn outlive_full_files() {
    drop(listen(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())));
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
pub struct Hangups(Option<Signal>);

impl Hangups {
    pub fn listen() -> Self {
        Self(listen(SignalKind::hangup()))
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        next(&mut self.0).await;
    }
}
