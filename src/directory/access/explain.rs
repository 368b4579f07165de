//! Explains whether a user may do something, and why.

use super::sight::Sight;
use super::target::{About, OnTarget};
use super::{Explanation, Hindrance, HindranceKind};
use crate::authn;
use crate::authz::escalation::{Managing, as_oneself, may_manage};
use crate::authz::{Action, Resource, policy};
use crate::context::OpContext;
use crate::directory::api_key::{self, ApiKey, ApiKeyFields};
use crate::directory::role;
use crate::directory::user::{self, Target, User, UserFields};
use crate::list::{self, Filter, TextTest};
use crate::model::error::{Error, Result, shown};
use crate::model::{Actor, Caller, Door, Email, Limits, Permissions, Rights};

/// A question.
#[derive(Clone, Debug)]
pub struct Asked {
    pub user: Target,
    /// By name.
    pub permission: String,
    /// On which user, for permissions that are about users.
    pub target: Option<Target>,
    /// With which API key of the user.
    pub api_key: Option<String>,
    /// Whether to tell where the permission comes from.
    pub sources: bool,
    /// Whether to tell which roles would give it.
    pub would_give: bool,
}

/// The user as a caller, in the way that the question is about.
struct Acting {
    actor: Actor,
    /// What its roles permit, without the limits of an API key.
    unlimited: Rights,
    /// Whether its API key is revoked or has expired.
    ended: bool,
}

/// Explains whether a user may do what a permission is for. About themselves, callers need no permission, and without a key
/// it is about the credential of the request. About others, it needs `read:user` and `read:role`. `INVALID` for an unknown
/// permission, and for a target if the permission is not about users; `NOT_FOUND` for a user, target or key that the caller
/// may not see.
pub async fn explain(op: &OpContext, asked: &Asked) -> Result<Explanation> {
    let users = user::readable(op)?;
    asked.user.must_name("user")?;
    let permission = named(op, &asked.permission)?;
    let about = match &asked.target {
        Some(target) => {
            target.must_name("target")?;
            Some((About::of(permission)?, target))
        }
        None => None,
    };
    if !names_caller(op, &asked.user) {
        user::listable(op)?;
        op.authorize(Action::Read, Resource::Role)?;
    }
    let fields = UserFields::ACTIVATED | UserFields::PASSWORD_TEMPORARY;
    let user = user::get(op, &asked.user, fields).await?;
    let sight = Sight::of(op, users, &user, &asked.user)?;
    let acting = acting(op, &user, asked.api_key.as_deref()).await?;

    let mut hindrances = of_account(op, &user, asked.api_key.is_some());
    let in_sight = |rights: &Rights| with_rights(&acting.actor, sight.of_rights(&user, rights.clone()));
    let unlimited = in_sight(&acting.unlimited);
    let by_roles = policy::reached(&unlimited, permission);
    let reached = policy::reached(&in_sight(acting.actor.rights()), permission);
    let lacks = lacks(permission, &acting, by_roles.held, &unlimited);
    match about {
        Some((about, named)) => {
            let on = OnTarget::find(op, &sight, &user, named).await?;
            hindrances.extend(on.hindrances(&in_sight(acting.actor.rights()), about, reached.held, &lacks));
        }
        None if !reached.held => hindrances.push(lacks.clone()),
        None => {}
    }
    if acting.ended && !hindrances.contains(&lacks) {
        hindrances.push(lacks);
    }
    if permission.doors() == Door::USAGE_IMPERSONATION && as_oneself(&acting.actor, "This").is_err() {
        hindrances.push(Hindrance::new(
            HindranceKind::Impersonating,
            "While impersonating a user, nobody else can be impersonated.",
        ));
    }
    let mut sources = Vec::new();
    if asked.sources {
        let grants = role::grants(op, [user.pk]).await?.remove(&user.pk);
        sources = role::grants_in_sight(op, user.pk, grants.unwrap_or_default());
        sources.retain(|grant| grant.permissions.contains(permission) && sight.sees(&user, grant.tenant_pk));
    }
    let mut would_give = Vec::new();
    if let Some(granted) = sight.roles().filter(|_| asked.would_give && !by_roles.held)
        && let Some(place) = place_of_roles(op, &user, unlimited.rights())
    {
        let helps = |more: Permissions| {
            let mut rights = unlimited.rights().clone();
            rights.add(place, more);
            policy::reached(&with_rights(&acting.actor, rights), permission).held
        };
        would_give = role::that_would_give(op, granted, &asked.permission, &user, place, helps).await?;
    }
    Ok(Explanation {
        user_pk: user.pk,
        extent: reached.extent,
        sources,
        hindrances,
        would_give,
    })
}

/// Where the caller could assign roles to this user: in its tenant or, `Some(None)`, for its whole organization. `None` if
/// the caller may not.
fn place_of_roles(op: &OpContext, user: &User, rights: &Rights) -> Option<Option<i64>> {
    let granted = op.authorize(Action::Modify, Resource::User).ok()?;
    let may =
        granted.covers(user.organization_pk, user.tenant_pk) && may_manage(op.actor(), Managing::Roles, rights).is_ok();
    may.then(|| granted.tenants().and(user.tenant_pk))
}

fn named(op: &OpContext, name: &str) -> Result<Permissions> {
    op.catalogue()
        .named(name)
        .ok_or_else(|| Error::invalid("permission", format!("There is no permission '{}'.", shown(name))))
}

/// Whether this can only mean the caller.
fn names_caller(op: &OpContext, target: &Target) -> bool {
    op.actor()
        .caller()
        .is_some_and(|caller| match (&target.id, &target.email) {
            (Some(id), _) => id == caller.user_id.as_str(),
            (None, Some(email)) => caller.email.is_some() && Email::normalize(email) == caller.email,
            (None, None) => false,
        })
}

fn with_rights(actor: &Actor, rights: Rights) -> Actor {
    match actor.caller() {
        Some(caller) => Actor::user(Caller {
            rights,
            ..caller.clone()
        }),
        None => actor.clone(),
    }
}

/// The user as a caller: the caller itself as it calls, or anybody with an API key or signed in.
async fn acting(op: &OpContext, user: &User, key: Option<&str>) -> Result<Acting> {
    let reader = op.db().reader();
    if let (Some(caller), None) = (op.actor().caller().filter(|caller| caller.user_pk == user.pk), key) {
        let is_limited = caller.limits.permissions.is_some() || caller.derived.is_some();
        return Ok(Acting {
            actor: op.actor().clone(),
            unlimited: match is_limited {
                true => authn::rights_of(reader, user.pk).await?,
                false => caller.rights.clone(),
            },
            ended: false,
        });
    }
    let mut caller = authn::caller_even_deactivated(reader, user.pk)
        .await?
        .ok_or_else(|| Error::no_such("user", "id", user.id.as_str()))?;
    let unlimited = caller.rights.clone();
    let mut ended = false;
    if let Some(id) = key {
        let key = key_of(op, user, id).await?;
        caller.limits = Limits {
            permissions: key.permissions.map(|names| op.catalogue().from_stored(&names)),
            ends_at: [key.expires_at, key.revoked_at].into_iter().flatten().min(),
        };
        ended = caller.limits.ends_at.is_some_and(|end| end <= op.now());
        caller.rights = match ended {
            true => Rights::default(),
            false => caller.limits.narrow(caller.rights),
        };
    }
    Ok(Acting {
        actor: Actor::user(caller),
        unlimited,
        ended,
    })
}

/// The user's key with this id, if the caller may see it.
async fn key_of(op: &OpContext, user: &User, id: &str) -> Result<ApiKey> {
    let owner = user::Term::Id(TextTest::Equals(user.id.to_string()));
    let filter = Filter::All(vec![
        Filter::Own(api_key::Term::Id(TextTest::Equals(id.to_owned()))),
        // As a condition of the caller: it says whose keys are looked at.
        Filter::Is(api_key::Term::User(Filter::Own(owner))),
    ]);
    let fields = ApiKeyFields::PERMISSIONS | ApiKeyFields::EXPIRES_AT | ApiKeyFields::REVOKED_AT;
    let mut found = list::few::<ApiKey>(op, &filter, fields).await?;
    found.pop().ok_or_else(|| Error::no_such("API key", "id", id))
}

/// What keeps the user from doing anything.
fn of_account(op: &OpContext, user: &User, with_key: bool) -> Vec<Hindrance> {
    let mut hindrances = Vec::new();
    if !user.activated {
        hindrances.push(Hindrance::new(HindranceKind::Deactivated, "The user is deactivated."));
    }
    // Callers who ask about themselves have a credential that works.
    if user.password_temporary && !with_key && !op.actor().is(user.pk) {
        hindrances.push(Hindrance::new(
            HindranceKind::PasswordChangeRequired,
            "The user's password is temporary and must be changed before the user can sign in. API keys work all the same.",
        ));
    }
    hindrances
}

/// Why the user does not have the permission. `by_roles`: without the limits of an API key, the user has it.
fn lacks(permission: Permissions, acting: &Acting, by_roles: bool, unlimited: &Actor) -> Hindrance {
    let hindrance = if acting.ended {
        return Hindrance::new(HindranceKind::KeyLimit, "The API key is revoked or has expired.");
    } else if by_roles {
        Hindrance::new(
            HindranceKind::KeyLimit,
            "The API key or access token is limited to something else.",
        )
    } else if unlimited.rights().anywhere().contains(permission) {
        Hindrance::new(
            HindranceKind::OutOfReach,
            "The user has the permission for single tenants, but not where it is needed.",
        )
    } else {
        Hindrance::new(HindranceKind::NoRole, "The user has no role with this permission.")
    };
    hindrance.lacking(permission)
}
