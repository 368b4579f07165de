//! Puts a backup in the place of a database.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::backup::Depth;
use super::copy;
use super::counters::{self, Counters};
use super::note::note;
use super::space;
use super::target::Target;
use super::verify::verify;
use crate::model::Clock;
use crate::store::db::{Address, Database, WholeFile};
use crate::store::entity::session;

/// Keys that were given out since the backup are not given out again: the new ones begin this much later.
const SKIPPED: i64 = 1 << 20;

/// A restored database.
#[derive(Debug)]
pub struct Restored {
    pub rows: u64,
    /// How much in it is not as it should be.
    pub faults: u64,
    /// Where the replaced database is now.
    pub previous: Option<PathBuf>,
}

/// Puts a backup in the place of the database at this address. If it fails or is stopped, the database is as before.
pub async fn restore(file: &Path, to: &Address, end_sessions: bool) -> anyhow::Result<Restored> {
    if !file.exists() {
        bail!("there is no file {}", file.display());
    }
    match to {
        Address::Sqlite(path) => into_file(file, path, end_sessions).await,
        Address::Postgres(_) => into_postgres(file, to, end_sessions).await,
    }
}

async fn into_file(file: &Path, path: &Path, end_sessions: bool) -> anyhow::Result<Restored> {
    if is_same(file, path) {
        bail!("{} is the database itself: specify a backup of it", file.display());
    }
    space::require(path, file.metadata()?.len())?;
    let content = verify(file, Depth::Whole).await?;
    let target = Target::take(path).await?;
    let draft = target.draft()?;
    let filled = async {
        let source = WholeFile::read(file);
        let copied = source.copy_into(draft.path()).await;
        source.close().await;
        copied?;
        let setup = WholeFile::open(draft.path()).begin().await?;
        setup.migrate().await?;
        change(&*setup, target.counters().await, end_sessions).await?;
        setup.commit().await?;
        anyhow::Ok(())
    };
    filled.await.with_context(|| {
        format!(
            "cannot write {}: check that its disk has free space",
            draft.path().display()
        )
    })?;
    Ok(Restored {
        rows: content.rows,
        faults: content.faults,
        previous: target.become_draft(draft).await?,
    })
}

/// By a copy, into an empty database.
async fn into_postgres(file: &Path, to: &Address, end_sessions: bool) -> anyhow::Result<Restored> {
    let content = verify(file, Depth::Whole).await?;
    if content.is_older {
        bail!(
            "{} has the schema of an earlier release: restore it into a SQLite file first, and then use 'tenantry copy'",
            file.display()
        );
    }
    let source = WholeFile::read(file);
    let db = Database::open(to, 1).await?;
    let setup = copy::filled(&source, &db, |_, _| {}).await?;
    change(&*setup.0, Counters::new(), end_sessions).await?;
    setup.0.commit().await?;
    copy::analyze(&db).await;
    db.close().await;
    source.close().await;
    Ok(Restored {
        rows: content.rows,
        faults: content.faults,
        previous: None,
    })
}

/// What a restored database has that the backup has not.
async fn change(connection: &impl ConnectionTrait, replaced: Counters, end_sessions: bool) -> anyhow::Result<()> {
    let mut counters = counters::read(connection).await?;
    for (table, last) in &mut counters {
        *last = replaced.get(table).copied().unwrap_or(0).max(*last) + SKIPPED;
    }
    counters::write(connection, &counters).await?;
    if end_sessions {
        let now = Clock::System.now();
        session::Entity::update_many()
            .col_expr(session::Column::EndedAt, Expr::value(now))
            .col_expr(session::Column::UpdatedAt, Expr::value(now))
            .filter(session::Column::EndedAt.is_null())
            .exec(connection)
            .await?;
    }
    note(connection, "database.restore").await?;
    Ok(())
}

fn is_same(a: &Path, b: &Path) -> bool {
    match (a.metadata(), b.metadata()) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}
