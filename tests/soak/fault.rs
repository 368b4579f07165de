//! What fails, for how long, and how it ends.

use std::time::Duration;

use tokio::time::sleep;

use crate::Soak;

#[derive(Clone, Copy, Debug)]
pub enum Fault {
    BackendsStopped,
    PathSilent,
    BothPathsSilent,
    SessionsEnded,
    DatabaseRestarted,
    DatabaseKilled,
    DatabaseReadOnly,
    ProcessKilled,
    ProcessHalted,
    ProcessRestarted,
    LogDiskFull,
    MailStalled,
    MailRefused,
}

impl Fault {
    pub const ALL: [Self; 13] = [
        Self::BackendsStopped,
        Self::PathSilent,
        Self::BothPathsSilent,
        Self::SessionsEnded,
        Self::DatabaseRestarted,
        Self::DatabaseKilled,
        Self::DatabaseReadOnly,
        Self::ProcessKilled,
        Self::ProcessHalted,
        Self::ProcessRestarted,
        Self::LogDiskFull,
        Self::MailStalled,
        Self::MailRefused,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::BackendsStopped => "PostgreSQL's backends stopped",
            Self::PathSilent => "the path of one process silent",
            Self::BothPathsSilent => "the paths of both processes silent",
            Self::SessionsEnded => "all sessions ended",
            Self::DatabaseRestarted => "PostgreSQL down",
            Self::DatabaseKilled => "PostgreSQL crashed",
            Self::DatabaseReadOnly => "PostgreSQL read only",
            Self::ProcessKilled => "kill -9 of the second process",
            Self::ProcessHalted => "the second process halted",
            Self::ProcessRestarted => "the second process stopped and started",
            Self::LogDiskFull => "the second process stopped and started with a full log disk",
            Self::MailStalled => "the mail server stalls",
            Self::MailRefused => "the mail server refuses for the time being",
        }
    }

    /// Begins, lasts, and ends.
    pub async fn happen(self, soak: &Soak, lasting: Duration, random: &mut fastrand::Rng) {
        let [first, second] = &soak.processes;
        match self {
            Self::BackendsStopped => {
                let stopped = soak.cluster.lock().unwrap().backends();
                let signal = |name| stopped.iter().for_each(|pid| try_signal(name, *pid));
                signal("STOP");
                sleep(lasting).await;
                signal("CONT");
            }
            Self::PathSilent => {
                let process = if random.bool() { first } else { second };
                process.switch.fall_silent();
                sleep(lasting).await;
                process.switch.speak();
            }
            Self::BothPathsSilent => {
                first.switch.fall_silent();
                second.switch.fall_silent();
                sleep(lasting).await;
                first.switch.speak();
                second.switch.speak();
            }
            Self::SessionsEnded => {
                let ended =
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tenantry'";
                soak.cluster.lock().unwrap().sql("postgres", ended);
            }
            Self::DatabaseRestarted => {
                soak.cluster.lock().unwrap().stop();
                sleep(lasting).await;
                soak.cluster.lock().unwrap().resume();
            }
            Self::DatabaseKilled => {
                soak.cluster.lock().unwrap().crash();
                sleep(lasting / 4).await;
                soak.cluster.lock().unwrap().resume();
            }
            Self::DatabaseReadOnly => {
                let set = |value: &str| {
                    let cluster = soak.cluster.lock().unwrap();
                    cluster.sql(
                        "postgres",
                        &format!("ALTER SYSTEM SET default_transaction_read_only = {value}"),
                    );
                    cluster.sql("postgres", "SELECT pg_reload_conf()");
                };
                set("on");
                sleep(lasting).await;
                set("off");
            }
            Self::ProcessKilled => {
                second.kill();
                sleep(lasting).await;
                second.resume("/dev/null");
            }
            Self::ProcessHalted => {
                second.signal("STOP");
                sleep(lasting).await;
                second.signal("CONT");
            }
            Self::ProcessRestarted | Self::LogDiskFull => {
                second.signal("TERM");
                if let Err(problem) = second.ended().await {
                    soak.wrong(problem);
                }
                second.kill();
                let full = matches!(self, Self::LogDiskFull);
                second.resume(if full { "/dev/full" } else { "/dev/null" });
            }
            Self::MailStalled => {
                soak.mail.hold.send_replace(true);
                sleep(lasting).await;
                soak.mail.hold.send_replace(false);
            }
            Self::MailRefused => {
                soak.mail.later.lock().unwrap().replace("451 4.3.0 the queue is full");
                sleep(lasting).await;
                soak.mail.later.lock().unwrap().take();
            }
        }
    }
}

/// A backend may have ended meanwhile.
fn try_signal(signal: &str, pid: u32) {
    let _ = std::process::Command::new("kill")
        .args([&format!("-{signal}"), &pid.to_string()])
        .stderr(std::process::Stdio::null())
        .status();
}
