//! Fills an empty database with the rows of another one.

use anyhow::{Context, bail};
use sea_orm::sea_query::{Alias, Expr, Query};
use sea_orm::{ConnectionTrait, DbBackend, Value};

use super::digest::{Digest, Digester, digest};
use super::rows::{Cell, Rows};
use super::tables::{AUDIT_EVENTS, Column, TABLES, Table, Written};
use super::{counters, indexes};

/// SQLite allows 32,766 values in a statement.
const VALUES_MAX: usize = 30_000;

/// What each table contains.
pub type Digests = Vec<(&'static str, Digest)>;

/// Copies every row of one database into another one, which has the schema and no rows but those that migrations make, and
/// compares them. Calls `progress` with the number of rows of each table so far.
pub async fn load(
    from: &impl ConnectionTrait,
    to: &impl ConnectionTrait,
    mut progress: impl FnMut(&'static str, u64),
) -> anyhow::Result<Digests> {
    clear(to).await?;
    let dropped = indexes::drop(to, None).await?;
    let mut digests = Digests::new();
    for table in TABLES {
        let copied = match table.by_triggers {
            true => digest(from, table).await,
            false => load_table(from, to, table, &mut progress).await,
        };
        let copied = copied.with_context(|| format!("cannot copy the table '{}'", table.name))?;
        digests.push((table.name, copied));
    }
    indexes::make(to, dropped).await?;
    counters::copy(from, to).await?;
    for (table, (_, copied)) in TABLES.iter().zip(&digests) {
        let there = digest(to, table).await?;
        if there != *copied {
            bail!(
                "the copy of the table '{}' differs: {} rows with the digest {} became {} rows with the digest {}",
                table.name,
                copied.rows,
                copied.sha256,
                there.rows,
                there.sha256
            );
        }
    }
    Ok(digests)
}

/// Removes the rows that migrations make: their keys may differ from those of the same rows in the other database.
async fn clear(to: &impl ConnectionTrait) -> anyhow::Result<()> {
    for table in TABLES.iter().rev().filter(|table| table.name != AUDIT_EVENTS) {
        to.execute(Query::delete().from_table(Alias::new(table.name))).await?;
    }
    Ok(())
}

async fn load_table(
    from: &impl ConnectionTrait,
    to: &impl ConnectionTrait,
    table: &'static Table,
    progress: &mut impl FnMut(&'static str, u64),
) -> anyhow::Result<Digest> {
    let shape = Shape::of(table, to.get_database_backend())?;
    let compared: Vec<bool> = table
        .copied()
        .map(|column| table.compared().any(|compared| compared == column))
        .collect();
    let mut rows = Rows::of(from, table, table.copied());
    let mut digester = Digester::new();
    let mut count = 0;
    loop {
        let batch = rows.next().await?;
        if batch.is_empty() {
            return Ok(digester.finish());
        }
        for row in &batch {
            let cells = row.iter().zip(&compared);
            digester.add(cells.filter(|(_, compared)| **compared).map(|(cell, _)| cell));
        }
        for part in batch.chunks(VALUES_MAX / shape.columns.len().max(1)) {
            shape.insert(to, table, part).await?;
        }
        count += u64::try_from(batch.len())?;
        progress(table.name, count);
    }
}

/// What the rows of a table become.
struct Shape {
    /// The columns that are written, each with the place of its value in a row that was read.
    columns: Vec<(&'static Column, usize)>,
    takes_zero: bool,
}

impl Shape {
    fn of(table: &'static Table, to: DbBackend) -> anyhow::Result<Self> {
        let read: Vec<&'static Column> = table.copied().collect();
        let place = |name: &str| read.iter().position(|column| column.name == name);
        let is_sqlite = to == DbBackend::Sqlite;
        let mut columns = Vec::new();
        for column in &read {
            if is_sqlite && column.written == Written::OnPostgres {
                continue;
            }
            // On SQLite, the key of an event is its position: its place in the trail, and in everybody's cursors, stays.
            let source = match is_sqlite && table.name == AUDIT_EVENTS && column.name == "pk" {
                true => "position",
                false => column.name,
            };
            columns.push((*column, place(source).context("a column that is not read")?));
        }
        Ok(Self {
            columns,
            takes_zero: is_sqlite,
        })
    }

    async fn insert(&self, to: &impl ConnectionTrait, table: &Table, rows: &[Vec<Cell>]) -> anyhow::Result<()> {
        let mut insert = Query::insert();
        insert
            .into_table(Alias::new(table.name))
            .columns(self.columns.iter().map(|(column, _)| Alias::new(column.name)));
        for row in rows {
            let mut values = Vec::with_capacity(self.columns.len());
            for (column, place) in &self.columns {
                let cell = row.get(*place).cloned().unwrap_or(Cell::Null(column.kind));
                if let Cell::Text(text) = &cell
                    && !self.takes_zero
                    && text.contains('\0')
                {
                    bail!(
                        "PostgreSQL cannot store the character U+0000, which '{}' of the row with the key {} contains",
                        column.name,
                        shown(row)
                    );
                }
                values.push(Expr::val(Value::from(cell)));
            }
            insert.values(values)?;
        }
        to.execute(&insert).await?;
        Ok(())
    }
}

/// The first value of a row, for a message.
fn shown(row: &[Cell]) -> String {
    match row.first() {
        Some(Cell::Number(number)) => number.to_string(),
        Some(Cell::Flag(flag)) => flag.to_string(),
        Some(Cell::Text(_) | Cell::Null(_)) | None => "(a text)".to_owned(),
    }
}
