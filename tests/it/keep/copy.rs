//! `tenantry copy`: everything is in the other database, or nothing is.

use super::{asked, counters, differing, digests, done, furnish, kill_within, meddle, names, on, refused, url_of};
use crate::support::binary::{Server, run, text};
use crate::support::{Backend, TestDatabase};

/// The tables that differ after a copy, but for the trail, which has one event more.
async fn changed(from: &str, to: &str) -> Vec<&'static str> {
    let mut changed = differing(&digests(from).await, &digests(to).await);
    changed.retain(|table| *table != "audit_events");
    let trail = "SELECT position || ' ' || id AS one FROM audit_events ORDER BY position";
    let (before, mut after) = (asked(from, trail).await, asked(to, trail).await);
    after.pop();
    assert_eq!(before, after);
    let newest = "SELECT action AS one FROM audit_events ORDER BY position DESC LIMIT 1";
    assert_eq!(asked(to, newest).await, ["database.copy"]);
    changed
}

/// What a test creates goes through both kinds of databases and back.
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_moves_there_and_back_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    let first = url_of(&folder.path().join("first.db"));
    let server = Server::start(&first, &[]);
    let key = furnish(&server);
    let sign_in =
        r#"mutation { signIn(data: {email: "ann@acme.example", password: "correct-horse-battery"}) { accessToken } }"#;
    let (_, answer) = server.call("", sign_in);
    let token = answer["data"]["signIn"]["accessToken"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned();
    let second = TestDatabase::empty(Backend::Postgres).await;
    // Not while a server runs.
    let alone = [("TENANTRY_DATABASE_URL", first.as_str())];
    refused(&["copy", "--to", &second.url], &alone, "stop the server");
    drop(server);
    let before = digests(&first).await;
    let told = done(&["copy", "--to", &second.url], &alone);
    assert!(
        told.contains("Sessions stay valid if TENANTRY_SECRET_KEY is the content of"),
        "{told}"
    );
    assert_eq!(changed(&first, &second.url).await, Vec::<&str>::new());
    assert_eq!(differing(&before, &digests(&first).await), Vec::<&str>::new());
    let last_events = |counters: Vec<String>| -> Vec<String> {
        counters
            .into_iter()
            .filter(|line| !line.starts_with("audit_events "))
            .collect()
    };
    assert_eq!(
        last_events(counters(&first).await),
        last_events(counters(&second.url).await)
    );
    // A filled database is no target.
    refused(&["copy", "--to", &second.url], &alone, "is not empty");

    // Sessions continue with the same secret, and another one is refused.
    let secret = std::fs::read_to_string(folder.path().join("first.db.key")).unwrap();
    let with = [("TENANTRY_SECRET_KEY", secret.trim())];
    let server = Server::start(&second.url, &with);
    assert_eq!(server.call(&token, "{ me { id } }").0, 200);
    let create = r#"mutation { createUser(data: {id: "eve", organizationId: "acme"}) { id } }"#;
    assert!(server.call(&key, create).1.get("errors").is_none());
    let third = folder.path().join("third.db");
    let third_url = url_of(&third);
    let from = ["copy", "--from", second.url.as_str(), "--to", third_url.as_str()];
    refused(&from, &with, "a server uses the source");
    drop(server);
    let other = "f".repeat(64);
    refused(
        &from,
        &[("TENANTRY_SECRET_KEY", other.as_str())],
        "is not that of the source",
    );
    assert_eq!(
        names(folder.path())
            .iter()
            .filter(|name| name.starts_with("third"))
            .count(),
        0
    );
    let told = done(&from, &with);
    assert!(told.contains("The secret key is in"), "{told}");
    assert_eq!(changed(&second.url, &third_url).await, Vec::<&str>::new());
    assert_eq!(
        std::fs::read_to_string(folder.path().join("third.db.key")).unwrap(),
        secret
    );
    let server = Server::start(&third_url, &[]);
    assert_eq!(server.call(&token, "{ me { id } }").0, 200);
    assert!(
        server
            .call(&key, create.replace("eve", "dan").as_str())
            .1
            .get("errors")
            .is_none()
    );
    drop(server);

    // Positions are the same after the way there and back.
    let fourth = TestDatabase::empty(Backend::Postgres).await;
    done(
        &["copy", "--from", third_url.as_str(), "--to", fourth.url.as_str()],
        &with,
    );
    assert_eq!(changed(&third_url, &fourth.url).await, Vec::<&str>::new());
    // New events come after the copied ones.
    let server = Server::start(&fourth.url, &with);
    assert!(
        server
            .call(&key, create.replace("eve", "uma").as_str())
            .1
            .get("errors")
            .is_none()
    );
    drop(server);
    let newest = "SELECT action || ' ' || target_id AS one FROM audit_events ORDER BY position DESC LIMIT 1";
    assert_eq!(asked(&fourth.url, newest).await, ["user.create uma"]);
    let doctor = run(&["doctor", "--json"], &[&on(&fourth.url)[..1], &with[..]].concat());
    assert!(!text(&doctor.stdout).contains("\"wrong\""), "{}", text(&doctor.stdout));
}

/// Databases of one kind.
async fn same_to_same(backend: Backend) {
    let from = TestDatabase::empty(backend).await;
    let server = Server::start(&from.url, &[]);
    furnish(&server);
    drop(server);
    let to = TestDatabase::empty(backend).await;
    done(&["copy", "--to", &to.url], &on(&from.url));
    assert_eq!(changed(&from.url, &to.url).await, Vec::<&str>::new());
    refused(&["copy", "--to", &to.url], &on(&from.url), "is not empty");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_is_copied_on_sqlite() {
    same_to_same(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_is_copied_on_postgresql() {
    same_to_same(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (
        url_of(&folder.path().join("from.db")),
        url_of(&folder.path().join("to.db")),
    );
    refused(&["copy", "--to", &to], &on(&from), "there is no database at");
    refused(&["copy", "--to", &to], &on(&to), "are the same file");
    assert_eq!(names(folder.path()), Vec::<String>::new());
    let wrong = run(&["copy", "--to", "mysql://root:hidden@db/x"], &on(&from));
    assert_eq!(wrong.status.code(), Some(2));
}

/// What another program has written stops the copy, and the target stays empty.
#[tokio::test(flavor = "multi_thread")]
async fn values_of_others_stop_a_copy_on_postgresql() {
    for (break_it, words) in [
        ("UPDATE tenants SET name = 'a' || char(0)", "U+0000"),
        ("UPDATE tenants SET version = 'x'", "has a value in 'version'"),
        ("DELETE FROM user_words", "the copy of the table 'user_words' differs"),
    ] {
        let from = TestDatabase::new(Backend::Sqlite).await;
        meddle(&from.url, &[break_it]).await;
        let to = TestDatabase::empty(Backend::Postgres).await;
        refused(&["copy", "--to", &to.url], &on(&from.url), words);
        let tables = asked(
            &to.url,
            "SELECT tablename AS one FROM pg_tables WHERE schemaname = 'public'",
        )
        .await;
        assert_eq!(tables, Vec::<String>::new());
    }
}

/// Killed at any moment, the target is as before, and a second try succeeds.
async fn killed(backend: Backend) {
    let from = TestDatabase::new(Backend::Sqlite).await;
    let to = TestDatabase::empty(backend).await;
    for _ in 0..5 {
        kill_within(500, &["copy", "--to", &to.url], &on(&from.url)).await;
        let is_there = match backend {
            Backend::Sqlite => std::path::Path::new(to.url.strip_prefix("sqlite://").unwrap()).exists(),
            Backend::Postgres => {
                asked(
                    &to.url,
                    "SELECT tablename AS one FROM pg_tables WHERE tablename = 'organizations'",
                )
                .await
                    != Vec::<String>::new()
            }
        };
        if is_there {
            assert_eq!(changed(&from.url, &to.url).await, Vec::<&str>::new());
            return;
        }
    }
    done(&["copy", "--to", &to.url], &on(&from.url));
    assert_eq!(changed(&from.url, &to.url).await, Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_copy_leaves_the_target_on_sqlite() {
    killed(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_copy_leaves_the_target_on_postgresql() {
    killed(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_leaves_the_target_on_sqlite() {
    let from = TestDatabase::new(Backend::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let to = url_of(&folder.path().join("to.db"));
    let output = std::process::Command::new("/bin/sh")
        .args([
            "-c",
            "ulimit -f 100 && exec \"$0\" copy --to \"$1\"",
            env!("CARGO_BIN_EXE_tenantry"),
            &to,
        ])
        .env_clear()
        .env("TENANTRY_DATABASE_URL", &from.url)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("check that its disk has free space"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(names(folder.path()), Vec::<String>::new());
}
