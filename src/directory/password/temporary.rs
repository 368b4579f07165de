//! Temporary passwords.

use crate::store::entity::user;

/// Whether the user's password is temporary and must be changed before signing in.
pub fn must_change(user: &user::Model) -> bool {
    user.password_hash.is_some() && user.password_temporary
}
