//! What comes out is what went in, byte for byte, on both databases and across them; and what is in already stays as it is.

use serde_json::Value;

use super::{assert_same, directory, done, exported, hex, on, record, rounds, sealed, seeds, told, written};
use crate::keep::{asked, meddle};
use crate::support::binary::text;
use crate::support::{Backend, TestDatabase};

/// A directory by chance goes through these databases, one after the other.
async fn goes_through(backends: &[Backend], seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let original = sealed(&directory::whole(seed));
    let mut file = written(folder.path(), "0.ndjson", &original);
    for (number, backend) in backends.iter().enumerate() {
        let when = format!("seed {seed}, database {number} ({backend:?})");
        let database = TestDatabase::empty(*backend).await;
        let imported = on(&database.url, &["import", "--with-keys", file.to_str().unwrap()]);
        assert!(imported.status.success(), "{when}: {}", told(&imported));
        let next = exported(&database.url, &[]);
        assert_same(&original, &next, &when);
        file = written(folder.path(), &format!("{}.ndjson", number + 1), next);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_directory_comes_back_on_sqlite() {
    for seed in seeds(5, 300) {
        goes_through(&[Backend::Sqlite, Backend::Sqlite], seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_directory_comes_back_by_way_of_postgresql() {
    for seed in seeds(4, 200) {
        goes_through(&[Backend::Sqlite, Backend::Postgres, Backend::Sqlite], seed).await;
    }
}

/// What a second import of the same file says and does.
async fn again(backend: Backend, more: &[&str]) {
    for seed in seeds(1, 50) {
        let folder = tempfile::tempdir().unwrap();
        let original = sealed(&directory::whole(seed));
        let file = written(folder.path(), "whole.ndjson", &original);
        let database = TestDatabase::empty(backend).await;
        done(&database.url, &["import", "--with-keys", file.to_str().unwrap()]);
        let events = "SELECT COUNT(*) AS one FROM audit_events
            WHERE action LIKE '%.import' OR action LIKE '%.create' OR action LIKE '%.update'";
        let arguments = [&["import", "--json", file.to_str().unwrap()][..], more].concat();
        let before = asked(&database.url, events).await;
        let second = on(&database.url, &arguments);
        assert_eq!(
            second.status.code(),
            Some(0),
            "seed {seed}, {more:?}: {}",
            told(&second)
        );
        let told = text(&second.stdout);
        let summary: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
        for (kind, counts) in summary["counts"].as_object().unwrap() {
            for what in ["created", "changed", "refused", "skipped"] {
                assert_eq!(counts[what], 0, "seed {seed}, {more:?}: {kind} {what}");
            }
        }
        assert_eq!(asked(&database.url, events).await, before, "seed {seed}: no event");
        assert_same(
            &original,
            &exported(&database.url, &[]),
            &format!("seed {seed}, {more:?}"),
        );
    }
}

/// The flags that take everything.
async fn again_with_everything(backend: Backend) {
    for conflict in ["fail", "skip", "update"] {
        again(
            backend,
            &["--with-keys", "--allow-super-admins", "--on-conflict", conflict],
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_directory_again_changes_nothing_on_sqlite() {
    again_with_everything(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_directory_again_changes_nothing_on_postgresql() {
    again_with_everything(Backend::Postgres).await;
}

/// A super admin who is in already, with that role, is not given it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn super_admins_who_are_in_are_not_refused_again() {
    let folder = tempfile::tempdir().unwrap();
    let database = TestDatabase::empty(Backend::Sqlite).await;
    let time = "2026-01-01T00:00:00.000000Z";
    let admin = |id: &str| {
        record(
            "user",
            serde_json::json!({
                "id": id, "organizationId": "platform", "activated": true, "roles": [{"id": "01900000-0000-7000-8000-000000000006", "since": time}],
                "version": 1, "createdAt": time, "updatedAt": time,
            }),
        )
    };
    let platform = serde_json::json!({"id": "platform", "name": "Platform", "mailAllowed": true, "version": 1, "createdAt": time, "updatedAt": time});
    let original = sealed(&[record("organization", platform), admin("admin"), admin("root")]);
    let file = written(folder.path(), "whole.ndjson", &original);
    done(&database.url, &["import", file.to_str().unwrap()]);
    assert_same(&original, &exported(&database.url, &[]), "the first time");
    let second = on(&database.url, &["import", file.to_str().unwrap()]);
    assert_eq!(second.status.code(), Some(0), "{}", told(&second));
}

/// JSON is a text: each digit and each name of it stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_json_stays_as_it_is() {
    for stored in [
        r#"{"n":1e400,"m":1E5,"o":1e5,"p":100.0e-2}"#,
        r#"{"a":{"$serde_json::private::Number":"1"}}"#,
        r#"{"a":{"$serde_json::private::RawValue":"[1]"}}"#,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let first = TestDatabase::new(Backend::Sqlite).await;
        let put = format!("UPDATE users SET variables = '{stored}'");
        meddle(&first.url, &[&put]).await;
        let original = exported(&first.url, &[]);
        assert!(original.contains(stored), "{original}");
        let file = written(folder.path(), "whole.ndjson", &original);
        let second = TestDatabase::empty(Backend::Sqlite).await;
        done(&second.url, &["import", "--with-keys", file.to_str().unwrap()]);
        assert_same(&original, &exported(&second.url, &[]), stored);
    }
}

/// A user with more than any reader expects to hold at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_values_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let time = "2026-01-01T00:00:00.000000Z";
    let stamps = serde_json::json!({"version": 1, "createdAt": time, "updatedAt": time});
    let with_stamps = |kind: &str, mut members: Value| {
        members
            .as_object_mut()
            .unwrap()
            .extend(stamps.as_object().unwrap().clone());
        record(kind, members)
    };
    let mut lines = vec![
        with_stamps(
            "organization",
            serde_json::json!({"id": "platform", "name": "Platform", "mailAllowed": true}),
        ),
        with_stamps(
            "user",
            serde_json::json!({
                "id": "admin", "organizationId": "platform", "activated": true,
                "roles": [{"id": "01900000-0000-7000-8000-000000000006", "since": time}],
                "variables": {"long": "x".repeat(65_000)},
            }),
        ),
    ];
    for number in 0..rounds(50, 500) {
        let value = serde_json::json!({"deep": [number, "y".repeat(60_000)]});
        lines.push(record(
            "setting",
            serde_json::json!({"userId": "admin", "key": format!("k{number:03}"), "value": value}),
        ));
    }
    lines.push(with_stamps("apiKey", serde_json::json!({
        "id": "0199a000-0000-7000-8000-000000000003", "userId": "admin", "name": "nightly", "digest": hex("nightly"), "prefix": "tnt_",
    })));
    let original = sealed(&lines);
    let file = written(folder.path(), "whole.ndjson", &original);
    let database = TestDatabase::empty(Backend::Sqlite).await;
    done(&database.url, &["import", "--with-keys", file.to_str().unwrap()]);
    assert_same(&original, &exported(&database.url, &[]), "long values");
}
