//! Several changes in one commit of SQLite: each keeps its own fate, nobody is answered before the commit, and nobody is
//! forgotten.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::join_all;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use tenantry::model::error::{Error, Result};
use tenantry::store::db::{Database, STATEMENT_TIMEOUT, Transaction};

use crate::on_both;
use crate::support::wait::{AT_LAST, until};
use crate::support::{App, Backend, Caller};

const CREATE: &str = "mutation($data: CreateUserData!) { createUser(data: $data) { id } }";
/// Long enough to see that something does not happen.
const A_WHILE: Duration = Duration::from_millis(200);

fn insert(id: &str) -> String {
    format!(
        "INSERT INTO users (id, email, organization_pk, activated, password_temporary, version, created_at, updated_at)
         VALUES ('{id}', '{id}@x.example', 1, true, false, 1, 1, 1)"
    )
}

/// Inserts so many rows, one after the other, and keeps none: what takes its time.
fn busy(rows: u64) -> String {
    format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) SELECT COUNT(*) FROM n")
}

async fn ids(app: &App) -> Vec<String> {
    let sql = "SELECT id FROM users WHERE email LIKE '%@x.example' ORDER BY id";
    let rows = app
        .services
        .db
        .reader()
        .query_all_raw(Statement::from_string(app.services.db.backend(), sql));
    rows.await
        .unwrap()
        .iter()
        .map(|row| row.try_get("", "id").unwrap())
        .collect()
}

/// A change that is done and waits for the next one, which holds the writer.
async fn in_one_group(app: &App) -> (impl Future<Output = Result<()>>, Transaction) {
    let db = &app.services.db;
    let first = db.begin().await.unwrap();
    first.execute_unprepared(&insert("first")).await.unwrap();
    let mut second = Box::pin(db.begin());
    assert!((&mut second).now_or_never().is_none(), "there is one writer");
    let mut first = Box::pin(first.commit());
    assert!((&mut first).now_or_never().is_none());
    let second = second.await.unwrap();
    (first, second)
}

#[tokio::test]
async fn nobody_is_answered_before_the_commit_on_sqlite() {
    let app = App::new(Backend::Sqlite).await;
    let (first, second) = in_one_group(&app).await;
    let mut first = pin!(first);
    assert!(tokio::time::timeout(A_WHILE, &mut first).await.is_err());
    assert!(ids(&app).await.is_empty(), "nothing is to be seen outside");
    second.execute_unprepared(&insert("second")).await.unwrap();
    assert!(tokio::time::timeout(A_WHILE, &mut first).await.is_err());
    second.commit().await.unwrap();
    assert_eq!(ids(&app).await, ["first", "second"]);
    assert!(first.now_or_never().unwrap().is_ok(), "both are committed at once");
}

#[tokio::test]
async fn who_fails_fails_alone_on_sqlite() {
    let app = App::new(Backend::Sqlite).await;
    let (first, second) = in_one_group(&app).await;
    second.execute_unprepared(&insert("second")).await.unwrap();
    let taken = second.execute_unprepared(&insert("first")).await;
    assert!(taken.is_err(), "it sees what is done before it");
    drop(second);
    first.await.unwrap();
    assert_eq!(ids(&app).await, ["first"]);
    // A third is not harmed by it either.
    let third = app.services.db.begin().await.unwrap();
    third.execute_unprepared(&insert("second")).await.unwrap();
    third.commit().await.unwrap();
    assert_eq!(ids(&app).await, ["first", "second"]);
}

/// Its statement ends first: SQLite would roll back the others' changes too if it were interrupted.
#[tokio::test]
async fn who_goes_away_in_the_middle_of_a_statement_leaves_nothing_on_sqlite() {
    let app = App::new(Backend::Sqlite).await;
    let (first, second) = in_one_group(&app).await;
    second.execute_unprepared(&insert("second")).await.unwrap();
    let busy = busy(1_000_000);
    let gives_up = tokio::time::timeout(Duration::from_millis(20), second.execute_unprepared(&busy));
    assert!(gives_up.await.is_err());
    drop(second);
    first.await.unwrap();
    let third = app.services.db.begin().await.unwrap();
    third.execute_unprepared(&insert("third")).await.unwrap();
    third.commit().await.unwrap();
    assert_eq!(ids(&app).await, ["first", "third"]);
}

#[tokio::test]
async fn who_goes_away_while_waiting_leaves_the_others_on_sqlite() {
    let app = App::new(Backend::Sqlite).await;
    let db = &app.services.db;
    let first = db.begin().await.unwrap();
    first.execute_unprepared(&insert("first")).await.unwrap();
    let mut second = Box::pin(db.begin());
    assert!((&mut second).now_or_never().is_none());
    let mut first = Box::pin(first.commit());
    assert!((&mut first).now_or_never().is_none());
    drop(second);
    first.await.unwrap();
    assert_eq!(ids(&app).await, ["first"]);
}

/// The changes are committed even if those who made them are gone before the commit.
#[tokio::test]
async fn a_group_that_nobody_waits_for_is_committed_on_sqlite() {
    let app = App::new(Backend::Sqlite).await;
    let (first, second) = in_one_group(&app).await;
    drop(first);
    second.execute_unprepared(&insert("second")).await.unwrap();
    let mut second = Box::pin(second.commit());
    assert!((&mut second).now_or_never().is_none());
    drop(second);
    until("the commit of the group", AT_LAST, async || {
        ids(&app).await == ["first", "second"]
    })
    .await;
}

#[tokio::test]
async fn a_commit_that_fails_fails_all_on_sqlite() {
    let app = App::new(Backend::Sqlite).await;
    let (first, second) = in_one_group(&app).await;
    second.execute_unprepared(&insert("second")).await.unwrap();
    let path = app.database.url.strip_prefix("sqlite://").unwrap();
    let away = format!("{path}.away");
    std::fs::rename(path, &away).unwrap();
    let (first, second) = tokio::join!(first, second.commit());
    std::fs::rename(&away, path).unwrap();
    for ended in [first, second] {
        assert!(matches!(ended, Err(Error::Unavailable { .. })), "{ended:?}");
    }
    assert!(ids(&app).await.is_empty());
    let third = app.services.db.begin().await.unwrap();
    third.execute_unprepared(&insert("first")).await.unwrap();
    third.commit().await.unwrap();
    assert_eq!(ids(&app).await, ["first"]);
}

/// A statement that never ends is ended like any other; the transaction that it shared is lost, and everybody is told so
/// in the time that a commit may take.
#[tokio::test]
async fn who_stalls_keeps_nobody_longer_than_a_commit_may_take_on_sqlite() {
    let app = App::new(Backend::Sqlite).await;
    let (first, second) = in_one_group(&app).await;
    let started = Instant::now();
    let endless = busy(u64::MAX >> 1);
    let (first, stalled) = tokio::join!(first, second.execute_unprepared(&endless));
    assert!(stalled.is_err());
    drop(second);
    assert!(matches!(first, Err(Error::Unavailable { .. })), "{first:?}");
    assert!(started.elapsed() < STATEMENT_TIMEOUT + Duration::from_secs(3));
    assert!(ids(&app).await.is_empty());
    let third = app.services.db.begin().await.unwrap();
    third.execute_unprepared(&insert("third")).await.unwrap();
    third.commit().await.unwrap();
    assert_eq!(ids(&app).await, ["third"]);
}

/// Refused because of a change that is not committed yet: the answer waits for the commit, and depends on it.
async fn refused_by_what_is_not_committed(commits: bool) -> (Value, Value, Vec<String>) {
    let app = App::new(Backend::Sqlite).await;
    let db = &app.services.db;
    let first = db.begin().await.unwrap();
    first.execute_unprepared(&insert("first")).await.unwrap();
    let create = app.admin().prepared(
        CREATE,
        json!({"data": {"email": "first@x.example", "organizationId": "platform"}}),
    );
    let answered = AtomicBool::new(false);
    let refused = async {
        let answer = app.at_once([create]).await.remove(0);
        answered.store(true, Ordering::Relaxed);
        answer
    };
    let path = app.database.url.strip_prefix("sqlite://").unwrap();
    let away = format!("{path}.away");
    let others = async {
        // Time is the subject: by now the request waits for the writer.
        tokio::time::sleep(A_WHILE).await;
        let mut third = Box::pin(db.begin());
        assert!((&mut third).now_or_never().is_none());
        let mut first = Box::pin(first.commit());
        assert!((&mut first).now_or_never().is_none());
        let third = third.await.unwrap();
        // Time is the subject: the request has been refused by now, and is not answered.
        tokio::time::sleep(A_WHILE).await;
        assert!(!answered.load(Ordering::Relaxed));
        if !commits {
            std::fs::rename(path, &away).unwrap();
        }
        drop(third);
        assert_eq!(first.await.is_ok(), commits);
    };
    let (answer, ()) = tokio::join!(refused, others);
    if !commits {
        std::fs::rename(&away, path).unwrap();
    }
    let ids = ids(&app).await;
    let error = &answer["errors"][0];
    (error["extensions"]["code"].clone(), error["path"].clone(), ids)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_waits_for_the_commit_that_it_depends_on_on_sqlite() {
    assert_eq!(
        refused_by_what_is_not_committed(true).await,
        (json!("CONFLICT"), json!(["createUser"]), vec!["first".to_owned()])
    );
    assert_eq!(
        refused_by_what_is_not_committed(false).await,
        (json!("UNAVAILABLE"), json!(["createUser"]), vec![])
    );
}

/// Under a constant storm, another change and another process have their turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_leaves_others_their_turn_on_sqlite() {
    let app = App::new(Backend::Sqlite).await;
    let (db, other) = (&app.services.db, Database::connect(&app.database.url).await.unwrap());
    let over = AtomicBool::new(false);
    let storm = join_all((0..100).map(|writer| {
        let over = &over;
        async move {
            let mut number = 0;
            while !over.load(Ordering::Relaxed) {
                let change = db.begin().await.unwrap();
                let id = format!("w{writer}-{number}");
                change.execute_unprepared(&insert(&id)).await.unwrap();
                change.commit().await.unwrap();
                number += 1;
            }
            number
        }
    }));
    let turns = async {
        // Time is the subject: the storm is at its height.
        tokio::time::sleep(A_WHILE).await;
        let mut longest = [Duration::ZERO; 2];
        for round in 0..10 {
            for (at, db) in [db, &other].into_iter().enumerate() {
                let started = Instant::now();
                let change = db.begin().await.unwrap();
                change
                    .execute_unprepared(&insert(&format!("turn-{at}-{round}")))
                    .await
                    .unwrap();
                change.commit().await.unwrap();
                longest[at] = longest[at].max(started.elapsed());
            }
        }
        over.store(true, Ordering::Relaxed);
        longest
    };
    let (made, longest) = tokio::join!(storm, turns);
    assert!(
        longest.iter().all(|longest| *longest < Duration::from_secs(5)),
        "{longest:?}"
    );
    assert!(made.iter().all(|number| *number > 0), "{made:?}");
    let sum: i32 = made.iter().sum();
    assert_eq!(ids(&app).await.len(), usize::try_from(sum).unwrap() + 20);
    other.close().await;
}

/// A small generator of numbers.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// A change of one of a lane's users.
fn change(numbers: &mut Numbers, lane: usize) -> (&'static str, Value) {
    let id = format!("u{lane}-{}", numbers.below(3));
    let email = format!("e{lane}-{}@x.example", numbers.below(3));
    match numbers.below(8) {
        0..3 => (
            CREATE,
            json!({"data": {"id": id, "email": email, "organizationId": "acme", "roles": ["user"]}}),
        ),
        3 => (
            "mutation($id: ID) { deleteUser(where: {id: $id}) { id } }",
            json!({"id": id}),
        ),
        4 => (
            "mutation($id: ID, $d: UserData!) { updatePropertiesInUser(where: {id: $id}, data: $d) { id version } }",
            json!({"id": id, "d": {"email": email}}),
        ),
        5 => (
            "mutation($id: ID, $d: UserData!) { updatePropertiesInUser(where: {id: $id}, data: $d) { id version } }",
            json!({"id": id, "d": {"firstname": email, "roles": ["nonsense"]}}),
        ),
        6 => (
            "mutation($id: ID) { deactivateUser(where: {id: $id}) { id version } }",
            json!({"id": id}),
        ),
        _ => (
            "mutation($id: ID) { activateUser(where: {id: $id}) { id version } }",
            json!({"id": id}),
        ),
    }
}

const LANES: usize = 32;
const CHANGES: usize = 12;

/// The answers of a lane: what came back, without the ids of requests. What was answered is to be seen at once.
async fn lane(caller: Caller<'_>, lane: usize) -> Vec<Value> {
    let mut numbers = Numbers(lane as u64);
    let mut answers = Vec::new();
    for _ in 0..CHANGES {
        let (document, variables) = change(&mut numbers, lane);
        let mut answer = caller.send(document, variables.clone()).await;
        if document == CREATE && answer["errors"].is_null() {
            let found = caller.send(
                "query($id: ID) { users(where: {id: $id}) { id } }",
                json!({"id": variables["data"]["id"]}),
            );
            assert_eq!(found.await["data"]["users"].as_array().unwrap().len(), 1);
        }
        if let Some(errors) = answer["errors"].as_array_mut() {
            errors
                .iter_mut()
                .for_each(|error| error["extensions"]["requestId"] = Value::Null);
        }
        answers.push(answer);
    }
    answers
}

async fn directory(app: &App) -> Value {
    let list = "{ users(where: {idStartsWith: \"u\"}, orderBy: ID_ASC, first: 100) { id email firstname activated version roles { name } } }";
    app.admin().ok(list, json!({})).await
}

on_both! {
    /// Many at once come to the same as one after the other, each lane having users of its own.
    async fn changes_at_once_equal_the_same_one_by_one(app: App) {
        let apart = App::new(app.backend).await;
        let mut answers = Vec::new();
        for app in [&app, &apart] {
            app.organization("acme", &[]).await;
        }
        let mut callers = Vec::new();
        for number in 0..LANES {
            for app in [&app, &apart] {
                let chief = app.user("acme", &format!("chief{number}"), Some("organization-admin")).await;
                callers.push(chief);
            }
        }
        for (number, caller) in callers.iter().skip(1).step_by(2).enumerate() {
            answers.push(lane(caller.clone(), number).await);
        }
        let at_once = join_all(callers.iter().step_by(2).enumerate().map(|(number, caller)| lane(caller.clone(), number))).await;
        for (number, (one, other)) in at_once.iter().zip(&answers).enumerate() {
            assert_eq!(one, other, "lane {number}");
        }
        assert_eq!(directory(&app).await, directory(&apart).await);
        // One event a change, in both.
        let events = "{ countAuditEvents }";
        assert_eq!(app.admin().ok(events, json!({})).await, apart.admin().ok(events, json!({})).await);
    }
}
