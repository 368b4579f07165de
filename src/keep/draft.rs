//! A file that appears under its name only when it is complete.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};

/// The file that is being written: the name with this ending. It is removed if it does not become complete.
const NEW: &str = ".partial";
/// The same for a file that will replace another one.
const REPLACEMENT: &str = ".restoring";

/// A file that is not complete yet; only its owner can read it.
#[derive(Debug)]
pub struct Draft {
    target: PathBuf,
    path: PathBuf,
    /// Locked, so that no other process writes to it.
    file: File,
    is_published: bool,
}

impl Draft {
    /// Refuses a target that exists. What an earlier process has left behind is removed.
    pub fn of(target: &Path) -> anyhow::Result<Self> {
        refuse_existing(target)?;
        Self::beside(target, NEW)
    }

    /// The same for a target that may exist, and is replaced.
    pub fn replacing(target: &Path) -> anyhow::Result<Self> {
        Self::beside(target, REPLACEMENT)
    }

    fn beside(target: &Path, ending: &str) -> anyhow::Result<Self> {
        let path = with_ending(target, ending);
        let file = locked(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self {
            target: target.to_owned(),
            path,
            file,
            is_published: false,
        })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file itself, for what is written in one go.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The size so far.
    pub fn bytes(&self) -> std::io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Gives the file its name, after everything is on the disk.
    pub fn publish(mut self) -> anyhow::Result<()> {
        let cannot = || format!("cannot write {}", self.target.display());
        self.file.sync_all().with_context(cannot)?;
        rename_unless_there(&self.path, &self.target)?;
        self.is_published = true;
        sync_folder_of(&self.target).with_context(cannot)
    }

    /// The same in place of the target, which gets this name. At every moment, one of them has the target's name.
    pub fn replace(mut self, previous: &Path) -> anyhow::Result<()> {
        let cannot = || format!("cannot replace {}", self.target.display());
        self.file.sync_all().with_context(cannot)?;
        std::fs::hard_link(&self.target, previous)
            .with_context(|| format!("cannot keep the previous database as {}", previous.display()))?;
        std::fs::rename(&self.path, &self.target).with_context(cannot)?;
        self.is_published = true;
        sync_folder_of(&self.target).with_context(cannot)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_published {
            remove_with_logs(&self.path);
        }
    }
}

/// The same name with something after it.
pub fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Refuses a file that is already there, of whatever kind.
pub fn refuse_existing(target: &Path) -> anyhow::Result<()> {
    match target.symlink_metadata() {
        Ok(_) => bail!(
            "{} exists already: choose another name, or move it away",
            target.display()
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot look at {}", target.display())),
    }
}

/// The folder in which a file is, or would be.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Writes a folder's entries to the disk.
pub fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// Removes a SQLite file and the files that SQLite keeps beside it.
pub fn remove_with_logs(path: &Path) {
    for ending in ["", "-journal", "-wal", "-shm"] {
        let _ = std::fs::remove_file(with_ending(path, ending));
    }
}

/// A new file that this process has locked.
fn locked(path: &Path) -> anyhow::Result<File> {
    loop {
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = match created {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => OpenOptions::new().write(true).open(path)?,
            created => {
                let file = created?;
                lock(&file)?;
                if is_at(&file, path) {
                    return Ok(file);
                }
                continue;
            }
        };
        // Somebody has left it behind, or still writes to it.
        lock(&file)?;
        if is_at(&file, path) {
            remove_with_logs(path);
        }
    }
}

fn lock(file: &File) -> anyhow::Result<()> {
    flock(file, FlockOperation::NonBlockingLockExclusive).context("another process is writing it")
}

/// Whether this is the file with this name, and not one that had it before.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), path.metadata()) {
        (Ok(file), Ok(there)) => (file.dev(), file.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

fn rename_unless_there(from: &Path, to: &Path) -> anyhow::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(error) if error == rustix::io::Errno::EXIST => {
            bail!("{} has appeared in the meantime: choose another name", to.display())
        }
        // Some file systems do not support it.
        Err(_) => {
            refuse_existing(to)?;
            std::fs::rename(from, to).with_context(|| format!("cannot write {}", to.display()))
        }
    }
}
