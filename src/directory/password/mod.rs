//! Passwords: Argon2id, hashed outside the async threads, reset with a single-use token by mail.
//!
//! - Passwords are normalized whenever they are set or checked; see [`crate::services::hasher::Password`].
//! - All verbs check passwords in the same way, which counts failures, is fair between organizations, and sends every
//!   refusal after the same time; see `Door`.
//! - A change requires the old password, even from an administrator, and ends the user's other sessions. A temporary
//!   password can only be used to change it.
//! - Users can set their own password with their own credential, as one of the APIs does; they are notified by mail.
//! - A reset leaves the current password valid until the token from the mail is used. It can be started by callers who
//!   may change the user, by the users themselves, and, by e-mail address, by anybody, without revealing whether the
//!   account exists.
//! - Imported hashes (bcrypt, scrypt, PBKDF2, other Argon2) are accepted and, at the next sign-in, replaced by our own.

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
pub use change::{Change, change, change_own, check_current};
pub(crate) use door::{Door, is_present};
pub use policy::{acceptable, refuse_impersonation};
pub use rehash::rehash;
pub use request::{answer_requests, request};
pub use reset::{complete, start};
pub(crate) use sessions::end_other_sessions_in_txn;
pub use set::set_own;
pub use temporary::must_change;
