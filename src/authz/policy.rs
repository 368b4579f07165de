//! Who may do what; the only place that defines it.
//!
//! `tests/it/rules/policy_matrix.txt` prints this table for every built-in role; a test compares them.

use std::sync::LazyLock;

use strum::VariantArray;

use super::{Action, Granted, Resource, Scope};
use crate::model::Actor;
use crate::model::Permissions;
use crate::model::error::{Error, Result};

/// What an action on a resource requires.
enum Rule {
    /// This permission, within the caller's organization (or everywhere, for super admins).
    Holding(Permissions),
    /// This permission, and access to every organization.
    HoldingEverywhere(Permissions),
    /// Like `Holding`; without the permission, only for the caller's own user.
    HoldingOrOneself(Permissions),
    /// Only for the caller's own user.
    Oneself,
    /// Only for the caller's own user, and with this permission.
    OneselfHolding(Permissions),
    /// For every user, within the caller's organization.
    Everybody,
    /// For nobody, whatever the roles.
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
        // Changing a password, or requesting the mail that resets it.
        (Resource::Password, Read | Create | Modify | Delete) => HoldingOrOneself(Permissions::WRITE_USER),
        (Resource::OwnPassword, Read | Create | Modify | Delete) => Oneself,
        (Resource::EmailVerification, Read | Create | Modify | Delete) => HoldingOrOneself(Permissions::WRITE_USER),
        (Resource::Settings, Read | Create | Modify | Delete) => Oneself,
        (Resource::Invitation, Read) => Holding(Permissions::READ_USER),
        (Resource::Invitation, Create | Modify | Delete) => Holding(Permissions::WRITE_USER),
        // Only the owner has access to an API key; revoking one needs no permission.
        (Resource::ApiKey, Read | Delete) => Oneself,
        (Resource::ApiKey, Create | Modify) => OneselfHolding(Permissions::WRITE_ACCESS_KEY),
        // Only the user has access to its sessions. Creating one for another user is impersonation; signing in needs no
        // permission.
        (Resource::Session, Read | Modify | Delete) => Oneself,
        (Resource::Session, Create) => Holding(Permissions::USAGE_IMPERSONATION),
        (Resource::Role, Read) => Holding(Permissions::READ_ROLE),
        (Resource::Role, Create | Modify | Delete) => Holding(Permissions::WRITE_ROLE),
        // Events are written together with the change that they describe, not by verbs of their own, and are never
        // changed.
        (Resource::AuditEvent, Read) => Holding(Permissions::READ_AUDIT),
        (Resource::AuditEvent, Create | Modify | Delete) => Nobody,
        (Resource::Group, Read) => Holding(Permissions::READ_GROUP),
        (Resource::Group, Create | Modify | Delete) => Holding(Permissions::WRITE_GROUP),
        // All users may see which groups they are in.
        (Resource::Membership, Read) => HoldingOrOneself(Permissions::READ_GROUP),
        (Resource::Membership, Create | Modify | Delete) => Holding(Permissions::WRITE_GROUP),
        // With a user, the names of its organization, tenant and roles are visible; more requires the permission to
        // read them.
        (Resource::Surroundings, Read) => Everybody,
        (Resource::Surroundings, Create | Modify | Delete) => Nobody,
    }
}

/// The permissions that open something in this server. All others matter only to other products.
pub(crate) fn doors() -> Permissions {
    static DOORS: LazyLock<Permissions> = LazyLock::new(|| {
        let actions = || Action::VARIANTS.iter();
        let rules = Resource::VARIANTS
            .iter()
            .flat_map(|resource| actions().map(|action| rule(*action, *resource)));
        let opened = rules.map(|rule| match rule {
            Rule::Holding(permission)
            | Rule::HoldingEverywhere(permission)
            | Rule::HoldingOrOneself(permission)
            | Rule::OneselfHolding(permission) => permission,
            Rule::Oneself | Rule::Everybody | Rule::Nobody => Permissions::empty(),
        });
        opened.fold(Permissions::EVERY_ORGANIZATION, Permissions::union)
    });
    *DOORS
}

/// The gate itself. `UNAUTHENTICATED` for an anonymous caller, `FORBIDDEN` for a caller without the permission in any
/// scope.
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
