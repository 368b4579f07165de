//! Whether a SQLite file is whole.

use std::path::Path;

use anyhow::{Context, bail};
use sea_orm::ConnectionTrait;

use super::tables::TABLES;
use super::{relations, scan};
use crate::store::db::{SchemaState, WholeFile, schema_state, select};

/// How much to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// That every page can be read.
    Quick,
    /// Also that every index has what its table has.
    Whole,
}

/// What a file contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    pub rows: u64,
    /// Whether its schema is older than this binary's.
    pub is_older: bool,
    /// How much in it is not as it should be. It is no reason to refuse it: a backup of such a database is better than none.
    pub faults: u64,
}

/// Refuses a file that is damaged, or whose schema this binary does not know.
pub async fn verify(path: &Path, depth: Depth) -> anyhow::Result<Content> {
    // SQLite does not look at CHECK constraints on a connection that only reads.
    let file = WholeFile::open(path);
    let content = content(&file, depth).await;
    file.close().await;
    content.with_context(|| format!("{} is not a sound database", path.display()))
}

async fn content(file: &WholeFile, depth: Depth) -> anyhow::Result<Content> {
    let check = match depth {
        Depth::Quick => "PRAGMA quick_check(5)",
        Depth::Whole => "PRAGMA integrity_check(5)",
    };
    let damage: Vec<String> = select(file, check).await?;
    if damage != ["ok"] {
        bail!("it is damaged: {}", damage.join(", "));
    }
    let dangling: Vec<String> = select(file, "SELECT DISTINCT \"table\" FROM pragma_foreign_key_check").await?;
    if !dangling.is_empty() {
        bail!("rows of {} refer to rows that are not there", dangling.join(", "));
    }
    let is_older = match schema_state(file).await?.known()? {
        SchemaState::Older(_) => true,
        SchemaState::Current | SchemaState::Newer(_) | SchemaState::Unreleased(_) => false,
    };
    Ok(Content {
        rows: rows(file).await?,
        is_older,
        faults: match is_older {
            true => 0,
            false => faults(file, depth).await?,
        },
    })
}

async fn faults(file: &WholeFile, depth: Depth) -> anyhow::Result<u64> {
    let mut faults = relations::broken(file).await?;
    if depth == Depth::Whole {
        let permissions = scan::permissions(file).await?;
        for table in TABLES {
            faults.extend(scan::scan(file, table, &permissions).await?.faults);
        }
    }
    Ok(faults.iter().map(|fault| fault.count).sum())
}

/// The number of rows of all tables; an older schema may not have all of them.
pub async fn rows(connection: &impl ConnectionTrait) -> anyhow::Result<u64> {
    let there: Vec<String> = select(connection, "SELECT name FROM sqlite_master WHERE type = 'table'").await?;
    let mut count = 0;
    for table in TABLES
        .iter()
        .filter(|table| there.iter().any(|name| name == table.name))
    {
        let rows: Vec<i64> = select(connection, &format!("SELECT COUNT(*) FROM {}", table.name)).await?;
        count += rows.iter().map(|rows| rows.unsigned_abs()).sum::<u64>();
    }
    if count == 0 && there.iter().all(|name| name != "organizations") {
        bail!("it is no database of tenantry");
    }
    Ok(count)
}
