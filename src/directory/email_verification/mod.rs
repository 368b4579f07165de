//! Verification of users' e-mail addresses.
//!
//! A user's address is unverified until a token that was mailed to it is used: here, in a password reset or in an
//! invitation. A changed address is unverified again, the tokens sent to the old one are revoked, and the old one is
//! notified.
//!
//! Users change their own address with a link that is mailed to the new one. Nothing changes until the link is used; an
//! organization can demand the same for changes by administrators ([`request_change_in_txn`]).

mod change;
mod changed;
mod request;
mod verify;

pub use change::{forget_change_in_txn, forget_changes_in_txn, is_taken, request_change_in_txn, requested};
pub use changed::{tell_old_address_in_txn, void_tokens_in_txn};
pub use request::request;
pub use verify::verify;
