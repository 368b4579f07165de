//! Every role × action × resource, and what every role is called to permit: one file that anybody can read.

use std::fmt::Write;
use std::sync::Arc;

use strum::VariantArray;
use tenantry::authz::{Action, Resource, Scope};
use tenantry::context::OpContext;
use tenantry::model::BuiltIn;
use tenantry::model::error::ErrorCode;
use tenantry::model::{Actor, Caller};
use tenantry::model::{Door, Permissions, Rights};
use tenantry::model::{OrganizationId, UserId};

use super::assert_committed;
use crate::support::{App, Backend};

const ORGANIZATION: i64 = 7;
const TENANT: i64 = 9;
const MYSELF: i64 = 42;

#[tokio::test]
async fn policy_matrix() {
    let app = App::new(Backend::Sqlite).await;
    let mut callers = vec![
        ("anonymous".to_owned(), Actor::Anonymous),
        ("(no role)".to_owned(), user(Permissions::empty())),
    ];
    let all = || BuiltIn::VARIANTS.iter();
    callers.extend(
        all()
            .filter(|role| role.is_for_organizations())
            .map(|role| (role.name().to_owned(), user(role.permissions()))),
    );
    // Two of them hold for a tenant as all do: by the permissions that they have there.
    callers.extend([BuiltIn::TenantAdmin, BuiltIn::OrganizationAdmin].iter().map(|role| {
        (
            format!("{} (for a tenant)", role.name()),
            user_of_tenant(role.permissions()),
        )
    }));

    let mut text = String::from(
        "Who may do what, and how far it reaches.\n\n\
         nobody: refused (UNAUTHENTICATED for anonymous callers, FORBIDDEN for all others); oneself: only what is the\n\
         caller's own; tenant: the tenants that the role is held for, and what is the caller's own; organization: all of the\n\
         caller's organization; everything: all organizations.\n",
    );
    for resource in Resource::VARIANTS {
        write!(text, "\n{:<37}", format!("{resource:?}")).unwrap();
        for action in Action::VARIANTS {
            write!(text, "{:<14}", format!("{action:?}")).unwrap();
        }
        trim(&mut text);
        for (name, actor) in &callers {
            let op = OpContext::new(Arc::clone(&app.services), actor.clone(), "test");
            write!(text, "  {name:<35}").unwrap();
            for action in Action::VARIANTS {
                write!(text, "{:<14}", reach(&op, *action, *resource)).unwrap();
            }
            trim(&mut text);
        }
    }
    text.push_str("\nWhat the built-in roles permit\n");
    for role in BuiltIn::VARIANTS {
        writeln!(text, "\n  {}", role.name()).unwrap();
        for permission in role.permissions().built_in_names() {
            writeln!(text, "    {permission}").unwrap();
        }
        if role.doors().contains(Door::EVERY_ORGANIZATION) {
            writeln!(text, "    (in every organization)").unwrap();
        }
    }
    assert_committed("tests/it/rules/policy_matrix.txt", &text);
}

pub(super) fn reach(op: &OpContext, action: Action, resource: Resource) -> &'static str {
    match op.authorize(action, resource).map(|granted| granted.scope().clone()) {
        Ok(Scope::Everything) => "everything",
        Ok(Scope::Organization(ORGANIZATION)) => "organization",
        Ok(Scope::Tenants(tenants)) if tenants.keys == [TENANT] && tenants.organization_pk == ORGANIZATION => "tenant",
        Ok(Scope::Oneself(MYSELF)) => "oneself",
        Ok(other) => panic!("{action:?} {resource:?}: {other:?} is not the caller's own"),
        Err(error) => {
            let expected = match op.actor() {
                Actor::Anonymous => ErrorCode::Unauthenticated,
                Actor::Machine | Actor::User(_) => ErrorCode::Forbidden,
            };
            assert_eq!(error.code(), expected, "{action:?} {resource:?}: {error}");
            "nobody"
        }
    }
}

/// A user of an organization, whom no table knows.
pub fn user(permissions: impl Into<Permissions>) -> Actor {
    somebody(Rights::of_organization(permissions.into()))
}

/// The same, for one tenant of it, to which the user does not belong.
pub fn user_of_tenant(permissions: impl Into<Permissions>) -> Actor {
    let mut rights = Rights::default();
    rights.add(Some(TENANT), permissions.into());
    somebody(rights)
}

fn somebody(rights: Rights) -> Actor {
    Actor::user(Caller {
        impersonator: None,
        session_pk: None,
        user_pk: MYSELF,
        user_id: UserId::parse("id", "myself").unwrap(),
        email: None,
        email_verified: false,
        organization_pk: ORGANIZATION,
        organization_id: OrganizationId::parse("id", "own").unwrap(),
        tenant_pk: None,
        tenant_id: None,
        roles: tenantry::model::Roles::default(),
        rights,
        api_key_pk: None,
        limits: tenantry::model::Limits::default(),
        catalogue: std::sync::Arc::default(),
        derived: None,
    })
}

fn trim(text: &mut String) {
    text.truncate(text.trim_end().len());
    text.push('\n');
}

/// The names of the permissions of packs: those that come with this server and open nothing.
fn packed_names() -> Vec<&'static str> {
    let none = |permission: Permissions| permission.doors().is_empty();
    let packed: Vec<&str> = Permissions::built_in()
        .filter(|(permission, _)| none(*permission))
        .map(|(_, name)| name)
        .collect();
    assert_eq!(packed.len(), 14);
    packed
}

/// What a product declares opens nothing here, and neither do the permissions of packs: without them, every decision is the
/// same.
#[tokio::test]
async fn only_doors_open_anything() {
    let app = App::new(Backend::Sqlite).await;
    let doors = proptest::bits::u64::ANY;
    let bits = proptest::collection::vec(0..tenantry::model::DECLARED_BITS, 0..50);
    let names = proptest::collection::vec(proptest::sample::select(packed_names()), 0..15);
    let catalogue = tenantry::model::Catalogue::default();
    let mut runner = proptest::test_runner::TestRunner::default();
    let run = runner.run(
        &(doors, bits, names, proptest::bool::ANY),
        |(doors, bits, names, for_tenant)| {
            let doors = Permissions::of(Door::from_bits_truncate(doors));
            let declared = bits.into_iter().map(Permissions::declared);
            let packed = names.iter().filter_map(|name| catalogue.named(name));
            let others: Permissions = declared.chain(packed).collect();
            let caller = |held: Permissions| {
                let actor = match for_tenant {
                    true => user_of_tenant(held),
                    false => user(held),
                };
                OpContext::new(Arc::clone(&app.services), actor, "test")
            };
            let (with, without) = (caller(doors | others), caller(doors));
            for resource in Resource::VARIANTS {
                for action in Action::VARIANTS {
                    let decide = |op: &OpContext| match op.authorize(*action, *resource) {
                        Ok(granted) => format!("{:?}", granted.scope()),
                        Err(error) => error.to_string(),
                    };
                    proptest::prop_assert_eq!(decide(&with), decide(&without));
                }
            }
            Ok(())
        },
    );
    run.unwrap();
}

/// Weakest first: who stands above can do all that who stands below can. A role beside the ladder stands between two of
/// its rungs.
#[test]
fn the_ladder_only_adds() {
    let ladder = [
        BuiltIn::TrialUser,
        BuiltIn::User,
        BuiltIn::ApiUser,
        BuiltIn::Admin,
        BuiltIn::OrganizationAdmin,
        BuiltIn::SuperAdmin,
    ];
    for pair in ladder.windows(2) {
        let (below, above) = (pair[0].permissions(), pair[1].permissions());
        assert!(
            above.contains(below) && above != below,
            "{:?} above {:?}",
            pair[1],
            pair[0]
        );
    }
    for (below, role, above) in [
        (BuiltIn::TrialUser, BuiltIn::TrialApiUser, BuiltIn::Admin),
        (BuiltIn::User, BuiltIn::TeamManager, BuiltIn::OrganizationAdmin),
        (BuiltIn::User, BuiltIn::Labeler, BuiltIn::User),
        (BuiltIn::User, BuiltIn::Reviewer, BuiltIn::User),
    ] {
        assert!(
            role.permissions().contains(below.permissions()),
            "{role:?} above {below:?}"
        );
        assert!(
            above.permissions().contains(role.permissions()),
            "{role:?} below {above:?}"
        );
    }
}
