//! `tenantry backup`.

use std::io::Write;
use std::sync::Arc;

use super::arguments::BackupArgs;
use super::open::existing;
use super::output::{say, unsound};
use crate::context::OpContext;
use crate::keep::backup::{self, Depth};
use crate::services::config::Config;

pub async fn backup(config: &Config, args: &BackupArgs) -> anyhow::Result<()> {
    let services = existing(config).await?;
    let op = OpContext::machine(Arc::clone(&services));
    let depth = match args.quick {
        true => Depth::Quick,
        false => Depth::Whole,
    };
    let made = backup::backup(&op, &args.file, depth).await?;
    if let Some(error) = &made.unrecorded {
        // The backup is complete: it may be of a standby, which accepts no writes.
        let _ = writeln!(
            std::io::stderr(),
            "The database has no event of this backup, because it could not be written: {error:#}"
        );
    }
    services.db.clone().close().await;
    if made.faults > 0 {
        let _ = writeln!(std::io::stderr(), "{}", unsound(made.faults));
    }
    say(format!(
        "Wrote {}: {} bytes, {} rows, as of {}.\nIt does not contain the secret key. {}\nIt does contain e-mail addresses \
         and password hashes: keep it encrypted.",
        args.file.display(),
        made.bytes,
        made.rows,
        made.at.to_rfc3339(),
        match (&config.secret_key, config.database.sqlite_file()) {
            (None, Some(file)) => format!("Copy {}.key to another place once: it never changes.", file.display()),
            _ => "Keep TENANTRY_SECRET_KEY in another place: it never changes.".to_owned(),
        }
    ))
}
