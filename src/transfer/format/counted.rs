//! A reader that is watched.

use super::Reader;
use crate::transfer::record::{Fault, Notes, Row};

/// Rows between two looks.
const EVERY: u64 = 100;

/// Calls something now and then while rows are read, such as to show progress.
pub struct Counted<F> {
    reader: Box<dyn Reader>,
    rows: u64,
    look: F,
}

impl<F: FnMut() + Send> Counted<F> {
    pub fn new(reader: Box<dyn Reader>, look: F) -> Self {
        Self { reader, rows: 0, look }
    }
}

impl<F: FnMut() + Send> Reader for Counted<F> {
    fn next(&mut self) -> Result<Option<Row>, Fault> {
        self.rows += 1;
        if self.rows.is_multiple_of(EVERY) {
            (self.look)();
        }
        self.reader.next()
    }

    fn notes(&self) -> Notes {
        self.reader.notes()
    }
}

impl<F> std::fmt::Debug for Counted<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counted")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}
