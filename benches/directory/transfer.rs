//! In and out, at size: import, export, backup and copy as commands of their own, and users who are created a thousand at a
//! time.
//!
//! Imports take a generated file: users with a hash, a role and a tenant each. Beside some commands, a few clients create
//! users on the server of the same database all the time, some 80 a second: how long they wait for it, and whether one is
//! refused.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use serde_json::json;

use crate::bench::{Bench, median, millis};
use crate::database::url_of_new;
use crate::load::Target;
use crate::requests::create;
use crate::started::tenantry;
use crate::table::Table;

/// Users of a file that is imported beside a server, at most.
const BESIDE: u64 = 200_000;
const TENANTS: u64 = 20;
const CLIENTS: usize = 8;
/// How long each of them rests after an answer.
const REST: Duration = Duration::from_millis(100);
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// Users of one `createUsers`.
const TOGETHER: usize = 1_000;
/// An Argon2id hash of the server's own parameters; nobody signs in with it.
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$\
                    qqSCqQPLbO7RKU/qFwvGng8NnNFZr8s5pYCiHKnBTcA";

/// A command that ended.
struct Ran {
    took: Duration,
    /// The most memory that it held, in bytes; unknown where there is no `/proc`.
    memory: Option<u64>,
}

/// What clients saw beside a command.
struct Beside {
    asked: usize,
    failed: usize,
    p99: Duration,
}

impl Bench<'_> {
    pub async fn transfer(&self, table: &mut Table) {
        let folder = tempfile::tempdir().unwrap();
        println!("\n{}, {} users, in and out", self.database, self.users);
        let users = self.users as f64;

        let file = folder.path().join("people.ndjson");
        write_people(&file, self.users);
        let (url, aim) = match self.database {
            "sqlite" => (format!("sqlite://{}", folder.path().join("new.db").display()), 10_000.0),
            _ => (url_of_new("alone").await, 5_000.0),
        };
        prepare(&url);
        let alone = run(tenantry(&url).arg("import").arg(&file)).await;
        table.at_least(
            "import alone, users/s",
            Some(aim),
            self.database,
            users / alone.took.as_secs_f64(),
        );
        self.memory(table, "import alone", &alone, Some(256.0));
        let again = run(tenantry(&url).arg("import").arg(&file)).await;
        table.at_least(
            "the same import again, users/s",
            None,
            self.database,
            users / again.took.as_secs_f64(),
        );
        std::fs::remove_file(&file).unwrap();

        let export = folder.path().join("export.ndjson");
        let exported = run(tenantry(&url).args(["export", "--with-hashes"]).arg(&export)).await;
        table.at_least(
            "export, users/s",
            Some(20_000.0),
            self.database,
            users / exported.took.as_secs_f64(),
        );
        self.memory(table, "export", &exported, Some(256.0));
        std::fs::remove_file(&export).unwrap();

        let copied = format!("sqlite://{}", folder.path().join("copy.db").display());
        let copy = run(tenantry(&url).args(["copy", "--to", &copied])).await;
        table.at_most(
            "copy into a SQLite file, s",
            None,
            self.database,
            copy.took.as_secs_f64(),
        );
        self.memory(table, "copy", &copy, Some(256.0));
        let to = url_of_new("copied").await;
        let back = run(tenantry(&copied).args(["copy", "--to", &to])).await;
        table.at_most(
            "copy of that file into PostgreSQL, s",
            None,
            self.database,
            back.took.as_secs_f64(),
        );
        std::fs::remove_file(folder.path().join("copy.db")).unwrap();
        self.beside_a_server(table, folder.path()).await;
    }

    /// What a server's clients notice of an import and of a backup.
    async fn beside_a_server(&self, table: &mut Table, folder: &Path) {
        let server = self.server();
        let admin = self.admin(&server);
        self.created_together(table, &admin).await;
        let before = beside(&admin, async { tokio::time::sleep(self.options.time() * 3).await }).await;
        table.at_most(
            "createUser at some 80/s, p99 in ms",
            None,
            self.database,
            millis(before.1.p99),
        );

        let users = self.users.min(BESIDE);
        let file = folder.join("beside.ndjson");
        write_people(&file, users);
        let (ran, others) = beside(&admin, run(tenantry(self.url).arg("import").arg(&file))).await;
        table.at_least(
            "import beside a server, users/s",
            Some(2_000.0),
            self.database,
            users as f64 / ran.took.as_secs_f64(),
        );
        self.noticed(table, "import", &others, Some(1_000.0));

        let backup = folder.join("backup.db");
        let (ran, others) = beside(&admin, run(tenantry(self.url).arg("backup").arg(&backup))).await;
        // Asked of a million.
        let aim = (self.users == 1_000_000).then_some(60.0);
        table.at_most("backup beside a server, s", aim, self.database, ran.took.as_secs_f64());
        self.memory(table, "backup", &ran, Some(256.0));
        self.noticed(table, "backup", &others, None);
        table.at_most(
            "createUser's p99 beside a backup ÷ without",
            Some(2.0),
            self.database,
            others.p99.as_secs_f64() / before.1.p99.as_secs_f64(),
        );
    }

    /// Users created one by one and a thousand at a time, in turns.
    async fn created_together(&self, table: &mut Table, admin: &Target) {
        let many: crate::load::Bodies = Arc::new(create_many);
        let mut ratios = Vec::new();
        let (mut one_rate, mut many_rate) = (Vec::new(), Vec::new());
        for _ in 0..self.options.rounds {
            let one = admin
                .measure(&create(), self.options.connections, self.options.time())
                .await;
            let together = admin.measure(&many, 2, self.options.time()).await;
            let together = together.per_second * TOGETHER as f64;
            ratios.push(together / one.per_second);
            one_rate.push(one.per_second);
            many_rate.push(together);
        }
        println!(
            "createUser {:.0} users/s, createUsers of {TOGETHER} {:.0} users/s",
            median(one_rate.into_iter()),
            median(many_rate.into_iter())
        );
        table.at_least(
            "createUsers of 1000 ÷ createUser, users/s",
            Some(5.0),
            self.database,
            median(ratios.into_iter()),
        );
    }

    fn memory(&self, table: &mut Table, what: &str, ran: &Ran, aim: Option<f64>) {
        if let Some(bytes) = ran.memory {
            table.at_most(&format!("{what}, memory in MB"), aim, self.database, bytes as f64 / 1e6);
        }
    }

    fn noticed(&self, table: &mut Table, what: &str, others: &Beside, aim: Option<f64>) {
        println!(
            "beside the {what}: {} users created, {} failed",
            others.asked, others.failed
        );
        table.at_most(
            &format!("createUser beside the {what}, p99 in ms"),
            aim,
            self.database,
            millis(others.p99),
        );
        table.at_most(
            &format!("createUser beside the {what}, failed"),
            Some(0.0),
            self.database,
            others.failed as f64,
        );
    }
}

/// A new database, with its first start.
fn prepare(url: &str) {
    let status = tenantry(url).args(["migrate", "up"]).stdout(Stdio::null()).status();
    assert!(status.unwrap().success(), "the schema is not made");
}

/// A file of users in the native format, each with a hash, a role and a tenant.
fn write_people(path: &Path, users: u64) {
    let run = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let mut line = |record: serde_json::Value| writeln!(file, "{record}").unwrap();
    line(json!({"type": "tenantry", "version": 1}));
    let organization = format!("moved-{run}");
    line(json!({"type": "organization", "id": organization, "name": "Moved"}));
    for tenant in 0..TENANTS {
        line(
            json!({"type": "tenant", "id": format!("t{tenant}-{run}"), "organizationId": organization, "name": format!("Tenant {tenant}")}),
        );
    }
    for number in 0..users {
        line(json!({
            "type": "user",
            "id": uuid::Uuid::new_v4(),
            "organizationId": organization,
            "tenantId": format!("t{}-{run}", number % TENANTS),
            "email": format!("person.{number}@moved.example"),
            "firstname": format!("First{}", number % 5_000),
            "lastname": format!("Last{}", number % 20_000),
            "roles": ["user"],
            "passwordHash": HASH,
        }));
    }
    file.flush().unwrap();
}

/// Runs a command to its good end.
async fn run(command: &mut Command) -> Ran {
    let started = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut memory = None;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        memory = memory.max(kilobytes.map(|kilobytes| kilobytes * 1024));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{command:?} ended with {status}");
            return Ran {
                took: started.elapsed(),
                memory,
            };
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Does something while clients create users.
async fn beside<T>(target: &Target, work: impl Future<Output = T>) -> (T, Beside) {
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (target, stop, bodies) = (target.clone(), Arc::clone(&stop), create());
            tokio::spawn(async move {
                let mut connection = target.connect().await;
                let mut answers = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let started = Instant::now();
                    let answer = target.try_ask(&mut connection, bodies()).await;
                    answers.push((answer.is_ok(), started.elapsed()));
                    tokio::time::sleep(REST).await;
                }
                answers
            })
        })
        .collect();
    let done = work.await;
    stop.store(true, Ordering::Relaxed);
    let mut answers = Vec::new();
    for client in clients {
        answers.extend(client.await.unwrap());
    }
    let mut times: Vec<Duration> = answers.iter().map(|(_, took)| *took).collect();
    times.sort_unstable();
    let beside = Beside {
        asked: answers.len(),
        failed: answers.iter().filter(|(is_created, _)| !is_created).count(),
        p99: times[times.len() * 99 / 100],
    };
    (done, beside)
}

fn create_many() -> Bytes {
    let users: Vec<_> = (0..TOGETHER)
        .map(|_| {
            json!({
                "email": format!("{}@together.example", uuid::Uuid::new_v4().simple()),
                "firstname": "Ada",
                "lastname": "Lovelace",
                "roles": ["user"],
            })
        })
        .collect();
    json!({
        "query": "mutation($data: [CreateUserData!]!) { createUsers(data: $data) { user { id } refusal { code } } }",
        "variables": {"data": users},
    })
    .to_string()
    .into()
}
