//! One connection to a database of either kind, and how a statement runs over it. Nothing here has a timeout: a
//! [`Lease`](super::lease::Lease) sets one for each step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::TryStreamExt;
use sea_orm::sqlx::{self, AssertSqlSafe, Connection as _, Executor, PgConnection, Row, SqliteConnection, raw_sql};
use sea_orm::{DbBackend, ExecResult, QueryResult, Statement, Values};
use sea_query_sqlx::SqlxValues;

use super::planned::planned_once;

type Result<T, E = sqlx::Error> = std::result::Result<T, E>;

/// A connection. Dropping it closes it at once, even if a statement is running.
#[derive(Debug)]
pub enum Connection {
    Postgres {
        raw: PgConnection,
        sharing: Sharing,
    },
    Sqlite {
        raw: SqliteConnection,
        /// Interrupts the running statement.
        abandoned: Arc<AtomicBool>,
    },
}

/// Whether a connection keeps its session from one transaction to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// It does: settings are set once, and statements stay prepared.
    Session,
    /// A pooler may give each transaction another session, which others use before and after it. So every statement
    /// runs in a transaction, with its own settings, and leaves nothing prepared.
    Transaction,
}

/// The start of each transaction in a shared session. The timeouts are the same as those of our own sessions.
const BEGIN_SHARED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = '10s'; \
                            SET LOCAL idle_in_transaction_session_timeout = '30s'";
const BEGIN_POSTGRES: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
/// Takes SQLite's write lock at once: a transaction that first reads and then writes would fail instead of waiting if
/// another one had written in between.
const BEGIN_SQLITE: &str = "BEGIN IMMEDIATE";

/// SQLite rows are passed on in batches, large enough for a page of 50: freeing them one by one would contend with the
/// thread that reads the next ones, for SQLite's memory lock.
const ROWS_AT_ONCE: usize = 64;

impl Connection {
    pub fn backend(&self) -> DbBackend {
        match self {
            Self::Postgres { .. } => DbBackend::Postgres,
            Self::Sqlite { .. } => DbBackend::Sqlite,
        }
    }

    /// Runs a statement in the current transaction.
    pub async fn execute(&mut self, statement: &Statement) -> Result<ExecResult> {
        let statement = &*planned_once(statement);
        let query = (AssertSqlSafe(statement.sql.as_str()), values(statement));
        match self {
            Self::Postgres { raw, sharing } => {
                let kept = *sharing == Sharing::Session && is_kept(statement);
                let query = sqlx::query_with(query.0, query.1).persistent(kept);
                Ok(query.execute(raw).await?.into())
            }
            Self::Sqlite { raw, .. } => {
                let query = sqlx::query_with(query.0, query.1).persistent(is_kept(statement));
                Ok(query.execute(raw).await?.into())
            }
        }
    }

    /// Runs a statement in the current transaction, and passes on each row as it arrives. The inner error is the one of
    /// `each`, which stops it.
    pub async fn each<E>(
        &mut self,
        statement: &Statement,
        each: &mut (impl FnMut(QueryResult) -> Result<(), E> + Send),
    ) -> Result<Result<(), E>> {
        let statement = &*planned_once(statement);
        let query = (AssertSqlSafe(statement.sql.as_str()), values(statement));
        match self {
            Self::Postgres { raw, sharing } => {
                let kept = *sharing == Sharing::Session && is_kept(statement);
                let query = sqlx::query_with(query.0, query.1).persistent(kept);
                let mut rows = query.fetch(raw);
                while let Some(row) = rows.try_next().await? {
                    if let Err(error) = each(row.into()) {
                        return Ok(Err(error));
                    }
                }
            }
            Self::Sqlite { raw, .. } => {
                let query = sqlx::query_with(query.0, query.1).persistent(is_kept(statement));
                let rows = query.fetch(raw);
                let mut rows = rows.try_chunks(ROWS_AT_ONCE);
                while let Some(some) = rows.try_next().await.map_err(|failed| failed.1)? {
                    if let Err(error) = some.into_iter().map(Into::into).try_for_each(&mut *each) {
                        return Ok(Err(error));
                    }
                }
            }
        }
        Ok(Ok(()))
    }

    /// Runs one or more statements without parameters, unprepared.
    pub async fn run(&mut self, sql: &str) -> Result<ExecResult> {
        let query = raw_sql(AssertSqlSafe(sql));
        Ok(match self {
            Self::Postgres { raw, .. } => query.execute(raw).await?.into(),
            Self::Sqlite { raw, .. } => query.execute(raw).await?.into(),
        })
    }

    /// Opens a transaction that may write.
    pub async fn begin(&mut self) -> Result<()> {
        let begin = match self {
            Self::Postgres { .. } if self.is_shared() => BEGIN_SHARED,
            Self::Postgres { .. } => BEGIN_POSTGRES,
            Self::Sqlite { .. } => BEGIN_SQLITE,
        };
        self.run(begin).await.map(drop)
    }

    /// Whether a statement outside a change needs a transaction of its own.
    pub fn is_shared(&self) -> bool {
        matches!(
            self,
            Self::Postgres {
                sharing: Sharing::Transaction,
                ..
            }
        )
    }

    /// Asks the server whether it accepts writes; an error if it is gone.
    pub async fn takes_changes(&mut self) -> Result<bool> {
        match self {
            Self::Postgres { raw, .. } => raw.fetch_one(raw_sql(TAKES_CHANGES)).await?.try_get(0),
            Self::Sqlite { raw, .. } => raw.ping().await.map(|()| true),
        }
    }

    /// Closes the connection gracefully.
    pub async fn close(self) -> Result<()> {
        match self {
            Self::Postgres { raw, .. } => raw.close().await,
            Self::Sqlite { raw, .. } => raw.close().await,
        }
    }

    /// Stops the running statement. PostgreSQL notices the closed connection.
    pub fn abandon(self) {
        if let Self::Sqlite { abandoned, .. } = &self {
            abandoned.store(true, Ordering::Relaxed);
        }
    }
}

/// Whether this server accepts writes now: it is not a standby, and not read-only.
pub const TAKES_CHANGES: &str = "SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'";

/// A statement with more values than this stays prepared for nobody: it inserts many rows, and hardly ever as many again.
const KEPT_VALUES_MAX: usize = 1_000;

fn is_kept(statement: &Statement) -> bool {
    statement
        .values
        .as_ref()
        .is_none_or(|values| values.0.len() <= KEPT_VALUES_MAX)
}

fn values(statement: &Statement) -> SqlxValues {
    SqlxValues(statement.values.clone().unwrap_or(Values(Vec::new())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::db::STATEMENT_TIMEOUT;
    use crate::store::db::target::SESSION;

    /// A pooled transaction has the same timeouts as a session of our own.
    #[test]
    fn settings_agree() {
        let seconds = STATEMENT_TIMEOUT.as_secs();
        assert!(SESSION.contains(&("statement_timeout", &format!("{seconds}s"))));
        for (name, value) in SESSION {
            if BEGIN_SHARED.contains(name) {
                assert!(
                    BEGIN_SHARED.contains(&format!("SET LOCAL {name} = '{value}'")),
                    "{name}"
                );
            }
        }
    }
}
