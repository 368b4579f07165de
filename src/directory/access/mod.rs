//! Explanations of what users may do and why, for callers who help others with their permissions.
//!
//! An explanation asks the policy itself, with the other user as the caller, so that it never differs from what the verbs
//! decide. It names only roles, groups, tenants and users that its own caller may see.

mod explain;
mod sight;
mod target;

pub use explain::{Asked, explain};

use crate::authz::Extent;
use crate::directory::role::{Role, RoleGrant};
use crate::model::Permissions;

/// Whether a user may do something, and why.
#[derive(Clone, Debug)]
pub struct Explanation {
    pub user_pk: i64,
    /// How far the user's roles, within the limits of the API key, reach with the permission.
    pub extent: Extent,
    /// The user's roles with the permission.
    pub sources: Vec<RoleGrant>,
    /// Why the user may not do it; empty if the user may.
    pub hindrances: Vec<Hindrance>,
    /// Roles that the caller could assign and that would give the permission, if the user lacks one.
    pub would_give: Vec<Role>,
}

/// A reason why a user may not do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hindrance {
    pub kind: HindranceKind,
    pub message: &'static str,
    /// What is missing, as far as the caller may see it.
    pub permissions: Permissions,
}

impl Hindrance {
    fn new(kind: HindranceKind, message: &'static str) -> Self {
        Self {
            kind,
            message,
            permissions: Permissions::empty(),
        }
    }

    fn lacking(self, permissions: Permissions) -> Self {
        Self { permissions, ..self }
    }
}

/// The kind of a hindrance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HindranceKind {
    /// The user, or the user to impersonate, is deactivated.
    Deactivated,
    /// The user's password is temporary.
    PasswordChangeRequired,
    /// No role of the user has the permission.
    NoRole,
    /// The user's roles have the permission, but not for this.
    OutOfReach,
    /// The target's permissions go beyond the user's.
    BeyondOwn,
    /// Nobody does this to themselves.
    NotOneself,
    /// The API key or access token does not permit it.
    KeyLimit,
    /// The caller is impersonating the user.
    Impersonating,
}
