//! `tenantry doctor`: what is wrong or risky about a configuration and its database, with the way out.
//!
//! It reads and changes nothing, so that it can be asked beside a running server; with an address it sends one mail.

mod clock;
mod database;
mod files;
mod mail;
mod settings;

pub use clock::clocks_apart;

use crate::context::Services;
use crate::model::Email;
use crate::services::config::Config;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Fine,
    /// It works, and will hurt one day.
    Risky,
    /// Something does not work.
    Wrong,
}

impl Severity {
    /// What the command ends with: 0, 1, or 2.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Risky => 1,
            Self::Wrong => 2,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Risky => "risky",
            Self::Wrong => "wrong",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    pub subject: &'static str,
    /// What was seen and, if that is not fine, what to do: whole sentences.
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

/// That the configuration cannot be read, fault by fault.
pub fn misconfigured(faults: &str) -> Vec<Finding> {
    let faults = faults.lines().map(str::trim).filter(|fault| !fault.is_empty());
    faults.map(|fault| Finding::wrong("settings", fault)).collect()
}

/// What can be seen without a connection to the database.
pub fn examine_settings(config: &Config) -> Vec<Finding> {
    let mut found = settings::examine(config);
    found.extend(files::examine(config));
    found
}

/// What the database says of itself. It is open already; that it is not is the worst finding of all.
pub async fn examine_database(services: &Services) -> Vec<Finding> {
    database::examine(services).await
}

/// That the database cannot be opened, and why.
pub fn unopened(error: &anyhow::Error) -> Finding {
    Finding::wrong("database", format!("{error:#}"))
}

/// Sends a mail to see whether one arrives.
pub async fn send_mail(services: &Services, to: &Email) -> Finding {
    mail::send(services, to).await
}
