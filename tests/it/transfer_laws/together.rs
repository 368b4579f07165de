//! Imports beside each other, and beside a server.

use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{assert_same, by_hand, crowd, directory, done, exported, rounds, sealed, seats_of, told, written};
use crate::keep::asked;
use crate::support::binary::{Server, request_with, run, tenantry, text, try_answer};
use crate::support::{ADMIN_KEY, Backend, SECRET_KEY, TestDatabase};

const USERS: usize = 1_200;
/// No answer may take longer, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(9);

/// Runs the same command twice at once.
fn twice(url: &str, arguments: &[&str]) -> Vec<Output> {
    let arguments = [arguments, &["--database-url", url]].concat();
    let children: Vec<_> = (0..2)
        .map(|_| {
            let mut command = tenantry(&arguments, &[]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    children
        .into_iter()
        .map(|child| child.wait_with_output().unwrap())
        .collect()
}

fn summary(output: &Output) -> Value {
    let printed = text(&output.stdout);
    let last = printed.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|_| panic!("no summary: {}", told(output)))
}

/// A whole directory into a new database: one of both may be told that it was too late, and then nothing of it is in.
async fn whole(backend: Backend) {
    for round in 0..rounds(2, 30) {
        let folder = tempfile::tempdir().unwrap();
        let original = sealed(&directory::whole(round));
        let database = TestDatabase::empty(backend).await;
        // Each has a file of its own for refused rows.
        let file = written(folder.path(), "whole.ndjson", &original);
        let arguments = ["import", "--with-keys", "--allow-super-admins", file.to_str().unwrap()];
        let outputs = twice(&database.url, &arguments);
        let ended: Vec<Option<i32>> = outputs.iter().map(|output| output.status.code()).collect();
        let words: Vec<String> = outputs.iter().map(told).collect();
        assert!(ended.contains(&Some(0)), "round {round}: {words:#?}");
        assert!(
            ended.iter().all(|code| matches!(code, Some(0 | 1))),
            "round {round}: {ended:?} {words:#?}"
        );
        assert_same(&original, &exported(&database.url, &[]), &format!("round {round}"));
        done(&database.url, &arguments);
        assert_same(
            &original,
            &exported(&database.url, &[]),
            &format!("round {round}, again"),
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_imports_of_a_directory_at_once_on_sqlite() {
    whole(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_imports_of_a_directory_at_once_on_postgresql() {
    whole(Backend::Postgres).await;
}

/// The same file into a database that is in use: each record is created by one of both.
async fn beside(backend: Backend) {
    for round in 0..rounds(1, 30) {
        let folder = tempfile::tempdir().unwrap();
        let records = crowd("acme", USERS);
        let file = by_hand(folder.path(), "crowd.ndjson", &records);
        let database = TestDatabase::new(backend).await;
        let outputs = twice(
            &database.url,
            &["import", "--json", "--with-keys", file.to_str().unwrap()],
        );
        for output in &outputs {
            assert_eq!(output.status.code(), Some(0), "round {round}: {}", told(output));
        }
        for (kind, count) in [
            ("organization", 1),
            ("tenant", 1),
            ("role", 1),
            ("group", 1),
            ("user", USERS),
        ] {
            let created = outputs
                .iter()
                .map(|output| summary(output)["counts"][kind]["created"].as_u64().unwrap_or(0));
            assert_eq!(
                created.sum::<u64>(),
                u64::try_from(count).unwrap(),
                "round {round}: {kind}"
            );
        }
        let other = TestDatabase::new(backend).await;
        done(&other.url, &["import", "--with-keys", file.to_str().unwrap()]);
        let acme = ["--organization", "acme"];
        assert_same(
            &exported(&other.url, &acme),
            &exported(&database.url, &acme),
            &format!("round {round}"),
        );
        let seats = asked(
            &database.url,
            "SELECT seats_used AS one FROM organizations WHERE id = 'acme'",
        )
        .await;
        assert_eq!(seats, [seats_of(USERS).to_string()], "round {round}");
        let events = "SELECT SUM(count) AS one FROM audit_events WHERE action = 'organization.import'";
        assert_eq!(
            asked(&database.url, events).await,
            [records.len().to_string()],
            "round {round}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_imports_of_a_file_at_once_on_sqlite() {
    beside(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_imports_of_a_file_at_once_on_postgresql() {
    beside(Backend::Postgres).await;
}

const CREATE: &str = "mutation($data: CreateUserData!) { createUser(data: $data) { id } }";
const SIGN_IN: &str =
    "mutation { signIn(data: {email: \"ann@beta.example\", password: \"correct-horse-battery\"}) { accessToken } }";

/// What one client has seen.
#[derive(Default)]
struct Seen {
    created: Vec<String>,
    answers: usize,
    wrong: Vec<String>,
    slowest: Duration,
}

/// Asks the same again and again until the import has ended.
fn client(address: &str, number: usize, ended: &AtomicBool) -> Seen {
    let mut seen = Seen::default();
    while !ended.load(Ordering::Relaxed) {
        let id = format!("beta-{number}-{}", seen.answers);
        let data = json!({"data": {"id": id, "organizationId": "beta", "email": format!("{id}@beta.example"), "roles": ["user"]}});
        let (key, document, variables) = match number % 4 {
            0 | 1 => (ADMIN_KEY, CREATE, data),
            2 => ("", SIGN_IN, Value::Null),
            _ => (
                ADMIN_KEY,
                "{ users(first: 20, orderBy: ID_ASC) { id name roles { name } } countUsers auditEvents(first: 5) { action } }",
                Value::Null,
            ),
        };
        let started = Instant::now();
        let (head, body) = request_with(address, key, document, &variables);
        match try_answer(address, &(head + &body)) {
            Some((200, answer)) if answer.get("errors").is_none() => {
                if number % 4 < 2 {
                    seen.created.push(id);
                }
            }
            other => seen.wrong.push(format!("{other:?}")),
        }
        seen.slowest = seen.slowest.max(started.elapsed());
        seen.answers += 1;
    }
    seen
}

async fn beside_a_server(backend: Backend) {
    let users = if rounds(0, 1) == 1 { 100_000 } else { 3_000 };
    let folder = tempfile::tempdir().unwrap();
    let database = TestDatabase::empty(backend).await;
    let variables = [
        ("TENANTRY_ADMIN_API_KEY", ADMIN_KEY),
        ("TENANTRY_SECRET_KEY", SECRET_KEY),
    ];
    let server = Server::start(&database.url, &variables);
    for document in [
        "mutation { createOrganization(data: {id: \"beta\", name: \"Beta\", seatLimit: 1000000}) { id } }",
        "mutation { createUser(data: {id: \"ann\", organizationId: \"beta\", email: \"ann@beta.example\", password: \"correct-horse-battery\"}) { id } }",
    ] {
        let (status, answer) = server.call(ADMIN_KEY, document);
        assert!(status == 200 && answer.get("errors").is_none(), "{answer}");
    }
    let file = by_hand(folder.path(), "crowd.ndjson", &crowd("acme", users));
    let ended = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..8)
        .map(|number| {
            let (address, ended) = (server.address.clone(), Arc::clone(&ended));
            std::thread::spawn(move || client(&address, number, &ended))
        })
        .collect();
    let arguments = [
        "import",
        "--with-keys",
        file.to_str().unwrap(),
        "--database-url",
        &database.url,
    ];
    let output = run(&arguments, &variables);
    ended.store(true, Ordering::Relaxed);
    let seen: Vec<Seen> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    for (number, one) in seen.iter().enumerate() {
        assert!(one.wrong.is_empty(), "client {number}: {:#?}", one.wrong);
        assert!(one.answers > 0, "client {number} has no answer");
        assert!(one.slowest < PATIENCE, "client {number} waited {:?}", one.slowest);
    }
    let created: usize = seen.iter().map(|one| one.created.len()).sum();
    let count = |id: &str| format!("SELECT COUNT(*) AS one FROM users WHERE id LIKE '{id}-%'");
    assert_eq!(asked(&database.url, &count("beta")).await, [created.to_string()]);
    assert_eq!(asked(&database.url, &count("acme")).await, [users.to_string()]);
    // The trail misses nothing, and the seats of both are right.
    let events = "SELECT COUNT(*) AS one FROM audit_events WHERE action = 'user.create' AND target_id LIKE 'beta-%'";
    assert_eq!(asked(&database.url, events).await, [created.to_string()]);
    let seats = "SELECT id || ' ' || seats_used AS one FROM organizations WHERE seat_limit IS NOT NULL ORDER BY id";
    let expected = [format!("acme {}", seats_of(users)), format!("beta {}", created + 1)];
    assert_eq!(asked(&database.url, seats).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_beside_a_server_on_sqlite() {
    beside_a_server(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_beside_a_server_on_postgresql() {
    beside_a_server(Backend::Postgres).await;
}
