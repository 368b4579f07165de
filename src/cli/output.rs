//! Output of the commands. `println!` would panic if a stream is closed or full.

use std::fmt::Display;
use std::io::{self, Error, ErrorKind, Write};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};

use crate::model::error::told;

/// How long the server waits for a reader of its output.
const READ: Duration = Duration::from_secs(1);

/// Prints a line, and waits until it is read, because a pager may take its time.
pub fn say(text: impl Display) -> anyhow::Result<()> {
    print(&text.to_string()).context("cannot write to standard output")
}

/// Prints a line of the server, which must keep running without a reader. Fails if standard output is closed, full, no
/// longer read, or the null device.
pub fn announce(text: impl Display) -> anyhow::Result<()> {
    if leads_nowhere() {
        bail!("standard output is /dev/null");
    }
    let text = text.to_string();
    soon(move || print(&text)).context("cannot write to standard output")
}

/// Prints why the process ends. The exit code shows it too.
pub fn complain(error: &anyhow::Error) {
    let text = format!("tenantry: {}\n", told(error.as_ref()));
    let _ = soon(move || io::stderr().write_all(text.as_bytes()));
}

/// Why something cannot be written, and what to do if there is no space for it.
pub fn unwritten(what: impl Display, error: &Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => anyhow!(
            "cannot write {what}: there is no space left for it ({error}). Free some space on its disk, or choose a place on \
             another disk, and run the command again"
        ),
        _ => anyhow!("cannot write {what}: {error}"),
    }
}

/// What to print if a copied database is whole, and not all in it is as it should be.
pub fn unsound(faults: u64) -> String {
    format!(
        "The copy is complete, but not everything in it is as it should be (faults: {faults}): 'tenantry doctor' names them."
    )
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// A full pipe would block the writer.
fn soon(write: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    let (written, wait) = mpsc::channel();
    std::thread::Builder::new().name("output".to_owned()).spawn(move || {
        let _ = written.send(write());
    })?;
    wait.recv_timeout(READ)
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::TimedOut, "timed out: nothing reads it")))
}

/// Whether standard output is the null device, as it also is if it was closed when the process started.
fn leads_nowhere() -> bool {
    let null = rustix::fs::stat("/dev/null").map(|null| null.st_rdev);
    let out = rustix::fs::fstat(io::stdout()).map(|out| out.st_rdev);
    matches!((null, out), (Ok(null), Ok(out)) if null == out)
}
