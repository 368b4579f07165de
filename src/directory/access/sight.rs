//! What the caller of a question may know of others.

use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::directory::user::{Target, User};
use crate::model::Rights;
use crate::model::error::Result;

/// What the caller of a question may know of others.
pub(super) struct Sight<'a> {
    op: &'a OpContext,
    /// Whether the question is about the caller.
    of_oneself: bool,
    users: Granted,
    /// `None` for callers who may not read roles.
    roles: Option<Granted>,
}

impl<'a> Sight<'a> {
    /// Of a question about this user. `NOT_FOUND` if the caller may not read the user's roles.
    pub fn of(op: &'a OpContext, users: Granted, user: &User, named: &Target) -> Result<Self> {
        let sight = Self {
            op,
            of_oneself: op.actor().is(user.pk),
            users,
            roles: op.authorize(Action::Read, Resource::Role).ok(),
        };
        sight.must_see(user, named)?;
        Ok(sight)
    }

    pub fn is_of_oneself(&self) -> bool {
        self.of_oneself
    }

    pub fn roles(&self) -> Option<&Granted> {
        self.roles.as_ref()
    }

    /// Refuses a user whose roles the caller may not read, unless the question is about the caller. In a question about
    /// others, the caller is no exception: what they may do to it says what they have where it is.
    pub fn must_see(&self, user: &User, named: &Target) -> Result<()> {
        let covers = |roles: &Granted| roles.covers(user.organization_pk, user.tenant_pk);
        match self.of_oneself || self.roles.as_ref().is_some_and(covers) {
            true => Ok(()),
            false => Err(named.not_found()),
        }
    }

    /// Whether the caller may know what a user has for this tenant; `None`: for the whole organization.
    pub fn sees(&self, user: &User, tenant_pk: Option<i64>) -> bool {
        let Some(pk) = tenant_pk.filter(|_| !self.op.actor().is(user.pk)) else {
            return true;
        };
        let in_scope = |granted: &Granted| granted.covers_roles_for(pk);
        in_scope(&self.users) && self.roles.as_ref().is_some_and(in_scope)
    }

    /// What the caller may know of a user's rights.
    pub fn of_rights(&self, user: &User, rights: Rights) -> Rights {
        rights.in_tenants(|pk| self.sees(user, Some(pk)))
    }
}
