//! Reads every value of a table: what breaks a law, and the table's digest.

use std::collections::{BTreeMap, HashSet};

use sea_orm::ConnectionTrait;

use super::digest::{Digest, Digester};
use super::laws::Law;
use super::rows::{Cell, Rows};
use super::tables::{Column, Table};
use crate::store::db::select;

/// How many ids a fault names.
const NAMED_MAX: usize = 5;

/// Something that a sound database does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What there should be none of.
    pub what: String,
    pub count: u64,
    /// The first ids.
    pub first: Vec<String>,
    /// What to do.
    pub advice: &'static str,
}

impl Fault {
    pub fn of(what: impl Into<String>, advice: &'static str) -> Self {
        Self {
            what: what.into(),
            count: 0,
            first: Vec::new(),
            advice,
        }
    }

    /// Counts one more.
    pub fn add(&mut self, id: String) {
        self.count += 1;
        if self.first.len() < NAMED_MAX {
            self.first.push(id);
        }
    }

    /// The same with everything that a statement found, or nothing if it found nothing.
    pub fn with(mut self, found: impl IntoIterator<Item = String>) -> Option<Self> {
        found.into_iter().for_each(|id| self.add(id));
        (self.count > 0).then_some(self)
    }
}

/// What a table has.
#[derive(Clone, Debug)]
pub struct Scanned {
    pub digest: Digest,
    pub faults: Vec<Fault>,
    /// Of users: how many have a password hash of each kind, `none` included.
    pub hashes: BTreeMap<String, u64>,
}

/// The names of all permissions, deleted ones included until their row is gone.
pub async fn permissions(connection: &impl ConnectionTrait) -> anyhow::Result<HashSet<String>> {
    let names: Vec<String> = select(connection, "SELECT id FROM permissions").await?;
    Ok(names.into_iter().collect())
}

/// Reads a whole table.
pub async fn scan(
    connection: &impl ConnectionTrait,
    table: &'static Table,
    permissions: &HashSet<String>,
) -> anyhow::Result<Scanned> {
    let columns: Vec<Watched> = watched(table);
    let mut digester = Digester::new();
    let mut faults: BTreeMap<&'static str, Fault> = BTreeMap::new();
    let mut hashes = BTreeMap::new();
    let mut rows = Rows::of(connection, table, table.copied());
    loop {
        let batch = rows.next().await?;
        if batch.is_empty() {
            break;
        }
        for row in &batch {
            let cells = || columns.iter().zip(row);
            digester.add(cells().filter(|(watched, _)| watched.is_compared).map(|(_, cell)| cell));
            // Nobody can use the permissions of a revoked key.
            let is_revoked =
                cells().any(|(watched, cell)| watched.column.name == "revoked_at" && matches!(cell, Cell::Number(_)));
            for (watched, cell) in cells() {
                let Some(law) = watched.law else { continue };
                if law == Law::Hash {
                    *hashes.entry(kind_of_hash(cell)).or_insert(0) += 1;
                }
                let is_excepted = law == Law::Permissions && is_revoked;
                if !is_excepted && !law.holds(cell, permissions) {
                    let fault = faults.entry(watched.column.name);
                    let what = || {
                        format!(
                            "rows of '{}' with {} in '{}'",
                            table.name,
                            law.broken(),
                            watched.column.name
                        )
                    };
                    let fault = fault.or_insert_with(|| Fault::of(what(), law.advice()));
                    fault.add(name_of(&columns, row));
                }
            }
        }
    }
    Ok(Scanned {
        digest: digester.finish(),
        faults: faults.into_values().collect(),
        hashes,
    })
}

/// A column that is read.
struct Watched {
    column: &'static Column,
    law: Option<Law>,
    is_compared: bool,
}

fn watched(table: &'static Table) -> Vec<Watched> {
    let watch = |column: &'static Column| Watched {
        column,
        law: Law::of(table, column),
        is_compared: table.compared().any(|compared| compared.name == column.name),
    };
    table.copied().map(watch).collect()
}

/// The id of a row, or else its key.
fn name_of(columns: &[Watched], row: &[Cell]) -> String {
    let id = columns.iter().zip(row).find(|(watched, _)| watched.column.name == "id");
    match id.map_or(row.first(), |(_, cell)| Some(cell)) {
        Some(Cell::Text(text)) => text.clone(),
        Some(Cell::Number(number)) => number.to_string(),
        Some(Cell::Null(_) | Cell::Flag(_)) | None => String::new(),
    }
}

/// The name of a hash's algorithm.
fn kind_of_hash(cell: &Cell) -> String {
    match cell {
        Cell::Text(hash) => hash.split('$').nth(1).unwrap_or("unknown").to_owned(),
        Cell::Null(_) | Cell::Number(_) | Cell::Flag(_) => "none".to_owned(),
    }
}
