//! Signs out.

use super::Session;
use super::revoke::end_one;
use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::model::error::{Error, Result};
use crate::store::entity::session::Column;
use sea_orm::{ColumnTrait, Condition};

/// Ends the session of this request; while impersonating, the impersonation. `INVALID` with an API key, or with the
/// impersonation header, because there is no session to end.
pub async fn sign_out(op: &OpContext) -> Result<Session> {
    let granted = op.authorize(Action::Delete, Resource::Session)?;
    let Some(pk) = op.actor().caller().and_then(|caller| caller.session_pk) else {
        return Err(Error::invalid(
            "authorization",
            "There is no session to sign out of: this request does not use a session token.".to_owned(),
        ));
    };
    end_one(op, &granted, "session.signOut", Condition::all().add(Column::Pk.eq(pk))).await
}
