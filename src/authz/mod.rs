//! The gate: may the caller do this at all, and in which scope?
//!
//! A verb first calls `authorize` on its context and gets a [`Granted`]. Only this module can create one, and every
//! scoped query requires one. So every query that runs for a caller has passed the gate, and has the organization in
//! its predicate.
//!
//! Example: Ada, organization admin of Acme, calls `updatePropertiesInUser(where: {id: "bob"})`:
//! 1. `authorize(Modify, User)`: the policy requires `write:user`. Ada has it, so she gets `Granted` with the scope
//!    *organization Acme*. A caller without it gets `FORBIDDEN` here, before anything is looked up.
//! 2. The verb looks up Bob within that scope. A Bob in another organization gives `NOT_FOUND`, with the same message
//!    as an id that does not exist.
//! 3. [`escalation::may_manage`]: Bob's permissions must not go beyond Ada's, or it is `FORBIDDEN`.

pub mod escalation;
pub(crate) mod policy;

/// An action. There are few, so that the policy stays one small table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::VariantArray)]
pub enum Action {
    Read,
    Create,
    Modify,
    Delete,
}

/// The kind of object that an action is performed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::VariantArray)]
pub enum Resource {
    Organization,
    Tenant,
    User,
    Password,
    /// The caller's own password, with the caller's own credential.
    OwnPassword,
    EmailVerification,
    Settings,
    Invitation,
    ApiKey,
    Role,
    AuditEvent,
    Group,
    /// Which users are in which groups.
    Membership,
    Session,
    /// The organization, the tenant and the roles of an object that the caller may see.
    Surroundings,
}

/// The scope of a permission. It becomes part of the predicate of every query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every organization: a super admin, or the binary's own commands.
    Everything,
    /// One organization, by its internal key.
    Organization(i64),
    /// Only the caller, by the user's internal key.
    Oneself(i64),
}

/// Proof that `authorize` succeeded.
#[derive(Clone, Copy, Debug)]
pub struct Granted {
    scope: Scope,
}

impl Granted {
    pub fn scope(&self) -> Scope {
        self.scope
    }
}
