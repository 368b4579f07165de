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
//!
//! A permission that is held for single tenants gives the scope *these tenants*: then the tenant is in the predicate too.
//! The policy says which actions such a permission is enough for.

use std::sync::Arc;

use crate::model::{Actor, Faces};

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
    /// What an organization decides about itself: its name, and how its mails look.
    OrganizationSettings,
    Tenant,
    User,
    Password,
    /// The caller's own password, with the caller's own credential.
    OwnPassword,
    /// The caller's own names and e-mail address.
    OwnProfile,
    EmailVerification,
    Settings,
    Invitation,
    ApiKey,
    /// The API keys of users whom the caller may change.
    ManagedApiKey,
    /// What permissions there are.
    Permission,
    /// Who access tokens are for.
    ResourceServer,
    Role,
    /// The roles that every organization can assign and none can change.
    ProductRole,
    AuditEvent,
    Group,
    /// Which users are in which groups.
    Membership,
    Session,
    /// The sessions of users whom the caller may change.
    ManagedSession,
    /// The organization, the tenant and the roles of an object that the caller may see.
    Surroundings,
    /// API keys and access tokens that others were shown.
    Credential,
}

/// The scope of a permission. It becomes part of the predicate of every query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every organization: a super admin, or the binary's own commands.
    Everything,
    /// One organization, by its internal key.
    Organization(i64),
    /// Some tenants of one organization.
    Tenants(Arc<Tenants>),
    /// Only the caller, by the user's internal key.
    Oneself(i64),
}

/// How far somebody reaches with a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extent {
    Nobody,
    Oneself,
    Tenants,
    Organization,
    Everything,
}

impl From<&Scope> for Extent {
    fn from(scope: &Scope) -> Self {
        match scope {
            Scope::Oneself(_) => Self::Oneself,
            Scope::Tenants(_) => Self::Tenants,
            Scope::Organization(_) => Self::Organization,
            Scope::Everything => Self::Everything,
        }
    }
}

/// What somebody can do with a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Whether a role permits it; without that, some is open for oneself.
    pub held: bool,
    /// The widest of what it opens.
    pub extent: Extent,
}

/// The most tenants that one caller can hold a permission for one by one. It bounds the list in every predicate.
pub const TENANTS_MAX: usize = 100;

/// The tenants that a permission holds for, by internal key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenants {
    pub organization_pk: i64,
    /// At least one, at most [`TENANTS_MAX`], in ascending order.
    pub keys: Vec<i64>,
    /// The caller's own user, if it belongs to none of them and the action is allowed on oneself.
    pub oneself: Option<i64>,
}

/// Proof that `authorize` succeeded.
#[derive(Clone, Debug)]
pub struct Granted {
    scope: Scope,
    /// The faces that are on.
    faces: Faces,
}

impl Granted {
    fn new(scope: Scope, actor: &Actor) -> Self {
        let faces = actor.caller().map(|caller| caller.catalogue.faces());
        Self {
            scope,
            faces: faces.unwrap_or(Faces::all()),
        }
    }

    /// The faces that are on: what belongs to the others is hidden.
    pub fn faces(&self) -> Faces {
        self.faces
    }

    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether an object of this organization and tenant is within the scope. Not for scopes of oneself.
    pub fn covers(&self, organization_pk: i64, tenant_pk: Option<i64>) -> bool {
        match &self.scope {
            Scope::Everything => true,
            Scope::Organization(pk) => *pk == organization_pk,
            Scope::Tenants(tenants) => tenant_pk.is_some_and(|pk| tenants.keys.contains(&pk)),
            Scope::Oneself(_) => false,
        }
    }

    /// Whether what others have for this tenant is within the scope.
    pub fn covers_roles_for(&self, tenant_pk: i64) -> bool {
        match &self.scope {
            Scope::Everything | Scope::Organization(_) => true,
            Scope::Tenants(tenants) => tenants.keys.contains(&tenant_pk),
            Scope::Oneself(_) => false,
        }
    }

    /// Whether a user of this organization and tenant is within the scope.
    pub fn includes(&self, user_pk: i64, organization_pk: i64, tenant_pk: Option<i64>) -> bool {
        match &self.scope {
            Scope::Oneself(pk) => *pk == user_pk,
            Scope::Tenants(tenants) if tenants.oneself == Some(user_pk) => true,
            Scope::Everything | Scope::Organization(_) | Scope::Tenants(_) => self.covers(organization_pk, tenant_pk),
        }
    }

    /// The organization of the scope, if it is limited to one. Not for scopes of oneself.
    pub fn organization(&self) -> Option<i64> {
        match &self.scope {
            Scope::Organization(pk) => Some(*pk),
            Scope::Tenants(tenants) => Some(tenants.organization_pk),
            Scope::Everything | Scope::Oneself(_) => None,
        }
    }

    /// The tenants of the scope, if it is limited to some.
    pub fn tenants(&self) -> Option<&Tenants> {
        match &self.scope {
            Scope::Tenants(tenants) => Some(tenants),
            Scope::Everything | Scope::Organization(_) | Scope::Oneself(_) => None,
        }
    }

    /// The same for a list: somebody from outside who administers a tenant is not listed as one of its users.
    #[must_use]
    pub fn for_list(self) -> Self {
        let scope = match self.scope {
            Scope::Tenants(tenants) if tenants.oneself.is_some() => Scope::Tenants(Arc::new(Tenants {
                oneself: None,
                ..Tenants::clone(&tenants)
            })),
            scope => scope,
        };
        Self { scope, ..self }
    }
}
