//! The gate: may this caller do this at all, and how far does it reach?
//!
//! A verb asks the context to `authorize` first and gets a [`Granted`], which only this room can make
//! and which every scoped query asks for. So a query that runs for a caller has passed the gate, and it carries the
//! organization in its predicate.
//!
//! Worked example. Ada, organization admin of Acme, calls `updatePropertiesInUser(where: {id: "bob"})`:
//! 1. `authorize(Modify, User)`: the policy says `write:user`; Ada holds it, so she gets `Granted` with the scope
//!    *organization Acme*. A caller without it is told `FORBIDDEN` here, before anything is looked up.
//! 2. the verb finds Bob within that scope. A Bob of another organization is not found: `NOT_FOUND`, in the same words
//!    as for an id that nobody has.
//! 3. [`escalation::may_manage`]: what Bob may do must not go beyond what Ada may do, else `FORBIDDEN`.

pub mod escalation;
pub(crate) mod policy;

/// What is done, in few words, so that the policy stays one small table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Read,
    Create,
    Modify,
    Delete,
}

impl Action {
    /// All of them; a test holds that none is missing.
    pub const ALL: &[Self] = &[Self::Read, Self::Create, Self::Modify, Self::Delete];
}

/// To what it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    Organization,
    Tenant,
    User,
    Password,
    /// One's own password, by one's own credential.
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
    /// The organization, the tenant and the roles of something that the caller may see already.
    Surroundings,
}

impl Resource {
    /// All of them; a test holds that none is missing.
    pub const ALL: &[Self] = &[
        Self::Organization,
        Self::Tenant,
        Self::User,
        Self::Password,
        Self::OwnPassword,
        Self::EmailVerification,
        Self::Settings,
        Self::Invitation,
        Self::ApiKey,
        Self::Role,
        Self::AuditEvent,
        Self::Group,
        Self::Membership,
        Self::Session,
        Self::Surroundings,
    ];
}

/// How far a permission reaches. It becomes the predicate of every query that runs under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every organization: a super admin, or the machine's own commands.
    Everything,
    /// One organization, by its internal key.
    Organization(i64),
    /// Oneself, by the user's internal key.
    Oneself(i64),
}

/// Proof that the gate was passed.
#[derive(Clone, Copy, Debug)]
pub struct Granted {
    scope: Scope,
}

impl Granted {
    pub fn scope(&self) -> Scope {
        self.scope
    }
}
