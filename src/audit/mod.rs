//! The audit trail: who did what to what, written in the transaction of the change itself.
//!
//! An event names the fields that changed, never their values, so it can be read by an administrator without telling
//! secrets. Events have no foreign keys: they outlive what they speak of, and internal keys tell two things of one id
//! apart.

mod record;

pub use record::{Event, record};
