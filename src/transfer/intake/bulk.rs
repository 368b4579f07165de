//! Many users at once into a database that nobody else uses. In a SQLite file, the indexes and the words that users are found by are
//! written at the end, in their order, instead of all over the file with each user.

use std::path::Path;

use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, QuerySelect, Statement};

use crate::context::Change;
use crate::keep::indexes::{self, Dropped};
use crate::model::error::{Error, Result};
use crate::store::db::select;
use crate::store::entity::user;

/// For fewer users, writing all with each of them is as fast.
const USERS_MIN: u64 = 20_000;
/// The tables whose indexes are made at the end. Those of roles and memberships are asked for users who are there already,
/// and grow at their end.
const TABLES: [&str; 1] = ["users"];
/// Users whose words are written in one statement.
const SORTED: i64 = 50_000;
/// Memory for pages of the file, in KiB.
const ROOM: &str = "PRAGMA cache_size = -49152";
/// What is sorted may be larger than memory, where the writer keeps all temporary data otherwise.
const SPILL: &str = "PRAGMA temp_store = FILE";
/// PostgreSQL plans each statement once, and knows nothing of tables that this transaction fills: it would read them whole
/// each time.
const BY_INDEX: &str = "SET LOCAL enable_seqscan = off";
const TRIGGER: &str = "users_words_insert";
/// The words of the users with keys in a range, as the trigger writes them. Those of a user who was changed since are there already.
const WORDS: &str = r#"
    INSERT OR IGNORE INTO user_words (organization_pk, word, user_pk)
    SELECT organization_pk, value, pk FROM users, json_each('["' || replace(ltrim(words), ' ', '","') || '"]')
    WHERE pk > ? AND pk <= ? AND words <> '' AND value <> ''
    ORDER BY organization_pk, value, pk"#;

/// What is written at the end.
#[derive(Debug)]
pub(super) struct Later {
    indexes: Dropped,
    /// The statement that makes the trigger.
    trigger: String,
    /// The last key before.
    last: i64,
}

impl Later {
    /// Puts it off if that is worth it; the file has so many users.
    pub async fn of(change: &Change<'_>, users: u64) -> Result<Option<Self>> {
        if change.get_database_backend() != DbBackend::Sqlite {
            change.execute_unprepared(BY_INDEX).await?;
            return Ok(None);
        }
        if users < USERS_MIN {
            return Ok(None);
        }
        let there = user::Entity::find().count(&**change).await?;
        if users.saturating_mul(10) < there {
            return Ok(None);
        }
        change.execute_unprepared(ROOM).await?;
        let triggers: Vec<String> = select(
            &**change,
            &format!("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = '{TRIGGER}'"),
        )
        .await?;
        let trigger = triggers.into_iter().next();
        let trigger = trigger.ok_or_else(|| Error::internal("the trigger that writes words is not there"))?;
        change.execute_unprepared(&format!("DROP TRIGGER {TRIGGER}")).await?;
        Ok(Some(Self {
            indexes: indexes::drop(&**change, Some(&TABLES)).await?,
            trigger,
            last: last_key(change).await?,
        }))
    }

    pub async fn write(self, change: &Change<'_>) -> Result<()> {
        spill(change).await?;
        let last = last_key(change).await?;
        let mut done = self.last;
        while done < last {
            let range = [done.into(), (done + SORTED).into()];
            let statement = Statement::from_sql_and_values(DbBackend::Sqlite, WORDS, range);
            change.execute_raw(statement).await?;
            done += SORTED;
        }
        change.execute_unprepared(&self.trigger).await?;
        indexes::make(&**change, self.indexes).await
    }
}

/// Lets SQLite sort in files beside the database: that disk has room, and a system may have no other that can be written.
async fn spill(change: &Change<'_>) -> Result<()> {
    let files = "SELECT file FROM pragma_database_list WHERE name = 'main'";
    let files: Vec<String> = select(&**change, files).await?;
    let folder = files.first().and_then(|file| Path::new(file).parent()?.to_str());
    if let Some(folder) = folder {
        let folder = folder.replace('\'', "''");
        let beside = format!("PRAGMA temp_store_directory = '{folder}'");
        change.execute_unprepared(&beside).await?;
    }
    change.execute_unprepared(SPILL).await?;
    Ok(())
}

/// The greatest key of a user.
async fn last_key(change: &Change<'_>) -> Result<i64> {
    let last = user::Entity::find().select_only().expr(user::Column::Pk.max());
    let last: Option<Option<i64>> = last.into_tuple().one(&**change).await?;
    Ok(last.flatten().unwrap_or(0))
}
