//! Background work of a process: sending mails, writing the audit log file, recording denied requests and when keys
//! were last used, cleaning up, and watching the clock.
//!
//! Each part runs independently and is retried if it fails. When the server stops, everything that is only in memory is
//! written.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::context::Services;
use crate::directory::audit_event::AuditFile;
use crate::directory::{outbox, password};
use crate::model::error::Result;
use crate::operations::signals::Hangups;
use crate::operations::{cleanup, doctor, words};

/// How often to look for mails that another process has written, or that are due for a retry.
const MAILS_EVERY: Duration = Duration::from_secs(2);
const AUDIT_EVERY: Duration = Duration::from_secs(1);
const REFUSALS_EVERY: Duration = Duration::from_secs(5);
const ACTIVITY_EVERY: Duration = Duration::from_secs(5);
const CLOCK_EVERY: Duration = Duration::from_secs(15);
/// Above this, other processes reject this one's tokens.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(120);
const WORDS_EVERY: Duration = Duration::from_secs(60);
const SWEEP_EVERY: Duration = Duration::from_secs(10 * 60);

/// The tasks of a process.
#[derive(Debug)]
pub struct Workers {
    stop: CancellationToken,
    tasks: tokio::task::JoinSet<()>,
}

impl Workers {
    /// Starts all of them. `audit_file` is the file that events are also written to, and the signal that it was moved.
    pub fn start(services: &Arc<Services>, audit_file: Option<(PathBuf, Hangups)>) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = tokio::task::JoinSet::new();
        let mut spawn = |task: BoxFuture<'static, ()>| drop(tasks.spawn(task));
        let (with, stopped) = (|| Arc::clone(services), || stop.clone());
        spawn(Box::pin(send_mails(with(), stopped())));
        spawn(Box::pin(write_refusals(with(), stopped())));
        spawn(Box::pin(write_activity(with(), stopped())));
        spawn(Box::pin(sweep(with(), stopped())));
        spawn(Box::pin(renew_words(with(), stopped())));
        spawn(Box::pin(watch_clock(with(), stopped())));
        if let Some(file) = audit_file {
            spawn(Box::pin(write_audit_file(with(), file, stopped())));
        }
        Self { stop, tasks }
    }

    /// Stops all of them, and waits until everything in memory is written.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a background task failed");
            }
        }
    }
}

/// Whether to stop; waits at most this long.
async fn stops_within(stop: &CancellationToken, wait: Duration) -> bool {
    tokio::time::timeout(wait, stop.cancelled()).await.is_ok()
}

/// Logs a failure. The work is tried again.
fn warn<T>(done: Result<T>, failure: &'static str) {
    if let Err(error) = done {
        tracing::warn!(error = &error as &dyn std::error::Error, "{failure}");
    }
}

/// One round of mails: processes password reset requests and sends the mails that are due, until it is time to stop.
pub async fn send_mails_once(services: &Arc<Services>, stop: &CancellationToken) {
    warn(
        password::answer_requests(services).await,
        "cannot process password reset requests",
    );
    warn(
        outbox::deliver_due(services, stop).await,
        "cannot fetch the mails that are due",
    );
}

async fn send_mails(services: Arc<Services>, stop: CancellationToken) {
    loop {
        send_mails_once(&services, &stop).await;
        tokio::select! {
            () = services.mailer.woken() => {}
            () = tokio::time::sleep(MAILS_EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Writes the denied requests of each minute when it is over, and when stopping those of the current one.
async fn write_refusals(services: Arc<Services>, stop: CancellationToken) {
    let mut stops = false;
    while !stops {
        stops = stops_within(&stop, REFUSALS_EVERY).await;
        let written = services.refusals.flush(&services.db, services.clock.now(), stops).await;
        warn(written, "cannot write refusals to the audit trail");
    }
}

/// Writes when keys and users were last used, and when stopping what is left.
async fn write_activity(services: Arc<Services>, stop: CancellationToken) {
    let activity = services.credentials.activity();
    let mut stops = false;
    while !stops {
        stops = stops_within(&stop, ACTIVITY_EVERY).await;
        let saved = activity.flush(&services.db, services.clock.now()).await;
        warn(saved, "cannot save when keys and users were last used; trying again");
    }
}

/// Cleans up, the first time ten minutes after the start.
async fn sweep(services: Arc<Services>, stop: CancellationToken) {
    while !stops_within(&stop, SWEEP_EVERY).await {
        let swept = cleanup::sweep(&services.db, services.clock.now()).await;
        warn(swept, "cannot remove what has expired; trying again");
    }
}

/// Makes the words of a search again if an earlier release folded them differently.
async fn renew_words(services: Arc<Services>, stop: CancellationToken) {
    loop {
        let renewed = words::renew(&services.db, &stop).await;
        let is_done = renewed.is_ok();
        warn(renewed, "cannot make the words of the search again; trying again");
        if is_done || stops_within(&stop, WORDS_EVERY).await {
            return;
        }
    }
}

/// Logs when this machine's clock differs too much from the database's, and when it is right again.
async fn watch_clock(services: Arc<Services>, stop: CancellationToken) {
    let mut told = false;
    loop {
        // A database that does not answer is reported elsewhere.
        if let Ok(apart) = doctor::clocks_apart(&services).await {
            let wrong = apart > CLOCKS_APART_MAX;
            if wrong && !told {
                tracing::warn!(
                    seconds = apart.as_secs(),
                    "this machine's clock differs from the database's, so other processes reject the tokens of this \
                     one; synchronize the clocks with NTP"
                );
            } else if told && !wrong {
                tracing::info!("this machine's clock is right again");
            }
            told = wrong;
        }
        if stops_within(&stop, CLOCK_EVERY).await {
            return;
        }
    }
}

/// Keeps the file up to date with the trail. Waits if another process is writing the file.
async fn write_audit_file(services: Arc<Services>, (path, mut hangups): (PathBuf, Hangups), stop: CancellationToken) {
    let mut file: Option<AuditFile> = None;
    let mut stops = false;
    while !stops {
        tokio::select! {
            ended = stops_within(&stop, AUDIT_EVERY) => stops = ended,
            () = hangups.next() => {
                if let Some(open) = &mut file && let Err(error) = open.reopen() {
                    tracing::error!(error = %format!("{error:#}"), "cannot reopen the audit log; still writing to the \
                                                                    old file");
                }
            }
        }
        let caught_up = async {
            if file.is_none() {
                file = AuditFile::open(&path)?;
            }
            match &mut file {
                Some(open) => open.catch_up(&services.db).await,
                None => Ok(0),
            }
        };
        if let Err(error) = caught_up.await {
            tracing::error!(error = %format!("{error:#}"), "cannot write to the audit log; events are waiting");
        }
    }
}
