//! Organizations.

use axum::Router;
use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{call, done, id, raw};
use crate::authz::{Action, Resource};
use crate::compat::face::Call;
use crate::compat::listed::listed;
use crate::directory::organization::{self, NewOrganization, Organization, OrganizationChange, OrganizationFields};
use crate::list::{self, Filter, Named};
use crate::model::OrganizationId;
use crate::model::error::Result;
use crate::request::App;

pub fn routes() -> Router<App> {
    Router::new()
        .route(
            "/api/create-org",
            call("waii create-org", "organization.create", create),
        )
        .route(
            "/api/update-org",
            call("waii update-org", "organization.update", update),
        )
        .route(
            "/api/delete-org",
            call("waii delete-org", "organization.delete", delete),
        )
        .route("/api/list-orgs", call("waii list-orgs", "organization.read", list))
}

async fn create(Call { op, fields, .. }: Call) -> Result<Response> {
    op.authorize(Action::Create, Resource::Organization)?;
    let given = fields.nested("organization")?;
    let new = NewOrganization {
        id: Some(id(&given, "id", OrganizationId::parse)?.to_string()),
        name: given.required_text("name")?.to_owned(),
        variables: given.object("variables")?.cloned(),
        ..NewOrganization::default()
    };
    organization::create(&op, new).await?;
    Ok(done())
}

async fn update(Call { op, fields, .. }: Call) -> Result<Response> {
    op.authorize(Action::Modify, Resource::Organization)?;
    let given = fields.nested("organization")?;
    let named = Named::id(id(&given, "id", OrganizationId::parse)?.to_string());
    let wanted = OrganizationChange {
        name: given.text("name")?.map(str::to_owned),
        variables: given.object("variables")?.cloned(),
        ..OrganizationChange::default()
    };
    organization::update(&op, &named, wanted, None).await?;
    Ok(done())
}

async fn delete(Call { op, fields, .. }: Call) -> Result<Response> {
    op.authorize(Action::Delete, Resource::Organization)?;
    let named = Named::id(id(&fields, "id", OrganizationId::parse)?.to_string());
    organization::delete(&op, &named, None).await?;
    Ok(done())
}

/// An organization in a response.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    name: &'a str,
    variables: Option<&'a RawValue>,
}

async fn list(Call { op, .. }: Call) -> Result<Response> {
    let fields = OrganizationFields::NAME | OrganizationFields::VARIABLES;
    let organizations = list::all::<Organization>(&op, Filter::default(), fields);
    listed(r#"{"organizations":["#, "]}", organizations, |one, bytes| {
        let shown = Shown {
            id: one.id.as_str(),
            name: &one.name,
            variables: raw(one.variables.as_ref())?,
        };
        serde_json::to_writer(bytes, &shown)
    })
    .await
}
