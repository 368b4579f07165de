//! The database: one pool on PostgreSQL; on SQLite one writer and a pool of readers over the same file.

mod address;
mod connection;
mod count;
mod group;
mod lease;
mod limits;
mod planned;
mod pool;
mod reader;
mod schema;
mod setup;
mod shares;
mod snapshot;
mod start;
mod target;
mod transaction;
mod whole;
mod words;

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tokio::sync::OwnedSemaphorePermit;

pub use address::Address;
pub use count::{SENT, STATEMENTS, counted_here};
pub use limits::{STATEMENT_TIMEOUT, rows_at_once};
pub use planned::planned_once;
pub use pool::Load;
pub use reader::Reader;
pub use schema::{SchemaState, schema_state, select};
pub use setup::{Setup, clients};
pub use shares::{Answers, CHANGES_MAX, Holder, READS_MAX};
pub use snapshot::Snapshot;
pub use start::{TABLES, room};
pub use transaction::Transaction;
pub use whole::WholeFile;

use self::group::Seen;
use self::limits::WAIT;
use self::pool::{Pool, waits};
use self::shares::Shares;
use self::target::{File, Target};
use crate::model::Catalogue;
use crate::model::error::{Fault, Result, fault_of, sql_state};

/// Four connections saturate a small machine; the others are for statements that wait for a lock.
pub const POSTGRES_CONNECTIONS: usize = 8;
/// The allowed range: the maximum is more than a PostgreSQL server has by default.
pub const POSTGRES_CONNECTIONS_ALLOWED: RangeInclusive<usize> = 1..=1_000;
const SQLITE_READERS: usize = 4;
/// How long the check whether this process can read, and then the check whether it can write, may take.
const READINESS: Duration = Duration::from_secs(3);
/// After this many failed attempts in a row, the database counts as not responding.
const SILENT_AFTER: u32 = 3;
const ASKED_EVERY: Duration = Duration::from_secs(3);
/// With less free disk space than this, a SQLite file will soon accept no writes.
const ROOM_BYTES_MIN: u64 = 1024 * 1024;

/// A reachable database, possibly not migrated yet.
#[derive(Clone, Debug)]
pub struct Database {
    reader: Reader,
    writer: Arc<Pool>,
    shares: Arc<Shares>,
    /// What the caller has seen of changes that are not committed yet.
    seen: Option<Seen>,
}

/// Why this process is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unready {
    NoAnswer,
    OldSchema,
    TakesNoChanges,
}

impl Database {
    /// Connects with the default number of connections.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        let address: Address = url
            .parse()
            .map_err(|what: String| anyhow::anyhow!("the database URL {what}"))?;
        Self::open(&address, POSTGRES_CONNECTIONS).await
    }

    /// Connects, and creates the SQLite file (mode 0600) if it does not exist. `connections` is the maximum for
    /// PostgreSQL.
    pub async fn open(address: &Address, connections: usize) -> anyhow::Result<Self> {
        match address {
            Address::Postgres(options) => Self::open_postgres(options, connections).await,
            Address::Sqlite(path) => Self::open_sqlite(path, false).await,
        }
    }

    /// Connects to a database that exists. Neither creates a SQLite file nor sets its journal mode.
    pub async fn open_existing(address: &Address, connections: usize) -> anyhow::Result<Self> {
        match address {
            Address::Postgres(options) => Self::open_postgres(options, connections).await,
            Address::Sqlite(path) => Self::open_sqlite(path, true).await,
        }
    }

    async fn open_postgres(options: &PgConnectOptions, connections: usize) -> anyhow::Result<Self> {
        // If the driver does not check the host name, it verifies certificates with the installed provider.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let pool = Pool::new(Target::postgres(options.clone()), connections, waits());
        start::first_connection(&pool, options).await?;
        Ok(Self::of(DbBackend::Postgres, Arc::clone(&pool), pool))
    }

    async fn open_sqlite(path: &Path, as_it_is: bool) -> anyhow::Result<Self> {
        let cannot_open = |error: &(dyn std::error::Error + 'static), kind| words::cannot_open(path, error, kind);
        let opened = match as_it_is {
            true => File::existing(path),
            false => File::open(path),
        };
        let file = opened.map_err(|error| cannot_open(&error, Some(error.kind())))?;
        let waits = waits();
        let writer = Pool::new(Target::sqlite(file.clone(), false, as_it_is), 1, waits.clone());
        let reader = Pool::new(Target::sqlite(file, true, as_it_is), SQLITE_READERS, waits);
        // The writer goes first: it initializes the file.
        start::first_to_file(&writer)
            .await
            .map_err(|error| cannot_open(&error, None))?;
        drop(reader.take(None).await.map_err(|error| cannot_open(&error, None))?);
        Ok(Self::of(DbBackend::Sqlite, reader, writer))
    }

    fn of(backend: DbBackend, reader: Arc<Pool>, writer: Arc<Pool>) -> Self {
        Self {
            reader: Reader {
                backend,
                pool: reader,
                share: None,
                known: Arc::default(),
            },
            writer,
            shares: Arc::default(),
            seen: None,
        }
    }

    /// The same database for one caller, limited to its share.
    #[must_use]
    pub fn held_by(&self, holder: Holder) -> Self {
        let mut held = self.clone();
        held.seen = Some(Seen::default());
        held.reader.share = Some(self.shares.of(holder));
        held
    }

    /// Runs queries outside a change.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The memory that the caller's responses may take.
    pub fn answers(&self) -> Answers {
        match &self.reader.share {
            Some(share) => share.answers.clone(),
            None => self.shares.answers.clone(),
        }
    }

    /// The caller's slot for a change, held while the change is open.
    pub async fn place_for_change(&self) -> Result<Option<OwnedSemaphorePermit>> {
        let place = self.reader.place(|share| &share.changes).await;
        Ok(place.map_err(|error| self.writer.why_waited(error))?)
    }

    /// The catalogue of permissions as this process knows it: at most as old as the caller's look-up.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.reader.known.now()
    }

    pub fn backend(&self) -> DbBackend {
        self.reader.backend
    }

    /// Opens a transaction that may write.
    pub async fn begin(&self) -> Result<Transaction> {
        Transaction::begin(&self.writer, self.backend(), &self.reader.known, self.seen.clone()).await
    }

    /// Waits until everything is committed that the caller has seen in changes that it gave up, such as one that was
    /// refused because a name is taken. `UNAVAILABLE` if it could not be committed.
    pub async fn settled(&self) -> Result<()> {
        match &self.seen {
            Some(seen) => Ok(seen.settled().await?),
            None => Ok(()),
        }
    }

    /// Whether this process can serve requests: the database answers and accepts writes, and its schema is not older
    /// than this binary's. A newer schema is fine for a running server: migrations first only add, and remove a release
    /// later.
    pub async fn is_ready(&self) -> bool {
        self.ready().await.is_ok()
    }

    /// The same, with the reason.
    pub async fn ready(&self) -> Result<(), Unready> {
        match tokio::time::timeout(READINESS, schema_state(&self.reader)).await {
            Ok(Ok(SchemaState::Current | SchemaState::Newer(_))) => {}
            Ok(Ok(SchemaState::Older(_) | SchemaState::Unreleased(_))) => return Err(Unready::OldSchema),
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the database cannot be read");
                return Err(Unready::NoAnswer);
            }
            Err(_) => return Err(Unready::NoAnswer),
        }
        match tokio::time::timeout(READINESS, self.takes_changes()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) | Err(_) => Err(Unready::TakesNoChanges),
            Ok(Err(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the database accepts no writes"
                );
                Err(Unready::TakesNoChanges)
            }
        }
    }

    /// Waits until the database has answered nobody for a while.
    pub async fn silence(&self) {
        let mut in_vain = 0;
        while in_vain < SILENT_AFTER {
            tokio::time::sleep(ASKED_EVERY).await;
            let asked = Statement::from_string(self.backend(), "SELECT 1");
            in_vain = match self.reader.query_one_raw(asked).await {
                Err(error) if matches!(fault_of(&error), Fault::Lost | Fault::Silent) => in_vain + 1,
                _ => 0,
            };
        }
    }

    /// Whether a pooler assigns a session to each transaction.
    pub async fn is_shared(&self) -> Result<bool> {
        Ok(self.writer.take(None).await?.is_shared())
    }

    /// Usage of the connections, by pool.
    pub fn load(&self) -> Vec<(&'static str, Load)> {
        match self.backend() {
            DbBackend::Sqlite => vec![("reader", self.reader.pool.load()), ("writer", self.writer.load())],
            _ => vec![("all", self.writer.load())],
        }
    }

    /// How long requests wait for connections.
    pub fn waits(&self) -> &Histogram {
        &self.writer.waits
    }

    /// Closes all connections, if the database still answers.
    pub async fn close(self) {
        if self.backend() == DbBackend::Sqlite {
            // SQLite removes its WAL file when the last connection that has read it is closed, if that one may write.
            let writer = Reader {
                pool: Arc::clone(&self.writer),
                ..self.reader.clone()
            };
            let any = Statement::from_string(DbBackend::Sqlite, "SELECT COUNT(*) FROM sqlite_master");
            let _ = tokio::time::timeout(limits::LEAVE, writer.query_one_raw(any)).await;
        }
        self.reader.pool.close().await;
        self.writer.close().await;
    }
}
