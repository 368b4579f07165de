//! Groups: what clients do with one.

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value};

use super::answer;
use super::groups_shown::{self, Shown};
use super::message;
use super::names::Kind;
use super::patch::Patch;
use super::query::asked;
use super::retry::repeated;
use super::selection::{Asked, Selection};
use super::terms::of_own_organization;
use super::values;
use super::versions::{IfMatch, is_known};
use crate::compat::face::Call;
use crate::compat::listed::streamed;
use crate::context::OpContext;
use crate::directory::group::{
    self, Clearable, Group, GroupChange, GroupFields, MembersChange, Naming, NewGroup, Target,
};
use crate::list::{self, Filter, TextTest};
use crate::model::error::{Error, Result};

/// The group with exactly this id, in the caller's organization.
fn target(op: &OpContext, id: &str) -> Target {
    Target {
        also: of_own_organization(op),
        ..Target::id(id)
    }
}

/// The same, read.
async fn found(op: &OpContext, id: &str, fields: GroupFields) -> Result<Group> {
    let is_it = Filter::Own(group::Term::Id(TextTest::Equals(id.to_owned())));
    let filter = Filter::All(vec![of_own_organization(op), is_it]);
    let mut found = list::few::<Group>(op, &filter, fields).await?;
    found.pop().ok_or_else(|| Error::no_such("group", "id", id))
}

/// `POST /Groups`.
pub async fn create(call: Call) -> Result<Response> {
    let op = message::with_room(&call).await?;
    let body = message::read(&call.body)?;
    group::changeable(&op)?;
    let selection = asked(&call)?.of(Kind::Group);
    let made = made(&op, &body).await?;
    answered(&op, StatusCode::CREATED, made, &selection).await
}

/// Creates a group from a resource.
pub async fn made(op: &OpContext, body: &Value) -> Result<Group> {
    group::changeable(op)?;
    let resource = values::read(body, Kind::Group)?;
    let new = || NewGroup {
        name: text(&resource.values, "displayName").unwrap_or_default(),
        external_id: text(&resource.values, "externalId"),
        naming: Naming::ByName,
        members: resource.members.clone().unwrap_or_default(),
        ..NewGroup::default()
    };
    repeated(op, false, || group::create(op, new())).await
}

/// `GET /Groups/{id}`.
pub async fn read(call: Call) -> Result<Response> {
    let op = message::with_room(&call).await?;
    group::readable(&op)?;
    let selection = asked_first(&call, &op).await?.of(Kind::Group);
    let found = found(&op, call.path("id"), groups_shown::fields(&selection)).await?;
    let shown = shown(&op, found, &selection).await?;
    if is_known(&call, &shown.about.tag) {
        return shown.about.on(answer::empty(StatusCode::NOT_MODIFIED));
    }
    respond(&op, StatusCode::OK, shown, &selection).await
}

/// `PUT /Groups/{id}`.
pub async fn replace(call: Call) -> Result<Response> {
    let op = message::with_room(&call).await?;
    let body = message::read(&call.body)?;
    group::changeable(&op)?;
    let selection = asked_first(&call, &op).await?.of(Kind::Group);
    let replaced = replaced(&op, call.path("id"), &body, &IfMatch::of(&call)).await?;
    answered(&op, StatusCode::OK, replaced, &selection).await
}

/// Replaces what clients may write of a group; members that are left out stay.
pub async fn replaced(op: &OpContext, id: &str, body: &Value, versions: &IfMatch) -> Result<Group> {
    group::changeable(op)?;
    let resource = match values::read(body, Kind::Group) {
        Ok(resource) => resource,
        Err(fault) => return Err(known_first(op, id, fault.into()).await),
    };
    let members = resource
        .members
        .map_or_else(MembersChange::default, |put_in| MembersChange {
            emptied: true,
            put_in,
            taken_out: Vec::new(),
        });
    // Left out is cleared.
    let change = changed(&without_values(), &resource.values, members);
    written(op, id, change, versions).await
}

/// `PATCH /Groups/{id}`.
pub async fn update(call: Call) -> Result<Response> {
    let op = message::with_room(&call).await?;
    let body = message::read(&call.body)?;
    group::changeable(&op)?;
    let asked = asked_first(&call, &op).await?;
    let updated = updated(&op, call.path("id"), &body, &IfMatch::of(&call)).await?;
    // Who may not read groups gets none to read.
    match asked.is_given() && group::readable(&op).is_ok() {
        true => answered(&op, StatusCode::OK, updated, &asked.of(Kind::Group)).await,
        false => Ok(answer::empty(StatusCode::NO_CONTENT)),
    }
}

/// Applies operations to a group, without reading it.
pub async fn updated(op: &OpContext, id: &str, body: &Value, versions: &IfMatch) -> Result<Group> {
    group::changeable(op)?;
    let read = || -> Result<GroupChange> {
        let patch = Patch::read(body, Kind::Group)?;
        let before = without_values();
        let mut after = before.clone();
        patch.apply(&mut after)?;
        let members = patch.members()?;
        let members = MembersChange {
            emptied: members.emptied,
            put_in: members.put_in,
            taken_out: members.taken_out,
        };
        Ok(changed(&before, &after, members))
    };
    match read() {
        Ok(change) => written(op, id, change, versions).await,
        Err(error) => Err(known_first(op, id, error).await),
    }
}

/// `DELETE /Groups/{id}`.
pub async fn delete(call: Call) -> Result<Response> {
    deleted(&call.op, call.path("id"), &IfMatch::of(&call)).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Deletes a group.
pub async fn deleted(op: &OpContext, id: &str, versions: &IfMatch) -> Result<()> {
    let target = &target(op, id);
    versions
        .try_each(move |version| async move {
            repeated(op, versions.is_some(), move || group::delete(op, target, version)).await
        })
        .await
        .map(|_| ())
}

async fn written(op: &OpContext, id: &str, change: GroupChange, versions: &IfMatch) -> Result<Group> {
    let (target, change) = (&target(op, id), &change);
    versions
        .try_each(move |version| async move {
            repeated(op, versions.is_some(), move || {
                group::update(op, target, change.clone(), version)
            })
            .await
        })
        .await
}

/// What of the group of a call is asked for. That there is no such group is said first.
async fn asked_first(call: &Call, op: &OpContext) -> Result<Asked> {
    match asked(call) {
        Ok(asked) => Ok(asked),
        Err(error) => Err(known_first(op, call.path("id"), error).await),
    }
}

/// The error for values that no group can have; but first, that there is no such group.
async fn known_first(op: &OpContext, id: &str, error: Error) -> Error {
    match found(op, id, GroupFields::empty()).await {
        Err(unknown @ Error::NotFound(_)) => unknown,
        // Who may not read groups learns what is wrong with the values.
        Ok(_) | Err(_) => error,
    }
}

/// Stands for a value that is there and is not known: no client can send it, because U+0000 is refused.
const UNKNOWN: &str = "\0";

/// A group that is not read: both of its values are there and unknown.
fn without_values() -> Map<String, Value> {
    let unknown = |name: &str| (name.to_owned(), Value::from(UNKNOWN));
    [unknown("displayName"), unknown("externalId")].into_iter().collect()
}

fn changed(before: &Map<String, Value>, after: &Map<String, Value>, members: MembersChange) -> GroupChange {
    let new = |name: &str| text(after, name).filter(|_| before.get(name) != after.get(name));
    let clears_id = before.contains_key("externalId") && !after.contains_key("externalId");
    GroupChange {
        name: new("displayName"),
        external_id: new("externalId"),
        clear: clears_id.then_some(Clearable::ExternalId).into_iter().collect(),
        naming: Naming::ByName,
        members,
        ..GroupChange::default()
    }
}

fn text(values: &Map<String, Value>, name: &str) -> Option<String> {
    values.get(name).and_then(Value::as_str).map(str::to_owned)
}

async fn shown(op: &OpContext, group: Group, selection: &Selection) -> Result<Shown> {
    let mut shown = groups_shown::groups(op, vec![group], selection).await?;
    shown.pop().ok_or_else(|| Error::internal("a group that is not shown"))
}

async fn answered(op: &OpContext, status: StatusCode, group: Group, selection: &Selection) -> Result<Response> {
    let shown = shown(op, group, selection).await?;
    respond(op, status, shown, selection).await
}

async fn respond(op: &OpContext, status: StatusCode, shown: Shown, selection: &Selection) -> Result<Response> {
    let about = shown.about.clone();
    let is_small = groups_shown::are_few(std::slice::from_ref(&shown));
    let pieces = groups_shown::written(op, vec![shown], selection);
    let mut response = match is_small {
        true => answer::text(status, groups_shown::whole(pieces).await?.into()),
        false => streamed(answer::media(), Bytes::new(), Bytes::new(), pieces).await?,
    };
    *response.status_mut() = status;
    about.on(response)
}
