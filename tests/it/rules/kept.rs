//! Copies of a whole database leave nothing out: the list of tables has what the schema has.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tenantry::keep::tables::{Kind, TABLES, Written};

use crate::on_both;
use crate::support::App;

/// A column as the schema has it.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    kind: Kind,
    is_computed: bool,
}

async fn lines(app: &App, sqlite: &str, postgres: &str) -> Vec<String> {
    let db = &app.services.db;
    let sql = if db.backend() == DbBackend::Sqlite {
        sqlite
    } else {
        postgres
    };
    let rows = db
        .reader()
        .query_all_raw(Statement::from_string(db.backend(), sql))
        .await
        .unwrap();
    rows.iter().map(|row| row.try_get("", "line").unwrap()).collect()
}

/// Each table's columns, in their order.
async fn schema(app: &App) -> BTreeMap<String, Vec<(String, Found)>> {
    let lines = lines(
        app,
        "SELECT m.name || '|' || c.name || '|' || c.type || '|' || (c.hidden > 0) AS line
             FROM sqlite_master m, pragma_table_xinfo(m.name) c
             WHERE m.type = 'table' AND m.name <> 'seaql_migrations' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
             ORDER BY m.name, c.cid",
        "SELECT table_name || '|' || column_name || '|' || data_type || '|' || (is_generated = 'ALWAYS')::int AS line
             FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name <> 'seaql_migrations' ORDER BY table_name, ordinal_position",
    );
    let mut tables: BTreeMap<String, Vec<(String, Found)>> = BTreeMap::new();
    for line in lines.await {
        let [table, column, kind, is_computed] = line.split('|').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let kind = match kind.to_lowercase().split_whitespace().next().unwrap() {
            "integer" | "bigint" => Kind::Number,
            "text" => Kind::Text,
            "boolean" => Kind::Flag,
            other => panic!("{table}.{column} is of the type {other}"),
        };
        let is_computed = is_computed == "1";
        let columns = tables.entry(table.to_owned()).or_default();
        columns.push((column.to_owned(), Found { kind, is_computed }));
    }
    tables
}

on_both! {
    async fn every_table_and_column_is_kept(app: App) {
        let is_sqlite = app.services.db.backend() == DbBackend::Sqlite;
        let schema = schema(&app).await;
        let names: BTreeSet<&str> = TABLES.iter().map(|table| table.name).collect();
        assert_eq!(names.len(), TABLES.len());
        assert_eq!(names, schema.keys().map(String::as_str).collect());
        for table in TABLES {
            let listed: Vec<(String, Found)> = table.columns.iter().map(|column| {
                let is_computed = match column.written {
                    Written::ByUs => false,
                    Written::Never => true,
                    Written::OnPostgres => is_sqlite,
                };
                (column.name.to_owned(), Found { kind: column.kind, is_computed })
            }).collect();
            assert_eq!(listed, schema[table.name], "{}", table.name);
        }
    }

    /// A table refers to itself and to those before it.
    async fn tables_are_in_the_order_of_their_references(app: App) {
        let references = lines(
            &app,
            "SELECT m.name || '|' || f.\"table\" AS line FROM sqlite_master m, pragma_foreign_key_list(m.name) f
                 WHERE m.type = 'table'",
            "SELECT conrelid::regclass || '|' || confrelid::regclass AS line FROM pg_constraint WHERE contype = 'f'",
        ).await;
        assert!(references.len() > 20);
        let place = |name: &str| TABLES.iter().position(|table| table.name == name).unwrap();
        for line in references {
            let (from, to) = line.split_once('|').unwrap();
            assert!(place(to) <= place(from), "{from} refers to {to}");
        }
    }

    /// The key orders rows, and no two have the same.
    async fn keys_are_unique(app: App) {
        let unique = lines(
            &app,
            "SELECT m.name || '|' || group_concat(c.name, ' ' ORDER BY c.pk) AS line FROM sqlite_master m, pragma_table_info(m.name) c
                 WHERE m.type = 'table' AND c.pk > 0 GROUP BY m.name",
            "SELECT t.relname || '|' || string_agg(a.attname, ' ' ORDER BY array_position(i.indkey::int[], a.attnum::int)) AS line
                 FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
                 JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY (i.indkey)
                 WHERE i.indisprimary AND t.relnamespace = 'public'::regnamespace GROUP BY t.relname",
        ).await;
        for table in TABLES.iter().filter(|table| table.key != ["position"]) {
            let line = format!("{}|{}", table.name, table.key.join(" "));
            assert!(unique.contains(&line), "{line} is not in {unique:#?}");
        }
    }
}
