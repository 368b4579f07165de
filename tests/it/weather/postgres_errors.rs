//! What PostgreSQL says, as callers are told it.

use sea_orm::{ConnectionTrait, Statement};
use tenantry::model::error::{Error, ErrorCode};
use tenantry::store::db::Database;

use super::VARIABLES;
use crate::support::binary::Server;
use crate::support::{ADMIN_KEY, App, Backend, TestDatabase};

/// Each code, raised by PostgreSQL itself in a change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_each_class_of_errors_has_its_code() {
    let app = App::new(Backend::Postgres).await;
    let passing = [
        "08000", "08003", "08006", "08P01", "25006", "40001", "42501", "53000", "53100", "53200", "53300", "53400",
        "55P03", "57014", "57P01", "57P02", "57P03", "57P04", "57P05", "58000", "58030",
    ];
    let ours = ["22P02", "42703", "42P01", "XX000", "XX001", "P0001"];
    let expected = passing.iter().map(|state| (*state, ErrorCode::Unavailable));
    let expected = expected.chain(ours.iter().map(|state| (*state, ErrorCode::Internal)));
    for (state, code) in expected.chain([("40P01", ErrorCode::Conflict)]) {
        let raise = format!("DO $$ BEGIN RAISE EXCEPTION 'raised' USING ERRCODE = '{state}'; END $$");
        let change = app.services.db.begin().await.unwrap();
        let error: Error = change.execute_unprepared(&raise).await.unwrap_err().into();
        assert_eq!(error.code(), code, "{state}: {error:?}");
        assert_eq!(
            error.retry_after_seconds().is_some(),
            code == ErrorCode::Unavailable,
            "{state}"
        );
        assert!(!error.to_string().contains("raised"), "{error}");
        drop(change);
        // The connection is of use, or another one is.
        app.services.db.begin().await.unwrap().commit().await.unwrap();
    }
    assert!(app.services.db.is_ready().await);
}

/// Whatever a database's default is, each connection reads what is committed, as the verbs expect.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_isolation_is_that_of_the_verbs() {
    for isolation in ["repeatable read", "serializable", "read uncommitted"] {
        let database = TestDatabase::empty(Backend::Postgres).await;
        let db = Database::connect(&database.url).await.unwrap();
        let name = database.url.rsplit('/').next().unwrap();
        let change = db.begin().await.unwrap();
        change
            .execute_unprepared(&format!(
                "ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}'"
            ))
            .await
            .unwrap();
        change.commit().await.unwrap();
        db.close().await;
        // Of several that start at once, all do.
        let url = database.url.clone();
        let starting: Vec<_> = (0..3)
            .map(|_| {
                let url = url.clone();
                std::thread::spawn(move || Server::start(&url, &VARIABLES))
            })
            .collect();
        let servers: Vec<Server> = starting.into_iter().map(|one| one.join().unwrap()).collect();
        assert_eq!(servers.len(), 3);
        let db = Database::connect(&database.url).await.unwrap();
        let asked = || Statement::from_string(db.backend(), "SHOW transaction_isolation");
        let of =
            |row: Option<sea_orm::QueryResult>| row.unwrap().try_get::<String>("", "transaction_isolation").unwrap();
        assert_eq!(of(db.reader().query_one_raw(asked()).await.unwrap()), "read committed");
        let change = db.begin().await.unwrap();
        assert_eq!(of(change.query_one_raw(asked()).await.unwrap()), "read committed");
    }
}

/// Without the secret key the start says so, with the line to set, and sign-in says that the server lacks it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_without_the_secret_key() {
    let database = TestDatabase::empty(Backend::Postgres).await;
    let server = Server::start(&database.url, &[("TENANTRY_ADMIN_API_KEY", ADMIN_KEY)]);
    let document = "mutation { signIn(data: {email: \"a@b.example\", password: \"not-a-password\"}) { accessToken } }";
    let (_, answer) = server.call(ADMIN_KEY, document);
    let error = &answer["errors"][0];
    assert_eq!(error["extensions"]["code"], "UNAVAILABLE", "{answer}");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("TENANTRY_SECRET_KEY is not set"),
        "{answer}"
    );
    server.logged("TENANTRY_SECRET_KEY=$(openssl rand -hex 32)", 1);
}
