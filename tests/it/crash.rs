//! Killed at any moment, the server has kept what it acknowledged, and nothing half done.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;
use tenantry::store::db::Database;

use crate::support::binary::{Server, request_with, try_answer};
use crate::support::{ADMIN_KEY, Backend, TestDatabase};

const ROUNDS: u64 = 10;
const WRITERS: usize = 8;
const CREATE: &str = "mutation($data: CreateUserData!) { createUser(data: $data) { id } }";

/// Creates users, one after the other, until the server is gone; gives those that were acknowledged.
fn write(address: &str, round: u64, writer: usize, gone: &AtomicBool) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        if gone.load(Ordering::Relaxed) {
            break;
        }
        let id = format!("u-{round}-{writer}-{number}");
        let data = json!({
            "id": id, "email": format!("{id}@acme.example"), "organizationId": "platform", "tenantId": "platform", "roles": ["user"],
        });
        let (head, body) = request_with(address, ADMIN_KEY, CREATE, &json!({ "data": data }));
        let Some((_, answer)) = try_answer(address, &(head + &body)) else {
            break;
        };
        assert_eq!(answer, json!({ "data": { "createUser": { "id": id } } }));
        acknowledged.push(id);
    }
    acknowledged
}

async fn texts(db: &Database, sql: &str) -> BTreeSet<String> {
    let rows = db
        .reader()
        .query_all_raw(Statement::from_string(db.backend(), sql))
        .await
        .unwrap();
    let texts: Vec<String> = rows.iter().map(|row| row.try_get("", "text").unwrap()).collect();
    let distinct: BTreeSet<String> = texts.iter().cloned().collect();
    assert_eq!(distinct.len(), texts.len(), "something is there twice: {sql}");
    distinct
}

fn start(database: &TestDatabase) -> Server {
    Server::start(&database.url, &[("TENANTRY_ADMIN_API_KEY", ADMIN_KEY)])
}

async fn crash(backend: Backend) {
    let database = TestDatabase::empty(backend).await;
    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut server = start(&database);
        // The first answer takes longer than others; without it a busy machine would write nothing before the end.
        assert_eq!(server.call(ADMIN_KEY, "{ me { id } }").0, 200);
        let gone = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (address, gone) = (server.address.clone(), Arc::clone(&gone));
                std::thread::spawn(move || write(&address, round, writer, &gone))
            })
            .collect();
        let mut random = [0_u8; 2];
        getrandom::fill(&mut random).unwrap();
        // Time is the subject: it ends at any moment.
        tokio::time::sleep(Duration::from_millis(100 + u64::from(u16::from_le_bytes(random) % 700))).await;
        server.kill();
        gone.store(true, Ordering::Relaxed);
        for writer in writers {
            acknowledged.extend(writer.join().unwrap());
        }
    }
    assert!(
        acknowledged.len() > 20,
        "only {} users were made in all",
        acknowledged.len()
    );

    // It starts again and works.
    let server = start(&database);
    let (_, counted) = server.call(ADMIN_KEY, "{ countUsers(where: {idStartsWith: \"u-\"}) }");
    let after = json!({ "data": { "id": "after", "organizationId": "platform" } });
    let (_, made) = server.call_with(ADMIN_KEY, CREATE, &after);
    assert_eq!(made, json!({ "data": { "createUser": { "id": "after" } } }));
    drop(server);

    let db = Database::connect(&database.url).await.unwrap();
    let users = texts(&db, "SELECT id AS text FROM users WHERE id LIKE 'u-%'").await;
    assert_eq!(counted, json!({ "data": { "countUsers": users.len() } }));
    let lost: Vec<&String> = acknowledged.difference(&users).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    // At most one of each writer and round was made and could not be acknowledged any more.
    assert!(users.len() - acknowledged.len() <= WRITERS * usize::try_from(ROUNDS).unwrap());
    let events = "SELECT target_id AS text FROM audit_events WHERE action = 'user.create' AND target_id LIKE 'u-%'";
    assert_eq!(
        texts(&db, events).await,
        users,
        "a user and its audit event are made together"
    );
    let roles = "SELECT u.id AS text FROM user_roles r JOIN users u ON u.pk = r.user_pk WHERE u.id LIKE 'u-%'";
    assert_eq!(texts(&db, roles).await, users, "and so is its role");
    if backend == Backend::Sqlite {
        assert_eq!(
            texts(&db, "SELECT integrity_check AS text FROM pragma_integrity_check").await,
            BTreeSet::from(["ok".to_owned()])
        );
        assert!(
            texts(&db, "SELECT \"table\" AS text FROM pragma_foreign_key_check")
                .await
                .is_empty()
        );
    }
    db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_what_was_acknowledged() {
    crash(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_what_was_acknowledged() {
    crash(Backend::Postgres).await;
}
