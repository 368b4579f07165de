//! A disk that is full: exit code 1, words that help, and nothing half done. A limit on the size of files is met like one.

use std::fs::File;
use std::process::{Command, Output, Stdio};

use super::{assert_same, by_hand, crowd, directory, done, exported, rank, sealed, told, written};
use crate::keep::{asked, names};
use crate::support::binary::text;
use crate::support::{Backend, TestDatabase};

/// Runs a command whose files can have so many blocks of 512 bytes.
fn limited(blocks: u32, url: &str, arguments: &[&str]) -> Output {
    let script = format!("ulimit -f {blocks} && exec \"$0\" \"$@\"");
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", &script, env!("CARGO_BIN_EXE_tenantry")])
        .args(arguments)
        .args(["--database-url", url])
        .env_clear();
    command.output().unwrap()
}

/// Fails unless the words say what to look at.
fn assert_helps(output: &Output) {
    assert_eq!(output.status.code(), Some(1), "{}", told(output));
    let words = text(&output.stderr).to_lowercase();
    assert!(words.contains("free space") || words.contains("space left"), "{words}");
    assert!(!words.contains("went wrong") && !words.contains("panicked"), "{words}");
}

/// Exports to this standard output, with files of so many blocks at most.
fn printed(url: &str, blocks: &str, stdout: File) -> Output {
    let script = format!("ulimit -f {blocks} && exec \"$0\" export --database-url \"$1\"");
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", &script, env!("CARGO_BIN_EXE_tenantry"), url])
        .env_clear()
        .stdout(stdout)
        .stderr(Stdio::piped());
    command.output().unwrap()
}

async fn export(backend: Backend) {
    let database = TestDatabase::new(backend).await;
    done(&database.url, &["demo", "--users", "2000"]);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("all.ndjson");
    let arguments = ["export", "--with-hashes", target.to_str().unwrap()];
    let output = limited(200, &database.url, &arguments);
    assert_helps(&output);
    let words = text(&output.stderr);
    let expected = format!("cannot write {}: there is no space left for it", target.display());
    assert!(words.contains(&expected), "{words}");
    assert!(words.contains("run the command again"), "{words}");
    assert_eq!(names(folder.path()), Vec::<String>::new());
    done(&database.url, &arguments);
    // What is printed goes to a file that the shell has made, or to a disk that is full.
    let file = File::create(folder.path().join("printed.ndjson")).unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    for (blocks, stdout) in [("200", file), ("unlimited", full)] {
        let output = printed(&database.url, blocks, stdout);
        assert_helps(&output);
        assert!(
            text(&output.stderr).contains("cannot write to standard output"),
            "{}",
            told(&output)
        );
    }
}

/// Standard input is read twice, so there is a copy of it: where that has no place, nothing is read into a directory.
#[test]
fn standard_input_that_cannot_be_kept_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = by_hand(folder.path(), "crowd.ndjson", &crowd("acme", 500));
    let url = format!("sqlite://{}", folder.path().join("new.db").display());
    let mut command = Command::new("/bin/sh");
    command
        .args([
            "-c",
            "ulimit -f 100 && exec \"$0\" import - --database-url \"$1\"",
            env!("CARGO_BIN_EXE_tenantry"),
            &url,
        ])
        .env_clear()
        .stdin(File::open(file).unwrap());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let words = text(&output.stderr);
    assert!(
        words.contains("nothing was written") && words.contains("TMPDIR"),
        "{words}"
    );
    assert_eq!(names(folder.path()), ["crowd.ndjson"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_leaves_no_export_on_sqlite() {
    export(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_leaves_no_export_on_postgresql() {
    export(Backend::Postgres).await;
}

/// Users whose rows fill a database.
fn heavy(users: usize) -> Vec<String> {
    crowd("acme", users)
        .into_iter()
        .map(|line| match line.contains("\"type\":\"user\"") {
            true => line.replacen(
                "\"activated\"",
                &format!("\"variables\":{{\"a\":\"{}\"}},\"activated\"", "x".repeat(4_000)),
                1,
            ),
            false => line,
        })
        .collect()
}

/// A whole directory: nothing of it is in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_leaves_a_new_directory_empty_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    // The platform's records, and then the others.
    let mut records = directory::whole(11);
    records.retain(|line| line.contains("\"id\":\"platform\",\"name\"") || line.contains("\"id\":\"admin\""));
    for line in &mut records {
        // What the admin refers to besides is not in this file.
        if line.contains("\"id\":\"admin\"") {
            *line = super::record(
                "user",
                serde_json::json!({"id": "admin", "organizationId": "platform", "roles": ["super-admin"]}),
            );
        }
    }
    records.extend(heavy(2_000));
    records.sort_by_key(|record| rank(record));
    let file = written(folder.path(), "whole.ndjson", sealed(&records));
    let url = format!("sqlite://{}", folder.path().join("new.db").display());
    let output = limited(6_000, &url, &["import", "--with-keys", file.to_str().unwrap()]);
    assert_helps(&output);
    assert!(
        text(&output.stderr).contains("nothing was written"),
        "{}",
        told(&output)
    );
    // Nothing of it is in: it can still become what the file says.
    done(&url, &["import", "--with-keys", file.to_str().unwrap()]);
    let other = TestDatabase::empty(Backend::Sqlite).await;
    done(&other.url, &["import", "--with-keys", file.to_str().unwrap()]);
    let acme = ["--organization", "acme"];
    assert_same(
        &exported(&other.url, &acme),
        &exported(&url, &acme),
        "after there was space again",
    );
}

/// Into a database that is in use: what is in is told, and the rest follows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_an_import_that_is_completed_later_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let records = heavy(2_000);
    let file = by_hand(folder.path(), "crowd.ndjson", &records);
    let arguments = ["import", "--with-keys", file.to_str().unwrap()];
    let database = TestDatabase::new(Backend::Sqlite).await;
    let output = limited(8_000, &database.url, &arguments);
    assert_helps(&output);
    let words = text(&output.stderr);
    assert!(
        words.contains("Run it again") || words.contains("nothing was written"),
        "{words}"
    );
    done(&database.url, &arguments);
    let seats = asked(
        &database.url,
        "SELECT seats_used AS one FROM organizations WHERE id = 'acme'",
    )
    .await;
    assert_eq!(seats, [super::seats_of(2_000).to_string()]);
    let events = "SELECT SUM(count) AS one FROM audit_events WHERE action = 'organization.import'";
    assert_eq!(asked(&database.url, events).await, [records.len().to_string()]);
}

/// Where refused rows cannot be written, that is told, and the exit code is no success.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_rows_that_cannot_be_written_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let database = TestDatabase::new(Backend::Sqlite).await;
    let file = by_hand(
        folder.path(),
        "bad.ndjson",
        &[super::record("user", serde_json::json!({"id": "a"}))],
    );
    let nowhere = folder.path().join("nowhere/errors.ndjson");
    for (errors, words) in [
        (nowhere.to_str().unwrap(), "No such file"),
        ("/dev/full", "there is no space left for it"),
    ] {
        let output = super::on(&database.url, &["import", "--errors", errors, file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{}", told(&output));
        let error = text(&output.stderr);
        assert!(
            error.contains(&format!("cannot write the refused rows to {errors}: ")) && error.contains(words),
            "{error}"
        );
        // The others are in, and that is said.
        assert!(error.contains("the import has ended"), "{error}");
        assert!(text(&output.stdout).contains("users: 0 created"), "{}", told(&output));
    }
    assert_eq!(asked(&database.url, "SELECT COUNT(*) AS one FROM users").await, ["1"]);
}
