//! Users: what clients do with one.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::account::{self, Kind as ChangeKind};
use super::answer;
use super::message;
use super::names::Kind;
use super::patch::Patch;
use super::query::asked;
use super::retry::repeated;
use super::selection::Selection;
use super::shown::{self, Shown, WHOLE};
use super::values;
use super::versions::{IfMatch, is_known};
use crate::compat::face::Call;
use crate::compat::users::of_own_organization;
use crate::context::OpContext;
use crate::directory::user::{self, Target, User, UserFields};
use crate::model::Profile;
use crate::model::error::{Error, Result};

/// The user with exactly this id, in the caller's organization.
fn target(op: &OpContext, id: &str) -> Target {
    Target {
        also: of_own_organization(op),
        ..Target::id(id)
    }
}

/// What of the user with this id is asked for. That there is no such user, or not for this caller, is said first.
async fn selected(call: &Call, op: &OpContext, id: &str) -> Result<Selection> {
    match asked(call) {
        Ok(asked) => Ok(asked.of(Kind::User)),
        Err(error) => {
            user::get(op, &target(op, id), UserFields::empty()).await?;
            Err(error)
        }
    }
}

/// `POST /Users`.
pub async fn create(call: Call) -> Result<Response> {
    let op = message::with_room(&call).await?;
    let body = message::read(&call.body)?;
    user::changeable(&op)?;
    let selection = asked(&call)?.of(Kind::User);
    let made = made(&op, &body).await?;
    answered(&op, StatusCode::CREATED, made, &selection, true).await
}

/// Creates a user from a resource.
pub async fn made(op: &OpContext, body: &Value) -> Result<User> {
    user::changeable(op)?;
    let values = values::read(body, Kind::User)?.values;
    let made = repeated(op, false, || user::create(op, account::created(&values))).await;
    made.inspect_err(|error| note_full(op, "user.create", error))
}

/// That all seats are taken is answered with 403, and noted as every 403 is.
fn note_full(op: &OpContext, action: &'static str, error: &Error) {
    if matches!(error, Error::SeatLimitReached(_)) {
        op.note_refusal(action);
    }
}

/// `GET /Users/{id}`.
pub async fn read(call: Call) -> Result<Response> {
    let id = call.path("id").to_owned();
    read_one(call, &id).await
}

/// The user with this id.
pub async fn read_one(call: Call, id: &str) -> Result<Response> {
    let op = message::with_room(&call).await?;
    let selection = selected(&call, &op, id).await?;
    let found = user::get(&op, &target(&op, id), shown::fields(&selection)).await?;
    let shown = one(&op, found, &selection, false).await?;
    if is_known(&call, &shown.about.tag) {
        return shown.about.on(answer::empty(StatusCode::NOT_MODIFIED));
    }
    respond(StatusCode::OK, shown)
}

/// `PUT /Users/{id}`.
pub async fn replace(call: Call) -> Result<Response> {
    let id = call.path("id").to_owned();
    replace_one(call, &id).await
}

/// Replaces the user with this id.
pub async fn replace_one(call: Call, id: &str) -> Result<Response> {
    let op = message::with_room(&call).await?;
    let body = message::read(&call.body)?;
    user::changeable(&op)?;
    let selection = selected(&call, &op, id).await?;
    let replaced = replaced(&op, id, &body, &IfMatch::of(&call)).await?;
    answered(&op, StatusCode::OK, replaced, &selection, false).await
}

/// Replaces what clients may write of a user.
pub async fn replaced(op: &OpContext, id: &str, body: &Value, versions: &IfMatch) -> Result<User> {
    change(op, id, versions, |_| {
        let values = values::read(body, Kind::User)?.values;
        Ok((values, ChangeKind::Whole))
    })
    .await
}

/// `PATCH /Users/{id}`.
pub async fn update(call: Call) -> Result<Response> {
    let id = call.path("id").to_owned();
    update_one(call, &id).await
}

/// Changes the user with this id.
pub async fn update_one(call: Call, id: &str) -> Result<Response> {
    let op = message::with_room(&call).await?;
    let body = message::read(&call.body)?;
    user::changeable(&op)?;
    let selection = selected(&call, &op, id).await?;
    let updated = updated(&op, id, &body, &IfMatch::of(&call)).await?;
    answered(&op, StatusCode::OK, updated, &selection, false).await
}

/// Applies operations to a user.
pub async fn updated(op: &OpContext, id: &str, body: &Value, versions: &IfMatch) -> Result<User> {
    change(op, id, versions, |before| {
        let mut after = before.clone();
        Patch::read(body, Kind::User)?.apply(&mut after)?;
        Ok((after, ChangeKind::Part))
    })
    .await
}

type Values = serde_json::Map<String, Value>;

/// Reads a user, and writes the new values under the version that was read.
async fn change(
    op: &OpContext,
    id: &str,
    versions: &IfMatch,
    of: impl Fn(&Values) -> Result<(Values, ChangeKind)>,
) -> Result<User> {
    user::changeable(op)?;
    let target = target(op, id);
    let (of, target) = (&of, &target);
    let changed = repeated(op, versions.is_some(), move || async move {
        let found = user::get(op, target, WHOLE).await?;
        versions.accepts(found.version)?;
        let profile = Profile::shown(found.profile.as_ref(), found.email.as_ref());
        let before = shown::values(&found, profile);
        let (after, kind) = of(&before)?;
        let change = account::changed(&found, &before, &after, kind);
        user::update(op, target, change, Some(found.version)).await
    })
    .await;
    changed.inspect_err(|error| note_full(op, "user.update", error))
}

/// `DELETE /Users/{id}`.
pub async fn delete(call: Call) -> Result<Response> {
    let id = call.path("id").to_owned();
    delete_one(call, &id).await
}

/// Deletes the user with this id.
pub async fn delete_one(call: Call, id: &str) -> Result<Response> {
    deleted(&call.op, id, &IfMatch::of(&call)).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Deletes a user.
pub async fn deleted(op: &OpContext, id: &str, versions: &IfMatch) -> Result<()> {
    let target = &target(op, id);
    versions
        .try_each(move |version| async move {
            repeated(op, versions.is_some(), move || user::delete(op, target, version)).await
        })
        .await
        .map(|_| ())
}

async fn one(op: &OpContext, user: User, selection: &Selection, fresh: bool) -> Result<Shown> {
    let shown = shown::user(op, user, selection, fresh).await?;
    shown.ok_or_else(|| Error::internal("a user that is not shown"))
}

async fn answered(
    op: &OpContext,
    status: StatusCode,
    user: User,
    selection: &Selection,
    fresh: bool,
) -> Result<Response> {
    respond(status, one(op, user, selection, fresh).await?)
}

fn respond(status: StatusCode, shown: Shown) -> Result<Response> {
    shown.about.on(answer::json(status, &Value::Object(shown.resource)))
}
