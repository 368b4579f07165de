//! What the commands print. `println!` would panic where a stream is closed or full.

use std::fmt::Display;
use std::io::{self, Error, ErrorKind, Write};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, bail};

/// How long somebody may take to read what a server says.
const READ: Duration = Duration::from_secs(1);

/// Prints a line, and waits until it is taken: a pager may be in no hurry.
pub fn say(text: impl Display) -> anyhow::Result<()> {
    print(&text.to_string()).context("cannot write to standard output")
}

/// Prints a line of a server, which goes on without a reader: in vain where standard output is closed, full, read by nobody
/// any more, or leads nowhere.
pub fn announce(text: impl Display) -> anyhow::Result<()> {
    if leads_nowhere() {
        bail!("standard output is /dev/null");
    }
    let text = text.to_string();
    soon(move || print(&text)).context("cannot write to standard output")
}

/// Tells why the process ends. The exit code tells it too.
pub fn complain(text: &str) {
    let text = format!("tenantry: {text}\n");
    let _ = soon(move || io::stderr().write_all(text.as_bytes()));
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// A pipe that nobody empties would hold up whoever writes.
fn soon(write: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    let (written, wait) = mpsc::channel();
    std::thread::Builder::new().name("output".to_owned()).spawn(move || {
        let _ = written.send(write());
    })?;
    wait.recv_timeout(READ)
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::TimedOut, "timed out: nothing reads it")))
}

/// Whether standard output is the null device, as it is too where it was closed when the process began.
#[cfg(unix)]
fn leads_nowhere() -> bool {
    let null = rustix::fs::stat("/dev/null").map(|null| null.st_rdev);
    let out = rustix::fs::fstat(io::stdout()).map(|out| out.st_rdev);
    matches!((null, out), (Ok(null), Ok(out)) if null == out)
}

#[cfg(not(unix))]
fn leads_nowhere() -> bool {
    false
}
