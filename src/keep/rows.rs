//! Reads the rows of a table in the order of its key, a batch at a time.

use anyhow::{Context, bail};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Order, Query};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};

use super::tables::{ANSWERED_REQUESTS, Column, Kind, Table};

/// The rows of a batch: a value may have 64 KB, so that this many fit into little memory.
const BATCH: u64 = 500;
/// The same for answers that may be repeated, which have up to 171 KB.
const BATCH_OF_ANSWERS: u64 = 100;

/// A stored value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    Null(Kind),
    Number(i64),
    Text(String),
    Flag(bool),
}

impl Cell {
    fn read(row: &QueryResult, index: usize, kind: Kind) -> Result<Self, DbErr> {
        let cell = match kind {
            Kind::Number => row.try_get_by_index::<Option<i64>>(index)?.map(Self::Number),
            Kind::Text => row.try_get_by_index::<Option<String>>(index)?.map(Self::Text),
            Kind::Flag => row.try_get_by_index::<Option<bool>>(index)?.map(Self::Flag),
        };
        Ok(cell.unwrap_or(Self::Null(kind)))
    }
}

impl From<Cell> for Value {
    fn from(cell: Cell) -> Self {
        match cell {
            Cell::Null(Kind::Number) => Self::BigInt(None),
            Cell::Null(Kind::Text) => Self::String(None),
            Cell::Null(Kind::Flag) => Self::Bool(None),
            Cell::Number(number) => number.into(),
            Cell::Text(text) => text.into(),
            Cell::Flag(flag) => flag.into(),
        }
    }
}

/// The rows of a table that were not read yet.
pub struct Rows<'c, C> {
    connection: &'c C,
    table: &'static Table,
    columns: Vec<&'static Column>,
    /// The key of the last row that was read.
    after: Option<Vec<Cell>>,
}

impl<'c, C: ConnectionTrait> Rows<'c, C> {
    /// The columns must include the key.
    pub fn of(connection: &'c C, table: &'static Table, columns: impl Iterator<Item = &'static Column>) -> Self {
        Self {
            connection,
            table,
            columns: columns.collect(),
            after: None,
        }
    }

    /// The next rows; none after the last one.
    pub async fn next(&mut self) -> anyhow::Result<Vec<Vec<Cell>>> {
        let name = |name: &str| Expr::col(Alias::new(name));
        let mut asked = Query::select();
        asked
            .columns(self.columns.iter().map(|column| Alias::new(column.name)))
            .from(Alias::new(self.table.name))
            .limit(match self.table.name {
                ANSWERED_REQUESTS => BATCH_OF_ANSWERS,
                _ => BATCH,
            });
        for key in self.table.key {
            asked.order_by(Alias::new(*key), Order::Asc);
        }
        if let Some(after) = self.after.take() {
            let key = Expr::tuple(self.table.key.iter().map(|key| name(key)));
            let last = Expr::tuple(after.into_iter().map(|cell| Expr::val(Value::from(cell))));
            asked.and_where(key.gt(last));
        }
        let rows = self.connection.query_all(&asked).await?;
        let rows: Vec<Vec<Cell>> = rows.iter().map(|row| self.read(row)).collect::<Result<_, _>>()?;
        if let Some(last) = rows.last() {
            self.after = Some(self.key_of(last)?);
        }
        Ok(rows)
    }

    fn read(&self, row: &QueryResult) -> anyhow::Result<Vec<Cell>> {
        let cells = self.columns.iter().enumerate();
        cells
            .map(|(index, column)| {
                Cell::read(row, index, column.kind).with_context(|| {
                    format!(
                        "a row of '{}' has a value in '{}' that tenantry has not written",
                        self.table.name, column.name
                    )
                })
            })
            .collect()
    }

    fn key_of(&self, row: &[Cell]) -> anyhow::Result<Vec<Cell>> {
        let of = |key: &&str| {
            let cells = self.columns.iter().zip(row);
            cells
                .filter(|(column, _)| column.name == *key)
                .map(|(_, cell)| cell.clone())
                .next()
        };
        let key: Option<Vec<Cell>> = self.table.key.iter().map(of).collect();
        match key {
            Some(key) => Ok(key),
            None => bail!("the key of '{}' was not read", self.table.name),
        }
    }
}
