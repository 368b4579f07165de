//! What must hold at size, on both databases, as one table.
//!
//!     cargo bench --bench directory -- [--users 1000000] [--rounds 5] [--seconds 3] [--connections 16]
//!                                      [--only sqlite|postgres] [--part floor|gate|asking|sign-in|storm|refused|faces]... [--keep FOLDER]
//!
//! It fills a database with `tenantry demo` and starts the server on it. Then:
//!
//! - **floor**: the server and the floor (see `floor.rs`) are asked for the same, in rounds that take turns: how much of
//!   what the machine can do is left after everything that the server does for a request;
//! - **gate**: what authentication, permissions and the gate add to a page of 50 (see `gate.rs`);
//! - **asking**: what it costs to ask who may do what (see `asking.rs`);
//! - **sign-in**: how long others wait while many sign in (see `sign_in.rs`);
//! - **storm**: how long they wait while one organization's dear hashes are guessed at (see `storm.rs`);
//! - **refused**: whether the time of a refused password tells anything of its account (see `refused.rs`);
//! - **faces**: what the other products' faces cost beside GraphQL, and what their unpaged lists hold (see `faces.rs`).
//!
//! Load, server, floor and database share the machine. So only the ratios mean something, and only those of one run; what
//! is said in milliseconds is of this machine, with nothing else running. PostgreSQL is started as for the tests
//! (`TENANTRY_TEST_POSTGRES_URL` names another one), without waiting for the disk; SQLite waits for it on both sides.
//! `--keep` keeps the filled databases for the next run: the SQLite file in that folder, on PostgreSQL the database
//! `tenantry_bench_<users>`, if the server is one that stays.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on fails"
)]

mod asking;
mod faces;
mod floor;
mod gate;
mod load;
#[path = "../../tests/it/support/postgres.rs"]
mod postgres;
mod refused;
mod sign_in;
mod storm;
mod table;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use clap::{Parser, ValueEnum};
use load::{Bodies, Credential, Measured, Target};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use serde_json::json;
use table::Table;

// As the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SERVER: &str = env!("CARGO_BIN_EXE_tenantry");
const ADMIN_KEY: &str = "admin-key-of-the-benchmark-0123456789";
const SECRET_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const DATABASES: [&str; 2] = ["sqlite", "postgres"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Floor,
    Gate,
    Asking,
    SignIn,
    Storm,
    Refused,
    Faces,
}

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
    #[arg(long, value_parser = DATABASES)]
    only: Option<String>,
    /// Some of the parts instead of all.
    #[arg(long)]
    part: Vec<Part>,
    /// A folder that the filled SQLite file stays in; a filled database on a named PostgreSQL stays too.
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
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [_, "floor", url, user] => return runtime.block_on(floor::serve(url, user)),
        [_, "gate", url, user_pk] => return runtime.block_on(gate::serve(url, user_pk)),
        _ => {}
    }
    runtime.block_on(run(&Options::parse()));
}

async fn run(options: &Options) {
    let folder = tempfile::tempdir().unwrap();
    let mut table = Table::default();
    for database in DATABASES {
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
            _ => postgres_url(options).await,
        };
        let bench = Bench::prepare(options, database, &url, &mut table).await;
        if options.has(Part::Floor) {
            bench.against_the_floor(&mut table).await;
        }
        if options.has(Part::Gate) {
            bench.gate(&mut table).await;
        }
        if options.has(Part::Asking) {
            bench.asking(&mut table).await;
        }
        if options.has(Part::SignIn) {
            bench.sign_in(&mut table).await;
        }
        if options.has(Part::Storm) {
            bench.storm(&mut table).await;
        }
        if options.has(Part::Refused) {
            bench.refused(&mut table).await;
        }
        if options.has(Part::Faces) {
            bench.faces(&mut table).await;
        }
    }
    println!(
        "\n{} users, {} connections\n{table}",
        options.users, options.connections
    );
}

impl Options {
    fn has(&self, part: Part) -> bool {
        self.part.is_empty() || self.part.contains(&part)
    }

    fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

async fn postgres_url(options: &Options) -> String {
    let kept = format!("tenantry_bench_{}", options.users);
    if options.keep.is_some()
        && let Ok(base) = std::env::var("TENANTRY_TEST_POSTGRES_URL")
        && let Some((base, _)) = base.rsplit_once('/')
    {
        let url = format!("{base}/{kept}");
        if connect(&url).await.is_err() {
            postgres::create_database(&kept, None).await;
        }
        return url;
    }
    postgres::create_database(&format!("tenantry_test_{}_bench", std::process::id()), None).await
}

/// A filled database, and who calls.
struct Bench<'a> {
    options: &'a Options,
    database: &'static str,
    url: &'a str,
    connection: DatabaseConnection,
    user_pk: i64,
    user: String,
    key: String,
    emails: Vec<String>,
    /// Of users of the same organization.
    ids: Vec<String>,
}

impl<'a> Bench<'a> {
    async fn prepare(options: &'a Options, database: &'static str, url: &'a str, table: &mut Table) -> Self {
        if !is_filled(url).await {
            let started = Instant::now();
            let users = options.users.to_string();
            let status = tenantry(url)
                .args(["demo", "--users", &users])
                .stdout(Stdio::null())
                .status()
                .unwrap();
            assert!(status.success(), "the demo failed");
            let took = started.elapsed();
            // Asked of SQLite, and of a million.
            let aim = (database == "sqlite" && options.users == 1_000_000).then_some(120.0);
            table.at_most("demo, s", aim, database, took.as_secs_f64());
        }
        // A kept one may be of an older release.
        let migrated = tenantry(url).args(["migrate", "up"]).stdout(Stdio::null()).status();
        assert!(migrated.unwrap().success(), "the schema is not brought up to date");
        let connection = connect(url).await.unwrap();
        if database == "postgres" {
            connection.execute_unprepared("VACUUM ANALYZE").await.unwrap();
        }
        // The first organization is the largest; who made it is its administrator, and calls.
        let largest = "SELECT organization_pk FROM users GROUP BY organization_pk ORDER BY COUNT(*) DESC LIMIT 1";
        let founder = |column: &str| {
            format!("SELECT {column} FROM users WHERE organization_pk = ({largest}) ORDER BY created_at, id LIMIT 1")
        };
        let user = texts(&connection, &founder("id")).await.remove(0);
        let user_pk = texts(&connection, &founder("CAST(pk AS TEXT)")).await.remove(0);
        let emails = format!(
            "SELECT email FROM users WHERE organization_pk = ({largest}) AND email IS NOT NULL ORDER BY pk LIMIT 20000"
        );
        let emails = texts(&connection, &emails).await;
        // Such as stand in a path as they are.
        let ids = format!(
            "SELECT id FROM users WHERE organization_pk = ({largest}) AND email LIKE '%.example' ORDER BY pk LIMIT 20000"
        );
        let ids = texts(&connection, &ids).await;
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
        let minted = tenantry(url)
            .args(["api-key", "--user", &user, "--name", &format!("bench {now}")])
            .output()
            .unwrap();
        assert!(minted.status.success(), "{}", String::from_utf8_lossy(&minted.stderr));
        Self {
            options,
            database,
            url,
            connection,
            user_pk: user_pk.parse().unwrap(),
            user,
            key: String::from_utf8(minted.stdout).unwrap().trim().to_owned(),
            emails,
            ids,
        }
    }

    fn server(&self) -> Started {
        Started::new(tenantry(self.url).args(["serve", "--listen", "127.0.0.1:0"]))
    }

    /// A server that believes what its proxy says of clients.
    fn server_behind_a_proxy(&self) -> Started {
        Started::new(
            tenantry(self.url)
                .args(["serve", "--listen", "127.0.0.1:0"])
                .env("TENANTRY_TRUSTED_PROXIES", "127.0.0.1"),
        )
    }

    /// This process in another role.
    fn role(&self, role: &str, user: &str) -> Started {
        Started::new(Command::new(std::env::current_exe().unwrap()).args([role, self.url, user]))
    }

    fn target(&self, started: &Started) -> Target {
        Target {
            address: started.address.clone(),
            path: "/graphql".to_owned(),
            process: started.child.id(),
            credential: Credential::Key(self.key.clone()),
            content_type: "application/json",
            clients: None,
        }
    }

    /// The super admin's.
    fn admin(&self, started: &Started) -> Target {
        Target {
            credential: Credential::Key(ADMIN_KEY.to_owned()),
            ..self.target(started)
        }
    }

    /// Nobody's, each time from another client.
    fn strangers(&self, started: &Started) -> Target {
        Target {
            credential: Credential::None,
            clients: Some(Arc::default()),
            ..self.target(started)
        }
    }

    fn heading(&self, part: &str, columns: &[&str]) {
        let options = self.options;
        println!(
            "\n{}, {} users, {part}: {} connections, {} rounds of {} s; requests/s (p50, p99 in ms; µs of CPU in the process, a request)",
            self.database, options.users, options.connections, options.rounds, options.seconds
        );
        let columns: String = columns.iter().map(|column| format!("{column:>30}")).collect();
        println!("{:<16}{columns}", "");
    }

    /// Asks several for the same, in turns; each goes first as often as the others.
    async fn rounds<const N: usize>(&self, asked: &[(&Target, &Bodies); N]) -> Vec<[Measured; N]> {
        for (target, bodies) in asked {
            target
                .measure(bodies, self.options.connections, self.options.time() / 3)
                .await;
        }
        let mut rounds = Vec::new();
        for round in 0..self.options.rounds {
            let mut measured = [None; N];
            for turn in 0..N {
                let which = (round + turn) % N;
                let connections = self.options.connections;
                measured[which] = Some(
                    asked[which]
                        .0
                        .measure(asked[which].1, connections, self.options.time())
                        .await,
                );
            }
            rounds.push(measured.map(Option::unwrap));
        }
        rounds
    }

    async fn against_the_floor(&self, table: &mut Table) {
        let (server, floor) = (self.server(), self.role("floor", &self.user));
        let targets = [self.target(&server), self.target(&floor)];
        self.heading("floor", &["server", "floor", "server/floor"]);
        for (title, bodies, same, aim) in cases(self.emails.clone()) {
            if same {
                for _ in 0..20 {
                    let body = bodies();
                    let (ours, theirs) = (targets[0].once(body.clone()).await, targets[1].once(body).await);
                    assert_eq!(ours, theirs, "both answer the same");
                }
            }
            let rounds = self.rounds(&targets.each_ref().map(|target| (target, &bodies))).await;
            let ratio = median(rounds.iter().map(|[ours, theirs]| ours.per_second / theirs.per_second));
            println!(
                "{title:<16}{:>30}{:>30}{ratio:>30.2}",
                shown(rounds.iter().map(|[ours, _]| *ours)),
                shown(rounds.iter().map(|[_, theirs]| *theirs))
            );
            table.at_least(&format!("{title}, server/floor"), Some(aim), self.database, ratio);
        }
    }

    async fn gate(&self, table: &mut Table) {
        let server = self.role("gate", &self.user_pk.to_string());
        let authorize: f64 = server.said("authorize ").parse().unwrap();
        let known = self.target(&server);
        let targets = [
            Target {
                path: "/open".to_owned(),
                ..known.clone()
            },
            known.clone(),
            Target {
                credential: Credential::in_turn(gate::make_keys(&self.connection, self.user_pk).await),
                ..known
            },
        ];
        self.heading("gate", &["open", "one key", "a new key each time"]);
        let page = page();
        let rounds = self.rounds(&targets.each_ref().map(|target| (target, &page))).await;
        let of = |which: usize| shown(rounds.iter().map(|measured| measured[which]));
        println!("{:<16}{:>30}{:>30}{:>30}", "page of 50", of(0), of(1), of(2));
        // Of the time that a request takes of the machine.
        for (which, how) in [(1, "with the cache"), (2, "without")] {
            let added = median(rounds.iter().map(|measured| {
                let [open, gated] = [0, which].map(|which| 1e9 / measured[which].per_second);
                (gated + authorize - open) / open * 100.0
            }));
            table.at_most(
                &format!("page of 50, gate adds {how}, %"),
                Some(10.0),
                self.database,
                added,
            );
        }
        println!("permissions and gate by themselves: {authorize:.0} ns");
    }

    async fn sign_in(&self, table: &mut Table) {
        let server = self.server();
        let time = self.options.time() * 4;
        let outcome = sign_in::measure(&self.target(&server), &page(), time).await;
        println!(
            "\n{}, {} users, sign-in: {} pages of 50 at 200/s, p50 {:.1} ms, p99 {:.1} ms, {} failed; beside them {:.0} sign-ins/s",
            self.database,
            self.options.users,
            outcome.pages.asked,
            millis(outcome.pages.p50),
            millis(outcome.pages.p99),
            outcome.pages.failed,
            outcome.sign_ins_per_second
        );
        println!(
            "then 400 sign-ins at once: {} signed in, {} were told UNAVAILABLE with retryAfterSeconds",
            outcome.crowd_signed_in, outcome.crowd_refused
        );
        let row = |what: &str| format!("64 sign-ins and 200 pages/s, {what}");
        table.at_most(
            &row("p99 of a page, ms"),
            Some(50.0),
            self.database,
            millis(outcome.pages.p99),
        );
        table.at_most(&row("failed"), Some(0.0), self.database, outcome.pages.failed as f64);
        if let Some(bytes) = server.most_memory() {
            table.at_most(
                &row("server's memory, MB"),
                Some(300.0),
                self.database,
                bytes as f64 / 1e6,
            );
        }
        table.at_least(
            "400 sign-ins at once, told when to try again",
            Some(1.0),
            self.database,
            outcome.crowd_refused as f64,
        );
    }

    async fn faces(&self, table: &mut Table) {
        let page = page();
        let server = self.server();
        let graphql = self.target(&server);
        self.heading("faces", &["face", "GraphQL", "face adds, %"]);
        for pair in faces::pairs(&self.ids, &page) {
            let face = Target {
                path: pair.path,
                ..graphql.clone()
            };
            let rounds = self.rounds(&[(&face, &pair.face), (&graphql, &pair.graphql)]).await;
            let added = median(
                rounds
                    .iter()
                    .map(|[face, graphql]| (graphql.per_second / face.per_second - 1.0) * 100.0),
            );
            println!(
                "{:<16}{:>30}{:>30}{added:>30.1}",
                pair.title,
                shown(rounds.iter().map(|[face, _]| *face)),
                shown(rounds.iter().map(|[_, graphql]| *graphql))
            );
            table.at_most(
                &format!("{}, face adds, %", pair.title),
                Some(20.0),
                self.database,
                added,
            );
        }
        drop(server);
        for list in faces::UNPAGED {
            // Its own server: what is asked for is the most memory that it ever held.
            let server = self.server();
            let outcome = list
                .measure(&self.target(&server), &page, self.options.time() * 2)
                .await;
            println!(
                "{}'s list of {} users: {} of them in {:.1} s each; beside them {} pages of 50 at 200/s, p50 {:.1} ms, p99 {:.1} ms, {} failed",
                list.title,
                outcome.users,
                outcome.lists,
                outcome.took.as_secs_f64(),
                outcome.pages.asked,
                millis(outcome.pages.p50),
                millis(outcome.pages.p99),
                outcome.pages.failed
            );
            assert!(outcome.users as u64 * 4 > self.options.users, "a whole organization");
            let row = |what: &str| format!("{}'s whole list and 200 pages/s, {what}", list.title);
            table.at_most(
                &row("p99 of a page, ms"),
                Some(50.0),
                self.database,
                millis(outcome.pages.p99),
            );
            table.at_most(&row("failed"), Some(0.0), self.database, outcome.pages.failed as f64);
            if let Some(bytes) = server.most_memory() {
                table.at_most(
                    &row("server's memory, MB"),
                    Some(150.0),
                    self.database,
                    bytes as f64 / 1e6,
                );
            }
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

type Case = (&'static str, Bodies, bool, f64);

/// What is asked: a title, the requests, whether both must answer with the same bytes, and the aim.
fn cases(emails: Vec<String>) -> Vec<Case> {
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
        ("user by e-mail", Arc::new(by_email), true, 0.45),
        ("page of 50", page(), true, 0.50),
        ("create user", Arc::new(create), false, 0.60),
    ]
}

fn page() -> Bodies {
    let page = body(
        "Page",
        "query Page { users(first: 50) { id email name activated createdAt } }",
        json!({}),
    );
    Arc::new(move || page.clone())
}

fn body(operation: &str, query: &str, variables: serde_json::Value) -> Bytes {
    json!({"query": query, "operationName": operation, "variables": variables})
        .to_string()
        .into()
}

async fn connect(url: &str) -> Result<DatabaseConnection, sea_orm::DbErr> {
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await
}

/// Whether there is more than the first start makes.
async fn is_filled(url: &str) -> bool {
    let Ok(connection) = connect(url).await else {
        return false;
    };
    let second = Statement::from_string(
        connection.get_database_backend(),
        "SELECT id FROM users WHERE pk > 1 LIMIT 1",
    );
    let found = connection.query_one_raw(second).await;
    matches!(found, Ok(Some(_)))
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
        .env("TENANTRY_ADMIN_API_KEY", ADMIN_KEY)
        .env("TENANTRY_SECRET_KEY", SECRET_KEY);
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
        "{:.0} ({:.1}, {:.1}; {:.0})",
        of(|one| one.per_second),
        of(|one| one.p50.as_secs_f64() * 1e3),
        of(|one| one.p99.as_secs_f64() * 1e3),
        of(|one| one.cpu_micros)
    )
}

/// A server that ends with this.
struct Started {
    child: Child,
    address: String,
    /// What it said before it listened.
    said: Vec<String>,
}

impl Started {
    fn new(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = Vec::new();
        let address = loop {
            let line = lines.next().expect("it listens").unwrap();
            match line.strip_prefix("listening on http://") {
                Some(address) => break address.to_owned(),
                None => said.push(line),
            }
        };
        // Its further lines go nowhere, and do not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address, said }
    }

    /// The rest of the line that began so.
    fn said(&self, beginning: &str) -> &str {
        self.said.iter().find_map(|line| line.strip_prefix(beginning)).unwrap()
    }

    /// The most memory that it held so far, in bytes; unknown where there is no `/proc`.
    fn most_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kilobytes * 1024)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
