//! Who may do what: the only place that knows.
//!
//! `tests/it/rules/policy_matrix.txt` prints this table for every built-in role; a test compares them.

use super::{Action, Granted, Resource, Scope};
use crate::model::Actor;
use crate::model::Permissions;
use crate::model::error::{Error, Result};

/// What an action on a resource asks of the caller.
enum Rule {
    /// This permission, within the caller's organization (or everywhere, for who reaches everywhere).
    Holding(Permissions),
    /// This permission, and reach into every organization.
    HoldingEverywhere(Permissions),
    /// As `Holding`; without the permission it is still open for oneself.
    HoldingOrOneself(Permissions),
    /// Only for oneself.
    Oneself,
    /// Only for oneself, and with this permission.
    OneselfHolding(Permissions),
    /// For every user, within reach.
    Everybody,
    /// For no user, whatever the roles.
    Nobody,
}

fn rule(action: Action, resource: Resource) -> Rule {
    use Action::{Create, Delete, Modify, Read};
    use Rule::{Everybody, Holding, HoldingEverywhere, HoldingOrOneself, Nobody, Oneself, OneselfHolding};
    match (resource, action) {
        (Resource::Organization, Read) => Holding(Permissions::READ_ORG),
        (Resource::Organization, Create | Delete) => HoldingEverywhere(Permissions::WRITE_ORG),
        (Resource::Organization, Modify) => Holding(Permissions::WRITE_ORG),
        (Resource::Tenant, Read) => Holding(Permissions::READ_TENANT),
        (Resource::Tenant, Create | Modify | Delete) => Holding(Permissions::WRITE_TENANT),
        (Resource::User, Read) => HoldingOrOneself(Permissions::READ_USER),
        (Resource::User, Create | Modify | Delete) => Holding(Permissions::WRITE_USER),
        // Changing a password, or asking for the mail that resets it.
        (Resource::Password, Read | Create | Modify | Delete) => HoldingOrOneself(Permissions::WRITE_USER),
        (Resource::OwnPassword, Read | Create | Modify | Delete) => Oneself,
        (Resource::EmailVerification, Read | Create | Modify | Delete) => HoldingOrOneself(Permissions::WRITE_USER),
        (Resource::Settings, Read | Create | Modify | Delete) => Oneself,
        (Resource::Invitation, Read) => Holding(Permissions::READ_USER),
        (Resource::Invitation, Create | Modify | Delete) => Holding(Permissions::WRITE_USER),
        // Keys are their owner's alone; revoking one needs no permission.
        (Resource::ApiKey, Read | Delete) => Oneself,
        (Resource::ApiKey, Create | Modify) => OneselfHolding(Permissions::WRITE_ACCESS_KEY),
        // Sessions are their user's alone. Making one for somebody else is impersonation; signing in passes no gate.
        (Resource::Session, Read | Modify | Delete) => Oneself,
        (Resource::Session, Create) => Holding(Permissions::USAGE_IMPERSONATION),
        (Resource::Role, Read) => Holding(Permissions::READ_ROLE),
        (Resource::Role, Create | Modify | Delete) => Holding(Permissions::WRITE_ROLE),
        // Events are written with what they tell of, by no verb of their own, and never changed.
        (Resource::AuditEvent, Read) => Holding(Permissions::READ_AUDIT),
        (Resource::AuditEvent, Create | Modify | Delete) => Nobody,
        (Resource::Group, Read) => Holding(Permissions::READ_GROUP),
        (Resource::Group, Create | Modify | Delete) => Holding(Permissions::WRITE_GROUP),
        // Everybody sees which groups they are in.
        (Resource::Membership, Read) => HoldingOrOneself(Permissions::READ_GROUP),
        (Resource::Membership, Create | Modify | Delete) => Holding(Permissions::WRITE_GROUP),
        // Beside a user one sees the names of where it belongs; more of them takes the permission to read them.
        (Resource::Surroundings, Read) => Everybody,
        (Resource::Surroundings, Create | Modify | Delete) => Nobody,
    }
}

/// The gate itself. `UNAUTHENTICATED` for nobody, `FORBIDDEN` for who holds the permission for nothing.
pub(crate) fn decide(actor: &Actor, action: Action, resource: Resource) -> Result<Granted> {
    let caller = match actor {
        Actor::Anonymous => {
            return Err(Error::Unauthenticated(
                "This needs a credential. Send 'Authorization: Bearer <API key>'.".to_owned(),
            ));
        }
        Actor::Machine => {
            return Ok(Granted {
                scope: Scope::Everything,
            });
        }
        Actor::User(caller) => caller,
    };
    let reach = if caller.permissions.contains(Permissions::EVERY_ORGANIZATION) {
        Scope::Everything
    } else {
        Scope::Organization(caller.organization_pk)
    };
    let oneself = Scope::Oneself(caller.user_pk);
    let holds = |permission| caller.permissions.contains(permission);
    let (scope, missing) = match rule(action, resource) {
        Rule::Holding(permission) => (holds(permission).then_some(reach), permission),
        Rule::HoldingEverywhere(permission) => (
            (holds(permission) && reach == Scope::Everything).then_some(reach),
            permission,
        ),
        Rule::HoldingOrOneself(permission) => (Some(if holds(permission) { reach } else { oneself }), permission),
        Rule::Oneself => (Some(oneself), Permissions::empty()),
        Rule::OneselfHolding(permission) => (holds(permission).then_some(oneself), permission),
        Rule::Everybody => (Some(reach), Permissions::empty()),
        Rule::Nobody => return Err(Error::Forbidden("No role allows this.".to_owned())),
    };
    scope.map(|scope| Granted { scope }).ok_or_else(|| {
        Error::Forbidden(format!(
            "Your roles do not allow this: it needs the permission '{}'.",
            missing.names().join(" ")
        ))
    })
}
