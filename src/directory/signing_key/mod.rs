//! The keys that sign access tokens: of each algorithm created when first needed, rotated by age or by command.
//!
//! A new key is published before it is used, and an old one stays valid until its last token has expired: so clients
//! that cache the public keys for as long as the response allows can verify every token. Rotating at once is for a
//! leaked key: the old keys and their tokens become invalid; sessions continue with their refresh tokens.

mod current;
mod rotate;

pub use current::current;
pub use rotate::rotate;
