//! Passwords: Argon2id, hashed off the async threads, reset by a mailed token that works once.
//!
//! - What counts is a password's normal form, wherever it is set or checked; see [`crate::services::hasher::Password`].
//! - Every verb that checks one does so in one way, which counts failures, is fair between organizations, and answers every
//!   refusal at the same moment; see `Door`.
//! - A change needs the old password, also from an administrator, and ends the user's other sessions. A temporary
//!   password opens nothing but its own change, for which it is credential enough.
//! - A user sets the own password with the own credential, as one of the faces does; that is announced by mail.
//! - A reset leaves the present password in force until the mail's token is used. Whoever may change a user may start
//!   one, everybody may for themselves, and anybody may ask for one by e-mail address, who then learns nothing.
//! - Hashes that came from elsewhere (bcrypt, scrypt, PBKDF2, other Argon2) are accepted and, at the next sign-in,
//!   replaced by our own.

mod attempts;
mod change;
mod door;
mod policy;
mod rehash;
mod request;
mod reset;
mod sessions;
mod set;
mod temporary;

pub(crate) use attempts::Attempt;
pub use change::{Change, change};
pub(crate) use door::Door;
pub use policy::acceptable;
pub use rehash::rehash;
pub use request::{answer_requests, request};
pub use reset::{complete, start};
pub use set::set_own;
pub use temporary::{must_change, temporary};
