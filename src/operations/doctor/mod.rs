//! `tenantry doctor`: what is wrong or risky about a configuration and its database, and how to fix it.
//!
//! It only reads, so it can run beside a running server; with an address, it sends one mail.

mod clock;
mod database;
mod files;
mod integrity;
mod mail;
mod settings;

pub use clock::clocks_apart;
pub use database::examine as examine_database;
pub use integrity::{Content, examine as examine_content};
pub use mail::send as send_mail;

use crate::keep::scan::Fault;
use crate::model::error::Error;
use crate::services::config::Config;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Severity {
    Fine,
    /// It works, but may cause problems later.
    Risky,
    /// Something does not work.
    Wrong,
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    pub severity: Severity,
    pub subject: &'static str,
    /// The result and, if it is not fine, what to do, in whole sentences.
    pub says: String,
    /// How many things it is about, if they were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The ids of the first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub first: Vec<String>,
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
            count: None,
            first: Vec::new(),
        }
    }

    fn of_fault(subject: &'static str, fault: Fault) -> Self {
        let Fault {
            what,
            count,
            first,
            advice,
        } = fault;
        let more = if count > first.len() as u64 { ", …" } else { "" };
        let says = format!("There are {what}: {count} ({}{more}). {advice}", first.join(", "));
        Self {
            count: Some(count),
            first,
            ..Self::wrong(subject, says)
        }
    }
}

/// The finding for a check that failed.
fn broken(subject: &'static str, error: &Error) -> Finding {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    Finding::wrong(subject, cause.unwrap_or_else(|| error.to_string()))
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
