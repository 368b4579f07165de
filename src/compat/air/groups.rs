//! Groups. Their id is the key, which is derived from the original name and never changes.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::done;
use crate::compat::face::{self, Call};
use crate::compat::listed::listed;
use crate::compat::users;
use crate::context::OpContext;
use crate::directory::group::{self, Group, GroupChange, GroupFields, NewGroup, Target, Term};
use crate::list::{self, Filter, Order, TextTest, Window};
use crate::model::error::{Error, Result};

const SHOWN: GroupFields = GroupFields::KEY
    .union(GroupFields::NAME)
    .union(GroupFields::DESCRIPTION);

/// A group in the product's format: three strings.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    name: &'a str,
    description: &'a str,
}

impl<'a> Shown<'a> {
    fn of(group: &'a Group) -> Self {
        Self {
            id: &group.key,
            name: &group.name,
            description: group.description.as_deref().unwrap_or_default(),
        }
    }
}

fn answer(status: StatusCode, group: &Group) -> Response {
    face::json(status, &Shown::of(group))
}

fn of_own_organization(op: &OpContext) -> Filter<Term> {
    Filter::Is(Term::Organization(users::own_organization(op)))
}

/// `GET groups`.
pub(super) async fn list(call: Call) -> Result<Response> {
    let groups = list::all::<Group>(&call.op, of_own_organization(&call.op), SHOWN);
    listed("{\"groups\":[", "]}", groups, |group, out| {
        serde_json::to_writer(out, &Shown::of(group))
    })
    .await
}

/// `GET groups/{id}`.
pub(super) async fn read(call: Call) -> Result<Response> {
    let key = call.path("id");
    let filter = Filter::All(vec![
        Filter::Is(Term::Key(TextTest::Equals(key.to_owned()))),
        of_own_organization(&call.op),
    ]);
    let found = list::page::<Group>(&call.op, &filter, Order::usual::<Group>(), SHOWN, Window::new(1, 0)?).await?;
    let group = found.first().ok_or_else(|| Error::no_such("group", "key", key))?;
    Ok(answer(StatusCode::OK, group))
}

/// `POST groups`.
pub(super) async fn create(call: Call) -> Result<Response> {
    let fields = &call.fields;
    fields.refuse_null(&["name", "description"])?;
    let new = NewGroup {
        name: fields.required_text("name")?.to_owned(),
        description: fields.text("description")?.map(str::to_owned),
        ..NewGroup::default()
    };
    let group = group::create(&call.op, new).await?;
    Ok(answer(StatusCode::CREATED, &group))
}

/// `PUT groups/{id}`: omitted fields are unchanged, and the id never changes.
pub(super) async fn change(call: Call) -> Result<Response> {
    let fields = &call.fields;
    fields.refuse_null(&["name", "description"])?;
    let wanted = GroupChange {
        name: fields.text("name")?.map(str::to_owned),
        description: fields.text("description")?.map(str::to_owned),
        ..GroupChange::default()
    };
    let group = group::update(&call.op, &Target::key(call.path("id")), wanted, None).await?;
    Ok(answer(StatusCode::OK, &group))
}

/// `DELETE groups/{id}`: its memberships end with it.
pub(super) async fn delete(call: Call) -> Result<Response> {
    group::delete(&call.op, &Target::key(call.path("id")), None).await?;
    Ok(done())
}
