//! A new password in an update.

use sea_orm::Set;

use super::super::person::require_person;
use super::profile::Profile;
use super::{Draft, Target, locate};
use crate::authn;
use crate::authz::Granted;
use crate::authz::escalation::{Managing, may_manage};
use crate::context::OpContext;
use crate::directory::password::{acceptable, is_present, refuse_impersonation};
use crate::model::error::{ConflictReason, Error, Result};
use crate::services::hasher::Password;

/// A password that differs from the present one, hashed before the transaction, which holds locks.
pub(super) struct NewPassword {
    hash: String,
    /// The hash that it was compared with.
    present: Option<String>,
}

impl NewPassword {
    /// `None` without one, or if it is the present one. What was read is read again in the transaction, which must not find another one.
    pub async fn prepare(
        op: &OpContext,
        granted: &Granted,
        target: &Target,
        profile: &Profile,
        given: Option<&Password>,
    ) -> Result<Option<Self>> {
        let Some(given) = given else { return Ok(None) };
        refuse_impersonation(op.actor())?;
        let row = locate(op.db().reader(), granted, target).await?;
        let rights = authn::rights_of(op.db().reader(), row.pk).await?;
        may_manage(op.actor(), Managing::Password, &rights)?;
        require_person("password", &row)?;
        if op.actor().is(row.pk) {
            // With a credential that somebody found, it would replace the owner's.
            return Err(Error::forbidden(
                "You cannot set your own password here. Change it with 'updateMyPassword', which asks for the old one.",
            ));
        }
        let mut own = row.own_names();
        own.extend(profile.email().map(|email| email.as_str()));
        own.extend(profile.user_name());
        acceptable("password", given, &own)?;
        let is_same = is_present(op, &row, given).await?;
        // Also of the same, so that the time does not tell.
        let hash = op.hasher().hash(Some(row.organization_pk), given).await?;
        let present = row.password_hash;
        Ok((!is_same).then_some(Self { hash, present }))
    }

    /// Writes it, if there is one.
    pub fn write(new: Option<Self>, op: &OpContext, draft: &mut Draft) -> Result<()> {
        let Some(new) = new else { return Ok(()) };
        if draft.row.password_hash != new.present {
            return Err(Error::conflict(
                ConflictReason::Concurrent,
                "The password was changed in the meantime. Try again.".to_owned(),
            ));
        }
        draft.fields.push("password");
        draft.new.password_hash = Set(Some(new.hash));
        draft.new.password_changed_at = Set(Some(op.now()));
        draft.new.password_temporary = Set(false);
        draft.new.password_verified_at = Set(None);
        Ok(())
    }
}
