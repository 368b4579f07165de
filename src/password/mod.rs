//! Passwords: Argon2id, hashed off the async threads, reset by a mailed token that works once.
//!
//! A change needs the old password, also from an administrator; a reset leaves the present one in force until the mail's
//! token is used. Whoever may change a user may start a reset; everybody may for themselves.

mod change;
pub mod graphql;
mod hash;
mod policy;
mod reset;

pub use change::{Change, change};
pub use hash::Hasher;
pub use policy::acceptable;
pub use reset::{complete, end_resets, start};
