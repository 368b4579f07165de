//! Users in and out: a directory as a file, and other systems' files of users.

pub mod export;
pub mod format;
pub mod intake;
pub mod kind;
pub mod map;
#[cfg(test)]
mod map_tests;
pub mod native;
pub mod notes;
pub mod options;
pub mod presets;
pub mod record;
pub mod report;
#[cfg(test)]
mod samples;
pub mod source;
pub mod times;
pub mod values;
