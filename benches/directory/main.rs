//! What must hold at size, on both databases, as one table.
//!
//!     cargo bench --bench directory -- [--users 1000000] [--small 10000] [--rounds 5] [--seconds 3] [--connections 16]
//!         [--only sqlite|postgres] [--part floor|growth|gate|asking|sign-in|storm|refused|faces|scim|transfer]... [--workload TEXT]
//!         [--keep FOLDER]
//!
//! It fills a database with `tenantry demo`, groups and audit events, and starts the server on it. Then:
//!
//! - **floor**: the server and two floors (see `floor/`) are asked for the same, in rounds that take turns: how much of
//!   what the machine can do is left after everything that the server does for a request (see `floors.rs`);
//! - **growth**: the server is asked for the same in this directory and in a small one (see `growth/`);
//! - **gate**: what authentication, permissions and the gate add to a page of 50 (see `gate.rs`);
//! - **asking**: what it costs to ask who may do what (see `asking.rs`);
//! - **sign-in**: how long others wait while many sign in (see `sign_in.rs`);
//! - **storm**: how long they wait while one organization's dear hashes are guessed at (see `storm.rs`);
//! - **refused**: whether the time of a refused password tells anything of its account (see `refused.rs`);
//! - **faces**: what the other products' faces cost beside GraphQL, and what their unpaged lists hold (see `faces.rs`);
//! - **scim**: what an identity provider asks for all day, in large groups and organizations beside small ones, and
//!   beside GraphQL (see `scim.rs`);
//! - **transfer**: import, export, backup, copy, and users who are created a thousand at a time (see `transfer.rs`).
//!
//! `--workload` takes only those workloads of `floor` and `growth` whose titles contain a text. A line says for each who
//! answers: requests a second; of their times the median and p99; the processor's time that the process and PostgreSQL
//! took for a request; and the statements that the server says it sent. All are medians of the rounds. At the end there is
//! a table of figures and their aims, which for some are others on SQLite and on PostgreSQL. All of it is written to
//! `bench/results.json` in the folder that cargo builds in, and how near the figures came to their aims to
//! `bench/chart.svg`.
//!
//! Load, server, floor and database share the machine. So only the ratios mean something, and only those of one run; what
//! is said in milliseconds is of this machine, with nothing else running. PostgreSQL is started as for the tests
//! (`TENANTRY_TEST_POSTGRES_URL` names another one), without waiting for the disk; SQLite waits for it on both sides.
//! `--keep` keeps the filled databases for the next run: the SQLite files in that folder, on PostgreSQL the databases
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
mod bench;
mod chart;
mod database;
mod faces;
mod floor;
mod floors;
mod gate;
mod growth;
mod load;
#[path = "../../tests/it/support/postgres.rs"]
mod postgres;
mod refused;
mod requests;
mod scim;
mod sign_in;
mod started;
mod storm;
mod table;
mod transfer;

use std::path::PathBuf;
use std::time::Duration;

use bench::Bench;
use clap::{Parser, ValueEnum};
use table::Table;

// As the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DATABASES: [&str; 2] = ["sqlite", "postgres"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Floor,
    Growth,
    Gate,
    Asking,
    SignIn,
    Storm,
    Refused,
    Faces,
    Scim,
    Transfer,
}

#[derive(Parser)]
struct Options {
    /// Users in the directory.
    #[arg(long, default_value_t = 1_000_000)]
    users: u64,
    /// Users in the directory that the part `growth` compares with; at most a tenth of the others.
    #[arg(long, default_value_t = 10_000)]
    small: u64,
    /// How often those who are compared take turns.
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
    /// Of the parts that are lists of workloads, only those whose titles contain this.
    #[arg(long)]
    workload: Option<String>,
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
        [_, "floor", driver, url, user] => return runtime.block_on(floor::serve(driver, url, user)),
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
        let url = database::url_of(options, database, options.users, folder.path()).await;
        let bench = Bench::prepare(options, database, &url, options.users, &mut table).await;
        if options.has(Part::Floor) {
            bench.floors(&mut table).await;
        }
        if options.has(Part::Growth) {
            let small = options.small.min(options.users / 10);
            let url = database::url_of(options, database, small, folder.path()).await;
            let small = Bench::prepare(options, database, &url, small, &mut table).await;
            bench.growth(&small, &mut table).await;
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
        if options.has(Part::Scim) {
            bench.scim(&mut table).await;
        }
        if options.has(Part::Transfer) {
            bench.transfer(&mut table).await;
        }
    }
    println!(
        "\n{} users, {} connections\n{table}",
        options.users, options.connections
    );
    let folder = chart::write(options, &table).unwrap();
    println!("results.json and chart.svg are in {}", folder.display());
}

impl Options {
    fn has(&self, part: Part) -> bool {
        self.part.is_empty() || self.part.contains(&part)
    }

    fn wants(&self, workload: &str) -> bool {
        self.workload.as_deref().is_none_or(|text| workload.contains(text))
    }

    fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}
