//! How many users an organization has, or all of them: exact, and for many without counting them each time.
//!
//! Nothing is written for it. A number is remembered with the snapshot that it was counted in, and corrected by what the
//! audit trail says of every change that this snapshot did not see ([`crate::store::audit_trail::Event::counting`]). Both
//! are read in one statement, so the answer is that of the present, the caller's own changes included.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};

use crate::model::error::Result;
use crate::store::db::Reader;

/// Fewer users than this are counted each time.
const REMEMBERED_MIN: i64 = 1_000;
/// After more changes than this, counting again is as cheap.
const CHANGES_MAX: i64 = 1_000;
/// A number is counted again after this long, in case somebody has written users without the audit trail.
const AGE_MAX: Duration = Duration::from_secs(60 * 60);
/// At most so many numbers are corrected in one statement (SQLite's limit is 500 parts); the others are counted.
const CORRECTED_MAX: usize = 400;
/// More organizations than this with so many users are forgotten, and remembered again when asked for.
const ORGANIZATIONS_MAX: usize = 10_000;

/// The users of an organization, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserCount {
    pub all: i64,
    pub activated: i64,
}

/// Remembers how many users large organizations have, and all of them.
#[derive(Debug, Default)]
pub struct UserCounts(Mutex<HashMap<Whose, Remembered>>);

/// Whose users are counted: those of an organization by its key, or of all (`None`).
pub type Whose = Option<i64>;

#[derive(Clone, Debug)]
struct Remembered {
    count: UserCount,
    seen: Seen,
    counted: Instant,
    /// The connections that it was read over: another server may have another past.
    era: u64,
}

/// What a number includes.
#[derive(Clone, Debug)]
struct Seen {
    /// Every event before this position.
    floor: i64,
    /// On PostgreSQL also those that this snapshot sees.
    snapshot: Option<String>,
}

impl UserCounts {
    /// Counts the users of each, in at most two statements. One without any is absent.
    pub async fn of_each(&self, reader: &Reader, whose: &[Whose]) -> Result<HashMap<Whose, UserCount>> {
        let era = reader.era();
        let known = self.known(whose, era);
        let mut found = match known.is_empty() {
            true => HashMap::new(),
            false => corrected(reader, known).await?,
        };
        let others = whose.iter().filter(|one| !found.contains_key(one));
        let others: Vec<Whose> = others.copied().collect();
        if !others.is_empty() {
            found.extend(counted(reader, &others, era).await?);
        }
        let counts = found.iter().map(|(one, found)| (*one, found.count)).collect();
        self.remember(found);
        Ok(counts)
    }

    fn known(&self, whose: &[Whose], era: u64) -> Vec<(Whose, Remembered)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = whose.iter().filter_map(|one| Some((*one, all.get(one)?)));
        known
            .filter(|(_, known)| known.era == era && known.counted.elapsed() < AGE_MAX)
            .map(|(one, known)| (one, known.clone()))
            .take(CORRECTED_MAX)
            .collect()
    }

    fn remember(&self, found: HashMap<Whose, Remembered>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (one, found) in found {
            if found.count.all < REMEMBERED_MIN {
                all.remove(&one);
                continue;
            }
            if all.len() >= ORGANIZATIONS_MAX && !all.contains_key(&one) {
                all.clear();
            }
            all.insert(one, found);
        }
    }
}

/// What a statement sees: the position before which it sees every event, and on PostgreSQL its snapshot.
fn seen_in(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => {
            "(audit_events_era() + pg_snapshot_xmin(pg_current_snapshot())::text::bigint) << 20, pg_current_snapshot()::text"
        }
        _ => "(SELECT COALESCE(MAX(pk), 0) + 1 FROM audit_events), NULL",
    }
}

async fn counted(reader: &Reader, whose: &[Whose], era: u64) -> Result<HashMap<Whose, Remembered>> {
    let backend = reader.get_database_backend();
    let organization_pks: Vec<i64> = whose.iter().copied().flatten().collect();
    let columns = format!("COUNT(*), COUNT(CASE WHEN activated THEN 1 END), {}", seen_in(backend));
    let (mut parts, mut values) = (Vec::new(), Vec::new());
    if whose.contains(&None) {
        parts.push(format!("SELECT CAST(NULL AS BIGINT), {columns} FROM users"));
    }
    if !organization_pks.is_empty() {
        let (these, value) = match backend {
            DbBackend::Postgres => ("= ANY($1)", Value::from(organization_pks)),
            _ => (
                "IN (SELECT value FROM json_each(?))",
                serde_json::json!(organization_pks).to_string().into(),
            ),
        };
        values.push(value);
        parts.push(format!(
            "SELECT organization_pk, {columns} FROM users WHERE organization_pk {these} GROUP BY organization_pk"
        ));
    }
    let sql = parts.join(" UNION ALL ");
    let rows = reader
        .query_all_raw(Statement::from_sql_and_values(backend, sql, values))
        .await?;
    rows.iter()
        .map(|row| {
            let found = Remembered {
                count: UserCount {
                    all: row.try_get_by_index(1)?,
                    activated: row.try_get_by_index(2)?,
                },
                seen: seen(row, 3)?,
                counted: Instant::now(),
                era,
            };
            Ok((row.try_get_by_index(0)?, found))
        })
        .collect()
}

/// The numbers with the changes since, of those for which there are not too many of them.
async fn corrected(reader: &Reader, known: Vec<(Whose, Remembered)>) -> Result<HashMap<Whose, Remembered>> {
    let backend = reader.get_database_backend();
    let mut values: Vec<Value> = Vec::new();
    let mut value = |value: Value| {
        values.push(value);
        match backend {
            DbBackend::Postgres => format!("${}", values.len()),
            _ => "?".to_owned(),
        }
    };
    let since = known.iter().enumerate().map(|(number, (one, known))| {
        let organization = one.map(|pk| format!("organization_pk = {} AND", value(pk.into())));
        let floor = value(known.seen.floor.into());
        let unseen = known.seen.snapshot.as_deref().map(|snapshot| {
            format!(
                "AND NOT pg_visible_in_snapshot(((position >> 20) - audit_events_era())::text::xid8, {}::pg_snapshot)",
                value(snapshot.into())
            )
        });
        format!(
            "SELECT {number}, COUNT(*), CAST(COALESCE(SUM(users_change), 0) AS BIGINT), \
             CAST(COALESCE(SUM(activated_change), 0) AS BIGINT), {} \
             FROM (SELECT users_change, activated_change FROM audit_events \
             WHERE {} position >= {floor} {} LIMIT {}) AS since",
            seen_in(backend),
            organization.unwrap_or_default(),
            unseen.unwrap_or_default(),
            CHANGES_MAX + 1
        )
    });
    let sql = since.collect::<Vec<_>>().join(" UNION ALL ");
    let rows = reader
        .query_all_raw(Statement::from_sql_and_values(backend, sql, values))
        .await?;
    let mut corrected = HashMap::new();
    for row in &rows {
        let (number, changes): (i32, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let known = usize::try_from(number).ok().and_then(|number| known.get(number));
        let Some((one, known)) = known.filter(|_| changes <= CHANGES_MAX) else {
            continue;
        };
        let change = |place| -> Result<i64> { Ok(row.try_get_by_index(place)?) };
        let count = UserCount {
            all: known.count.all + change(2)?,
            activated: known.count.activated + change(3)?,
        };
        let found = Remembered {
            count,
            seen: seen(row, 4)?,
            ..*known
        };
        corrected.insert(*one, found);
    }
    Ok(corrected)
}

fn seen(row: &QueryResult, place: usize) -> Result<Seen> {
    Ok(Seen {
        floor: row.try_get_by_index(place)?,
        snapshot: row.try_get_by_index(place + 1)?,
    })
}
