//! Users in groups.

use axum::response::Response;
use serde::Serialize;

use super::done;
use crate::compat::face::Call;
use crate::compat::listed::listed;
use crate::compat::users;
use crate::directory::group::{self, GroupFields, Target};
use crate::directory::user::{self, UserFields};
use crate::model::error::Result;

/// A group in a user's list of groups: without a description, unlike in the list of all groups.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    name: &'a str,
}

/// `GET users/{id}/groups`: all groups that a user is in.
pub(super) async fn list(call: Call) -> Result<Response> {
    let user = users::target_by_id(&call.op, call.path("id"));
    let user = user::get(&call.op, &user, UserFields::empty()).await?;
    let groups = group::of_user(&call.op, &user, GroupFields::KEY | GroupFields::NAME);
    listed("{\"groups\":[", "]}", groups, |group, out| {
        let shown = Shown {
            id: &group.key,
            name: &group.name,
        };
        serde_json::to_writer(out, &shown)
    })
    .await
}

/// `PUT users/{id}/groups/{group_id}`: succeeds even if the user is already a member.
pub(super) async fn add(call: Call) -> Result<Response> {
    let user = users::target_by_id(&call.op, call.path("id"));
    group::add_user(&call.op, &Target::key(call.path("group_id")), &user, None).await?;
    Ok(done())
}

/// `DELETE users/{id}/groups/{group_id}`: succeeds even if the user is not a member.
pub(super) async fn remove(call: Call) -> Result<Response> {
    let user = users::target_by_id(&call.op, call.path("id"));
    group::remove_user(&call.op, &Target::key(call.path("group_id")), &user, None).await?;
    Ok(done())
}
