//! Tenants.

use std::collections::{BTreeSet, HashMap};

use axum::Router;
use axum::response::Response;
use futures::TryStreamExt;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{call, done, id, optional_id, organization_or_own, raw};
use crate::authz::{Action, Resource};
use crate::compat::face::Call;
use crate::compat::listed::listed;
use crate::directory::organization::{self, Organization, OrganizationFields};
use crate::directory::tenant::{self, NewTenant, Tenant, TenantChange, TenantFields, Term};
use crate::list::{self, Filter, Named};
use crate::model::error::Result;
use crate::model::{OrganizationId, TenantId};
use crate::request::App;

pub fn routes() -> Router<App> {
    Router::new()
        .route(
            "/api/create-tenant",
            call("waii create-tenant", "tenant.create", create),
        )
        .route(
            "/api/update-tenant",
            call("waii update-tenant", "tenant.update", update),
        )
        .route(
            "/api/delete-tenant",
            call("waii delete-tenant", "tenant.delete", delete),
        )
        .route("/api/list-tenants", call("waii list-tenants", "tenant.read", list))
}

async fn create(Call { op, fields, .. }: Call) -> Result<Response> {
    op.authorize(Action::Create, Resource::Tenant)?;
    let given = fields.nested("tenant")?;
    let new = NewTenant {
        id: Some(id(&given, "id", TenantId::parse)?.to_string()),
        name: given.required_text("name")?.to_owned(),
        organization_id: optional_id(&given, "org_id", OrganizationId::parse)?.map(|id| id.to_string()),
        variables: given.object("variables")?.cloned(),
    };
    tenant::create(&op, new).await?;
    Ok(done())
}

async fn update(Call { op, fields, .. }: Call) -> Result<Response> {
    op.authorize(Action::Modify, Resource::Tenant)?;
    let given = fields.nested("tenant")?;
    let named = Named::id(id(&given, "id", TenantId::parse)?.to_string());
    let wanted = TenantChange {
        name: given.text("name")?.map(str::to_owned),
        organization_id: optional_id(&given, "org_id", OrganizationId::parse)?.map(|id| id.to_string()),
        variables: given.object("variables")?.cloned(),
        ..TenantChange::default()
    };
    tenant::update(&op, &named, wanted, None).await?;
    Ok(done())
}

async fn delete(Call { op, fields, .. }: Call) -> Result<Response> {
    op.authorize(Action::Delete, Resource::Tenant)?;
    let named = Named::id(id(&fields, "id", TenantId::parse)?.to_string());
    tenant::delete(&op, &named, None).await?;
    Ok(done())
}

/// A tenant in a response.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    name: &'a str,
    org_id: Option<&'a str>,
    variables: Option<&'a RawValue>,
}

/// The tenants of the specified organization, or else of the caller's.
async fn list(Call { op, fields, .. }: Call) -> Result<Response> {
    op.authorize(Action::Read, Resource::Tenant)?;
    let organization = optional_id(&fields, "lookup_org_id", OrganizationId::parse)?;
    let filter = Filter::Is(Term::Organization(organization_or_own(&op, organization)));
    let tenants = list::all::<Tenant>(&op, filter, TenantFields::NAME | TenantFields::VARIABLES);
    let with_organizations = tenants.and_then(move |tenants| {
        let op = op.clone();
        async move {
            let pks: BTreeSet<i64> = tenants.iter().map(|one| one.organization_pk).collect();
            let homes: HashMap<i64, Organization> =
                organization::by_keys(&op, pks, OrganizationFields::empty()).await?;
            let of = |one: &Tenant| homes.get(&one.organization_pk).map(|home| home.id.to_string());
            Ok(tenants.into_iter().map(|one| (of(&one), one)).collect())
        }
    });
    listed(
        r#"{"tenants":["#,
        "]}",
        with_organizations,
        |(organization, one), bytes| {
            let shown = Shown {
                id: one.id.as_str(),
                name: &one.name,
                org_id: organization.as_deref(),
                variables: raw(one.variables.as_ref())?,
            };
            serde_json::to_writer(bytes, &shown)
        },
    )
    .await
}
