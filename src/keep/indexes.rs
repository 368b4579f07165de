//! Indexes are faster to make at once than with each row: they are dropped before an empty database is filled.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::model::error::Result;
use crate::store::db::select;

/// What was dropped.
#[derive(Debug)]
pub struct Dropped {
    /// The statements that make the indexes.
    indexes: Vec<String>,
    /// What SQLite was told about the sizes of tables, which it forgets with each index.
    sizes: Vec<(String, Option<String>, Option<String>)>,
}

/// Drops every index that no constraint needs; or of these tables, those that keep nothing unique.
pub async fn drop(connection: &impl ConnectionTrait, tables: Option<&[&str]>) -> Result<Dropped> {
    let backend = connection.get_database_backend();
    let (found, sizes) = match backend {
        DbBackend::Sqlite => (
            "SELECT name, sql, tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY rowid",
            select(connection, "SELECT tbl, idx, stat FROM sqlite_stat1").await?,
        ),
        _ => (
            "SELECT quote_ident(c.relname), pg_get_indexdef(i.indexrelid), t.relname::text FROM pg_index i
             JOIN pg_class c ON c.oid = i.indexrelid
             JOIN pg_class t ON t.oid = i.indrelid
             WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
                 AND t.relname <> 'seaql_migrations'
                 AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)
             ORDER BY c.oid",
            Vec::new(),
        ),
    };
    let mut found: Vec<(String, String, String)> = select(connection, found).await?;
    if let Some(tables) = tables {
        found.retain(|(_, sql, table)| tables.contains(&table.as_str()) && !sql.starts_with("CREATE UNIQUE"));
    }
    for (name, _, _) in &found {
        connection.execute_unprepared(&format!("DROP INDEX {name}")).await?;
    }
    Ok(Dropped {
        indexes: found.into_iter().map(|(_, sql, _)| sql).collect(),
        sizes,
    })
}

/// Makes them again.
pub async fn make(connection: &impl ConnectionTrait, dropped: Dropped) -> Result<()> {
    for sql in &dropped.indexes {
        connection.execute_unprepared(sql).await?;
    }
    if connection.get_database_backend() != DbBackend::Sqlite {
        return Ok(());
    }
    connection.execute_unprepared("DELETE FROM sqlite_stat1").await?;
    for (table, index, sizes) in dropped.sizes {
        let values = [table.into(), index.into(), sizes.into()];
        let sql = "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)";
        connection
            .execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, sql, values))
            .await?;
    }
    connection.execute_unprepared("ANALYZE sqlite_schema").await?;
    Ok(())
}
