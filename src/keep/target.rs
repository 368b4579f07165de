//! The SQLite file that a restored or copied database becomes.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use sea_orm::ConnectionTrait;

use super::counters::{self, Counters};
use super::draft::{Draft, folder_of, with_ending};
use crate::model::Clock;
use crate::store::db::{WholeFile, select};

/// A SQLite file that nobody uses, and that another one will replace; or a name without a file.
#[derive(Debug)]
pub struct Target {
    path: PathBuf,
    /// Open and locked, so that no server starts on it.
    old: Option<WholeFile>,
}

impl Target {
    /// Refuses a file that another process has open.
    pub async fn take(path: &Path) -> anyhow::Result<Self> {
        let old = match path.symlink_metadata() {
            Ok(_) => Some(alone(path).await?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("cannot look at {}", path.display())),
        };
        Ok(Self {
            path: path.to_owned(),
            old,
        })
    }

    /// The last keys that the replaced database has given out, as far as it can be read.
    pub async fn counters(&self) -> Counters {
        match &self.old {
            Some(old) => counters::read(old).await.unwrap_or_default(),
            None => Counters::new(),
        }
    }

    /// Refuses to replace a database with an organization in it.
    pub async fn refuse_filled(&self) -> anyhow::Result<()> {
        match &self.old {
            Some(old) => refuse_filled(old, &self.path.display().to_string()).await,
            None => Ok(()),
        }
    }

    /// A file that will have this name.
    pub fn draft(&self) -> anyhow::Result<Draft> {
        match &self.old {
            Some(_) => Draft::replacing(&self.path),
            None => Draft::of(&self.path),
        }
    }

    /// Gives the draft this name. Returns the name that the replaced file has now.
    pub async fn become_draft(self, draft: Draft) -> anyhow::Result<Option<PathBuf>> {
        let Some(old) = self.old else {
            draft.publish()?;
            return Ok(None);
        };
        // Otherwise its log would be taken for that of the new file, or deleted together with the new file's.
        old.without_log()
            .await
            .context("cannot write the log of the previous database into it")?;
        remove_other_names(&self.path);
        let previous = free_name(&self.path);
        draft.replace(&previous)?;
        old.close().await;
        Ok(Some(previous))
    }
}

/// Opens a file that no other process has open, and locks it.
pub async fn alone(path: &Path) -> anyhow::Result<WholeFile> {
    let file = WholeFile::open(path);
    if let Err(error) = file.lock().await {
        file.close().await;
        return Err(error).with_context(|| {
            format!(
                "{} is in use, or is no SQLite database: stop the server and everything else that has it open, such as \
                 Litestream",
                path.display()
            )
        });
    }
    Ok(file)
}

/// Refuses a database with an organization in it. One without the table has none.
pub async fn refuse_filled(connection: &impl ConnectionTrait, name: &str) -> anyhow::Result<()> {
    let filled: Vec<i64> = select(connection, "SELECT pk FROM organizations LIMIT 1")
        .await
        .unwrap_or_default();
    if !filled.is_empty() {
        bail!("{name} is not empty: specify a database without organizations, or a file that does not exist");
    }
    Ok(())
}

/// What the name of a replaced database has after its own.
const BEFORE: &str = ".before-";

/// A restore that is killed right before it replaces a file has already given that file its next name: it is no copy.
fn remove_other_names(path: &Path) {
    let prefix = with_ending(path, BEFORE);
    let Some(prefix) = prefix.file_name() else { return };
    let inode = |path: &Path| path.symlink_metadata().ok().map(|file| (file.dev(), file.ino()));
    for other in folder_of(path).read_dir().into_iter().flatten().flatten() {
        let is_named = other.file_name().as_bytes().starts_with(prefix.as_bytes());
        if is_named && inode(&other.path()).is_some_and(|found| Some(found) == inode(path)) {
            let _ = std::fs::remove_file(other.path());
        }
    }
}

/// A name for the file that is replaced now, such as `tenantry.db.before-20270131T120000Z`.
fn free_name(path: &Path) -> PathBuf {
    let now = Clock::System.now().to_rfc3339();
    let now: String = now.chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
    let name = with_ending(path, &format!("{BEFORE}{now}Z"));
    let others = (2..100).map(|number| with_ending(&name, &format!("-{number}")));
    let free = std::iter::once(name.clone())
        .chain(others)
        .find(|name| name.symlink_metadata().is_err());
    free.unwrap_or(name)
}
