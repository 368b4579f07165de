//! The databases that are measured: where they are, and what is in them.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};

use crate::Options;
use crate::postgres;
use crate::started::tenantry;

/// How many groups the largest organization has. Of the first one every third user is a member, of each further one fewer.
const GROUPS: u32 = 16;
/// Audit events that are written at once: a transaction numbers its own with 20 bits.
const EVENTS: i64 = 100_000;

/// The address of the database of so many users.
pub async fn url_of(options: &Options, database: &str, users: u64, folder: &Path) -> String {
    if database == "sqlite" {
        let folder = options.keep.as_deref().unwrap_or(folder);
        return format!("sqlite://{}", folder.join(format!("bench-{users}.db")).display());
    }
    let kept = format!("tenantry_bench_{users}");
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
    postgres::create_database(&format!("tenantry_test_{}_bench_{users}", std::process::id()), None).await
}

/// The address of a new PostgreSQL database.
pub async fn url_of_new(name: &str) -> String {
    let run = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros();
    postgres::create_database(&format!("tenantry_test_{}_{name}_{run}", std::process::id()), None).await
}

pub async fn connect(url: &str) -> Result<DatabaseConnection, sea_orm::DbErr> {
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await
}

/// Fills it, unless it is full: the users of `tenantry demo`, groups for those of the largest organization, and an audit event
/// for each user. Returns how long the demo took.
pub async fn fill(url: &str, users: u64) -> Option<Duration> {
    let mut took = None;
    if !is_filled(url).await {
        let started = Instant::now();
        let status = tenantry(url)
            .args(["demo", "--users", &users.to_string()])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "the demo failed");
        took = Some(started.elapsed());
    }
    // A kept one may be of an older release.
    let migrated = tenantry(url).args(["migrate", "up"]).stdout(Stdio::null()).status();
    assert!(migrated.unwrap().success(), "the schema is not brought up to date");
    let connection = connect(url).await.unwrap();
    if texts(&connection, "SELECT id FROM groups WHERE id = 'bench-group-1'")
        .await
        .is_empty()
    {
        add_groups(&connection).await;
        add_events(&connection).await;
    }
    if url.starts_with("postgres") {
        run(&connection, "VACUUM ANALYZE").await;
    }
    took
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

/// The largest organization, by key.
pub async fn largest(connection: &DatabaseConnection) -> i64 {
    number(
        connection,
        "SELECT organization_pk FROM users GROUP BY organization_pk ORDER BY COUNT(*) DESC, organization_pk LIMIT 1",
    )
    .await
}

async fn add_groups(connection: &DatabaseConnection) {
    let organization = largest(connection).await;
    for group in 1..=GROUPS {
        run(
            connection,
            &format!(
                "INSERT INTO groups (id, organization_pk, key, name, name_key, words, version, created_at, updated_at)
                 VALUES ('bench-group-{group}', {organization}, 'bench-{group}', 'Benchmark {group}', 'benchmark {group}', ' benchmark {group}', 1, 0, 0)"
            ),
        )
        .await;
        run(
            connection,
            &format!(
                "INSERT INTO group_members (group_pk, user_pk, organization_pk, created_at)
                 SELECT g.pk, u.pk, u.organization_pk, u.created_at
                 FROM users u CROSS JOIN groups g
                 WHERE u.organization_pk = {organization} AND u.pk % {} = 0 AND g.id = 'bench-group-{group}'",
                group + 2
            ),
        )
        .await;
    }
}

async fn add_events(connection: &DatabaseConnection) {
    let last = number(connection, "SELECT MAX(pk) FROM users").await;
    for first in (0..=last).step_by(usize::try_from(EVENTS).unwrap()) {
        run(
            connection,
            &format!(
                "INSERT INTO audit_events
                     (id, organization_pk, tenant_pk, action, target_kind, target_pk, target_id, target_name, subject_id, created_at)
                 SELECT 'bench-event-' || pk, organization_pk, tenant_pk, 'user.update', 'user', pk, id, display_name, id, created_at
                 FROM users WHERE pk >= {first} AND pk < {first} + {EVENTS} ORDER BY pk"
            ),
        )
        .await;
    }
}

async fn run(connection: &DatabaseConnection, sql: &str) {
    connection.execute_unprepared(sql).await.unwrap();
}

pub async fn number(connection: &DatabaseConnection, sql: &str) -> i64 {
    let sql = format!("SELECT CAST(({sql}) AS TEXT)");
    texts(connection, &sql).await[0].parse().unwrap()
}

pub async fn texts(connection: &DatabaseConnection, sql: &str) -> Vec<String> {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let rows = connection.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}
