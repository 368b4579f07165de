//! `tenantry restore`.

use std::io::Write;

use super::arguments::RestoreArgs;
use super::output::{say, unsound};
use crate::keep::restore;
use crate::services::config::Config;

pub async fn restore(config: &Config, args: &RestoreArgs) -> anyhow::Result<()> {
    let restored = restore::restore(&args.file, &config.database, args.end_sessions).await?;
    say(format!("Restored {} rows from {}.", restored.rows, args.file.display()))?;
    if restored.faults > 0 {
        let _ = writeln!(std::io::stderr(), "{}", unsound(restored.faults));
    }
    if let Some(previous) = &restored.previous {
        say(format!("The replaced database is now {}.", previous.display()))?;
    }
    say(
        "What was revoked, deactivated or changed after the backup is again as it was then: check API keys and users.\nIf the \
         secret key of the backup is lost, run 'tenantry rotate-keys --now'.",
    )
}
