//! `tenantry import`.

mod database;
mod survey;
mod tell;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, anyhow, bail};

use self::database::Opened;
use self::survey::Survey;
use self::tell::Errors;
use super::arguments::ImportArgs;
use super::output::complain;
use super::progress::Progress;
use crate::context::OpContext;
use crate::model::error::{Error, Reason, told};
use crate::model::{Clock, Timestamp};
use crate::services::config::Config;
use crate::transfer::format::firebase::HashConfig;
use crate::transfer::format::{Counted, Reader};
use crate::transfer::intake::{self, Options, Passwords, Stopped};
use crate::transfer::map::Map;
use crate::transfer::record::Fault;
use crate::transfer::report::Report;
use crate::transfer::source::{How, Source};

/// Some rows were refused; the others are in.
const SOME_REFUSED: u8 = 3;

pub async fn import(config: &Config, args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let how = how(args)?;
    let source = Source::open(&args.files, &how)
        .map_err(fault)
        .context("nothing was written")?;
    if args.organization.is_none() && !source.names_organizations() {
        bail!("name the organization of the users with --organization; create it first, if there is none");
    }
    if !args.dry_run {
        crate::keep::space::require_for_import(&config.database, source.bytes_unpacked())?;
    }
    let survey = Survey::of(&source).context("nothing was written")?;
    let mut options = options(args);
    options.now = how.now;
    let Opened {
        services,
        becomes_file,
        alone,
    } = database::open(config, &survey, args.dry_run).await?;
    options.super_admins |= becomes_file;
    options.keep_first_start &= !becomes_file;
    // Hashing takes long, and nobody could change anything in the meantime. Each changed record has an event, and all of a
    // transaction are held in memory.
    options.alone = alone && survey.dear_hashes == 0 && args.on_conflict != intake::OnConflict::Update;
    options.users = survey.users;
    let op = OpContext::machine(Arc::clone(&services)).with_request_id(uuid::Uuid::new_v4().to_string());
    let errors = Errors::new(args);
    let mut progress = Progress::new(Some(source.bytes()), "bytes")?;
    let read = source.bytes_read();
    let mut reader = Counted::new(source.reader().map_err(fault)?, || {
        progress.at(read.load(Ordering::Relaxed))
    });
    let mut report = Report::new(|told| errors.add(&told));
    let done = intake::import(&op, &mut reader, &options, &mut report).await;
    let notes = reader.notes();
    drop(reader);
    progress.end();
    services.db.clone().close().await;
    let refused = report.total(|counts| counts.refused);
    let written = report.total(|counts| counts.created + counts.changed);
    let summary = tell::Summary::of(&op, args.dry_run, &report, &notes);
    drop(report);
    let listed = errors.end();
    match done {
        Ok(()) => summary.print(args.json)?,
        Err(stopped) => {
            if let Err(error) = &listed {
                complain(error);
            }
            let what = match stopped {
                Stopped::File(why) => fault(why),
                Stopped::Database(error) => broken(config, &error),
            };
            return Err(what.context(match options.alone || args.dry_run || written == 0 {
                true => "nothing was written",
                false => "the import stopped; what was read before is in. Run it again: what is there stays unchanged",
            }));
        }
    }
    listed.context("the import has ended, but the list of refused rows is not complete")?;
    Ok(match refused {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(SOME_REFUSED),
    })
}

/// Why the database has failed. SQLite takes some limits for a fault of the disk.
fn broken(config: &Config, error: &Error) -> anyhow::Error {
    let is_disk = matches!(
        error,
        Error::Unavailable {
            reason: Reason::NoAnswer | Reason::Full,
            ..
        }
    );
    match config.database.sqlite_file() {
        Some(file) if is_disk => anyhow!(
            "cannot write {}: check that its disk has free space: {}",
            file.display(),
            told(error)
        ),
        _ => anyhow!("{}", told(error)),
    }
}

fn how(args: &ImportArgs) -> anyhow::Result<How> {
    let mut how = How::new(Clock::System.now());
    how.format = args.format;
    how.preset.clone_from(&args.preset);
    how.columns.clone_from(&args.column);
    how.realm.clone_from(&args.realm);
    how.encoding.clone_from(&args.encoding);
    how.id_prefix.clone_from(&args.id_prefix);
    how.passwords = args.passwords != Passwords::None;
    if let Some(path) = &args.map {
        let text = read(path)?;
        how.map = Some(Map::parse(&text).map_err(|error| anyhow!("{}: {error}", path.display()))?);
    }
    if let Some(path) = &args.hash_config {
        how.hash_config = Some(HashConfig::parse(&read(path)?).map_err(fault)?);
    }
    Ok(how)
}

fn options(args: &ImportArgs) -> Options {
    Options {
        organization: args.organization.clone(),
        tenant: args.tenant.clone(),
        roles: args.role.clone(),
        missing_roles: args.missing_roles,
        on_conflict: args.on_conflict,
        passwords: args.passwords,
        keys: args.with_keys,
        super_admins: args.allow_super_admins,
        dry_run: args.dry_run,
        alone: false,
        users: 0,
        now: Timestamp::default(),
        keep_first_start: args.on_conflict != intake::OnConflict::Update,
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// A fault of the file, with its place.
fn fault(fault: Fault) -> anyhow::Error {
    let file = fault.file.map(|file| format!("{file}: ")).unwrap_or_default();
    match fault.line {
        Some(line) => anyhow!("{file}line {line}: {}", fault.message),
        None => anyhow!("{file}{}", fault.message),
    }
}

/// Where the refused rows are written, without a flag.
fn errors_beside(files: &[PathBuf]) -> PathBuf {
    let first = files.first().filter(|path| path.as_os_str() != "-");
    let mut name = first.map_or_else(|| "import".into(), |path| path.as_os_str().to_owned());
    name.push(".errors.ndjson");
    PathBuf::from(name)
}
