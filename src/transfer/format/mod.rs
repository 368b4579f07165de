//! Formats of files: each reader makes rows from bytes, one at a time, and keeps nothing of the rows before.

pub mod auth0;
pub mod common;
pub mod csv;
mod elements;
pub mod firebase;
pub mod json;
pub mod keycloak;
pub mod ldif;
pub mod scim;
pub(super) mod stream;
pub mod text;

mod counted;

use std::io::BufRead;
use std::sync::Arc;

pub use self::counted::Counted;
use crate::transfer::record::{Fault, Notes, Row};

/// A file that is read from its beginning.
pub struct Input {
    /// What rows and faults call the file, if there are several.
    pub name: Option<Arc<str>>,
    pub bytes: Box<dyn BufRead + Send>,
}

/// The files of an import, opened one after the other: a directory may have thousands.
pub type Inputs = Box<dyn Iterator<Item = Result<Input, Fault>> + Send>;

/// Reads one file from its beginning to its end.
pub trait Reader: Send {
    /// The next row; `None` at the end of the file. After a fault, there is nothing more to read.
    fn next(&mut self) -> Result<Option<Row>, Fault>;

    /// What there is to say about the rows so far.
    fn notes(&self) -> Notes;
}
