//! Every step up, down and up again; and what a server does beside a schema that is not its own.

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, Statement};
use strum::VariantArray;
use tenantry::store::db::{Database, SchemaState, schema_state};

use super::from_top;
use crate::on_both;
use tenantry::model::Secret;

use crate::support::{ADMIN_KEY, App};

on_both! {
    /// Up, all of them; then each step down and up again on its own, from the newest; then all down, and up.
    async fn up_down_up(app: App) {
        let db = &app.services.db;
        let change = db.begin_setup().await.unwrap();
        let current = shape(&*change).await;
        assert!(current.contains("users"), "{current}");
        let count = Migrator::migrations().len();
        for step in 1..=count {
            let step = u32::try_from(step).unwrap();
            Migrator::down(&*change, Some(step)).await.unwrap();
            assert_ne!(shape(&*change).await, current, "{step} steps down change nothing");
            assert_eq!(schema_state(&*change).await.unwrap(), SchemaState::Older(step as usize));
            Migrator::up(&*change, None).await.unwrap();
            assert_eq!(shape(&*change).await, current, "the last {step} steps, down and up");
            assert_eq!(schema_state(&*change).await.unwrap(), SchemaState::Current);
        }
        Migrator::down(&*change, None).await.unwrap();
        let left: Vec<String> = shape(&*change).await.lines().filter(|line| !line.contains("seaql_migrations")).map(str::to_owned).collect();
        assert!(left.is_empty(), "left over: {left:#?}");
        Migrator::up(&*change, None).await.unwrap();
        assert_eq!(shape(&*change).await, current);
        change.commit().await.unwrap();
        // And the server starts on it as on an empty database.
        tenantry::operations::setup::prepare(&app.services, Some(&Secret::given(ADMIN_KEY))).await.unwrap();
        app.services.credentials.forget();
        assert_eq!(app.admin().ok("{ me { id } }", serde_json::json!({})).await["me"]["id"], "admin");
    }

    /// Starting on a newer schema is refused and changes nothing; a server that runs stays ready and goes on.
    async fn a_newer_schema(app: App) {
        let db = &app.services.db;
        assert!(db.is_ready().await);
        let change = db.begin().await.unwrap();
        change
            .execute_unprepared("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_later', 0)")
            .await
            .unwrap();
        change.commit().await.unwrap();
        let before = app.dump().await;
        let refused = tenantry::operations::setup::prepare(&app.services, Some(&Secret::given("another-key-of-the-admin-0123456789"))).await;
        let message = refused.unwrap_err().to_string();
        assert!(message.contains("newer release") && message.contains("m29990101_000001_later"), "{message}");
        assert!(tenantry::operations::setup::migrate(db).await.is_err());
        assert_eq!(app.dump().await, before);
        assert!(db.is_ready().await, "a running server stays ready");
        assert_eq!(app.admin().ok("{ countUsers }", serde_json::json!({})).await["countUsers"], 1);
    }

    /// A database of a build that was never released is refused in words and stays as it is; a server beside it is not ready.
    async fn an_unreleased_schema(app: App) {
        let db = &app.services.db;
        for step in ["m20261123_000001_directory", "m20261128_000001_directory_00000000"] {
            let change = db.begin().await.unwrap();
            change.execute_unprepared(&format!("UPDATE seaql_migrations SET version = '{step}'")).await.unwrap();
            change.commit().await.unwrap();
            let before = app.dump().await;
            let refused = tenantry::operations::setup::migrate(db).await.unwrap_err().to_string();
            assert!(refused.contains("unreleased build") && refused.contains(step), "{refused}");
            assert_eq!(app.dump().await, before);
            assert!(!db.is_ready().await);
        }
    }

    /// On an older schema a server is not ready until the steps are made; it says how many are missing.
    async fn an_older_schema(app: App) {
        let empty = crate::support::TestDatabase::empty(app.backend).await;
        let db = Database::connect(&empty.url).await.unwrap();
        assert!(!db.is_ready().await);
        let steps = Migrator::migrations().len();
        assert_eq!(schema_state(db.reader()).await.unwrap(), SchemaState::Older(steps));
        tenantry::operations::setup::migrate(&db).await.unwrap();
        tenantry::operations::setup::migrate(&db).await.unwrap();
        assert!(db.is_ready().await);
        db.close().await;
    }

    /// The built-in roles in the tables are those that the server knows.
    async fn every_built_in_role_has_its_row(app: App) {
        let rows = app.services.db.reader().query_all_raw(Statement::from_string(
            app.services.db.backend(),
            "SELECT name FROM roles WHERE organization_pk IS NULL",
        )).await.unwrap();
        let mut stored: Vec<String> = rows.iter().map(|row| row.try_get("", "name").unwrap()).collect();
        let mut known = tenantry::model::BuiltIn::VARIANTS.iter().map(|role| role.name().to_owned()).collect::<Vec<_>>();
        stored.sort();
        known.sort();
        assert_eq!(stored, known);
    }
}

/// Every step is named `m<date>_<number>_<what>` as its file is, and they stand in order.
#[test]
fn steps_are_named_and_ordered() {
    let names: Vec<String> = Migrator::migrations()
        .iter()
        .map(|step| step.name().to_owned())
        .collect();
    let mut sorted = names.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(names, sorted, "steps run in the order of their names");
    for name in &names {
        let parts: Vec<&str> = name.splitn(3, '_').collect();
        let digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
        let well = parts.len() == 3 && parts[0].starts_with('m') && digits(&parts[0][1..], 8) && digits(parts[1], 6);
        assert!(well, "{name}");
    }
    let mut files: Vec<String> = std::fs::read_dir(from_top("migration/src"))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".rs").map(str::to_owned))
        .filter(|name| name.starts_with("m2"))
        .collect();
    files.sort();
    let of_files = names
        .iter()
        .map(|name| files.iter().find(|file| name.starts_with(file.as_str())));
    let of_files: Vec<&String> = of_files.flatten().collect();
    assert_eq!(
        of_files,
        files.iter().collect::<Vec<_>>(),
        "a step's file that is not in the list, or the other way"
    );
    assert_eq!(files.len(), names.len());
}

/// Tables, columns, indexes and constraints as text.
async fn shape(connection: &impl ConnectionTrait) -> String {
    let backend = connection.get_database_backend();
    let select = match backend {
        sea_orm::DbBackend::Postgres => {
            "SELECT line FROM (
                 SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' '
                        || COALESCE(collation_name, '') || ' ' || is_nullable || ' ' || COALESCE(column_default, '') AS line
                 FROM information_schema.columns WHERE table_schema = 'public'
                 UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
                 UNION ALL SELECT 'constraint ' || conrelid::regclass::text || ' ' || conname || ' ' || pg_get_constraintdef(oid)
                 FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
             ) lines ORDER BY line"
        }
        _ => "SELECT type || ' ' || name || ' ' || COALESCE(sql, '') AS line FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY 1",
    };
    let rows = connection
        .query_all_raw(Statement::from_string(backend, select))
        .await
        .unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.try_get("", "line").unwrap()).collect();
    lines.join("\n")
}
