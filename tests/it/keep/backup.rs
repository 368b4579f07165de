//! `tenantry backup`: a sound file with everything in it, or no file.

use std::os::unix::fs::PermissionsExt;

use super::{asked, counters, differing, digests, done, furnish, kill_within, meddle, names, on, refused, url_of};
use crate::support::binary::{Server, run, text};
use crate::support::{Backend, TestDatabase};

async fn backs_up_beside_a_server(backend: Backend) {
    let database = TestDatabase::empty(backend).await;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&database.url, &[]);
    let key = furnish(&server);
    let file = folder.path().join("copy.db");
    let name = file.to_str().unwrap();
    let before = digests(&database.url).await;
    let printed = done(&["backup", name], &on(&database.url));
    let rows: u64 = before.iter().map(|(_, digest)| digest.rows).sum();
    assert!(
        printed.contains(&format!("{} bytes, {rows} rows", file.metadata().unwrap().len())),
        "{printed}"
    );
    assert!(printed.contains("It does not contain the secret key"), "{printed}");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(names(folder.path()), ["copy.db"]);

    // Everything is in it, and keys continue where they were.
    let url = url_of(&file);
    let copied = digests(&url).await;
    // A running server writes when users and keys were seen last.
    let mut changed = differing(&before, &copied);
    changed.retain(|table| !["users", "api_keys"].contains(table));
    assert_eq!(changed, Vec::<&str>::new());
    if backend == Backend::Sqlite {
        let before: Vec<String> = counters(&url).await;
        let now = counters(&database.url).await;
        let moved: Vec<_> = before
            .iter()
            .zip(&now)
            .filter(|(a, b)| a != b)
            .map(|(a, _)| a.as_str())
            .collect();
        // The event of the backup itself.
        assert!(moved.len() == 1 && moved[0].starts_with("audit_events "), "{moved:?}");
    }
    assert_eq!(
        asked(&url, "SELECT journal_mode AS one FROM pragma_journal_mode").await,
        ["delete"]
    );
    let sound = run(
        &["backup", folder.path().join("second.db").to_str().unwrap()],
        &on(&database.url),
    );
    assert!(
        sound.status.success() && sound.stderr.is_empty(),
        "{}",
        text(&sound.stderr)
    );
    let event = "SELECT action AS one FROM audit_events ORDER BY position DESC LIMIT 1";
    assert_eq!(asked(&database.url, event).await, ["database.backup"]);

    // The server was not disturbed, and the copy serves the same.
    let document = "{ users(orderBy: ID_ASC) { id name roles { name } } }";
    let (status, answer) = server.call(&key, document);
    assert_eq!(status, 200);
    drop(server);
    let copy = Server::start(&url, &[]);
    assert_eq!(copy.call(&key, document), (200, answer));
    // An existing file is never replaced.
    let stored = std::fs::read(&file).unwrap();
    refused(&["backup", name], &on(&database.url), "exists already");
    assert_eq!(std::fs::read(&file).unwrap(), stored);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_beside_a_server_on_sqlite() {
    backs_up_beside_a_server(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_beside_a_server_on_postgresql() {
    backs_up_beside_a_server(Backend::Postgres).await;
}

/// Neither the file nor its journal mode is made by a look at it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let missing = url_of(&folder.path().join("missing.db"));
    let copy = folder.path().join("copy.db");
    refused(
        &["backup", copy.to_str().unwrap()],
        &on(&missing),
        "there is no database at",
    );
    assert_eq!(names(folder.path()), Vec::<String>::new());

    let database = TestDatabase::new(Backend::Sqlite).await;
    done(&["backup", copy.to_str().unwrap()], &on(&database.url));
    let again = folder.path().join("again.db");
    done(&["backup", again.to_str().unwrap(), "--quick"], &on(&url_of(&copy)));
    let mode = "SELECT journal_mode AS one FROM pragma_journal_mode";
    assert_eq!(asked(&url_of(&copy), mode).await, ["delete"]);
    assert_eq!(names(folder.path()), ["again.db", "copy.db"]);
    let nowhere = folder.path().join("nowhere/copy.db");
    refused(
        &["backup", nowhere.to_str().unwrap()],
        &on(&database.url),
        "cannot create",
    );
}

/// What is wrong in a database is told, and no reason not to keep it.
#[tokio::test(flavor = "multi_thread")]
async fn an_unsound_database_is_backed_up_and_told() {
    let database = TestDatabase::new(Backend::Sqlite).await;
    meddle(&database.url, &["UPDATE users SET email = 'Not An Address'"]).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    let output = run(&["backup", copy.to_str().unwrap()], &on(&database.url));
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("(faults: 1)"), "{}", text(&output.stderr));
    let url = url_of(&folder.path().join("new.db"));
    let output = run(&["restore", copy.to_str().unwrap()], &on(&url));
    assert!(
        output.status.success() && text(&output.stderr).contains("tenantry doctor"),
        "{}",
        text(&output.stderr)
    );
}

/// A limit on the size of files is met like a full disk: the message helps, and nothing is left.
async fn a_full_disk(backend: Backend) {
    let database = TestDatabase::new(backend).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    let mut command = std::process::Command::new("/bin/sh");
    let output = command
        .args([
            "-c",
            "ulimit -f 100 && exec \"$0\" backup \"$1\"",
            env!("CARGO_BIN_EXE_tenantry"),
        ])
        .arg(&copy)
        .env_clear()
        .envs(on(&database.url))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(
        text(&output.stderr).contains("check that its disk has free space"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_leaves_nothing_on_sqlite() {
    a_full_disk(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_leaves_nothing_on_postgresql() {
    a_full_disk(Backend::Postgres).await;
}

/// Killed at any moment, there is a whole file or none; the next run removes what is left.
async fn killed(backend: Backend) {
    let database = TestDatabase::new(backend).await;
    let folder = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let copy = folder.path().join(format!("copy-{round}.db"));
        kill_within(400, &["backup", copy.to_str().unwrap()], &on(&database.url)).await;
        if !copy.exists() {
            done(&["backup", copy.to_str().unwrap()], &on(&database.url));
        }
        let whole = run(&["migrate", "status"], &on(&url_of(&copy)));
        assert!(text(&whole.stdout).contains("up to date"), "{}", text(&whole.stderr));
        // The event of a backup is written after it.
        let mut differing = differing(&digests(&url_of(&copy)).await, &digests(&database.url).await);
        differing.retain(|table| *table != "audit_events");
        assert_eq!(differing, Vec::<&str>::new());
    }
    let expected: Vec<String> = (0..5).map(|round| format!("copy-{round}.db")).collect();
    assert_eq!(names(folder.path()), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_backup_leaves_no_half_file_on_sqlite() {
    killed(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_backup_leaves_no_half_file_on_postgresql() {
    killed(Backend::Postgres).await;
}
