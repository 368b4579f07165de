//! `tenantry doctor`.

use std::process::ExitCode;

use anyhow::Context;

use super::arguments::DoctorArgs;
use super::open::existing;
use super::output::say;
use crate::model::Email;
use crate::operations::doctor::{self, Finding, Severity};
use crate::services::config::Config;

/// Prints each finding as soon as it is found.
pub async fn examine(config: &Config, args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let to = match &args.mail_to {
        Some(text) => Some(Email::normalize(text).with_context(|| format!("'{text}' is not an e-mail address"))?),
        None => None,
    };
    let mut worst = Severity::Fine;
    let mut tell = |finding: &Finding| {
        worst = worst.max(finding.severity);
        tell(finding)
    };
    for finding in doctor::examine_settings(config) {
        tell(&finding)?;
    }
    match existing(config).await {
        Ok(services) => {
            for finding in doctor::examine_database(&services, config.faces).await {
                tell(&finding)?;
            }
            if let Some(to) = &to {
                tell(&doctor::send_mail(&services, to).await)?;
            }
            services.db.clone().close().await;
        }
        Err(error) => tell(&doctor::unopened(&error))?,
    }
    Ok((worst as u8).into())
}

/// Without a valid configuration, nothing else can be checked.
pub fn misconfigured(faults: &str) -> anyhow::Result<ExitCode> {
    doctor::misconfigured(faults).iter().try_for_each(tell)?;
    Ok((Severity::Wrong as u8).into())
}

fn tell(finding: &Finding) -> anyhow::Result<()> {
    say(format!(
        "{:<6} {:<12} {}",
        finding.severity.into_str(),
        finding.subject,
        finding.says
    ))
}
