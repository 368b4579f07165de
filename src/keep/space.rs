//! Free disk space: what would fill the disk is refused before it begins, not when the disk is full.

use std::path::Path;

use anyhow::bail;
use sea_orm::{ConnectionTrait, DbBackend};

use crate::model::error::Result;
use crate::store::db::{Address, room, select};

/// A database takes about so many times the space of the file from which it is imported: for indexes, the words of the
/// search and the log, until it is written into the database. It takes more if the rows of the file are short.
const DATABASE_OF_FILE: u64 = 3;

const MB: u64 = 1_000_000;

/// Refuses to write a file, which need not exist yet, to a disk with less free space than it needs. A file system that does
/// not say how much is free is taken to have enough.
pub fn require(file: &Path, needed: u64) -> anyhow::Result<()> {
    let file = std::path::absolute(file)?;
    let free = file.ancestors().find(|path| path.exists()).and_then(room);
    match free.and_then(|free| lack(needed, free)) {
        Some(lack) => bail!(
            "there is not enough free disk space for {}: {lack}. Free some space, or choose another disk; nothing was written",
            file.display()
        ),
        None => Ok(()),
    }
}

/// How much is needed and how much is free, if that is less.
fn lack(needed: u64, free: u64) -> Option<String> {
    (free < needed).then(|| {
        format!(
            "about {} MB are needed, and {} MB are free",
            needed.div_ceil(MB),
            free / MB
        )
    })
}

/// The same for an import of so many bytes into a SQLite database.
pub fn require_for_import(database: &Address, bytes: u64) -> anyhow::Result<()> {
    let Some(file) = database.sqlite_file() else {
        return Ok(());
    };
    let filled = file.metadata().map_or(0, |metadata| metadata.len());
    require(file, needed_for_import(bytes, filled))
}

/// Less for a database that has something already: an import that was interrupted continues, and the first part of it is in.
fn needed_for_import(bytes: u64, filled: u64) -> u64 {
    bytes.saturating_mul(DATABASE_OF_FILE).saturating_sub(filled).max(bytes)
}

/// About how many bytes a SQLite file has with everything of this database.
pub async fn bytes_of(connection: &impl ConnectionTrait) -> Result<u64> {
    let sql = match connection.get_database_backend() {
        DbBackend::Sqlite => {
            "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
        }
        _ => {
            "SELECT COALESCE(SUM(pg_total_relation_size(oid)), 0)::bigint FROM pg_class WHERE relkind = 'r'
                 AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
        }
    };
    let bytes: Vec<i64> = select(connection, sql).await?;
    Ok(bytes.iter().map(|bytes| bytes.unsigned_abs()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_much_is_needed_and_how_much_is_free() {
        assert_eq!(lack(5_000_000, 5_000_000), None);
        let told = lack(5_000_001, 5_000_000).unwrap();
        assert_eq!(told, "about 6 MB are needed, and 5 MB are free");
    }

    #[test]
    fn an_import_that_continues_needs_less() {
        assert_eq!(needed_for_import(100, 0), 300);
        assert_eq!(needed_for_import(100, 150), 150);
        assert_eq!(needed_for_import(100, 1_000), 100);
        assert_eq!(needed_for_import(u64::MAX, 0), u64::MAX);
    }
}
