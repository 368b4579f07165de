//! `tenantry permissions`.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;

use super::arguments::{ApplyArgs, Permissions};
use super::open::current;
use super::output::say;
use crate::context::{OpContext, Services};
use crate::directory::permission::{self, Applied, Applying, PermissionsFile, What};
use crate::services::config::Config;

/// A file with everything at its limit is smaller.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Nothing was changed because the file cannot be applied.
const REFUSED: u8 = 1;

pub async fn run(config: &Config, command: &Permissions) -> anyhow::Result<ExitCode> {
    match command {
        Permissions::Apply(args) => apply(config, args).await,
        Permissions::Show => show(config).await,
    }
}

async fn show(config: &Config) -> anyhow::Result<ExitCode> {
    let services = current(config).await?;
    let file = permission::show(&OpContext::machine(Arc::clone(&services))).await?;
    services.db.clone().close().await;
    say(serde_json::to_string_pretty(&file)?)?;
    Ok(ExitCode::SUCCESS)
}

async fn apply(config: &Config, args: &ApplyArgs) -> anyhow::Result<ExitCode> {
    let file = read(&args.file)?;
    let services = current(config).await?;
    let how = Applying {
        prune: args.prune,
        withdraw: args.withdraw,
        dry_run: args.dry_run,
    };
    let applied = permission::apply(&OpContext::machine(Arc::clone(&services)), &file, how).await?;
    services.db.clone().close().await;
    let applied = match applied {
        Ok(applied) => applied,
        Err(faults) => {
            let _ = writeln!(std::io::stderr(), "{}", refused(&args.file, &faults));
            return Ok(ExitCode::from(REFUSED));
        }
    };
    if let Some(newer) = applied.newer_revision {
        let _ = writeln!(
            std::io::stderr(),
            "Nothing was changed: revision {newer} was applied before, and {} is revision {}.",
            args.file.display(),
            file.revision.unwrap_or_default()
        );
        return Ok(ExitCode::from(REFUSED));
    }
    match args.json {
        true => say(serde_json::to_string_pretty(&applied)?)?,
        false => say(lines(&applied, how))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Applies the configured file when the server starts. Nothing is deleted. An older revision than the last one is not
/// applied, because another process may already have a newer one. A file that cannot be read ends the start; one that is
/// refused, because of what is in the database, does not.
pub async fn at_start(services: &Arc<Services>, path: &Path) -> anyhow::Result<()> {
    let file = read(path)?;
    if !services.db.takes_changes().await? {
        tracing::warn!("the database accepts no writes: {} is not applied", path.display());
        return Ok(());
    }
    let op = OpContext::machine(Arc::clone(services));
    match permission::apply(&op, &file, Applying::default()).await? {
        // What an organization has named a role must not keep the servers from starting.
        Err(faults) => {
            tracing::error!("{}", refused(path, &faults));
            Ok(())
        }
        Ok(applied) => {
            if let Some(newer) = applied.newer_revision {
                tracing::warn!(
                    "{} is an older revision than {newer}, which was applied before: it is ignored",
                    path.display()
                );
            } else if !applied.changes.is_empty() {
                let changes: Vec<String> = applied.changes.iter().map(line).collect();
                tracing::info!("permissions: {}", changes.join("; "));
            }
            Ok(())
        }
    }
}

fn read(path: &Path) -> anyhow::Result<PermissionsFile> {
    let cannot = || format!("cannot read the permissions from {}", path.display());
    let mut text = String::new();
    let file = std::fs::File::open(path).with_context(cannot)?;
    file.take(FILE_BYTES_MAX)
        .read_to_string(&mut text)
        .with_context(cannot)?;
    PermissionsFile::parse(&text).map_err(|fault| anyhow::anyhow!(fault).context(cannot()))
}

fn refused(path: &Path, faults: &[String]) -> String {
    format!(
        "Nothing was changed, because {} cannot be applied:\n  {}",
        path.display(),
        faults.join("\n  ")
    )
}

fn lines(applied: &Applied, how: Applying) -> String {
    let mut lines: Vec<String> = applied.changes.iter().map(line).collect();
    lines.extend(
        applied
            .not_in_file
            .iter()
            .map(|one| format!("? {one} is not in the file and stays")),
    );
    lines.push(format!("= {} unchanged", applied.unchanged));
    if how.dry_run {
        lines.push("Nothing was changed (--dry-run).".to_owned());
    }
    lines.join("\n")
}

fn line(change: &permission::Changed) -> String {
    let sign = match change.what {
        What::Created => '+',
        What::Updated => '~',
        What::Deleted => '-',
    };
    let kind: &str = change.kind.into();
    match change.details.as_slice() {
        [] => format!("{sign} {kind} {}", change.name),
        details => format!("{sign} {kind} {} ({})", change.name, details.join(", ")),
    }
}
