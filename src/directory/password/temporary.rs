//! Temporary passwords.

use crate::model::Secret;
use crate::model::error::Result;
use crate::store::entity::user;

/// A new password for somebody else to change at the first sign-in.
pub fn temporary() -> Result<Secret> {
    Secret::temporary_password()
}

/// Whether the user's password is temporary and must be changed before signing in.
pub fn must_change(user: &user::Model) -> bool {
    user.password_hash.is_some() && user.password_temporary
}
