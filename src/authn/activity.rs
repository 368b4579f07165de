//! Records when API keys and users were last used, to the minute, without delaying requests.
//!
//! A request only leaves a note in memory. Every few seconds, and when the server stops, the notes are written in
//! batches, at most once a minute for each key. The stored time never goes backwards, even if several servers write the
//! same row. It does not count as a change: `version` and `updatedAt` stay the same.
//!
//! The notes are a convenience, not a reliable record. A note is lost if the server is killed, if more keys are used at
//! the same time than can be noted, or if the row is locked when it is written. The next use in a later minute is noted
//! again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::model::Caller;
use crate::model::Timestamp;
use crate::model::error::Result;
use crate::store::db::{Database, Transaction};

/// The maximum number of notes; the use of further keys is not noted.
const NOTES_MAX: usize = 20_000;
/// The number of rows per transaction; on SQLite, all other changes wait for it.
const BATCH: usize = 1_000;

/// The API key that a user used; `None` for another credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Seen {
    user_pk: i64,
    api_key_pk: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Note {
    minute: Timestamp,
    written: bool,
}

/// The notes of this process.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    notes: Arc<Mutex<HashMap<Seen, Note>>>,
}

impl Activity {
    /// Notes a request of this caller.
    pub fn note(&self, caller: &Caller, now: Timestamp) {
        let seen = Seen {
            user_pk: caller.user_pk,
            api_key_pk: caller.api_key_pk,
        };
        let minute = now.whole_minute();
        let note = Note { minute, written: false };
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let room = notes.len() < NOTES_MAX;
        match notes.entry(seen) {
            // A written note is kept until its minute is over, so that each minute is written only once.
            Entry::Occupied(mut known) if known.get().minute < minute => {
                known.insert(note);
            }
            Entry::Vacant(empty) if room => {
                empty.insert(note);
            }
            Entry::Occupied(_) | Entry::Vacant(_) => {}
        }
    }

    /// Writes all notes that are not written yet. The next call retries those that fail.
    pub async fn flush(&self, db: &Database, now: Timestamp) -> Result<()> {
        for batch in self.due().chunks(BATCH) {
            write(db, batch).await?;
            self.written(batch);
        }
        let minute = now.whole_minute();
        self.notes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, note| !note.written || note.minute >= minute);
        Ok(())
    }

    /// In the order of the keys, so that the rows of a batch are close to each other.
    fn due(&self) -> Vec<(Seen, Timestamp)> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due: Vec<(Seen, Timestamp)> = notes
            .iter()
            .filter(|(_, note)| !note.written)
            .map(|(seen, note)| (*seen, note.minute))
            .collect();
        due.sort_unstable();
        due
    }

    fn written(&self, batch: &[(Seen, Timestamp)]) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        for (seen, minute) in batch {
            // A note that changed in the meantime is due again.
            if let Some(note) = notes.get_mut(seen).filter(|note| note.minute == *minute) {
                note.written = true;
            }
        }
    }
}

async fn write(db: &Database, batch: &[(Seen, Timestamp)]) -> Result<()> {
    let mut keys: HashMap<i64, i64> = HashMap::new();
    let mut users: HashMap<i64, i64> = HashMap::new();
    for (seen, minute) in batch {
        let users = (&mut users, Some(seen.user_pk));
        let keys = (&mut keys, seen.api_key_pk);
        for (latest, pk) in [users, keys] {
            let Some(pk) = pk else { continue };
            let known = latest.entry(pk).or_insert(minute.micros());
            *known = minute.micros().max(*known);
        }
    }
    let transaction = db.begin().await?;
    move_on(&transaction, "api_keys", "last_used_at", keys).await?;
    move_on(&transaction, "users", "last_seen_at", users).await?;
    transaction.commit().await?;
    Ok(())
}

/// Moves a time forward in many rows, never backwards.
async fn move_on(transaction: &Transaction, table: &str, column: &str, latest: HashMap<i64, i64>) -> Result<()> {
    if latest.is_empty() {
        return Ok(());
    }
    let backend = transaction.get_database_backend();
    let statement = match backend {
        // Locked rows are skipped: waiting for them while holding others could deadlock with a change, and a change is
        // more important than a note.
        DbBackend::Postgres => {
            let (pks, minutes): (Vec<i64>, Vec<i64>) = latest.into_iter().unzip();
            Statement::from_sql_and_values(
                backend,
                format!(
                    "WITH noted AS (SELECT * FROM unnest($1, $2) AS noted (pk, minute)),
                          due AS (SELECT t.pk, noted.minute FROM {table} t JOIN noted ON noted.pk = t.pk
                                  WHERE t.{column} IS NULL OR t.{column} < noted.minute
                                  FOR NO KEY UPDATE OF t SKIP LOCKED)
                     UPDATE {table} SET {column} = due.minute FROM due WHERE {table}.pk = due.pk"
                ),
                [pks.into(), minutes.into()],
            )
        }
        _ => {
            let pairs: Vec<(i64, i64)> = latest.into_iter().collect();
            Statement::from_sql_and_values(
                backend,
                format!(
                    "UPDATE {table} SET {column} = noted.value ->> 1 FROM json_each($1) AS noted
                     WHERE {table}.pk = noted.value ->> 0 AND ({column} IS NULL OR {column} < noted.value ->> 1)"
                ),
                [serde_json::json!(pairs).to_string().into()],
            )
        }
    };
    transaction.execute_raw(statement).await?;
    Ok(())
}
