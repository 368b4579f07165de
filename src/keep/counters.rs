//! The last key that each table has given out. A key is never given out again, not even after its row was deleted.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::tables::{AUDIT_EVENTS, TABLES};
use crate::model::error::Result;
use crate::store::db::select;

/// The last key that each table has given out, by the table's name.
pub type Counters = BTreeMap<String, i64>;

/// The names of the tables that count up keys.
fn counted() -> impl Iterator<Item = &'static str> {
    TABLES.iter().filter(|table| table.is_counted()).map(|table| table.name)
}

/// Reads them. No row of a table has a greater key, whatever the database says.
pub async fn read(connection: &impl ConnectionTrait) -> Result<Counters> {
    let mut counters = Counters::new();
    for table in counted() {
        let greatest: Vec<Option<i64>> = select(connection, &format!("SELECT MAX(pk) FROM {table}")).await?;
        let last = last(connection, table).await?;
        let last = greatest.into_iter().chain([last]).flatten().max().unwrap_or(0);
        counters.insert(table.to_owned(), last);
    }
    Ok(counters)
}

/// The last key that a table has given out, if it has.
async fn last(connection: &impl ConnectionTrait, table: &str) -> Result<Option<i64>> {
    let sql = match connection.get_database_backend() {
        DbBackend::Sqlite => format!("SELECT seq FROM sqlite_sequence WHERE name = '{table}'"),
        _ => format!("SELECT pg_sequence_last_value(pg_get_serial_sequence('{table}', 'pk')::regclass)"),
    };
    let last: Vec<Option<i64>> = select(connection, &sql).await?;
    Ok(last.into_iter().flatten().max())
}

/// Lets each table continue after these keys.
pub async fn write(connection: &impl ConnectionTrait, counters: &Counters) -> Result<()> {
    for table in counted() {
        let last = counters.get(table).copied().unwrap_or(0);
        match connection.get_database_backend() {
            DbBackend::Sqlite => {
                for sql in [
                    format!("DELETE FROM sqlite_sequence WHERE name = '{table}'"),
                    format!("INSERT INTO sqlite_sequence (name, seq) VALUES ('{table}', {last})"),
                ] {
                    connection.execute_unprepared(&sql).await?;
                }
            }
            backend => {
                let (last, given) = (last.max(1), last > 0);
                let sql = format!("SELECT setval(pg_get_serial_sequence('{table}', 'pk')::regclass, {last}, {given})");
                connection.query_one_raw(Statement::from_string(backend, sql)).await?;
            }
        }
    }
    Ok(())
}

/// Continues in a copy where the original is. On SQLite, the keys of events are their positions.
pub async fn copy(from: &impl ConnectionTrait, to: &impl ConnectionTrait) -> Result<()> {
    let mut counters = read(from).await?;
    if to.get_database_backend() == DbBackend::Sqlite {
        let newest: Vec<Option<i64>> = select(from, "SELECT MAX(position) FROM audit_events").await?;
        let newest = newest.into_iter().flatten().max().unwrap_or(0);
        let last = match from.get_database_backend() {
            DbBackend::Sqlite => counters.get(AUDIT_EVENTS).copied().unwrap_or(0).max(newest),
            _ => newest,
        };
        counters.insert(AUDIT_EVENTS.to_owned(), last);
    }
    write(to, &counters).await
}

/// The tables that would give out keys that rows have already.
pub async fn behind(connection: &impl ConnectionTrait) -> Result<Vec<String>> {
    let mut behind = Vec::new();
    for table in counted() {
        let greatest: Vec<Option<i64>> = select(connection, &format!("SELECT MAX(pk) FROM {table}")).await?;
        let greatest = greatest.into_iter().flatten().max().unwrap_or(0);
        if last(connection, table).await?.unwrap_or(0) < greatest {
            behind.push(table.to_owned());
        }
    }
    Ok(behind)
}
