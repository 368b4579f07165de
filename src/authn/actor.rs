//! The caller of a request.

use crate::permission::Permissions;
use crate::value::{Email, OrganizationId, UserId};

/// Who calls.
#[derive(Clone, Debug)]
pub enum Actor {
    /// Nobody has said who they are.
    Anonymous,
    /// The machine's own commands and set-up; whoever runs them already has the database.
    Machine,
    /// A user, through a key or a session.
    User(Caller),
}

/// A user who calls, as the database has it at this moment.
#[derive(Clone, Debug)]
pub struct Caller {
    pub user_pk: i64,
    pub user_id: UserId,
    pub email: Option<Email>,
    pub organization_pk: i64,
    pub organization_id: OrganizationId,
    pub tenant_pk: Option<i64>,
    /// What the user's roles permit, less what the key used leaves out.
    pub permissions: Permissions,
    /// The key used, if it was one.
    pub api_key_pk: Option<i64>,
    /// The session used, if it was one.
    pub session_pk: Option<i64>,
    /// Who is behind it, if the caller is impersonated.
    pub impersonator: Option<Impersonator>,
}

/// Who acts in the caller's name. What is permitted is the caller's alone; this is for the audit trail, and for what
/// nobody may do in another's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impersonator {
    pub user_pk: i64,
    pub user_id: UserId,
}

impl Actor {
    pub fn permissions(&self) -> Permissions {
        match self {
            Self::Anonymous => Permissions::empty(),
            Self::Machine => Permissions::all(),
            Self::User(caller) => caller.permissions,
        }
    }

    pub fn caller(&self) -> Option<&Caller> {
        match self {
            Self::User(caller) => Some(caller),
            Self::Anonymous | Self::Machine => None,
        }
    }

    /// Whether this user is the one who calls.
    pub fn is(&self, user_pk: i64) -> bool {
        self.caller().is_some_and(|caller| caller.user_pk == user_pk)
    }
}
