//! The caller of a request.

use std::sync::Arc;

use crate::model::{BuiltIn, Catalogue, Door, Permissions, Rights, Roles};
use crate::model::{Email, OrganizationId, TenantId, Timestamp, UserId};

/// The caller.
#[derive(Clone, Debug)]
pub enum Actor {
    /// Without a credential.
    Anonymous,
    /// The binary's own commands and set-up. Anyone who can run them already has access to the database.
    Machine,
    /// A user, with an API key or a session.
    User(Arc<Caller>),
}

/// A user as caller, in its current state in the database.
#[derive(Clone, Debug)]
pub struct Caller {
    pub user_pk: i64,
    pub user_id: UserId,
    pub email: Option<Email>,
    /// Whether a link that was mailed to the address was used.
    pub email_verified: bool,
    pub organization_pk: i64,
    pub organization_id: OrganizationId,
    pub tenant_pk: Option<i64>,
    pub tenant_id: Option<TenantId>,
    /// The user's built-in and product-wide roles, whatever the API key permits.
    pub roles: Roles,
    /// What the user's roles permit, as far as the API key and the access token permit it.
    pub rights: Rights,
    /// The API key used, if any.
    pub api_key_pk: Option<i64>,
    /// The session used, if any.
    pub session_pk: Option<i64>,
    /// The impersonating user, if the caller is impersonated.
    pub impersonator: Option<Impersonator>,
    /// The limits of the original credential.
    pub limits: Limits,
    /// What permissions there were when these were looked up.
    pub catalogue: Arc<Catalogue>,
    /// The further limits of the access token used, if it was made from another credential or narrowed.
    pub derived: Option<Derived>,
}

impl Caller {
    /// The real user: the impersonator, or else the caller. Limits per caller count for this user, because an
    /// impersonator who acts as many users is still one caller.
    pub fn behind(&self) -> i64 {
        self.impersonator.as_ref().map_or(self.user_pk, |who| who.user_pk)
    }

    /// The names of its built-in and product-wide roles for the whole organization, and with a tenant those for it. None with a credential
    /// that is limited to some permissions, because the roles say more than it permits.
    pub fn role_names(&self, tenant_pk: Option<i64>) -> Vec<&str> {
        let limit = self.derived.and_then(|derived| derived.permissions);
        if self.limits.permissions.or(limit).is_some() {
            return Vec::new();
        }
        // Within one tenant, a role that reaches every organization permits less than its name says.
        let here = |role: BuiltIn| self.only_tenant().is_none() || role.is_for_tenants();
        let counts = |role| here(role) && !self.catalogue.hides(role);
        let mut names = self.roles.names(tenant_pk);
        names.retain(|name| BuiltIn::named(name).is_none_or(counts));
        names
    }

    /// The only tenant that the credential is for, if it is for one.
    pub fn only_tenant(&self) -> Option<i64> {
        self.derived.and_then(|derived| derived.tenant_pk)
    }

    /// What the caller may do where it does not name a tenant: in the whole organization, or with a credential for one
    /// tenant only, there.
    pub fn permitted(&self) -> Permissions {
        match self.only_tenant() {
            Some(pk) => self.rights.for_tenant(pk),
            None => self.rights.organization(),
        }
    }

    /// These rights, as far as the credential permits them.
    pub fn narrow(&self, rights: Rights) -> Rights {
        let rights = self.limits.narrow(rights);
        match self.derived {
            Some(derived) => derived.narrow(rights),
            None => rights,
        }
    }

    /// Whether the caller has access to every organization, not only to its own.
    pub fn reaches_everywhere(&self) -> bool {
        self.rights.reach_everywhere()
    }
}

/// The limits of a credential: permissions and expiry. They also apply to impersonation, and to every credential
/// created with this one: the new one has no more permissions and expires no later.
///
/// A session started with a password has no limits: anyone who knows the password can start another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Only these permissions, whatever the roles permit; `None`: all permissions of the roles.
    pub permissions: Option<Permissions>,
    /// When it expires; `None`: never.
    pub ends_at: Option<Timestamp>,
}

impl Limits {
    /// Whether there are no limits.
    pub fn are_none(self) -> bool {
        self == Self::default()
    }

    /// Restricts permissions. The scope stays: a limited API key of a super admin still has access to every
    /// organization.
    #[must_use]
    pub fn narrow(self, rights: Rights) -> Rights {
        match self.permissions {
            Some(only) => rights.only(only | Door::EVERY_ORGANIZATION.into()),
            None => rights,
        }
    }
}

/// The limits of an access token that was made from another credential or narrowed, in addition to that credential's own.
///
/// Nothing can be started with it that outlasts it: no API key and no session. They would be bound to the original
/// credential, which permits more and for longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Derived {
    /// Only these permissions; `None`: all that the original credential permits.
    pub permissions: Option<Permissions>,
    /// Only what holds for this tenant; `None`: for the whole organization and for each tenant.
    pub tenant_pk: Option<i64>,
}

impl Derived {
    /// Restricts rights. Access to every organization is none for a tenant, and ends there.
    #[must_use]
    pub fn narrow(self, rights: Rights) -> Rights {
        let rights = match self.tenant_pk {
            Some(pk) => rights.only_for_tenant(pk),
            None => rights,
        };
        match self.permissions {
            Some(only) => rights.only(only | Door::EVERY_ORGANIZATION.into()),
            None => rights,
        }
    }
}

/// The impersonator of a caller. Only the caller's permissions apply. This is for the audit trail, and for operations
/// that are not allowed while impersonating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impersonator {
    pub user_pk: i64,
    pub user_id: UserId,
    pub organization_pk: i64,
    pub organization_id: OrganizationId,
    /// The API key that the impersonation was started with, if any.
    pub api_key_pk: Option<i64>,
    /// The session that the impersonation was started with, if any.
    pub session_pk: Option<i64>,
}

impl Actor {
    /// This user.
    pub fn user(caller: Caller) -> Self {
        Self::User(Arc::new(caller))
    }

    /// What the caller may do.
    pub fn rights(&self) -> &Rights {
        static NONE: Rights = Rights::NONE;
        static ALL: Rights = Rights::ALL;
        match self {
            Self::Anonymous => &NONE,
            Self::Machine => &ALL,
            Self::User(caller) => &caller.rights,
        }
    }

    /// The names of permissions, as the caller knows them.
    pub fn names(&self, permissions: Permissions) -> Vec<String> {
        match self {
            Self::User(caller) => caller.catalogue.names(permissions),
            Self::Anonymous | Self::Machine => Catalogue::default().names(permissions),
        }
    }

    pub fn caller(&self) -> Option<&Caller> {
        match self {
            Self::User(caller) => Some(caller),
            Self::Anonymous | Self::Machine => None,
        }
    }

    /// Whether this user is the caller.
    pub fn is(&self, user_pk: i64) -> bool {
        self.caller().is_some_and(|caller| caller.user_pk == user_pk)
    }

    /// Whether this user is the real user: the caller, or the caller's impersonator.
    pub fn is_behind(&self, user_pk: i64) -> bool {
        self.caller().is_some_and(|caller| caller.behind() == user_pk)
    }
}
