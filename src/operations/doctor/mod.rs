//! `tenantry doctor`: what is wrong or risky about a configuration and its database, and how to fix it.
//!
//! It only reads, so it can run beside a running server; with an address, it sends one mail.

mod clock;
mod database;
mod files;
mod mail;
mod settings;

pub use clock::clocks_apart;
pub use database::examine as examine_database;
pub use mail::send as send_mail;

use crate::services::config::Config;

/// How bad a finding is. The number of the worst is the exit code of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Severity {
    Fine,
    /// It works, but may cause problems later.
    Risky,
    /// Something does not work.
    Wrong,
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    pub subject: &'static str,
    /// The result and, if it is not fine, what to do, in whole sentences.
    pub says: String,
}

impl Finding {
    fn fine(subject: &'static str, says: impl Into<String>) -> Self {
        Self::new(Severity::Fine, subject, says)
    }

    fn risky(subject: &'static str, says: impl Into<String>) -> Self {
        Self::new(Severity::Risky, subject, says)
    }

    fn wrong(subject: &'static str, says: impl Into<String>) -> Self {
        Self::new(Severity::Wrong, subject, says)
    }

    fn new(severity: Severity, subject: &'static str, says: impl Into<String>) -> Self {
        Self {
            severity,
            subject,
            says: says.into(),
        }
    }
}

/// The findings for an invalid configuration, one per error.
pub fn misconfigured(faults: &str) -> Vec<Finding> {
    let faults = faults.lines().map(str::trim).filter(|fault| !fault.is_empty());
    faults.map(|fault| Finding::wrong("settings", fault)).collect()
}

/// Checks that need no database connection.
pub fn examine_settings(config: &Config) -> Vec<Finding> {
    let mut found = settings::examine(config);
    found.extend(files::examine(config));
    found
}

/// The finding for a database that cannot be opened.
pub fn unopened(error: &anyhow::Error) -> Finding {
    Finding::wrong("database", format!("{error:#}"))
}
