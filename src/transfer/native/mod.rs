//! The native format: a JSON object on each line. See `docs/transfer.md`.

mod line;
mod members;
mod read;

pub use line::{Line, Lines, VERSION};
pub use read::{Head, NativeReader, is_record};
