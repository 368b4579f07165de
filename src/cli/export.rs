//! `tenantry export`.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use strum::IntoEnumIterator;

use super::arguments::ExportArgs;
use super::open::current;
use super::progress::Progress;
use crate::context::OpContext;
use crate::services::config::Config;
use crate::transfer::export::{self, Wanted, Written};
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
    if !is_standard && args.file.exists() {
        bail!("{} exists already; name a new file", args.file.display());
    }
    let services = current(config).await?;
    let mut progress = Progress::new(None, "records")?;
    let count = |done| progress.at(done);
    let written = if is_standard {
        let out = BufWriter::new(std::io::stdout().lock());
        export::export(&services.db, &wanted, out, count).await?.1
    } else {
        let partial = Partial::create(&args.file)?;
        let out = BufWriter::new(partial.file.try_clone().context("cannot write the file")?);
        let (_, written) = export::export(&services.db, &wanted, out, count).await?;
        partial.complete(&args.file)?;
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

/// A file that is not there until it is complete.
struct Partial {
    path: PathBuf,
    file: File,
}

impl Partial {
    /// Only its owner can read it.
    fn create(target: &Path) -> anyhow::Result<Self> {
        let mut name = target.as_os_str().to_owned();
        name.push(".partial");
        let path = PathBuf::from(name);
        // What an export that was killed has left.
        let _ = fs::remove_file(&path);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = file.with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self { path, file })
    }

    fn complete(self, target: &Path) -> anyhow::Result<()> {
        let failed = || format!("cannot write {}", target.display());
        self.file.sync_all().with_context(failed)?;
        // Not a rename, which would replace a file that was made in the meantime.
        fs::hard_link(&self.path, target).with_context(failed)?;
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .with_context(failed)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
