//! Moves everything into another database, of the same or of the other kind: all or nothing.

use std::path::Path;

use anyhow::{Context, bail};
use sea_orm::ConnectionTrait;

use super::backup::Depth;
use super::load::{self, Digests};
use super::note::note;
use super::space;
use super::tables::TABLES;
use super::target::{Target, alone, refuse_filled};
use super::verify::verify;
use crate::authn::SigningKeys;
use crate::directory::audit_event;
use crate::model::Timestamp;
use crate::store::db::{Address, Database, SchemaState, Setup, Snapshot, WholeFile, clients, schema_state};

/// How the server of a PostgreSQL database sees this process, which is no server of tenantry.
const APPLICATION: &str = "tenantry copy";
/// How long to wait for a change that another program is making; and the locks are held however long the copy takes.
const TIMEOUTS: &str = "SET LOCAL lock_timeout = '10s'; SET LOCAL idle_in_transaction_session_timeout = 0";

/// The source of a copy: nobody can change it.
#[derive(Debug)]
pub enum Source {
    Sqlite(WholeFile),
    Postgres {
        db: Database,
        /// Holds the locks.
        setup: Setup,
        snapshot: Snapshot,
    },
}

impl Source {
    /// Refuses a database that a server uses, or whose schema is not this binary's.
    pub async fn hold(address: &Address) -> anyhow::Result<Self> {
        let source = match address {
            Address::Sqlite(path) => Self::Sqlite(hold_file(path).await?),
            Address::Postgres(_) => hold_postgres(address).await?,
        };
        let state = match &source {
            Self::Sqlite(file) => schema_state(file).await?,
            Self::Postgres { snapshot, .. } => schema_state(snapshot).await?,
        };
        if state.known()? != SchemaState::Current {
            bail!("the source does not have this release's schema yet: run 'tenantry migrate up' on it first");
        }
        Ok(source)
    }

    /// Refuses a secret key that does not open its signing keys.
    pub(super) async fn check(&self, signing: &SigningKeys, now: Timestamp) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(file) => signing.check_at_start(file, now).await,
            Self::Postgres { snapshot, .. } => signing.check_at_start(snapshot, now).await,
        }
    }

    /// Lets others change it again.
    pub async fn release(self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(file) => file.close().await,
            Self::Postgres { db, setup, snapshot } => {
                snapshot.end().await?;
                setup.undo().await?;
                db.close().await;
            }
        }
        Ok(())
    }
}

async fn hold_file(path: &Path) -> anyhow::Result<WholeFile> {
    if !path.exists() {
        bail!("there is no database at {}", path.display());
    }
    alone(path).await
}

async fn hold_postgres(address: &Address) -> anyhow::Result<Source> {
    let db = Database::open_existing(&address.as_application(APPLICATION), 1).await?;
    // A server that starts waits for this lock.
    let setup = db.begin_setup().await?;
    refuse_used(&*setup, address.application().unwrap_or_default()).await?;
    if schema_state(&*setup).await? == SchemaState::Current {
        setup.execute_unprepared(TIMEOUTS).await?;
        let tables: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
        setup
            .execute_unprepared(&format!("LOCK TABLE {} IN SHARE MODE", tables.join(", ")))
            .await
            .context("another program is changing the source")?;
    }
    let snapshot = db.snapshot().await?;
    Ok(Source::Postgres { db, setup, snapshot })
}

/// Refuses a database to which a server of tenantry is connected.
async fn refuse_used(connection: &impl ConnectionTrait, application: &str) -> anyhow::Result<()> {
    let others = clients(connection).await?.into_iter();
    let others: Vec<String> = others
        .filter(|(name, _)| name == application)
        .map(|(_, session)| session)
        .collect();
    if !others.is_empty() {
        bail!(
            "a server uses the source ({}): stop every server on it first, so that no change is lost",
            others.join(", ")
        );
    }
    Ok(())
}

/// Copies everything from a held source. If it fails or is stopped, the target is as before. `at_last` runs when all is
/// compared, right before the copy appears; if it fails, the copy fails.
pub async fn copy(
    source: &Source,
    to: &Address,
    progress: impl FnMut(&'static str, u64),
    at_last: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Digests> {
    match source {
        Source::Sqlite(file) => copy_from(file, to, progress, at_last).await,
        Source::Postgres { snapshot, .. } => copy_from(snapshot, to, progress, at_last).await,
    }
}

async fn copy_from(
    source: &impl ConnectionTrait,
    to: &Address,
    progress: impl FnMut(&'static str, u64),
    at_last: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Digests> {
    match to {
        Address::Sqlite(path) => into_file(source, path, progress, at_last).await,
        Address::Postgres(_) => {
            let db = Database::open(&to.as_application(APPLICATION), 1).await?;
            let (setup, digests) = filled(source, &db, progress).await?;
            note(&*setup, "database.copy").await?;
            at_last()?;
            setup.commit().await?;
            analyze(&db).await;
            db.close().await;
            Ok(digests)
        }
    }
}

async fn into_file(
    source: &impl ConnectionTrait,
    path: &Path,
    progress: impl FnMut(&'static str, u64),
    at_last: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Digests> {
    let target = Target::take(path).await?;
    target.refuse_filled().await?;
    space::require(path, space::bytes_of(source).await?)?;
    let draft = target.draft()?;
    let filled = async {
        let setup = Setup::of_file(draft.path()).await?;
        setup.migrate().await?;
        let digests = load::load(source, &*setup, progress).await?;
        note(&*setup, "database.copy").await?;
        setup.commit().await?;
        anyhow::Ok(digests)
    };
    let digests = filled.await.with_context(|| {
        format!(
            "cannot write {}: check that its disk has free space",
            draft.path().display()
        )
    })?;
    verify(draft.path(), Depth::Whole).await?;
    at_last()?;
    target.become_draft(draft).await?;
    Ok(digests)
}

/// Fills an empty PostgreSQL database, in a transaction that the caller commits. New events come after the copied ones.
pub async fn filled(
    source: &impl ConnectionTrait,
    db: &Database,
    progress: impl FnMut(&'static str, u64),
) -> anyhow::Result<(Setup, Digests)> {
    let setup = db.begin_setup().await?;
    setup.migrate().await?;
    refuse_filled(&*setup, "the target").await?;
    let digests = load::load(source, &*setup, progress).await?;
    audit_event::begin_era_if_restored(&*setup).await?;
    Ok((setup, digests))
}

/// Lets PostgreSQL count the rows, so that it plans well from the beginning. It does so by itself later.
pub async fn analyze(db: &Database) {
    if let Ok(setup) = db.begin_setup().await {
        let analyzed = setup.execute_unprepared("ANALYZE").await;
        if let Err(error) = analyzed {
            tracing::warn!(%error, "the copied tables cannot be analyzed");
        }
        let _ = setup.commit().await;
    }
}
