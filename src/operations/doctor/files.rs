//! Checks of the files on this machine.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::Finding;
use crate::services::config::{Config, MailConfig};
use crate::store::db::{Address, room};

/// With less free disk space than this, a SQLite file or an audit log will soon fail.
const ROOM_BYTES: u64 = 512 * 1024 * 1024;

/// A backup, or an import, lets the log grow for a while.
const LOG_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

pub fn examine(config: &Config) -> Vec<Finding> {
    let mut private: Vec<PathBuf> = Vec::new();
    if let Address::Sqlite(path) = &config.database {
        private.push(path.clone());
        private.extend(["-wal", "-shm", ".key"].map(|ending| beside(path, ending)));
    }
    if let Some(path) = &config.audit_log {
        private.push(path.clone());
        private.push(beside(path, ".position"));
    }
    if let MailConfig::Directory(folder) = &config.mail {
        private.push(folder.clone());
    }
    private.retain(|path| path.exists());
    let mut found: Vec<Finding> = private.iter().filter_map(|path| readable_by_others(path)).collect();
    if found.is_empty() && !private.is_empty() {
        found.push(Finding::fine("files", "No other user of this machine can read them."));
    }
    if let MailConfig::Directory(folder) = &config.mail {
        found.push(mail_folder(folder));
    }
    found.extend(config.database.sqlite_file().and_then(log));
    found.extend(disks(&private));
    found
}

/// Whether mails can be written there, without writing one: the server creates the folder when it starts.
fn mail_folder(folder: &Path) -> Finding {
    const SUBJECT: &str = "mail folder";
    // A relative path starts in the current folder.
    let nearest = folder.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let (wanted, at) = (folder.display(), nearest.display());
    match (nearest.is_dir(), takes_files(nearest), nearest == folder) {
        (false, _, _) => Finding::wrong(
            SUBJECT,
            format!(
                "No mail can be written to {wanted}: {at} is not a folder. Move it away, or change TENANTRY_MAIL_DIR."
            ),
        ),
        (true, false, _) => Finding::wrong(
            SUBJECT,
            format!(
                "No mail can be written to {wanted}: this user may not write in {at}. Give the server's user write permission."
            ),
        ),
        (true, true, true) => Finding::fine(SUBJECT, format!("This user can write mails to {wanted}.")),
        (true, true, false) => Finding::fine(SUBJECT, format!("The server creates {wanted} when it starts.")),
    }
}

/// SQLite writes its log into the database, and begins it again, unless somebody reads an old state all the time.
fn log(database: &Path) -> Option<Finding> {
    const SUBJECT: &str = "log";
    if !database.exists() {
        return None;
    }
    let path = beside(database, "-wal");
    // It goes when the last process closes the database.
    let bytes = path.metadata().map_or(0, |metadata| metadata.len());
    let told = format!("{} has {bytes} bytes.", path.display());
    Some(match bytes > LOG_BYTES_MAX {
        false => Finding::fine(SUBJECT, told),
        true => Finding::risky(
            SUBJECT,
            format!(
                "{told} Something reads an old state of the database all the time: find it with lsof, and restart it."
            ),
        ),
    })
}

fn takes_files(folder: &Path) -> bool {
    access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// The file with this suffix appended to its name.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn readable_by_others(path: &Path) -> Option<Finding> {
    let metadata = path.metadata().ok()?;
    let mode = metadata.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        let path = path.display();
        let wanted = if metadata.is_dir() { "700" } else { "600" };
        Finding::risky(
            "files",
            format!("Other users of this machine can access {path} (its mode is {mode:o}). Run: chmod {wanted} {path}"),
        )
    })
}

/// Free space on the first file's disk; usually all files are on one.
fn disks(paths: &[PathBuf]) -> Option<Finding> {
    let path = paths.first()?;
    let free = room(path)?;
    let told = format!("{} MB are free where {} is.", free / 1_000_000, path.display());
    Some(match free < ROOM_BYTES {
        true => Finding::risky(
            "disk",
            format!("{told} On a full disk, all changes fail. Free some space."),
        ),
        false => Finding::fine("disk", told),
    })
}
