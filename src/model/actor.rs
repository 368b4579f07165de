//! The caller of a request.

use std::sync::Arc;

use crate::model::Permissions;
use crate::model::{Email, OrganizationId, Timestamp, UserId};

/// Who calls.
#[derive(Clone, Debug)]
pub enum Actor {
    /// Nobody has said who they are.
    Anonymous,
    /// The machine's own commands and set-up; whoever runs them already has the database.
    Machine,
    /// A user, through a key or a session.
    User(Arc<Caller>),
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
    /// What the credential that everything started from is limited to.
    pub limits: Limits,
}

impl Caller {
    /// The user who is behind the call: whoever impersonates, or else the caller. What is counted by caller is counted by
    /// this one, since whoever acts as many users is one caller all the same.
    pub fn behind(&self) -> i64 {
        self.impersonator.as_ref().map_or(self.user_pk, |who| who.user_pk)
    }

    /// Whether the caller's reach is every organization, and not its own alone.
    pub fn reaches_everywhere(&self) -> bool {
        self.permissions.contains(Permissions::EVERY_ORGANIZATION)
    }
}

/// What a credential is limited to, in permissions and in time. The limits go wherever it leads, through impersonation
/// too, and bind every credential that is made with it: what is made may do no more, and ends no later.
///
/// A session that was begun with a password has none: whoever knows the password can begin another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Nothing beyond these, whatever the roles say; `None`: all that the roles permit.
    pub permissions: Option<Permissions>,
    /// When it ends; `None`: never.
    pub ends_at: Option<Timestamp>,
}

impl Limits {
    /// Whether there is none.
    pub fn are_none(self) -> bool {
        self == Self::default()
    }

    /// Narrows permissions. How far they reach stays: a limited key of a super admin still reaches every organization.
    #[must_use]
    pub fn narrow(self, permissions: Permissions) -> Permissions {
        match self.permissions {
            Some(only) => permissions & (only | Permissions::EVERY_ORGANIZATION),
            None => permissions,
        }
    }
}

/// Who acts in the caller's name. What is permitted is the caller's alone; this is for the audit trail, and for what
/// nobody may do in another's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impersonator {
    pub user_pk: i64,
    pub user_id: UserId,
    pub organization_pk: i64,
    /// The key it was begun with, if it was one.
    pub api_key_pk: Option<i64>,
    /// The session it was begun with, if it was one.
    pub session_pk: Option<i64>,
}

impl Actor {
    /// This user.
    pub fn user(caller: Caller) -> Self {
        Self::User(Arc::new(caller))
    }

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

    /// Whether this user is the one who is behind the call: who calls, or who impersonates whoever calls.
    pub fn is_behind(&self, user_pk: i64) -> bool {
        self.caller().is_some_and(|caller| caller.behind() == user_pk)
    }
}
