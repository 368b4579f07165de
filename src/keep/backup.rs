//! A copy of the database as one SQLite file, made while servers use it.

use std::path::Path;

use anyhow::{Context, bail};
use sea_orm::DbBackend;

use super::draft::{Draft, refuse_existing};
pub use super::verify::Depth;
use super::verify::verify;
use super::{load, space};
use crate::context::OpContext;
use crate::model::Timestamp;
use crate::store::audit_trail::Event;
use crate::store::db::{Database, SchemaState, Setup, schema_state};

/// A backup that was made.
#[derive(Debug)]
pub struct Backup {
    pub bytes: u64,
    pub rows: u64,
    /// It contains what was committed by then.
    pub at: Timestamp,
    /// How much in it is not as it should be.
    pub faults: u64,
    /// Why the database has no event of it.
    pub unrecorded: Option<anyhow::Error>,
}

/// Writes one state of the database into a new file. If it fails or is stopped, there is no such file.
pub async fn backup(op: &OpContext, file: &Path, depth: Depth) -> anyhow::Result<Backup> {
    if file.to_str().is_none() {
        bail!("the file name {} is not UTF-8: choose another one", file.display());
    }
    let db = op.db();
    let is_sqlite = db.backend() == DbBackend::Sqlite;
    // An upgrade begins with a backup: a SQLite file with the schema of an earlier release is copied as it is.
    let state = schema_state(db.reader()).await?.known()?;
    if !is_sqlite && state != SchemaState::Current {
        bail!(
            "this database does not have this release's schema yet: make the backup with the release that runs on it, \
             or with pg_dump"
        );
    }
    refuse_existing(file)?;
    space::require(file, space::bytes_of(db.reader()).await?)?;
    let draft = Draft::of(file)?;
    let at = op.now();
    let written = match is_sqlite {
        true => db.copy_into(draft.path()).await.map_err(Into::into),
        false => fill(db, draft.path()).await,
    };
    written.with_context(|| {
        format!(
            "cannot write {}: check that its disk has free space",
            draft.path().display()
        )
    })?;
    let content = verify(draft.path(), depth).await?;
    let bytes = draft.bytes()?;
    draft.publish()?;
    let unrecorded = match state {
        SchemaState::Current => record(op).await.err(),
        _ => None,
    };
    Ok(Backup {
        bytes,
        rows: content.rows,
        faults: content.faults,
        at,
        unrecorded,
    })
}

/// Copies one state of a PostgreSQL database into an empty file.
async fn fill(db: &Database, path: &Path) -> anyhow::Result<()> {
    let setup = Setup::of_file(path).await?;
    setup.migrate().await?;
    let snapshot = db.snapshot().await?;
    let loaded = load::load(&snapshot, &*setup, |_, _| {}).await;
    snapshot.end().await?;
    loaded?;
    Ok(setup.commit().await?)
}

async fn record(op: &OpContext) -> anyhow::Result<()> {
    let change = op.begin().await?;
    Ok(change.commit([Event::new("database.backup", 0, "database")]).await?)
}
