//! `tenantry export`.

use std::fmt::Display;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;

use anyhow::bail;
use strum::IntoEnumIterator;

use super::arguments::ExportArgs;
use super::open::current;
use super::output::unwritten;
use super::progress::Progress;
use crate::context::OpContext;
use crate::keep::draft::{Draft, refuse_existing};
use crate::services::config::Config;
use crate::transfer::export::{self, Stopped, Wanted, Written};
use crate::transfer::kind::Kind;

pub async fn export(config: &Config, args: &ExportArgs) -> anyhow::Result<()> {
    let wanted = Wanted {
        format: args.format,
        organizations: args.organization.clone(),
        hashes: args.with_hashes,
        keys: args.with_keys,
        audit: args.with_audit,
        only: args.only.clone(),
    };
    let is_standard = args.file == Path::new("-");
    if is_standard && wanted.hashes && std::io::stdout().is_terminal() {
        bail!("password hashes are not printed on a terminal; name a file");
    }
    if !is_standard {
        refuse_existing(&args.file)?;
    }
    let services = current(config).await?;
    let mut progress = Progress::new(None, "records")?;
    let count = |done| progress.at(done);
    let written = if is_standard {
        let out = BufWriter::new(std::io::stdout().lock());
        let exported = export::export(&services.db, &wanted, out, count).await;
        exported.map_err(|why| stopped("to standard output", why))?.1
    } else {
        let draft = Draft::of(&args.file)?;
        let out = BufWriter::new(draft.file());
        let exported = export::export(&services.db, &wanted, out, count).await;
        let (_, written) = exported.map_err(|why| stopped(args.file.display(), why))?;
        draft.publish()?;
        written
    };
    progress.end();
    let op = OpContext::machine(services);
    if let Err(error) = export::note(&op, &wanted).await {
        let _ = writeln!(
            std::io::stderr(),
            "The export is complete, but the audit trail has no event of it: {error}"
        );
    }
    op.db().clone().close().await;
    let _ = writeln!(std::io::stderr(), "Exported {}.", told(&written));
    Ok(())
}

fn stopped(what: impl Display, why: Stopped) -> anyhow::Error {
    match why {
        Stopped::Database(error) => error.into(),
        Stopped::Output(error) => unwritten(what, &error),
    }
}

/// The numbers of records in words, such as "1 organization, 20 users".
fn told(written: &Written) -> String {
    let one = |kind: Kind| {
        let count = written.get(&kind).copied().filter(|count| *count > 0)?;
        Some(format!("{count} {}", kind.counted(count)))
    };
    let all: Vec<String> = Kind::iter().filter_map(one).collect();
    match all.is_empty() {
        true => "nothing".to_owned(),
        false => all.join(", "),
    }
}
