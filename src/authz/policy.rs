//! Who may do what; the only place that defines it.
//!
//! `tests/it/rules/policy_matrix.txt` prints this table for every built-in role; a test compares them.

use std::sync::Arc;

use strum::VariantArray;

use super::{Action, Extent, Granted, Reached, Resource, Scope, TENANTS_MAX, Tenants};
use crate::model::error::{Error, Result};
use crate::model::{Actor, Caller, Door, Permissions};

/// What an action on a resource requires.
enum Rule {
    /// This permission: everywhere for super admins, otherwise within the caller's organization, or only within the
    /// tenants that the caller holds it for.
    Holding(Door),
    /// This permission for the whole organization (or everywhere, for super admins).
    HoldingInOrganization(Door),
    /// This permission, and access to every organization.
    HoldingEverywhere(Door),
    /// Like `Holding`; without the permission, only for the caller's own user.
    HoldingOrOneself(Door),
    /// Only for the caller's own user.
    Oneself,
    /// Only for the caller's own user, and with this permission for the organization or for the user's tenant.
    OneselfHolding(Door),
    /// For every user, within the caller's organization.
    Everybody,
    /// For nobody, whatever the roles.
    Nobody,
}

fn rule(action: Action, resource: Resource) -> Rule {
    use Action::{Create, Delete, Modify, Read};
    use Rule::{
        Everybody, Holding, HoldingEverywhere, HoldingInOrganization, HoldingOrOneself, Nobody, Oneself, OneselfHolding,
    };
    match (resource, action) {
        (Resource::Organization, Read) => HoldingInOrganization(Door::READ_ORG),
        (Resource::Organization, Create | Delete) => HoldingEverywhere(Door::WRITE_ORG),
        (Resource::Organization, Modify) => HoldingInOrganization(Door::WRITE_ORG),
        (Resource::OrganizationSettings, Read | Create | Modify | Delete) => {
            HoldingInOrganization(Door::ORGANIZATION_SETTINGS)
        }
        (Resource::Tenant, Read) => Holding(Door::READ_TENANT),
        (Resource::Tenant, Modify) => Holding(Door::WRITE_TENANT),
        (Resource::Tenant, Create | Delete) => HoldingInOrganization(Door::WRITE_TENANT),
        (Resource::User, Read) => HoldingOrOneself(Door::READ_USER),
        (Resource::User, Create | Modify | Delete) => Holding(Door::WRITE_USER),
        // Changing a password, or requesting the mail that resets it.
        (Resource::Password, Read | Create | Modify | Delete) => HoldingOrOneself(Door::WRITE_USER),
        (Resource::OwnPassword | Resource::OwnProfile, Read | Create | Modify | Delete) => Oneself,
        (Resource::EmailVerification, Read | Create | Modify | Delete) => HoldingOrOneself(Door::WRITE_USER),
        (Resource::Settings, Read | Create | Modify | Delete) => Oneself,
        (Resource::Invitation, Read) => Holding(Door::READ_USER),
        (Resource::Invitation, Create | Modify | Delete) => Holding(Door::WRITE_USER),
        // Users list and revoke their own API keys without a permission.
        (Resource::ApiKey, Read | Delete) => Oneself,
        (Resource::ApiKey, Create | Modify) => OneselfHolding(Door::WRITE_ACCESS_KEY),
        // Creating a key for another user gives access to what that user may do; the verb allows it for services only.
        (Resource::ManagedApiKey, Create | Modify) => Holding(Door::WRITE_USER.union(Door::WRITE_ACCESS_KEY)),
        // They are found by their users, so somebody who may not read users would find out about them.
        (Resource::ManagedApiKey, Read) | (Resource::ManagedSession, Read | Delete) => {
            HoldingOrOneself(Door::READ_USER.union(Door::WRITE_USER))
        }
        (Resource::ManagedApiKey, Delete) => HoldingOrOneself(Door::WRITE_USER),
        (Resource::ManagedSession, Create | Modify) => Nobody,
        // A session is created for another user by impersonating it; signing in needs no permission.
        (Resource::Session, Read | Modify | Delete) => Oneself,
        (Resource::Session, Create) => Holding(Door::USAGE_IMPERSONATION),
        (Resource::Role, Read) => Holding(Door::READ_ROLE),
        (Resource::Role, Create | Modify | Delete) => HoldingInOrganization(Door::WRITE_ROLE),
        (Resource::Permission | Resource::ProductRole, Read) => Holding(Door::READ_ROLE),
        (Resource::Permission | Resource::ProductRole, Create | Modify | Delete) => HoldingEverywhere(Door::WRITE_ROLE),
        (Resource::ResourceServer, Read | Create | Modify | Delete) => HoldingEverywhere(Door::WRITE_ROLE),
        // Events are written together with the change that they describe, not by verbs of their own, and are never
        // changed.
        (Resource::AuditEvent, Read) => Holding(Door::READ_AUDIT),
        (Resource::AuditEvent, Create | Modify | Delete) => Nobody,
        (Resource::Group, Read) => Holding(Door::READ_GROUP),
        // Groups belong to the organization; a tenant only uses them.
        (Resource::Group, Create | Modify | Delete) => HoldingInOrganization(Door::WRITE_GROUP),
        // All users may see which groups they are in.
        (Resource::Membership, Read) => HoldingOrOneself(Door::READ_GROUP),
        (Resource::Membership, Create | Modify | Delete) => HoldingInOrganization(Door::WRITE_GROUP),
        // With a user, the names of its organization, tenant and roles are visible; more requires the permission to
        // read them.
        (Resource::Surroundings, Read) => Everybody,
        (Resource::Surroundings, Create | Modify | Delete) => Nobody,
        // Everybody who holds a credential can end it.
        (Resource::Credential, Read) => HoldingInOrganization(Door::INTROSPECT),
        (Resource::Credential, Create | Modify | Delete) => Nobody,
    }
}

impl Rule {
    /// The permissions that it names.
    fn needs(&self) -> Door {
        match self {
            Self::Holding(permission)
            | Self::HoldingInOrganization(permission)
            | Self::HoldingEverywhere(permission)
            | Self::HoldingOrOneself(permission)
            | Self::OneselfHolding(permission) => *permission,
            Self::Oneself | Self::Everybody | Self::Nobody => Door::empty(),
        }
    }
}

/// All that anybody can do.
fn everything() -> impl Iterator<Item = (Action, Resource)> {
    let actions = || Action::VARIANTS.iter().copied();
    let resources = Resource::VARIANTS.iter().copied();
    resources.flat_map(move |resource| actions().map(move |action| (action, resource)))
}

/// What the actor can do with a permission. One that opens nothing here counts where the actor has it.
pub(crate) fn reached(actor: &Actor, permission: Permissions) -> Reached {
    let mut reached = Reached {
        held: false,
        extent: Extent::Nobody,
    };
    if permission.doors().is_empty() {
        let rights = actor.rights();
        let in_tenant = |(pk, _)| rights.for_tenant(pk).contains(permission);
        reached.extent = match rights.organization().contains(permission) {
            true if rights.reach_everywhere() => Extent::Everything,
            true => Extent::Organization,
            false if rights.tenants().any(in_tenant) => Extent::Tenants,
            false => Extent::Nobody,
        };
        reached.held = reached.extent != Extent::Nobody;
        return reached;
    }
    for (action, resource) in everything() {
        let rule = rule(action, resource);
        if !rule.needs().contains(permission.doors()) {
            continue;
        }
        if let Ok(granted) = decide(actor, action, resource) {
            let extent = Extent::from(granted.scope());
            let open_anyway = matches!(rule, Rule::HoldingOrOneself(_)) && extent == Extent::Oneself;
            reached.held |= !open_anyway;
            reached.extent = reached.extent.max(extent);
        }
    }
    reached
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
            return Ok(Granted::new(Scope::Everything, actor));
        }
        Actor::User(caller) => caller,
    };
    let reach = match caller.rights.reach_everywhere() {
        true => Scope::Everything,
        false => Scope::Organization(caller.organization_pk),
    };
    let oneself = Scope::Oneself(caller.user_pk);
    let holds = |door| caller.rights.organization_doors().contains(door);
    let (scope, missing) = match rule(action, resource) {
        Rule::Holding(permission) if holds(permission) => (Some(reach), permission),
        Rule::Holding(permission) => (within_tenants(caller, permission, None)?, permission),
        Rule::HoldingInOrganization(permission) => (holds(permission).then_some(reach), permission),
        Rule::HoldingEverywhere(permission) => (
            (holds(permission) && reach == Scope::Everything).then_some(reach),
            permission,
        ),
        Rule::HoldingOrOneself(permission) if holds(permission) => (Some(reach), permission),
        Rule::HoldingOrOneself(permission) => {
            let some = within_tenants(caller, permission, Some(caller.user_pk));
            // Too many tenants are no reason to keep callers from changing what is their own.
            let some = if action == Action::Read {
                some?
            } else {
                some.unwrap_or_default()
            };
            (some.or(Some(oneself)), permission)
        }
        Rule::Oneself => (Some(oneself), Door::empty()),
        Rule::OneselfHolding(permission) => {
            let here = caller.tenant_pk.map(|pk| caller.rights.for_tenant(pk));
            let may = holds(permission) || here.is_some_and(|held| held.open(permission));
            (may.then_some(oneself), permission)
        }
        Rule::Everybody => (Some(reach), Door::empty()),
        Rule::Nobody => return Err(Error::forbidden("No role allows this.".to_owned())),
    };
    scope.map(|scope| Granted::new(scope, actor)).ok_or_else(|| {
        let names = missing.names();
        let needs = names.join(" ");
        let message = match caller.rights.only_in_tenants(missing) {
            true => format!(
                "Your roles do not allow this: it needs the permission '{needs}' for the whole organization, and you \
                 have it only for single tenants."
            ),
            false => format!("Your roles do not allow this: it needs the permission '{needs}'."),
        };
        Error::needing(names, message)
    })
}

/// The tenants that the caller holds a permission for, if there are any. `FORBIDDEN` for more than a predicate can list.
fn within_tenants(caller: &Caller, permission: Door, oneself: Option<i64>) -> Result<Option<Scope>> {
    let keys = caller.rights.tenants_with(permission);
    if keys.is_empty() {
        return Ok(None);
    }
    if keys.len() > TENANTS_MAX {
        return Err(Error::forbidden(format!(
            "You have the permission '{}' for more than {TENANTS_MAX} single tenants, which is the limit. Ask for a role \
             for the whole organization.",
            permission.names().join(" ")
        )));
    }
    let inside = caller.tenant_pk.is_some_and(|pk| keys.contains(&pk));
    Ok(Some(Scope::Tenants(Arc::new(Tenants {
        organization_pk: caller.organization_pk,
        keys,
        oneself: oneself.filter(|_| !inside),
    }))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What opens nothing here is no door: it belongs to a pack, or a product declares it.
    #[test]
    fn every_door_opens_something() {
        let asked = everything().map(|(action, resource)| rule(action, resource).needs());
        assert_eq!(asked.fold(Door::EVERY_ORGANIZATION, Door::union), Door::all());
    }
}
