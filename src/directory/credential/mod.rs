//! Credentials that others were shown: what one is worth now, what can be made from it, and how anybody who holds one ends
//! it.

mod exchange;
mod introspect;
mod of_key;
mod revoke;
mod shown;

pub use exchange::{Exchanged, exchange, exchange_presented};
pub use introspect::{Asked, Introspected, introspect};
pub use of_key::of_key;
pub use revoke::{Ended, revoke};
pub use shown::Kind;
