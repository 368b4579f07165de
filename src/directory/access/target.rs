//! What a user may do to another one.

use super::sight::Sight;
use super::{Hindrance, HindranceKind};
use crate::authn;
use crate::authz::escalation::{Managing, may_impersonate, may_manage};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::user::{self, Target, User, UserFields};
use crate::model::error::{Error, Result};
use crate::model::{Actor, Door, Permissions, Rights};

/// What a permission lets its holders do to users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    Reading,
    Changing,
    Grouping,
    Impersonating,
}

impl About {
    /// `INVALID` for a permission that is not about users.
    pub fn of(permission: Permissions) -> Result<Self> {
        match permission.doors() {
            Door::READ_USER => Ok(Self::Reading),
            Door::WRITE_USER => Ok(Self::Changing),
            Door::WRITE_GROUP => Ok(Self::Grouping),
            Door::USAGE_IMPERSONATION => Ok(Self::Impersonating),
            _ => Err(Error::invalid(
                "target",
                "A target goes only with 'read:user', 'write:user', 'write:group' and 'usage:impersonation'.",
            )),
        }
    }

    fn in_policy(self) -> (Action, Resource) {
        match self {
            Self::Reading => (Action::Read, Resource::User),
            Self::Changing => (Action::Modify, Resource::User),
            Self::Grouping => (Action::Modify, Resource::Membership),
            Self::Impersonating => (Action::Create, Resource::Session),
        }
    }
}

/// The user that a question is on.
pub(super) struct OnTarget<'a> {
    op: &'a OpContext,
    sight: &'a Sight<'a>,
    user: &'a User,
    target: User,
    /// The target's.
    rights: Rights,
}

impl<'a> OnTarget<'a> {
    pub async fn find(op: &'a OpContext, sight: &'a Sight<'a>, user: &'a User, named: &Target) -> Result<Self> {
        let target = user::get(op, named, UserFields::ACTIVATED).await?;
        sight.must_see(&target, named)?;
        Ok(Self {
            op,
            sight,
            user,
            rights: authn::rights_of(op.db().reader(), target.pk).await?,
            target,
        })
    }

    /// What keeps the user from doing it. `held`: the user has the permission somewhere; `lacks`: if it does not.
    pub fn hindrances(&self, actor: &Actor, about: About, held: bool, lacks: &Hindrance) -> Vec<Hindrance> {
        let mut hindrances = Vec::new();
        let (action, resource) = about.in_policy();
        let target = &self.target;
        let as_user = self.op.acting_as(actor.clone());
        let is_reached = as_user
            .authorize(action, resource)
            .is_ok_and(|granted| granted.includes(target.pk, target.organization_pk, target.tenant_pk));
        match (is_reached, held) {
            (true, _) => {}
            (false, true) => hindrances.push(Hindrance::new(
                HindranceKind::OutOfReach,
                "The target is outside the user's scope.",
            )),
            (false, false) => hindrances.push(lacks.clone()),
        }
        hindrances.extend(self.beyond(actor, about));
        if about == About::Impersonating && !target.activated {
            hindrances.push(Hindrance::new(
                HindranceKind::Deactivated,
                "The target is deactivated and cannot be impersonated.",
            ));
        }
        if about == About::Impersonating && target.pk == self.user.pk {
            hindrances.push(Hindrance::new(
                HindranceKind::NotOneself,
                "Nobody can impersonate themselves.",
            ));
        }
        hindrances
    }

    /// If the target's permissions go beyond the user's. Changing is what changes the account, as for an address.
    fn beyond(&self, actor: &Actor, about: About) -> Option<Hindrance> {
        // Of themselves, callers may know it: `viewerCan` tells the same.
        let compared = match self.sight.is_of_oneself() {
            true => self.rights.clone(),
            false => self.sight.of_rights(&self.target, self.rights.clone()),
        };
        let refused = match about {
            About::Reading => return None,
            About::Changing => may_manage(actor, Managing::Address, &compared),
            About::Grouping => may_manage(actor, Managing::Memberships, &compared),
            About::Impersonating => may_impersonate(actor, &compared),
        };
        refused.err()?;
        let mut seen = match self.sight.roles() {
            Some(_) => self.sight.of_rights(&self.target, self.rights.clone()),
            None => Rights::default(),
        };
        if about == About::Grouping {
            seen = seen.only(Door::all().into());
        }
        let hindrance = Hindrance::new(
            HindranceKind::BeyondOwn,
            "The target's permissions go beyond the user's.",
        );
        Some(hindrance.lacking(seen.beyond(actor.rights())))
    }
}
