//! Progress of long work, on standard error: a bar on a terminal, or else a line every ten seconds.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const LINE_EVERY: Duration = Duration::from_secs(10);

/// Counts what is done, of an amount that may not be known.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    /// What is counted, such as "records".
    what: &'static str,
    total: Option<u64>,
    told: Instant,
}

impl Progress {
    pub fn new(total: Option<u64>, what: &'static str) -> anyhow::Result<Self> {
        let bar = match (std::io::stderr().is_terminal(), total) {
            (false, _) => None,
            (true, Some(total)) => {
                let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} {msg}, {eta} left")?;
                Some(ProgressBar::new(total).with_style(style).with_message(what))
            }
            (true, None) => {
                let style = ProgressStyle::with_template("{spinner} {human_pos} {msg}")?;
                Some(ProgressBar::no_length().with_style(style).with_message(what))
            }
        };
        Ok(Self {
            bar,
            what,
            total,
            told: Instant::now(),
        })
    }

    /// So much is done.
    pub fn at(&mut self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if self.told.elapsed() >= LINE_EVERY {
            self.told = Instant::now();
            // Not being able to print progress is no reason to stop.
            let _ = match self.total {
                Some(total) => writeln!(std::io::stderr(), "{done} of {total} {}", self.what),
                None => writeln!(std::io::stderr(), "{done} {}", self.what),
            };
        }
    }

    pub fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
