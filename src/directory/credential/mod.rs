//! Credentials that others were shown: what one is worth now, and how anybody who holds one ends it.

mod introspect;
mod revoke;

pub use introspect::{Introspected, Kind, introspect};
pub use revoke::{Ended, revoke};
