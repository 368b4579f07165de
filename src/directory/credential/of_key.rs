//! An access token for the owner of an API key (RFC 6749, section 4.4).

use super::exchange::{Exchanged, made_from};
use super::shown::{Kind, Shown, shown};
use crate::context::OpContext;
use crate::directory::access_token::Wanted;
use crate::model::error::{Error, Result};

/// A token for the user with this id, who must have this API key. It never permits more than the key, ends with it, and
/// nothing can be started with it that outlasts it. `UNAUTHENTICATED` if the user is another one, or the key is not in
/// force.
pub async fn of_key(op: &OpContext, user_id: &str, key: &str, wanted: &Wanted) -> Result<Exchanged> {
    let refused = || Error::Unauthenticated("This is not the id of a user with one of its API keys.".to_owned());
    let found = shown(op, key).await?;
    let is_theirs =
        |found: &Shown| matches!(found.kind, Kind::ApiKey { .. }) && found.caller.user_id.as_str() == user_id;
    made_from(op, found.filter(is_theirs).ok_or_else(refused)?, wanted).await
}
