//! Two processes on PostgreSQL under a mixed load, while one thing after the other fails: what was acknowledged stays, what
//! is answered is true, memory stays flat, and everything works again soon after a fault has ended.
//!
//!     cargo test --release --locked --test soak -- [--minutes 20] [--seed NUMBER]
//!
//! Both processes have a path to PostgreSQL of their own, which can fall silent, and a mail server that can stall. Each of
//! the callers ([`caller`]) has an organization that nobody else changes, so that it knows the truth; [`fault`] has what
//! fails. The first process lives from the beginning to the end, and its memory is watched; the second one is also killed,
//! halted and started anew.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

mod caller;
mod client;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/support/cluster.rs"]
mod cluster;
mod fault;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/support/postgres.rs"]
mod postgres;
mod process;
#[path = "../it/support/signal.rs"]
mod signal;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/support/smtp.rs"]
mod smtp;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/support/switch.rs"]
mod switch;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::json;

use caller::Caller;
use client::{Answer, Client};
use cluster::Cluster;
use fault::Fault;
use process::Process;
use smtp::Smtp;
use switch::Switch;

/// Everything must work again so long after a fault has ended.
const RECOVERED_WITHIN: Duration = Duration::from_secs(10);
/// How far the memory of the last quarter may lie above that of the second.
const GROWTH: f64 = 1.10;
const CALLERS: usize = 12;
const DATABASE: &str = "soak";
const ADMIN_KEY: &str = "admin-key-of-the-soak-0123456789";
const SECRET_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

#[derive(Parser)]
struct Options {
    /// How long faults go on; some more time passes before and after.
    #[arg(long, default_value_t = 20.0)]
    minutes: f64,
    /// Which faults come when; another one each time by default.
    #[arg(long)]
    seed: Option<u64>,
}

/// What the callers and the faults have in common.
pub struct Soak {
    pub cluster: Mutex<Cluster>,
    pub processes: [Process; 2],
    pub mail: Smtp,
    folder: PathBuf,
    stopping: AtomicBool,
    wrong: Mutex<Vec<String>>,
}

impl Soak {
    /// Notes an answer that cannot be true.
    pub fn wrong(&self, what: String) {
        println!("WRONG: {what}");
        self.wrong.lock().unwrap().push(what);
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Where a process writes its audit log.
    fn audit_log(folder: &Path, name: &str) -> PathBuf {
        folder.join(format!("audit-{name}.jsonl"))
    }

    /// Waits until both processes read and change again, and go on doing so; gives how long it took until they did.
    async fn recovered(&self) -> Duration {
        let started = Instant::now();
        let mut since = None;
        let client = Client::new(ADMIN_KEY);
        let mut number = 0_u64;
        loop {
            let mut well = true;
            for process in &self.processes {
                number += 1;
                let change = "mutation($name: String!) { updatePropertiesInUser(where: {id: \"probe\"}, data: {name: $name}) { name } }";
                let asked = client.ask(process, change, json!({ "name": number.to_string() }));
                let answer = tokio::time::timeout(Duration::from_secs(5), asked).await;
                well &= answer.is_ok_and(|answer| matches!(answer, Answer::Given(_)));
            }
            match since {
                _ if !well => since = None,
                None => since = Some(Instant::now()),
                Some(at) if at.elapsed() > Duration::from_secs(2) => return at.duration_since(started),
                Some(_) => {}
            }
            if started.elapsed() > Duration::from_secs(120) {
                return started.elapsed();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::main]
async fn main() {
    let options = Options::parse_from(std::env::args().filter(|argument| argument != "--nocapture"));
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    println!("soak: {} minutes, --seed {seed}", options.minutes);
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(&[]);
    cluster.create(DATABASE);
    let mail = Smtp::start().await;
    mail.later.lock().unwrap().take();
    let processes = ["first", "second"].map(|name| {
        let switch = Switch::to(cluster.port);
        Process::start(
            name,
            switch,
            &[
                ("TENANTRY_ADMIN_API_KEY", ADMIN_KEY.to_owned()),
                ("TENANTRY_SECRET_KEY", SECRET_KEY.to_owned()),
                ("TENANTRY_PUBLIC_URL", "https://directory.example".to_owned()),
                ("TENANTRY_SMTP_URL", mail.url.clone()),
                (
                    "TENANTRY_AUDIT_LOG",
                    Soak::audit_log(folder.path(), name).display().to_string(),
                ),
            ],
        )
    });
    let soak = Arc::new(Soak {
        cluster: Mutex::new(cluster),
        processes,
        mail,
        folder: folder.path().to_owned(),
        stopping: AtomicBool::new(false),
        wrong: Mutex::default(),
    });
    let admin = Client::new(ADMIN_KEY);
    let probe = "mutation { createUser(data: {id: \"probe\", organizationId: \"platform\"}) { id } }";
    admin.must(&soak.processes[0], probe, json!({})).await;

    let mut callers = Vec::new();
    for number in 0..CALLERS {
        callers.push(Caller::start(&soak, number, fastrand::Rng::with_seed(seed + 1 + number as u64)).await);
    }
    let callers: Vec<_> = callers
        .into_iter()
        .map(|caller| tokio::spawn(caller.run(Arc::clone(&soak))))
        .collect();
    let memory = tokio::spawn(watch_memory(Arc::clone(&soak)));

    let slowest = let_fail(&soak, &mut fastrand::Rng::with_seed(seed), options.minutes).await;
    soak.stopping.store(true, Ordering::Relaxed);
    let mut counted = caller::Counted::default();
    for caller in callers {
        counted += caller.await.unwrap();
    }
    let memory = memory.await.unwrap();
    let events = followed(&soak).await;

    println!(
        "\n{} changes acknowledged, {} unknown, {} refused for the time being; {} answers compared, {} mails, {events} events",
        counted.acknowledged,
        counted.unknown,
        counted.refused,
        counted.compared,
        soak.mail.mails().len()
    );
    let mut failed = Vec::new();
    let wrong = soak.wrong.lock().unwrap().len();
    println!("wrong answers, and acknowledged changes lost: {wrong}");
    if wrong > 0 {
        failed.push("wrong answers".to_owned());
    }
    println!(
        "slowest recovery: {:.1} s after {} (at most {} s)",
        slowest.0.as_secs_f64(),
        slowest.1,
        RECOVERED_WITHIN.as_secs()
    );
    if slowest.0 > RECOVERED_WITHIN {
        failed.push(format!("no recovery from {}", slowest.1));
    }
    let quarter = memory.len() / 4;
    let (second, last) = (median(&memory[quarter..quarter * 2]), median(&memory[quarter * 3..]));
    println!(
        "memory of the first process: {second:.1} MiB in the second quarter, {last:.1} MiB in the last, {:.2} x (at most {GROWTH} x)",
        last / second
    );
    if last > second * GROWTH {
        failed.push("memory grows".to_owned());
    }
    if failed.is_empty() {
        println!("soak: passed");
    } else {
        println!("soak: FAILED: {}; --seed {seed}", failed.join(", "));
        std::process::exit(1);
    }
}

/// Lets one thing after the other fail; gives the slowest recovery, and of what.
async fn let_fail(soak: &Arc<Soak>, random: &mut fastrand::Rng, minutes: f64) -> (Duration, String) {
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(minutes * 60.0);
    let mut slowest = (Duration::ZERO, "nothing".to_owned());
    let mut waiting = Vec::new();
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_secs_f64(2.0 + random.f64() * 4.0)).await;
        // Each of them before any comes again.
        if waiting.is_empty() {
            waiting = Fault::ALL.to_vec();
            random.shuffle(&mut waiting);
        }
        let fault = waiting.pop().unwrap();
        let lasting = Duration::from_secs_f64(1.0 + random.f64() * 11.0);
        let at = begun.elapsed();
        fault.happen(soak, lasting, random).await;
        let took = soak.recovered().await;
        println!(
            "{:02}:{:02} {}, {:.0} s; well again after {:.1} s",
            at.as_secs() / 60,
            at.as_secs() % 60,
            fault.name(),
            lasting.as_secs_f64(),
            took.as_secs_f64()
        );
        if took > slowest.0 {
            slowest = (took, fault.name().to_owned());
        }
    }
    slowest
}

/// The memory of the first process in MiB, once a second.
async fn watch_memory(soak: Arc<Soak>) -> Vec<f64> {
    let mut seen = Vec::new();
    while !soak.is_stopping() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        seen.push(soak.processes[0].memory_mib());
    }
    seen
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Waits until the audit log of each process has the trail's events, each once and in its order; gives how many there are.
async fn followed(soak: &Soak) -> usize {
    let read = |sql: &str| -> Vec<String> {
        let rows = soak.cluster.lock().unwrap().sql(DATABASE, sql);
        rows.lines().map(str::to_owned).collect()
    };
    let trail = read("SELECT id FROM audit_events ORDER BY pk");
    let started = Instant::now();
    for name in ["first", "second"] {
        let path = Soak::audit_log(&soak.folder, name);
        loop {
            let text = std::fs::read_to_string(&path).unwrap();
            let ids: Vec<String> = text
                .lines()
                .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
                .map(|event| event["id"].as_str().unwrap().to_owned())
                .collect();
            let distinct: BTreeSet<&String> = ids.iter().collect();
            if distinct.len() == trail.len() {
                if ids.len() != trail.len() {
                    soak.wrong(format!(
                        "{} has {} events twice",
                        path.display(),
                        ids.len() - trail.len()
                    ));
                }
                break;
            }
            if started.elapsed() > Duration::from_secs(60) {
                soak.wrong(format!(
                    "{} has {} of {} events",
                    path.display(),
                    distinct.len(),
                    trail.len()
                ));
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    // Each user of the callers that there is was created once, as the trail tells.
    let untold = read(
        "SELECT u.id FROM users u WHERE u.id LIKE 'w%-%' AND 1 <> (SELECT count(*) FROM audit_events e \
         WHERE e.action = 'user.create' AND e.target_id = u.id)",
    );
    if !untold.is_empty() {
        soak.wrong(format!("users without their event: {untold:?}"));
    }
    trail.len()
}
