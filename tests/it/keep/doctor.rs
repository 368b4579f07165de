//! What `tenantry doctor` finds in a database: each check is broken alone, and alone is found.

use serde_json::Value;
use tenantry::keep::backup::Depth;
use tenantry::operations::demo;
use tenantry::operations::doctor::{Content, Severity, examine_content};
use tenantry::store::db::Database;

use super::{digests, done, furnish, meddle, on};
use crate::on_both;
use crate::support::binary::{Server, run, text};
use crate::support::{App, Backend, TestDatabase};

/// Where a case is possible.
#[derive(Clone, Copy, Debug, PartialEq)]
enum On {
    Both,
    Sqlite,
    Postgres,
}

/// What is done to a database after its first start, and what is found then.
const CASES: &[(On, &str, &str, &str)] = &[
    (On::Both, "UPDATE users SET email = 'Admin@Platform.example'", "values", "e-mail address"),
    (On::Both, "UPDATE tenants SET id = ' x'", "values", "an id that is not valid in 'id': 1 ( x)"),
    (On::Both, "UPDATE organizations SET variables = '[1]'", "values", "rows of 'organizations' with variables"),
    (On::Both, "UPDATE users SET variables = '{\"a\": 1}'", "values", "rows of 'users' with variables"),
    (
        On::Both,
        "INSERT INTO settings (user_pk, key, value) SELECT pk, 'k', '{' FROM users",
        "values",
        "rows of 'settings' with a value that is not JSON",
    ),
    (On::Both, "UPDATE users SET password_hash = '$argon2id$v=19$m=1'", "values", "a password hash"),
    (
        On::Both,
        "UPDATE users SET password_hash = '$2b$20$abcdefghijklmnopqrstuuSFHlMTZ7zXUyJ5GD3LqEMS4kx3iTDPi'",
        "values",
        "a password hash",
    ),
    (
        On::Both,
        "INSERT INTO groups (id, organization_pk, key, name, version, created_at, updated_at)
         SELECT 'g', pk, 'lower', 'Lower', 1, 1, 1 FROM organizations",
        "values",
        "a key that no name of a group has",
    ),
    (On::Both, "UPDATE api_keys SET permissions = 'read:user no:such'", "values", "permissions that do not exist"),
    (On::Both, "UPDATE users SET last_seen_at = -1", "values", "a time before 1970"),
    (On::Both, "UPDATE users SET last_seen_at = 253402300800000000", "values", "a time before 1970 or after 9999"),
    (On::Sqlite, "UPDATE tenants SET name = 'a' || char(0)", "values", "U+0000"),
    (
        On::Both,
        "INSERT INTO settings (user_pk, key, value) SELECT u.pk, 'k' || n.i, '1' FROM users u, (WITH RECURSIVE n(i) AS
         (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 501) SELECT i FROM n) n",
        "relations",
        "more than 500 settings: 1 (admin)",
    ),
    (
        On::Both,
        "INSERT INTO federated_identities (user_pk, identity_provider, user_id, user_name) SELECT u.pk, 'p' || n.i, 'x', 'x'
         FROM users u, (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 21) SELECT i FROM n) n",
        "relations",
        "more than 20 federated identities: 1 (admin)",
    ),
    (On::Both, "UPDATE users SET activated = FALSE", "relations", "no activated user has"),
    (On::Both, "DELETE FROM user_roles", "relations", "no activated user has"),
    (On::Both, "DELETE FROM user_words", "relations", "not found by all of their words: 1 (platform)"),
    (On::Both, "DELETE FROM cursor_keys", "relations", "another number of rows than one: 1 (cursor_keys)"),
    (On::Both, "INSERT INTO word_fold (version) VALUES (1)", "relations", "another number of rows than one"),
    (On::Both, "UPDATE tenants SET updated_at = created_at - 1", "relations", "rows of 'tenants' that were changed before"),
    (On::Sqlite, "UPDATE sqlite_sequence SET seq = 0 WHERE name = 'users'", "relations", "next key a row has already: 1 (users)"),
    (
        On::Postgres,
        "SELECT setval(pg_get_serial_sequence('users', 'pk')::regclass, 1, FALSE)",
        "relations",
        "next key a row has already: 1 (users)",
    ),
    (On::Sqlite, "PRAGMA ignore_check_constraints = ON; UPDATE organizations SET seats_used = 3", "integrity", "damaged places: 1"),
    (On::Both, "DROP INDEX users_updated", "integrity", "missing indexes: 1 (users_updated)"),
    (On::Sqlite, "DROP TRIGGER audit_events_undeleted", "integrity", "missing triggers: 1 (audit_events_undeleted)"),
    (On::Postgres, "DROP TRIGGER users_words_delete ON users", "integrity", "missing triggers: 1 (users_words_delete)"),
    (
        On::Sqlite,
        "UPDATE sqlite_stat1 SET stat = '1 1' WHERE idx = 'users_tenant'",
        "integrity",
        "changed statistics of indexes: 1 (users_tenant)",
    ),
    (
        On::Postgres,
        "UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = 'users_updated'::regclass",
        "integrity",
        "invalid indexes: 1 (users_updated)",
    ),
    (
        On::Postgres,
        "ALTER TABLE tenants ALTER COLUMN variables TYPE TEXT COLLATE \"default\"",
        "integrity",
        "not compared by code point: 1 (tenants.variables)",
    ),
    (
        On::Postgres,
        "ALTER TABLE audit_events DISABLE TRIGGER audit_events_untruncated",
        "integrity",
        "disabled triggers: 1 (audit_events_untruncated)",
    ),
    (
        On::Postgres,
        "INSERT INTO audit_events (id, action, target_kind, target_id, position, created_at)
         VALUES ('e', 'user.create', 'user', 'x', 4503599627370496, 1)",
        "integrity",
        "the next event would come too early",
    ),
];

/// The findings that are not fine, as `subject: what it says`.
fn bad(content: &Content) -> Vec<String> {
    let bad = content
        .findings
        .iter()
        .filter(|finding| finding.severity != Severity::Fine);
    bad.map(|finding| format!("{}: {}", finding.subject, finding.says))
        .collect()
}

async fn examined(url: &str, depth: Depth) -> Content {
    let address = url.parse().unwrap();
    let db = Database::open_existing(&address, 2).await.unwrap();
    let content = examine_content(&db, depth).await;
    db.close().await;
    content
}

async fn each_break_is_found(backend: Backend) {
    let mut wrong = Vec::new();
    for (on, break_it, subject, words) in CASES {
        let possible = match on {
            On::Both => true,
            On::Sqlite => backend == Backend::Sqlite,
            On::Postgres => backend == Backend::Postgres,
        };
        if !possible {
            continue;
        }
        let database = TestDatabase::new(backend).await;
        meddle(&database.url, &[break_it]).await;
        let found = bad(&examined(&database.url, Depth::Whole).await);
        let is_right = |told: &String| told.starts_with(&format!("{subject}: ")) && told.contains(words);
        if !(found.len() == 1 && found.iter().all(is_right)) {
            wrong.push(format!("{break_it}: {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_break_is_found_alone_on_sqlite() {
    each_break_is_found(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_break_is_found_alone_on_postgresql() {
    each_break_is_found(Backend::Postgres).await;
}

on_both! {
    async fn a_demo_is_sound(app: App) {
        assert_eq!(bad(&examine_content(&app.services.db, Depth::Whole).await), Vec::<String>::new());
        demo::fill(&app.machine(), 300, |_| {}).await.unwrap();
        let content = examine_content(&app.services.db, Depth::Whole).await;
        assert_eq!(bad(&content), Vec::<String>::new());
        let passwords = content.findings.iter().find(|finding| finding.subject == "passwords").unwrap();
        assert!(passwords.says.starts_with("Hashes by kind: 301 none. "), "{}", passwords.says);
        let quick = examine_content(&app.services.db, Depth::Quick).await;
        assert_eq!((bad(&quick), quick.tables.len()), (Vec::new(), 0));
    }
}

/// A deeper look shows what a key was revoked with, and names no more than a few rows.
#[tokio::test(flavor = "multi_thread")]
async fn findings_are_counted_and_the_first_are_named() {
    let database = TestDatabase::new(Backend::Sqlite).await;
    let settings =
        "INSERT INTO settings (user_pk, key, value) SELECT u.pk, 'k' || n.i, '{' FROM users u, (WITH RECURSIVE n(i) AS
         (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i FROM n) n";
    let revoked = "UPDATE api_keys SET permissions = 'no:such', revoked_at = 1";
    meddle(&database.url, &[settings, revoked]).await;
    let content = examined(&database.url, Depth::Whole).await;
    let finding = content
        .findings
        .iter()
        .find(|finding| finding.severity != Severity::Fine)
        .unwrap();
    assert_eq!((finding.count, finding.first.len()), (Some(9), 5));
    assert_eq!(bad(&content).len(), 1);
}

async fn digests_are_printed(backend: Backend) {
    let database = TestDatabase::empty(backend).await;
    let server = Server::start(&database.url, &[]);
    furnish(&server);
    drop(server);
    let expected = digests(&database.url).await;
    let output = run(&["doctor", "--digests", "--json"], &on(&database.url));
    let report: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    for (table, digest) in &expected {
        assert_eq!(report["tables"][table]["rows"], digest.rows, "{table}");
        assert_eq!(report["tables"][table]["sha256"], digest.sha256, "{table}");
    }
    // Mail is not configured.
    assert_eq!(output.status.code(), Some(3));
    let findings = report["findings"].as_array().unwrap();
    let bad: Vec<&Value> = findings
        .iter()
        .filter(|finding| finding["severity"] != "fine")
        .collect();
    assert!(bad.len() == 1 && bad[0]["subject"] == "mail", "{bad:#?}");
    let sound = [
        &on(&database.url)[..],
        &[("TENANTRY_SMTP_URL", "smtps://mail.example.com")],
    ]
    .concat();
    let printed = done(&["doctor", "--digests"], &sound);
    let (table, digest) = &expected[0];
    assert!(
        printed.contains(&format!("{table:<20} {:>9} {}", digest.rows, digest.sha256)),
        "{printed}"
    );
    assert!(!done(&["doctor", "--quick"], &sound).contains("values"));
    // It has written nothing.
    assert_eq!(digests(&database.url).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn digests_are_printed_on_sqlite() {
    digests_are_printed(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn digests_are_printed_on_postgresql() {
    digests_are_printed(Backend::Postgres).await;
}
