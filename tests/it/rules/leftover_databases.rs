//! What tests make on a PostgreSQL server goes with them.

use tenantry::store::db::Database;

use crate::support::{App, Backend, TestDatabase};

fn name(database: &TestDatabase) -> String {
    let (_, name) = database.url.rsplit_once('/').unwrap();
    name.to_owned()
}

#[tokio::test]
async fn no_postgres_database_outlives_its_test() {
    let witness = App::new(Backend::Postgres).await;
    let held = App::new(Backend::Postgres).await;
    let still_connected = Database::connect(&held.database.url).await.unwrap();
    let empty = TestDatabase::empty(Backend::Postgres).await;
    let failing = tokio::spawn(async {
        let app = App::new(Backend::Postgres).await;
        std::panic::panic_any(name(&app.database));
    });
    let failed = failing.await.unwrap_err().into_panic().downcast::<String>().unwrap();

    let names = [name(&held.database), name(&empty), *failed];
    let count = format!(
        "SELECT COUNT(*) FROM pg_database WHERE datname IN ('{}')",
        names.join("', '")
    );
    assert_eq!(witness.number(&count).await, 2, "{names:?}");
    drop((held, empty));
    assert_eq!(witness.number(&count).await, 0, "{names:?}");
    drop(still_connected);
}
