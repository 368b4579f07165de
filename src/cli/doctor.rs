//! `tenantry doctor`.

use std::process::ExitCode;

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::arguments::DoctorArgs;
use super::open::existing;
use super::output::say;
use crate::keep::Digest;
use crate::keep::backup::Depth;
use crate::model::Email;
use crate::operations::doctor::{self, Finding, Severity};
use crate::services::config::Config;

/// Something is risky or wrong.
const FOUND: u8 = 3;
/// The configuration or the database cannot be read.
const UNREADABLE: u8 = 1;

/// Prints each finding as soon as it is found, or all of them as JSON at the end.
pub async fn examine(config: &Config, args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let to = match &args.mail_to {
        Some(text) => Some(Email::normalize(text).with_context(|| format!("'{text}' is not an e-mail address"))?),
        None => None,
    };
    let mut report = Report::new(args.json);
    for finding in doctor::examine_settings(config) {
        report.tell(finding)?;
    }
    let services = match existing(config).await {
        Ok(services) => services,
        Err(error) => {
            report.tell(doctor::unopened(&error))?;
            report.end()?;
            return Ok(UNREADABLE.into());
        }
    };
    for finding in doctor::examine_database(&services, config.faces).await {
        report.tell(finding)?;
    }
    let depth = match args.quick {
        true => Depth::Quick,
        false => Depth::Whole,
    };
    let content = doctor::examine_content(&services.db, depth).await;
    for finding in content.findings {
        report.tell(finding)?;
    }
    if let Some(to) = &to {
        report.tell(doctor::send_mail(&services, to).await)?;
    }
    services.db.clone().close().await;
    if args.digests {
        for (table, digest) in content.tables {
            report.add_table(table, &digest)?;
        }
    }
    report.end()
}

/// Without a valid configuration, nothing else can be checked.
pub fn misconfigured(faults: &str, args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let mut report = Report::new(args.json);
    for finding in doctor::misconfigured(faults) {
        report.tell(finding)?;
    }
    report.end()?;
    Ok(UNREADABLE.into())
}

/// What is printed.
struct Report {
    worst: Severity,
    /// What is printed at the end, if that is JSON.
    json: Option<(Vec<Value>, Map<String, Value>)>,
}

impl Report {
    fn new(json: bool) -> Self {
        Self {
            worst: Severity::Fine,
            json: json.then(Default::default),
        }
    }

    fn tell(&mut self, finding: Finding) -> anyhow::Result<()> {
        self.worst = self.worst.max(finding.severity);
        match &mut self.json {
            Some((findings, _)) => {
                findings.push(serde_json::to_value(finding)?);
                Ok(())
            }
            None => say(format!(
                "{:<6} {:<12} {}",
                finding.severity.into_str(),
                finding.subject,
                finding.says
            )),
        }
    }

    fn add_table(&mut self, table: &str, digest: &Digest) -> anyhow::Result<()> {
        match &mut self.json {
            Some((_, tables)) => {
                tables.insert(table.to_owned(), serde_json::to_value(digest)?);
                Ok(())
            }
            None => say(format!("{table:<20} {:>9} {}", digest.rows, digest.sha256)),
        }
    }

    fn end(self) -> anyhow::Result<ExitCode> {
        if let Some((findings, tables)) = self.json {
            let mut all = json!({ "findings": findings });
            if let (Value::Object(all), false) = (&mut all, tables.is_empty()) {
                all.insert("tables".to_owned(), Value::Object(tables));
            }
            say(all)?;
        }
        Ok(match self.worst {
            Severity::Fine => ExitCode::SUCCESS,
            Severity::Risky | Severity::Wrong => FOUND.into(),
        })
    }
}
