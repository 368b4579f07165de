//! What every table has, asked of the databases themselves.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::on_both;
use crate::support::{App, Backend};

/// Events outlive what they speak of.
const OUTLIVES: &str = "audit_events";

/// Columns that no index begins with, and why none has to.
const NOT_FIRST: &[(&str, &str, &str)] = &[
    ("group_members", "organization_pk", IN_COMPOSITE_KEYS),
    ("group_roles", "organization_pk", IN_COMPOSITE_KEYS),
    ("user_roles", "organization_pk", IN_COMPOSITE_KEYS),
];
const IN_COMPOSITE_KEYS: &str =
    "stands in two composite foreign keys, whose other column an index begins with, and is looked up by neither";

/// Its rows come and go with those of `users`, by triggers, so foreign keys would only cost a lock for each.
const BY_TRIGGERS: &str = "user_words";

#[derive(Debug, Default)]
struct Table {
    columns: BTreeSet<String>,
    primary_key: Vec<String>,
    /// Column and the table it points to, for each column of each foreign key.
    foreign_keys: BTreeSet<(String, String)>,
    /// The first column of each index and unique constraint; expressions are left out.
    indexed: BTreeSet<String>,
}

/// Times and counts are 64-bit integers, so that both databases hold the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_are_64_bit_on_postgresql() {
    let app = App::new(Backend::Postgres).await;
    let select = "SELECT table_name || '.' || column_name || ' ' || data_type AS line FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name <> 'seaql_migrations'
               AND data_type NOT IN ('bigint', 'text', 'boolean')";
    assert_eq!(lines(&app, select).await, Vec::<String>::new());
}

/// Each connection holds foreign keys, readers and writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_connection_holds_foreign_keys_on_sqlite() {
    let app = App::new(Backend::Sqlite).await;
    let db = &app.services.db;
    let asked = "SELECT CAST(foreign_keys AS TEXT) || ' ' || (SELECT journal_mode FROM pragma_journal_mode) AS line FROM pragma_foreign_keys";
    let change = db.begin().await.unwrap();
    let row = change
        .query_one_raw(Statement::from_string(DbBackend::Sqlite, asked))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.try_get::<String>("", "line").unwrap(), "1 wal");
    drop(change);
    assert_eq!(lines(&app, asked).await, ["1 wal"]);
    assert_eq!(
        lines(&app, "SELECT \"table\" AS line FROM pragma_foreign_key_check").await,
        Vec::<String>::new()
    );
}

on_both! {
    async fn tables_have_keys_and_indexes(app: App) {
        let tables = tables(&app).await;
        // A start looks for these before it makes its own.
        let names: Vec<&str> = tables.keys().map(String::as_str).collect();
        assert_eq!(names, tenantry::store::db::TABLES);
        assert!(tables.contains_key("users") && tables.contains_key("audit_events"), "{:?}", tables.keys());
        for (name, table) in &tables {
            assert!(!table.primary_key.is_empty(), "{name} has no primary key");
            if name == BY_TRIGGERS {
                continue;
            }
            for column in table.columns.iter().filter(|column| column.ends_with("_pk")) {
                // What points to a row is followed when that row is deleted or listed: both need the index.
                let points = table.foreign_keys.iter().any(|(from, _)| from == column);
                assert!(points || name == OUTLIVES, "{name}.{column} has no foreign key");
                let own = matches!(column.as_str(), "organization_pk" | "user_pk");
                let begins = table.indexed.contains(column) || table.primary_key.first() == Some(column);
                let excepted = NOT_FIRST.iter().any(|(table, but, _)| table == name && but == column);
                assert!(!(begins && excepted), "{name}.{column} needs no exception");
                assert!(begins || !own || excepted, "no index of {name} begins with {column}");
            }
            for (column, to) in &table.foreign_keys {
                assert!(tables.contains_key(to), "{name}.{column} points to {to}");
                assert_ne!(name, OUTLIVES, "{name} must outlive what it speaks of");
            }
            if name != OUTLIVES {
                for (column, to) in [("organization_pk", "organizations"), ("user_pk", "users")] {
                    let has = table.columns.contains(column);
                    let right = table.foreign_keys.contains(&(column.to_owned(), to.to_owned()));
                    let together = NOT_FIRST.iter().any(|(table, but, _)| table == name && *but == column);
                    assert!(!has || right || together, "{name}.{column} does not point to {to}");
                }
            }
        }
    }

    /// Whatever has an id can be found by it, and no id stands twice.
    async fn ids_are_unique(app: App) {
        for (name, table) in tables(&app).await {
            // A permission that was deleted stays for a day, so the index is for the others: `catalogue` tests it.
            let indexed = table.indexed.contains("id") || name == "permissions";
            assert!(!table.columns.contains("id") || indexed, "{name}.id has no index");
        }
    }

    /// Text compares by code point: PostgreSQL is told so, SQLite does so unless told otherwise.
    async fn text_compares_by_code_point(app: App) {
        let select = match app.backend_of() {
            DbBackend::Postgres => "SELECT table_name || '.' || column_name AS line FROM information_schema.columns
                 WHERE table_schema = 'public' AND table_name <> 'seaql_migrations'
                   AND data_type IN ('text', 'character varying', 'character', 'json', 'jsonb')
                   AND collation_name IS DISTINCT FROM 'C'",
            _ => "SELECT m.name AS line FROM sqlite_master m
                 WHERE m.name <> 'seaql_migrations' AND (m.sql LIKE '%NOCASE%' OR m.sql LIKE '%RTRIM %')",
        };
        assert_eq!(lines(&app, select).await, Vec::<String>::new());
    }

    async fn foreign_keys_are_held(app: App) {
        let db = &app.services.db;
        // A tenant of another organization is refused by the database itself.
        app.organization("acme", &["berlin"]).await;
        app.organization("globex", &["rome"]).await;
        app.user("acme", "ann", None).await;
        let change = db.begin().await.unwrap();
        let moved = change.execute_unprepared(
            "UPDATE users SET tenant_pk = (SELECT pk FROM tenants WHERE id = 'rome') WHERE id = 'ann'",
        ).await;
        assert!(moved.is_err(), "a user got a tenant of another organization");
    }
}

impl App {
    fn backend_of(&self) -> DbBackend {
        self.services.db.backend()
    }
}

async fn lines(app: &App, select: &str) -> Vec<String> {
    let statement = Statement::from_string(app.backend_of(), select);
    let rows = app.services.db.reader().query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get("", "line").unwrap()).collect()
}

async fn tables(app: &App) -> BTreeMap<String, Table> {
    // Each line is `what|table|column|more`.
    let select = match app.backend_of() {
        DbBackend::Postgres => {
            "SELECT 'column|' || table_name || '|' || column_name || '|' AS line
                 FROM information_schema.columns WHERE table_schema = 'public'
             UNION ALL
             SELECT 'primary|' || c.relname || '|' || a.attname || '|'
                 FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
                 WHERE i.indisprimary AND c.relnamespace = 'public'::regnamespace
             UNION ALL
             SELECT 'foreign|' || k.conrelid::regclass::text || '|' || a.attname || '|' || k.confrelid::regclass::text
                 FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
                 WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace
             UNION ALL
             SELECT 'index|' || c.relname || '|' || a.attname || '|'
                 FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
                 WHERE i.indpred IS NULL AND c.relnamespace = 'public'::regnamespace"
        }
        _ => {
            "SELECT 'column|' || m.name || '|' || c.name || '|' AS line FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'
             UNION ALL
             SELECT 'primary|' || m.name || '|' || c.name || '|' FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.pk = 1
             UNION ALL
             SELECT 'foreign|' || m.name || '|' || f.\"from\" || '|' || f.\"table\" FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'
             UNION ALL
             SELECT 'index|' || m.name || '|' || x.name || '|' FROM sqlite_master m, pragma_index_list(m.name) i, pragma_index_info(i.name) x
                 WHERE m.type = 'table' AND x.seqno = 0 AND x.name IS NOT NULL AND i.partial = 0"
        }
    };
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for line in lines(app, select).await {
        let [what, table, column, more]: [&str; 4] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
        if table == "seaql_migrations" || table.starts_with("sqlite_") {
            continue;
        }
        let entry = tables.entry(table.to_owned()).or_default();
        match what {
            "column" => drop(entry.columns.insert(column.to_owned())),
            "primary" => entry.primary_key.push(column.to_owned()),
            "foreign" => drop(entry.foreign_keys.insert((column.to_owned(), more.to_owned()))),
            _ => drop(entry.indexed.insert(column.to_owned())),
        }
    }
    tables
}
