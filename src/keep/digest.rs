//! What a table contains, as a number of rows and a digest that is the same on both databases.

use data_encoding::HEXLOWER;
use sea_orm::ConnectionTrait;
use sha2::{Digest as _, Sha256};

use super::rows::{Cell, Rows};
use super::tables::Table;

/// What a table contains.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Digest {
    pub rows: u64,
    /// SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// Computes the digest of rows that are read in the order of their key.
pub struct Digester {
    hash: Sha256,
    rows: u64,
}

impl Digester {
    pub fn new() -> Self {
        Self {
            hash: Sha256::new(),
            rows: 0,
        }
    }

    /// Adds the values of the columns that must be equal in a copy.
    pub fn add<'a>(&mut self, row: impl Iterator<Item = &'a Cell>) {
        self.rows += 1;
        row.for_each(|cell| self.add_cell(cell));
    }

    /// Each value begins with its kind, and a text with its length, so that different rows never give the same bytes.
    fn add_cell(&mut self, cell: &Cell) {
        let hash = &mut self.hash;
        match cell {
            Cell::Null(_) => hash.update([0]),
            Cell::Number(number) => {
                hash.update([1]);
                hash.update(number.to_be_bytes());
            }
            Cell::Text(text) => {
                hash.update([2]);
                hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
                hash.update(text.as_bytes());
            }
            Cell::Flag(flag) => hash.update([3, u8::from(*flag)]),
        }
    }

    pub fn finish(self) -> Digest {
        Digest {
            rows: self.rows,
            sha256: HEXLOWER.encode(&self.hash.finalize()),
        }
    }
}

/// Reads a whole table.
pub async fn digest(connection: &impl ConnectionTrait, table: &'static Table) -> anyhow::Result<Digest> {
    let mut digester = Digester::new();
    let mut rows = Rows::of(connection, table, table.compared());
    loop {
        let batch = rows.next().await?;
        if batch.is_empty() {
            return Ok(digester.finish());
        }
        batch.iter().for_each(|row| digester.add(row.iter()));
    }
}
