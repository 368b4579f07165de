//! Whole databases: backups, restores, copies, and what `tenantry doctor` finds in them.

mod backup;
mod copy;
mod doctor;
mod restore;
mod space;

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tenantry::keep::tables::TABLES;
use tenantry::keep::{Digest, digest};
use tenantry::store::db::Database;

use crate::support::binary::{Server, run, tenantry, text};

pub const SECRET: &str = crate::support::SECRET_KEY;

/// Settings for this database.
pub fn on(url: &str) -> [(&str, &str); 2] {
    [("TENANTRY_DATABASE_URL", url), ("TENANTRY_SECRET_KEY", SECRET)]
}

pub fn url_of(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

/// Runs a command, and kills it at any moment within so many milliseconds.
pub async fn kill_within(milliseconds: u64, arguments: &[&str], variables: &[(&str, &str)]) {
    let mut child = tenantry(arguments, variables)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Time is the subject: it ends at any moment.
    tokio::time::sleep(Duration::from_millis(fastrand::u64(1..milliseconds))).await;
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A directory with some of everything that a few requests make; gives the super admin's key.
pub fn furnish(server: &Server) -> String {
    let key = server.printed_key().unwrap().to_owned();
    for document in [
        r#"mutation { createOrganization(data: {id: "acme", name: "Acme", seatLimit: 20, variables: {a: [1, "ü"]}}) { id } }"#,
        r#"mutation { createTenant(data: {id: "berlin", name: "Berlin", organizationId: "acme"}) { id } }"#,
        r#"mutation { createRole(data: {name: "auditor", organizationId: "acme", permissions: ["read:user"]}) { id } }"#,
        r#"mutation { createUser(data: {id: "ann", organizationId: "acme", tenantId: "berlin", email: "ann@acme.example",
            firstname: "Ann", lastname: "Ünal 👩‍🚀", password: "correct-horse-battery", roles: ["organization-admin"]}) { id } }"#,
        r#"mutation { createUser(data: {id: "bob", organizationId: "acme", email: "bob@acme.example", name: "Bob"}) { id } }"#,
        r#"mutation { createGroup(data: {name: "Team", organizationId: "acme", roles: ["user"]}) { id } }"#,
        r#"mutation { addUserToGroup(where: {key: "TEAM", organization: {id: "acme"}}, user: {id: "ann"}) { id } }"#,
        r#"mutation { deleteUser(where: {id: "bob"}) { id } }"#,
    ] {
        let (status, answer) = server.call(&key, document);
        assert!(status == 200 && answer.get("errors").is_none(), "{document}: {answer}");
    }
    key
}

/// Every table's content.
pub async fn digests(url: &str) -> Vec<(&'static str, Digest)> {
    let address = url.parse().unwrap();
    let db = Database::open_existing(&address, 2).await.unwrap();
    let snapshot = db.snapshot().await.unwrap();
    let mut all = Vec::new();
    for table in TABLES {
        all.push((table.name, digest(&snapshot, table).await.unwrap()));
    }
    snapshot.end().await.unwrap();
    db.close().await;
    all
}

/// The tables that differ.
pub fn differing(a: &[(&'static str, Digest)], b: &[(&'static str, Digest)]) -> Vec<&'static str> {
    assert_eq!(a.len(), b.len());
    let pairs = a.iter().zip(b);
    pairs.filter(|(a, b)| a != b).map(|(a, _)| a.0).collect()
}

/// The first column of what a statement returns, as text.
pub async fn asked(url: &str, sql: &str) -> Vec<String> {
    let address = url.parse().unwrap();
    let db = Database::open_existing(&address, 1).await.unwrap();
    let statement = Statement::from_string(
        db.backend(),
        format!("SELECT CAST(one AS TEXT) AS one FROM ({sql}) AS asked"),
    );
    let rows = db.reader().query_all_raw(statement).await.unwrap();
    let found = rows.iter().map(|row| row.try_get("", "one").unwrap()).collect();
    db.close().await;
    found
}

/// Does this to a database past the server.
pub async fn meddle(url: &str, statements: &[&str]) {
    let address = url.parse().unwrap();
    let db = Database::open_existing(&address, 1).await.unwrap();
    let change = db.begin().await.unwrap();
    for sql in statements {
        change.execute_unprepared(sql).await.unwrap();
    }
    change.commit().await.unwrap();
    db.close().await;
}

/// Which counters of keys a database has, as `table last`.
pub async fn counters(url: &str) -> Vec<String> {
    let address: tenantry::store::db::Address = url.parse().unwrap();
    let db = Database::open_existing(&address, 1).await.unwrap();
    let mut found = Vec::new();
    for table in TABLES.iter().filter(|table| table.is_counted()) {
        let sql = match db.backend() {
            DbBackend::Sqlite => format!("SELECT seq AS last FROM sqlite_sequence WHERE name = '{}'", table.name),
            _ => format!(
                "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence('{}', 'pk')::regclass), 0) AS last",
                table.name
            ),
        };
        let row = db
            .reader()
            .query_one_raw(Statement::from_string(db.backend(), sql))
            .await
            .unwrap();
        let last = row.map_or(0, |row| row.try_get::<i64>("", "last").unwrap());
        found.push(format!("{} {last}", table.name));
    }
    db.close().await;
    found
}

/// Runs a command that must succeed; gives what it printed.
pub fn done(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = run(arguments, variables);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Runs a command that must fail with the exit code 1 and these words.
pub fn refused(arguments: &[&str], variables: &[(&str, &str)], words: &str) -> Output {
    let output = run(arguments, variables);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
    assert!(told.contains(words), "{arguments:?}: '{words}' is not in: {told}");
    output
}

/// The names in a folder.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
