//! Starts a session as another user.

use std::time::Duration;

use super::issue::{self, Begun, Tokens};
use crate::authn::{impersonated, refused_impersonation};
use crate::authz::escalation::{as_oneself, directly};
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::directory::access_token::Prepared;
use crate::directory::user::{self, Target};
use crate::model;
use crate::model::error::{Error, Result};
use crate::store::audit_trail::Event;
use crate::store::entity::user as table;

const LIFETIME_SECONDS_MIN: i64 = 60;
const LIFETIME_SECONDS_MAX: i64 = 8 * 60 * 60;

/// The reason for an impersonation, and its lifetime.
#[derive(Clone, Debug)]
pub struct Impersonation {
    pub reason: String,
    pub lifetime_seconds: i64,
}

/// Starts a session as another user. It has the given lifetime, and ends earlier if the caller's credential ends. See
/// [`crate::authn::impersonated`] for who may be impersonated by whom.
pub async fn impersonate(op: &OpContext, target: &Target, wanted: &Impersonation) -> Result<Tokens> {
    let begun = begin(op, target, wanted).await;
    if let Err(Error::Forbidden(_) | Error::NotFound(_) | Error::Ambiguous { .. }) = &begun {
        let (id, email) = (target.id.as_deref(), target.email.as_deref());
        op.note(refused_impersonation(op.db().reader(), op.actor(), id, email).await?);
    }
    begun
}

async fn begin(op: &OpContext, target: &Target, wanted: &Impersonation) -> Result<Tokens> {
    let granted = op.authorize(Action::Create, Resource::Session)?;
    as_oneself(op.actor(), "Impersonating another user")?;
    directly(op.actor(), "Starting a session as another user")?;
    let reason = model::description("reason", Some(&wanted.reason))?
        .filter(|reason| model::is_visible(reason))
        .ok_or_else(|| {
            Error::invalid(
                "reason",
                "'reason' must have at least one visible character.".to_owned(),
            )
        })?;
    let mut lifetime = u64::try_from(wanted.lifetime_seconds)
        .ok()
        .filter(|_| (LIFETIME_SECONDS_MIN..=LIFETIME_SECONDS_MAX).contains(&wanted.lifetime_seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| {
            Error::invalid(
                "lifetimeSeconds",
                format!(
                    "'lifetimeSeconds' must be from {LIFETIME_SECONDS_MIN} to {LIFETIME_SECONDS_MAX}, but is {}.",
                    wanted.lifetime_seconds
                ),
            )
        })?;
    if let Some(end) = op.actor().caller().and_then(|caller| caller.limits.ends_at) {
        lifetime = lifetime.min(op.now().until(end));
    }
    let prepared = Prepared::own(op).await?;
    let change = op.begin().await?;
    let row: table::Model = user::locate_shared(&*change, &granted, target).await?;
    let caller = impersonated(&*change, op.actor(), row.id.as_str()).await?;
    let prepared = prepared.with_groups_of(&*change, caller.user_pk).await?;
    let impersonator = op.actor().caller();
    let because = reason.clone();
    let begun = Begun {
        verified: false,
        authenticated_at: None,
        impersonator_pk: impersonator.map(|who| who.user_pk),
        parent_pk: impersonator.and_then(|who| who.session_pk),
        api_key_pk: impersonator.and_then(|who| who.api_key_pk),
        reason: Some(reason),
    };
    let (session, family) = issue::begin(&*change, op, row.pk, lifetime, begun).await?;
    let event = Event::new("user.impersonate", row.pk, &row.id)
        .of_user(&row)
        .because(because);
    change.commit([event]).await?;
    issue::tokens(op, &session, family.expose(), row.into(), caller, prepared)
}
