//! `tenantry restore`: the backup is in the place of the database, or nothing has changed.

use std::path::Path;

use serde_json::json;
use tenantry::store::db::Database;

use super::{asked, counters, differing, digests, done, furnish, kill_within, meddle, names, on, refused, url_of};
use crate::support::binary::{Server, text};
use crate::support::{Backend, TestDatabase};

const NEWEST: &str = "SELECT action AS one FROM audit_events ORDER BY position DESC LIMIT 1";

/// The tables that differ after a restore, but for the trail, which has one event more.
async fn changed(backup: &str, url: &str) -> Vec<&'static str> {
    let (before, after) = (digests(backup).await, digests(url).await);
    let mut changed = differing(&before, &after);
    changed.retain(|table| *table != "audit_events");
    let events = |digests: &[(&'static str, tenantry::keep::Digest)]| {
        digests
            .iter()
            .find(|(table, _)| *table == "audit_events")
            .unwrap()
            .1
            .rows
    };
    assert_eq!(events(&after), events(&before) + 1);
    changed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_serves_the_backup_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = (folder.path().join("t.db"), folder.path().join("backup.db"));
    let (url, backup_url) = (url_of(&path), url_of(&backup));
    let server = Server::start(&url, &[]);
    let key = furnish(&server);
    done(&["backup", backup.to_str().unwrap()], &on(&url));
    let users = "{ users(orderBy: ID_ASC) { id activated } }";
    let (_, expected) = server.call(&key, users);
    for document in [
        r#"mutation { deactivateUser(where: {id: "ann"}) { id } }"#,
        r#"mutation { createUser(data: {id: "eve", organizationId: "acme"}) { id } }"#,
    ] {
        let (status, answer) = server.call(&key, document);
        assert!(status == 200 && answer.get("errors").is_none(), "{answer}");
    }
    // Not while a server runs: nothing changes.
    refused(&["restore", backup.to_str().unwrap()], &on(&url), "stop the server");
    assert_eq!(
        server.call(&key, r#"{ user(where: {id: "eve"}) { id } }"#).1,
        json!({"data": {"user": {"id": "eve"}}})
    );
    drop(server);
    let replaced = digests(&url).await;
    let greatest = counters(&url).await;

    let printed = done(&["restore", backup.to_str().unwrap()], &on(&url));
    assert!(printed.contains("check API keys and users"), "{printed}");
    assert_eq!(changed(&backup_url, &url).await, Vec::<&str>::new());
    assert_eq!(asked(&url, NEWEST).await, ["database.restore"]);
    // What was replaced is whole, and nothing else is left.
    let kept: Vec<String> = names(folder.path())
        .into_iter()
        .filter(|name| name.starts_with("t.db"))
        .collect();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept[1].starts_with("t.db.before-"), "{kept:?}");
    let previous = url_of(&folder.path().join(&kept[1]));
    assert_eq!(differing(&replaced, &digests(&previous).await), Vec::<&str>::new());
    // Keys that were given out since are not given out again.
    for (before, after) in greatest.iter().zip(counters(&url).await) {
        let last = |line: &str| line.split_once(' ').unwrap().1.parse::<i64>().unwrap();
        assert!(last(&after) >= last(before) + (1 << 20), "{before} {after}");
    }
    let server = Server::start(&url, &[]);
    assert_eq!(server.printed_key(), None);
    assert_eq!(server.call(&key, users), (200, expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_becomes_a_database_where_none_is_on_sqlite() {
    let database = TestDatabase::new(Backend::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup.db");
    done(&["backup", backup.to_str().unwrap()], &on(&database.url));
    let url = url_of(&folder.path().join("new.db"));
    done(&["restore", backup.to_str().unwrap()], &on(&url));
    assert_eq!(changed(&url_of(&backup), &url).await, Vec::<&str>::new());
    assert_eq!(names(folder.path()), ["backup.db", "new.db"]);
    // Whoever has it open, if only to read it, keeps it from being replaced.
    let reader = Database::connect(&url).await.unwrap();
    refused(
        &["restore", backup.to_str().unwrap()],
        &on(&url),
        "stop the server and everything else",
    );
    reader.close().await;
    // A database is no backup of itself, and a text is none at all.
    refused(
        &["restore", folder.path().join("new.db").to_str().unwrap()],
        &on(&url),
        "is the database itself",
    );
    let other = folder.path().join("other.db");
    std::fs::write(&other, "no database").unwrap();
    refused(
        &["restore", other.to_str().unwrap()],
        &on(&url),
        "is not a sound database",
    );
    refused(
        &["restore", folder.path().join("none.db").to_str().unwrap()],
        &on(&url),
        "there is no file",
    );
    assert_eq!(changed(&url_of(&backup), &url).await, Vec::<&str>::new());
}

/// Damage is found before anything is replaced.
#[tokio::test(flavor = "multi_thread")]
async fn damaged_backups_are_refused_on_sqlite() {
    let database = TestDatabase::new(Backend::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup.db");
    done(&["backup", backup.to_str().unwrap()], &on(&database.url));
    let whole = std::fs::read(&backup).unwrap();
    let before = digests(&database.url).await;
    std::fs::write(&backup, &whole[..whole.len() / 2]).unwrap();
    refused(
        &["restore", backup.to_str().unwrap()],
        &on(&database.url),
        "is not a sound database",
    );
    std::fs::write(&backup, &whole).unwrap();
    for (break_it, words) in [
        (
            "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; UPDATE organizations SET seats_used = 1",
            "damaged",
        ),
        (
            "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20991231_000001_future', 1)",
            "newer release",
        ),
    ] {
        std::fs::write(&backup, &whole).unwrap();
        meddle(&url_of(&backup), &[break_it]).await;
        refused(&["restore", backup.to_str().unwrap()], &on(&database.url), words);
    }
    assert_eq!(differing(&before, &digests(&database.url).await), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_the_backup_can_end() {
    for end in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (path, backup) = (folder.path().join("t.db"), folder.path().join("backup.db"));
        let url = url_of(&path);
        let server = Server::start(&url, &[]);
        furnish(&server);
        let sign_in = r#"mutation { signIn(data: {email: "ann@acme.example", password: "correct-horse-battery"}) { accessToken } }"#;
        let (_, answer) = server.call("", sign_in);
        let token = answer["data"]["signIn"]["accessToken"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"))
            .to_owned();
        done(
            &["backup", backup.to_str().unwrap()],
            &[("TENANTRY_DATABASE_URL", url.as_str())],
        );
        drop(server);
        let flags: &[&str] = if end { &["--end-sessions"] } else { &[] };
        done(
            &[&["restore", backup.to_str().unwrap()], flags].concat(),
            &[("TENANTRY_DATABASE_URL", url.as_str())],
        );
        let open = asked(&url, "SELECT COUNT(*) AS one FROM sessions WHERE ended_at IS NULL").await;
        assert_eq!(open, [if end { "0" } else { "1" }]);
        let server = Server::start(&url, &[]);
        let (status, answer) = server.call(&token, "{ me { id } }");
        assert_eq!(
            (status, answer.get("errors").is_some()),
            (if end { 401 } else { 200 }, end),
            "{answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_becomes_a_database_on_postgresql() {
    let origin = TestDatabase::empty(Backend::Postgres).await;
    let server = Server::start(&origin.url, &[]);
    let key = furnish(&server);
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup.db");
    done(&["backup", backup.to_str().unwrap()], &on(&origin.url));
    let users = "{ users(orderBy: ID_ASC) { id activated } }";
    let (_, expected) = server.call(&key, users);
    refused(&["restore", backup.to_str().unwrap()], &on(&origin.url), "is not empty");
    drop(server);
    let database = TestDatabase::empty(Backend::Postgres).await;
    done(&["restore", backup.to_str().unwrap()], &on(&database.url));
    assert_eq!(changed(&url_of(&backup), &database.url).await, Vec::<&str>::new());
    assert_eq!(asked(&database.url, NEWEST).await, ["database.restore"]);
    let server = Server::start(&database.url, &[]);
    assert_eq!(server.call(&key, users), (200, expected));
    let (_, answer) = server.call(
        &key,
        r#"mutation { createUser(data: {id: "eve", organizationId: "acme"}) { id } }"#,
    );
    assert!(answer.get("errors").is_none(), "{answer}");
    let pk = asked(&database.url, "SELECT pk AS one FROM users WHERE id = 'eve'").await;
    assert!(pk[0].parse::<i64>().unwrap() > 1 << 20, "{pk:?}");
}

fn has_draft(folder: &Path) -> bool {
    names(folder).iter().any(|name| name.contains(".restoring"))
}

/// Killed at any moment, the database is the old one or the new one, and never absent.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_restore_leaves_a_whole_database_on_sqlite() {
    let origin = TestDatabase::new(Backend::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup.db");
    done(&["backup", backup.to_str().unwrap()], &on(&origin.url));
    let path = folder.path().join("t.db");
    std::fs::copy(&backup, &path).unwrap();
    let url = url_of(&path);
    for _ in 0..8 {
        let before = digests(&url).await;
        kill_within(300, &["restore", backup.to_str().unwrap()], &on(&url)).await;
        let is_old = differing(&before, &digests(&url).await).is_empty();
        if !is_old {
            assert_eq!(changed(&url_of(&backup), &url).await, Vec::<&str>::new());
        }
    }
    // What one leaves that is killed at the worst moment: the name that the database would have had.
    let name = "t.db.before-20260101T000000Z";
    std::fs::hard_link(&path, folder.path().join(name)).unwrap();
    done(&["restore", backup.to_str().unwrap()], &on(&url));
    assert!(
        !names(folder.path()).contains(&name.to_owned()),
        "{:?}",
        names(folder.path())
    );
    assert_eq!(changed(&url_of(&backup), &url).await, Vec::<&str>::new());
    assert!(!has_draft(folder.path()), "{:?}", names(folder.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_leaves_the_database_on_sqlite() {
    let database = TestDatabase::new(Backend::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup.db");
    done(&["backup", backup.to_str().unwrap()], &on(&database.url));
    let before = digests(&database.url).await;
    let output = std::process::Command::new("/bin/sh")
        .args([
            "-c",
            "ulimit -f 100 && exec \"$0\" restore \"$1\"",
            env!("CARGO_BIN_EXE_tenantry"),
        ])
        .arg(&backup)
        .env_clear()
        .envs(on(&database.url))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("check that its disk has free space"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(differing(&before, &digests(&database.url).await), Vec::<&str>::new());
    let path = Path::new(database.url.strip_prefix("sqlite://").unwrap());
    assert!(!has_draft(path.parent().unwrap()));
}
