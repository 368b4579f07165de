//! Activates and deactivates users.

use super::{Target, User, UserChange, update::update_as};
use crate::context::OpContext;
use crate::model::error::Result;

/// Lets a user sign in and use the API again. Does nothing if the user is active; `SEAT_LIMIT_REACHED` without a free
/// seat.
pub async fn activate(op: &OpContext, target: &Target, expected_version: Option<i64>) -> Result<User> {
    let wanted = UserChange {
        activated: Some(true),
        ..UserChange::default()
    };
    update_as(op, "user.activate", target, wanted, expected_version).await
}

/// Refuses a user's keys and sessions from now on, and frees its seat. The user and all its data are kept. `INVALID`
/// for the caller's own user.
pub async fn deactivate(op: &OpContext, target: &Target, expected_version: Option<i64>) -> Result<User> {
    let wanted = UserChange {
        activated: Some(false),
        ..UserChange::default()
    };
    update_as(op, "user.deactivate", target, wanted, expected_version).await
}
