//! Users.

use axum::Router;
use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{call, done, id, optional_id, organization_or_own, raw, roles};
use crate::authz::{Action, Resource};
use crate::compat::face::Call;
use crate::compat::fields::Fields;
use crate::compat::listed::listed;
use crate::compat::users::{self, Person};
use crate::directory::tenant;
use crate::directory::user::{self, NewUser, Target, Term, UserChange, UserFields};
use crate::list::{Filter, TextTest};
use crate::model::error::{Error, Result};
use crate::model::{OrganizationId, TenantId, UserId};
use crate::request::App;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/create-user", call("waii create-user", "user.create", create))
        .route("/api/update-user", call("waii update-user", "user.update", update))
        .route("/api/delete-user", call("waii delete-user", "user.delete", delete))
        .route("/api/list-users", call("waii list-users", "user.read", list))
        .route(
            "/api/create-user-secret",
            call("waii create-user-secret", "user.update", secret),
        )
}

async fn create(Call { op, fields, .. }: Call) -> Result<Response> {
    op.authorize(Action::Create, Resource::User)?;
    let given = fields.nested("user")?;
    let id = id(&given, "id", UserId::parse)?.to_string();
    // The product has no users without a tenant.
    let tenant_id = tenant_of(&given)?.ok_or_else(|| given.invalid("tenant_id", "is missing."))?;
    let new = NewUser {
        id: Some(id),
        name: given.text("name")?.map(str::to_owned),
        organization_id: organization_of(&given)?,
        tenant_id: Some(tenant_id),
        roles: roles::given(&given)?.unwrap_or_default(),
        variables: given.object("variables")?.cloned(),
        ..NewUser::default()
    };
    user::create(&op, new).await?;
    Ok(done())
}

async fn update(Call { op, fields, .. }: Call) -> Result<Response> {
    op.authorize(Action::Modify, Resource::User)?;
    let given = fields.nested("user")?;
    let target = Target::id(id(&given, "id", UserId::parse)?.to_string());
    let wanted = UserChange {
        name: given.text("name")?.map(str::to_owned),
        organization_id: organization_of(&given)?,
        tenant_id: tenant_of(&given)?,
        tenant_stays: true,
        // The client's default is an empty list, which removes all roles.
        roles: roles::given(&given)?,
        variables: given.object("variables")?.cloned(),
        of_everything: true,
        ..UserChange::default()
    };
    user::update(&op, &target, wanted, None).await?;
    Ok(done())
}

fn organization_of(user: &Fields) -> Result<Option<String>> {
    Ok(optional_id(user, "org_id", OrganizationId::parse)?.map(|id| id.to_string()))
}

fn tenant_of(user: &Fields) -> Result<Option<String>> {
    Ok(optional_id(user, "tenant_id", TenantId::parse)?.map(|id| id.to_string()))
}

async fn delete(Call { op, fields, .. }: Call) -> Result<Response> {
    op.authorize(Action::Delete, Resource::User)?;
    let target = Target::id(id(&fields, "id", UserId::parse)?.to_string());
    user::delete(&op, &target, None).await?;
    Ok(done())
}

/// A user in a response.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    name: Option<&'a str>,
    tenant_id: Option<&'a str>,
    org_id: &'a str,
    variables: Option<&'a RawValue>,
    /// Only directly assigned roles: programs send them back when they update the user, and roles from a group would
    /// then outlast the membership.
    roles: Vec<&'a str>,
}

/// The users of the specified organization, or else of the caller's, filtered by tenant and user.
async fn list(Call { op, fields, .. }: Call) -> Result<Response> {
    user::listable(&op)?;
    let organization = optional_id(&fields, "lookup_org_id", OrganizationId::parse)?;
    let mut tests = vec![Filter::Is(Term::Organization(organization_or_own(&op, organization)))];
    if let Some(id) = optional_id(&fields, "lookup_tenant_id", TenantId::parse)? {
        let id = tenant::Term::Id(TextTest::Equals(id.to_string()));
        tests.push(Filter::Is(Term::Tenant(Filter::Is(id))));
    }
    if let Some(id) = optional_id(&fields, "lookup_user_id", UserId::parse)? {
        tests.push(Filter::Is(Term::Id(TextTest::Equals(id.to_string()))));
    }
    let users = users::all(&op, Filter::All(tests), UserFields::NAME | UserFields::VARIABLES);
    listed(r#"{"users":["#, "]}", users, |person: &Person, bytes| {
        let direct = person.held.direct.iter();
        let shown = Shown {
            id: person.user.id.as_str(),
            name: person.user.name.as_deref(),
            tenant_id: person.tenant_id.as_deref(),
            org_id: &person.organization_id,
            variables: raw(person.user.variables.as_ref())?,
            roles: direct.filter(|role| !role.hidden).map(roles::name).collect(),
        };
        serde_json::to_writer(bytes, &shown)
    })
    .await
}

/// The only unsupported call of the product: this server stores only digests of secrets.
async fn secret(_call: Call) -> Result<Response> {
    Err(Error::invalid("secret", "user secrets are not kept by this server"))
}
