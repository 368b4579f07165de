//! Events as JSON lines in a file, for a store outside.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;

/// A file that every event is also written to, once it is committed; or none.
#[derive(Debug, Default)]
pub struct AuditLog(Option<Mutex<File>>);

impl AuditLog {
    /// Appends to a file, made with mode 0600 where there is none.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut options = File::options();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(path)
            .with_context(|| format!("cannot open the audit log {}", path.display()))?;
        Ok(Self(Some(Mutex::new(file))))
    }

    /// Whether there is one.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Writes lines, each whole. The events are in the database already, so a full disk is logged and refuses nobody.
    pub(crate) fn write(&self, lines: &[String]) {
        let Some(file) = &self.0 else { return };
        if lines.is_empty() {
            return;
        }
        let text = lines.iter().fold(String::new(), |text, line| text + line + "\n");
        let written = file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(text.as_bytes());
        if let Err(error) = written {
            tracing::error!(%error, "cannot write the audit log");
        }
    }
}
