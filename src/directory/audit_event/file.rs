//! Writes the trail to a file as JSON lines, for external storage.
//!
//! The file follows the trail ([`super::follow`]). Its position is stored next to it, in a file of the same name with
//! the suffix `.position`. Each event is written exactly once, in the order of the trail: events that were written
//! before a crash but not recorded in the position are found by reading the end of the file. A line that was cut off by
//! a full disk or a crash is terminated, and its event is written again on the next line.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::follow::{Followed, events_behind};
use crate::store::db::Database;

/// The number of events written at once.
const BATCH: u64 = 500;

/// An audit log file.
#[derive(Debug)]
pub struct AuditFile {
    path: PathBuf,
    file: File,
    /// Locked while this process writes the file; another process with the same file waits.
    position_file: File,
    position: Position,
    /// Events that are in the file after the recorded position.
    already: HashSet<String>,
    /// The last line is incomplete.
    torn: bool,
}

/// The position of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    /// The last event written to the file.
    event: i64,
    /// The file's length after that event.
    bytes: u64,
}

impl AuditFile {
    /// Opens a file; creates it with mode 0600 if it does not exist. A new file starts with the first event of the
    /// trail. `None` if another process is writing it.
    pub fn open(path: &Path) -> anyhow::Result<Option<Self>> {
        let cannot = |what: &'static str| format!("cannot {what} the audit log {}", path.display());
        let mut beside = path.as_os_str().to_owned();
        beside.push(".position");
        let mut position_file = private(Path::new(&beside), false).with_context(|| cannot("open the position of"))?;
        match position_file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error).with_context(|| cannot("lock the position of")),
        }
        let mut noted = String::new();
        position_file
            .read_to_string(&mut noted)
            .with_context(|| cannot("read the position of"))?;
        let mut opened = Self {
            path: path.to_owned(),
            file: private(path, true).with_context(|| cannot("open"))?,
            position_file,
            // A position that was damaged by a crash is ignored; the events are found in the file itself.
            position: serde_json::from_str(&noted).unwrap_or_default(),
            already: HashSet::new(),
            torn: false,
        };
        opened.read_end().with_context(|| cannot("read"))?;
        Ok(Some(opened))
    }

    /// Reads the file after the recorded length: events that were written but not recorded.
    fn read_end(&mut self) -> std::io::Result<()> {
        self.already.clear();
        self.torn = false;
        // A pipe or a device cannot be read back.
        if !self.file.metadata()?.is_file() {
            return Ok(());
        }
        let mut file = File::open(&self.path)?;
        let length = file.metadata()?.len();
        // Shorter than recorded: this is another file now, for example after a rotation.
        let from = if length < self.position.bytes {
            0
        } else {
            self.position.bytes
        };
        file.seek(SeekFrom::Start(from))?;
        #[derive(Deserialize)]
        struct Written {
            id: String,
        }
        let mut lines = BufReader::new(file);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            self.torn = line.last() != Some(&b'\n');
            let whole = (!self.torn)
                .then(|| serde_json::from_slice::<Written>(&line).ok())
                .flatten();
            self.already.extend(whole.map(|written| written.id));
            line.clear();
        }
        Ok(())
    }

    /// Writes all new events; returns their number.
    pub async fn catch_up(&mut self, db: &Database) -> anyhow::Result<usize> {
        let mut written = 0;
        loop {
            let events = events_behind(db, self.position.event, BATCH).await?;
            let Some(last) = events.last().map(|event| event.position) else {
                return Ok(written);
            };
            self.write(&events)
                .with_context(|| format!("cannot write the audit log {}", self.path.display()))?;
            self.note(last)
                .with_context(|| format!("cannot save the position of the audit log {}", self.path.display()))?;
            written += events.len();
        }
    }

    fn write(&mut self, events: &[Followed]) -> std::io::Result<()> {
        let mut text = if self.torn { "\n".to_owned() } else { String::new() };
        for event in events.iter().filter(|event| !self.already.contains(&event.id)) {
            text.push_str(&event.line);
            text.push('\n');
        }
        // Until it is written completely: a full disk may cut it off.
        self.torn = true;
        if let Err(error) = self.file.write_all(text.as_bytes()).and_then(|()| synced(&self.file)) {
            self.read_end()?;
            return Err(error);
        }
        self.torn = false;
        Ok(())
    }

    fn note(&mut self, event: i64) -> std::io::Result<()> {
        self.position = Position {
            event,
            bytes: self.file.metadata()?.len(),
        };
        POSITION.store(event, Ordering::Relaxed);
        self.already.clear();
        let text = serde_json::to_string(&self.position)?;
        self.position_file.seek(SeekFrom::Start(0))?;
        self.position_file.write_all(text.as_bytes())?;
        self.position_file.set_len(text.len() as u64)?;
        self.position_file.sync_data()
    }

    /// Continues in a new file with the same name, because the current one was moved away.
    pub fn reopen(&mut self) -> anyhow::Result<()> {
        self.file =
            private(&self.path, true).with_context(|| format!("cannot open the audit log {}", self.path.display()))?;
        self.read_end()
            .with_context(|| format!("cannot read the audit log {}", self.path.display()))?;
        Ok(())
    }
}

/// The position of the last event that this process has written to a file; `None` if it has not written any.
pub fn file_position() -> Option<i64> {
    Some(POSITION.load(Ordering::Relaxed)).filter(|position| *position > 0)
}

/// Global, because a process has one file.
static POSITION: AtomicI64 = AtomicI64::new(0);

/// Syncs a file to the disk. Pipes and devices do not support that.
fn synced(file: &File) -> std::io::Result<()> {
    match file.metadata()?.is_file() {
        true => file.sync_data(),
        false => Ok(()),
    }
}

fn private(path: &Path, append: bool) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).create(true);
    if append {
        options.append(true);
    } else {
        options.write(true).truncate(false);
    }
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
