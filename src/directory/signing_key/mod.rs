//! The keys that sign session tokens: created at first need, rotated by age or by command.
//!
//! A new key is published before it signs, and an old one stays valid until its last token has ended: whoever keeps a copy
//! of the public keys, as long as the answer says, never meets a token it cannot check. Rotating at once is for a key that
//! leaked: the old ones end, and with them their tokens; sessions go on, by their refresh tokens.

mod current;
mod rotate;

pub use current::current;
pub use rotate::rotate;
