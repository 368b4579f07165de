//! The server against its floor, on both databases: how much of what the machine can do is left after everything that
//! the server does for a request.
//!
//!     cargo bench --bench directory -- [--users 1000000] [--rounds 5] [--seconds 3] [--connections 16]
//!                                      [--only sqlite|postgres] [--keep FOLDER]
//!
//! It fills a database with `tenantry demo`, starts the server and the floor (see `floor.rs`), and asks both for the same,
//! in rounds that take turns. Only the ratios mean something, and only those of one run: load, server, floor and database
//! share the machine. PostgreSQL is started as for the tests (`TENANTRY_TEST_POSTGRES_URL` names another one), without
//! waiting for the disk; SQLite waits for it on both sides. `--keep` keeps the filled SQLite file for the next run.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on fails"
)]

mod floor;
mod load;
#[path = "../../tests/it/support/postgres.rs"]
mod postgres;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use clap::Parser;
use load::{Bodies, Measured, Target};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use serde_json::json;

// As the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SERVER: &str = env!("CARGO_BIN_EXE_tenantry");
const ADMIN_KEY: &str = "admin-key-of-the-benchmark-0123456789";

#[derive(Parser)]
struct Options {
    /// Users in the directory.
    #[arg(long, default_value_t = 1_000_000)]
    users: u64,
    /// How often server and floor take turns.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each turn lasts.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// One of the databases instead of both.
    #[arg(long, value_parser = ["sqlite", "postgres"])]
    only: Option<String>,
    /// A folder that the filled SQLite file stays in.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, floor, url, user] = arguments.as_slice()
        && floor == "floor"
    {
        return runtime.block_on(floor::serve(url, user));
    }
    runtime.block_on(run(&Options::parse()));
}

async fn run(options: &Options) {
    let folder = tempfile::tempdir().unwrap();
    for database in ["sqlite", "postgres"] {
        if options.only.as_deref().is_some_and(|only| only != database) {
            continue;
        }
        let url = match database {
            "sqlite" => {
                let folder = options.keep.as_deref().unwrap_or(folder.path());
                format!(
                    "sqlite://{}",
                    folder.join(format!("bench-{}.db", options.users)).display()
                )
            }
            _ => postgres::create_database(&format!("tenantry_bench_{}", std::process::id()), None).await,
        };
        compare(options, database, &url).await;
    }
}

async fn compare(options: &Options, database: &str, url: &str) {
    let filled = url
        .strip_prefix("sqlite://")
        .is_some_and(|path| std::path::Path::new(path).exists());
    if !filled {
        let started = Instant::now();
        let users = options.users.to_string();
        let status = tenantry(url)
            .args(["demo", "--users", &users])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "the demo failed");
        println!("{database}: {users} users in {:.1} s", started.elapsed().as_secs_f64());
    }
    let mut connect = sea_orm::ConnectOptions::new(url);
    connect.max_connections(1).sqlx_logging(false);
    let connection = Database::connect(connect).await.unwrap();
    if database == "postgres" {
        connection.execute_unprepared("VACUUM ANALYZE").await.unwrap();
    }
    // The first organization is the largest; who made it is its administrator, and calls.
    let largest = "SELECT organization_pk FROM users GROUP BY organization_pk ORDER BY COUNT(*) DESC LIMIT 1";
    let founder = format!("SELECT id FROM users WHERE organization_pk = ({largest}) ORDER BY created_at, id LIMIT 1");
    let user = texts(&connection, &founder).await.remove(0);
    let emails = texts(
        &connection,
        &format!(
            "SELECT email FROM users WHERE organization_pk = ({largest}) AND email IS NOT NULL ORDER BY pk LIMIT 20000"
        ),
    )
    .await;
    connection.close().await.unwrap();
    let name = format!("bench {}", std::process::id());
    let minted = tenantry(url)
        .args(["api-key", "--user", &user, "--name", &name])
        .output()
        .unwrap();
    let key = String::from_utf8(minted.stdout).unwrap().trim().to_owned();

    let server = Started::new(tenantry(url).args(["serve", "--listen", "127.0.0.1:0"]));
    let floor = Started::new(Command::new(std::env::current_exe().unwrap()).args(["floor", url, &user]));
    let target = |address: &str| Target {
        address: address.to_owned(),
        key: key.clone(),
    };
    let (server_at, floor_at) = (target(&server.address), target(&floor.address));
    println!(
        "{database}, {} users, {} connections, {} rounds of {} s; requests/s (p50, p99 in ms)",
        options.users, options.connections, options.rounds, options.seconds
    );
    println!("{:<16}{:>28}{:>28}{:>16}", "", "server", "floor", "server/floor");
    for (title, bodies, same) in cases(emails) {
        if same {
            for _ in 0..20 {
                let body = bodies();
                let (ours, theirs) = (server_at.once(body.clone()).await, floor_at.once(body).await);
                assert_eq!(ours, theirs, "both answer the same");
            }
        }
        let time = Duration::from_secs_f64(options.seconds);
        let warming = time / 3;
        server_at.measure(&bodies, options.connections, warming).await;
        floor_at.measure(&bodies, options.connections, warming).await;
        let mut rounds: Vec<(Measured, Measured)> = Vec::new();
        for round in 0..options.rounds {
            let ours = async || server_at.measure(&bodies, options.connections, time).await;
            let theirs = async || floor_at.measure(&bodies, options.connections, time).await;
            // Each goes first as often as the other.
            rounds.push(if round % 2 == 0 {
                let ours = ours().await;
                (ours, theirs().await)
            } else {
                let theirs = theirs().await;
                (ours().await, theirs)
            });
        }
        let ratio = median(rounds.iter().map(|(ours, theirs)| ours.per_second / theirs.per_second));
        println!(
            "{title:<16}{:>28}{:>28}{ratio:>16.2}",
            shown(rounds.iter().map(|(ours, _)| *ours)),
            shown(rounds.iter().map(|(_, theirs)| *theirs))
        );
    }
}

/// What is asked: a title, the requests, and whether both must answer with the same bytes.
fn cases(emails: Vec<String>) -> Vec<(&'static str, Bodies, bool)> {
    let next = AtomicUsize::new(0);
    let by_email = move || {
        // A step that passes each address before it comes to one again.
        let place = next.fetch_add(7_919, Ordering::Relaxed) % emails.len();
        body(
            "ByEmail",
            "query ByEmail($email: String!) { users(where: {email: $email}, first: 1) { id email name activated createdAt } }",
            json!({"email": emails[place]}),
        )
    };
    let page = body(
        "Page",
        "query Page { users(first: 50) { id email name activated createdAt } }",
        json!({}),
    );
    let made = AtomicUsize::new(0);
    let started = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let create = move || {
        let email = format!("ada.{started}.{}@new.example", made.fetch_add(1, Ordering::Relaxed));
        body(
            "Create",
            "mutation Create($email: String!) { createUser(data: {email: $email, firstname: \"Ada\", lastname: \"Lovelace\", roles: [\"user\"]}) { id } }",
            json!({"email": email}),
        )
    };
    vec![
        ("user by e-mail", Arc::new(by_email), true),
        ("page of 50", Arc::new(move || page.clone()), true),
        ("create user", Arc::new(create), false),
    ]
}

fn body(operation: &str, query: &str, variables: serde_json::Value) -> Bytes {
    json!({"query": query, "operationName": operation, "variables": variables})
        .to_string()
        .into()
}

async fn texts(connection: &DatabaseConnection, sql: &str) -> Vec<String> {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let rows = connection.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

fn tenantry(url: &str) -> Command {
    let mut command = Command::new(SERVER);
    command
        .env("TENANTRY_DATABASE_URL", url)
        .env("TENANTRY_ADMIN_API_KEY", ADMIN_KEY);
    command
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn shown(measured: impl Iterator<Item = Measured>) -> String {
    let measured: Vec<Measured> = measured.collect();
    let of = |value: fn(&Measured) -> f64| median(measured.iter().map(value));
    format!(
        "{:.0} ({:.1}, {:.1})",
        of(|one| one.per_second),
        of(|one| one.p50.as_secs_f64() * 1e3),
        of(|one| one.p99.as_secs_f64() * 1e3)
    )
}

/// A server that ends with this.
struct Started {
    child: Child,
    address: String,
}

impl Started {
    fn new(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .find_map(|line| line.unwrap().strip_prefix("listening on http://").map(str::to_owned))
            .expect("it listens");
        // Its further lines go nowhere, and do not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
