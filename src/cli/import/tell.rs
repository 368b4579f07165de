//! What an import says: a summary on standard output, and the refused rows in a file.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::errors_beside;
use crate::cli::arguments::ImportArgs;
use crate::cli::output::{say, unwritten};
use crate::context::OpContext;
use crate::transfer::kind::Kind;
use crate::transfer::record::Notes;
use crate::transfer::report::{Counts, Report, Told};

/// So many refused rows are printed on standard error too.
const TOLD_MAX: u64 = 20;

/// The refused rows.
pub struct Errors {
    path: PathBuf,
    /// Whether nobody has named the file.
    is_usual: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    file: Option<BufWriter<File>>,
    count: u64,
    failed: Option<std::io::Error>,
}

impl Errors {
    pub fn new(args: &ImportArgs) -> Self {
        Self {
            path: args.errors.clone().unwrap_or_else(|| errors_beside(&args.files)),
            is_usual: args.errors.is_none(),
            state: Mutex::default(),
        }
    }

    pub fn add(&self, told: &Told<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.count += 1;
        if state.count <= TOLD_MAX {
            let who = told
                .id
                .or(told.email)
                .map(|who| format!(" '{who}'"))
                .unwrap_or_default();
            let _ = writeln!(
                std::io::stderr(),
                "line {}: {}{who}: {}",
                told.line,
                told.r#type,
                told.message
            );
        }
        if state.failed.is_none()
            && let Err(error) = self.write(&mut state, told)
        {
            state.failed = Some(error);
        }
    }

    /// The file is created with the first row, and only its owner can read it.
    fn write(&self, state: &mut State, told: &Told<'_>) -> std::io::Result<()> {
        let file = match &mut state.file {
            Some(file) => file,
            none => {
                let file = OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(&self.path)?;
                none.insert(BufWriter::new(file))
            }
        };
        serde_json::to_writer(&mut *file, told)?;
        file.write_all(b"\n")
    }

    pub fn end(self) -> anyhow::Result<()> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let written = match (state.failed, state.file) {
            (Some(error), _) => Err(error),
            (None, Some(mut file)) => file.flush(),
            (None, None) => {
                if self.is_usual {
                    // What an earlier import has left would be taken for what this one has refused.
                    let _ = std::fs::remove_file(&self.path);
                }
                return Ok(());
            }
        };
        written.map_err(|error| unwritten(format_args!("the refused rows to {}", self.path.display()), &error))?;
        let more = state.count.saturating_sub(TOLD_MAX);
        let more = if more > 0 {
            format!("{more} more rows were refused. ")
        } else {
            String::new()
        };
        let _ = writeln!(
            std::io::stderr(),
            "{more}All refused rows, with their reasons: {}",
            self.path.display()
        );
        Ok(())
    }
}

/// The result of an import.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// In the audit trail, the events of this import have it as `requestId`.
    import_id: String,
    dry_run: bool,
    counts: BTreeMap<&'static str, Counts>,
    /// What is nothing to be taken.
    ignored: BTreeMap<String, u64>,
    /// What has no place here.
    lost: BTreeMap<String, u64>,
    /// Columns and members that were not taken over.
    left: Vec<String>,
    /// Hashes against which no password can be checked, by kind.
    unusable_hashes: BTreeMap<String, u64>,
    without_password: u64,
    federated_only: u64,
    warnings: Vec<String>,
    #[serde(skip)]
    lines: Vec<String>,
}

impl Summary {
    pub fn of(op: &OpContext, dry_run: bool, report: &Report<'_>, notes: &Notes) -> Self {
        let counts = report
            .counts
            .iter()
            .map(|(kind, counts)| ((*kind).into(), *counts))
            .collect();
        Self {
            import_id: op.request_id().to_owned(),
            dry_run,
            counts,
            ignored: report.ignored.clone(),
            lost: notes.lost.clone(),
            left: notes.left.iter().cloned().collect(),
            unusable_hashes: report.unusable_hashes.clone(),
            without_password: report.without_password,
            federated_only: report.federated_only,
            warnings: notes.warnings.iter().cloned().chain(notes.missing_pages()).collect(),
            lines: report.counts.iter().map(|(kind, counts)| line(*kind, counts)).collect(),
        }
    }

    pub fn print(&self, as_json: bool) -> anyhow::Result<()> {
        if as_json {
            return say(serde_json::to_string(self)?);
        }
        let mut lines = Vec::new();
        if self.dry_run {
            lines.push("Dry run: nothing was written. The file would do this:".to_owned());
        }
        lines.extend(self.lines.iter().cloned());
        if self.lines.is_empty() {
            lines.push("The file has no records.".to_owned());
        }
        let listed = |all: &BTreeMap<String, u64>| {
            let all: Vec<String> = all.iter().map(|(what, count)| format!("{count} {what}")).collect();
            all.join(", ")
        };
        if !self.ignored.is_empty() {
            lines.push(format!("ignored: {}", listed(&self.ignored)));
        }
        if !self.lost.is_empty() {
            lines.push(format!("not taken over: {}", listed(&self.lost)));
        }
        if !self.left.is_empty() {
            lines.push(format!("not taken over: {}", self.left.join(", ")));
        }
        if !self.unusable_hashes.is_empty() {
            lines.push(format!(
                "password hashes that cannot be checked: {}",
                listed(&self.unusable_hashes)
            ));
        }
        if self.without_password > 0 {
            lines.push(format!(
                "without a password, until they request one with requestPasswordReset: {}",
                users(self.without_password)
            ));
        }
        if self.federated_only > 0 {
            lines.push(format!(
                "without a password, signing in with another provider only: {}",
                users(self.federated_only)
            ));
        }
        lines.extend(self.warnings.iter().map(|warning| format!("warning: {warning}")));
        lines.push(format!("import: {}", self.import_id));
        say(lines.join("\n"))
    }
}

fn users(count: u64) -> String {
    format!("{count} {}", Kind::User.counted(count))
}

fn line(kind: Kind, counts: &Counts) -> String {
    format!(
        "{}: {} created, {} changed, {} unchanged, {} skipped, {} refused, {} ignored",
        kind.counted(2),
        counts.created,
        counts.changed,
        counts.unchanged,
        counts.skipped,
        counts.refused,
        counts.ignored
    )
}
