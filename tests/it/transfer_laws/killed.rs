//! Killed at any moment, an import has done all or nothing, or all is in when it is run again; an export is whole or not there.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::{
    assert_same, by_hand, crowd, directory, done, exported, on, rank, rounds, sealed, seats_of, told, written,
};
use crate::keep::{asked, names};
use crate::support::binary::{tenantry, text};
use crate::support::wait::{AT_LAST, until};
use crate::support::{Backend, TestDatabase};

/// Users of the file that is imported beside others.
const USERS: usize = 1_200;

fn start(url: &str, arguments: &[&str]) -> Child {
    let arguments = [arguments, &["--database-url", url]].concat();
    let mut command = tenantry(&arguments, &[]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Starts a command and ends it at a moment within this time, as a power cut would.
async fn cut_off(url: &str, arguments: &[&str], within: Duration) {
    let mut child = start(url, arguments);
    let limit = u64::try_from(within.as_millis()).unwrap().max(2);
    // Time is the subject: it ends at any moment.
    tokio::time::sleep(Duration::from_millis(fastrand::u64(1..limit))).await;
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The first column of what a statement returns; nothing if there is no schema yet.
async fn if_there(url: &str, sql: &str) -> Option<Vec<String>> {
    let tables = match url.strip_prefix("sqlite://") {
        Some(path) if !Path::new(path).exists() => return None,
        Some(_) => "SELECT name AS one FROM sqlite_master WHERE name = 'organizations'",
        None => "SELECT tablename AS one FROM pg_tables WHERE tablename = 'organizations'",
    };
    match asked(url, tables).await.is_empty() {
        true => None,
        false => Some(asked(url, sql).await),
    }
}

/// PostgreSQL notices some time later that a client is gone, and may complete what it was doing.
async fn nobody_is_left(url: &str) {
    if url.starts_with("sqlite") {
        return;
    }
    let others = "SELECT COUNT(*) AS one FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'";
    until("the end of a killed client's transaction", AT_LAST, async || {
        asked(url, others).await == ["0"]
    })
    .await;
}

/// How long something takes that nobody disturbs.
fn timed<T>(what: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let done = what();
    (done, started.elapsed())
}

/// A whole directory and enough users for the commit to take a while.
fn whole() -> String {
    let mut records = directory::whole(5);
    records.extend(crowd("acme", 1_000));
    records.sort_by_key(|record| rank(record));
    sealed(&records)
}

/// In a new database.
async fn alone(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), "whole.ndjson", whole());
    let arguments = ["import", "--with-keys", "--allow-super-admins", file.to_str().unwrap()];
    let undisturbed = TestDatabase::empty(backend).await;
    let (_, took) = timed(|| done(&undisturbed.url, &arguments));
    let expected = exported(&undisturbed.url, &[]);
    let count = "SELECT COUNT(*) AS one FROM organizations";
    let all = asked(&undisturbed.url, count).await;
    for round in 0..rounds(3, 60) {
        let database = TestDatabase::empty(backend).await;
        cut_off(&database.url, &arguments, took).await;
        nobody_is_left(&database.url).await;
        if let Some(found) = if_there(&database.url, count).await
            && found != ["0"]
        {
            assert_eq!(found, all, "round {round}: all or nothing");
            assert_same(&expected, &exported(&database.url, &[]), &format!("round {round}"));
        }
        done(&database.url, &arguments);
        assert_same(
            &expected,
            &exported(&database.url, &[]),
            &format!("round {round}, again"),
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_of_a_directory_is_all_or_nothing_on_sqlite() {
    alone(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_of_a_directory_is_all_or_nothing_on_postgresql() {
    alone(Backend::Postgres).await;
}

/// In a database that is in use.
async fn beside(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let records = crowd("acme", USERS);
    let file = by_hand(folder.path(), "crowd.ndjson", &records);
    let arguments = ["import", "--with-keys", file.to_str().unwrap()];
    let acme = ["--organization", "acme"];
    let undisturbed = TestDatabase::new(backend).await;
    let (_, took) = timed(|| done(&undisturbed.url, &arguments));
    let expected = exported(&undisturbed.url, &acme);
    for round in 0..rounds(2, 40) {
        let database = TestDatabase::new(backend).await;
        for _ in 0..3 {
            cut_off(&database.url, &arguments, took).await;
        }
        nobody_is_left(&database.url).await;
        done(&database.url, &arguments);
        assert_same(&expected, &exported(&database.url, &acme), &format!("round {round}"));
        let seats = asked(
            &database.url,
            "SELECT seats_used AS one FROM organizations WHERE id = 'acme'",
        )
        .await;
        assert_eq!(seats, [seats_of(USERS).to_string()], "round {round}");
        // Each record came with an event, once.
        let told = "SELECT SUM(count) AS one FROM audit_events WHERE action = 'organization.import'";
        assert_eq!(
            asked(&database.url, told).await,
            [records.len().to_string()],
            "round {round}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_is_completed_when_it_is_run_again_on_sqlite() {
    beside(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_is_completed_when_it_is_run_again_on_postgresql() {
    beside(Backend::Postgres).await;
}

async fn export(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let database = TestDatabase::new(backend).await;
    done(&database.url, &["demo", "--users", "2000"]);
    let (expected, took) = timed(|| exported(&database.url, &[]));
    let count = rounds(4, 60);
    for round in 0..count {
        let target = folder.path().join(format!("{round:02}.ndjson"));
        let arguments = ["export", "--with-hashes", "--with-keys", target.to_str().unwrap()];
        cut_off(&database.url, &arguments, took).await;
        if !target.exists() {
            done(&database.url, &arguments);
        }
        let partial = folder.path().join(format!("{round:02}.ndjson.partial"));
        assert!(!partial.exists(), "round {round}: it has two names");
        assert_same(
            &expected,
            &std::fs::read_to_string(&target).unwrap(),
            &format!("round {round}"),
        );
    }
    let files = names(folder.path());
    let whole = files.iter().filter(|name| name.ends_with(".ndjson")).count();
    assert_eq!(u64::try_from(whole).unwrap(), count, "{files:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_export_is_whole_or_not_there_on_sqlite() {
    export(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_export_is_whole_or_not_there_on_postgresql() {
    export(Backend::Postgres).await;
}

/// A signal is no fault: an import says how to go on, and goes on.
async fn interrupted(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let file = by_hand(folder.path(), "crowd.ndjson", &crowd("acme", USERS));
    let arguments = ["import", "--with-keys", file.to_str().unwrap()];
    let database = TestDatabase::new(backend).await;
    let mut command = tenantry(&[&arguments[..], &["--database-url", &database.url]].concat(), &[]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let some = "SELECT COUNT(*) AS one FROM organizations WHERE id = 'acme'";
    until("the first rows of the import", AT_LAST, async || {
        asked(&database.url, some).await == ["1"]
    })
    .await;
    crate::support::signal::send_signal("TERM", child.id());
    let output = child.wait_with_output().unwrap();
    // It may have been too late.
    if output.status.code() != Some(0) {
        assert_eq!(output.status.code(), Some(4), "{}", told(&output));
        assert!(
            text(&output.stderr).contains("Run the import again"),
            "{}",
            told(&output)
        );
    }
    let again = on(&database.url, &arguments);
    assert_eq!(again.status.code(), Some(0), "{}", told(&again));
    let users = "SELECT COUNT(*) AS one FROM users WHERE id LIKE 'acme-%'";
    assert_eq!(asked(&database.url, users).await, [USERS.to_string()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_import_goes_on_when_it_is_run_again_on_sqlite() {
    interrupted(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_import_goes_on_when_it_is_run_again_on_postgresql() {
    interrupted(Backend::Postgres).await;
}
