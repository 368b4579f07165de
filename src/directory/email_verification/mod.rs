//! E-mail addresses of users: whether somebody reads what is sent there.
//!
//! A user's address is unverified until a token that was mailed to it comes back: by this way, by a password reset or by
//! an invitation. An address that changes is unverified again, the tokens sent to the old one are void, and the old one
//! is told.

mod changed;
mod request;
mod verify;

pub use changed::{tell_old_address_in_txn, void_tokens_in_txn};
pub use request::request;
pub use verify::verify;
