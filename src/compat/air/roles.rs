//! Roles: the built-in ones, the product-wide ones and those of the caller's organization. Each user's `role_id` is one of them.

use std::borrow::Cow;

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::compat::face::{self, Call};
use crate::compat::listed::listed;
use crate::compat::users;
use crate::context::OpContext;
use crate::directory::role::{Role, RoleFields, RoleScope, Term};
use crate::list::{self, Filter, Order, TextTest, Window};
use crate::model::error::{Error, Result};
use crate::model::{BuiltIn, with_hyphens, without_hyphens};

/// A role in the list.
#[derive(Serialize)]
struct Shown<'a> {
    id: Cow<'a, str>,
    name: &'a str,
    description: &'a str,
}

impl<'a> Shown<'a> {
    fn of(role: &'a Role) -> Self {
        Self {
            id: without_hyphens(role.id.as_str()),
            name: &role.name,
            description: role.description().unwrap_or_default(),
        }
    }
}

/// A single role.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    shown: Shown<'a>,
    scopes: Vec<String>,
}

/// Those that a user of the caller's organization may have.
fn of_own_organization(op: &OpContext) -> Filter<Term> {
    let for_a_tenant = Filter::Is(Term::Id(TextTest::Equals(BuiltIn::TenantAdmin.id().to_owned())));
    Filter::All(vec![
        Filter::Not(Box::new(for_a_tenant)),
        Filter::Any(vec![
            Filter::Is(Term::Scope(RoleScope::BuiltIn)),
            Filter::Is(Term::Scope(RoleScope::Product)),
            Filter::Is(Term::Organization(users::own_organization(op))),
        ]),
    ])
}

/// `GET roles`: without permissions.
pub(super) async fn list(call: Call) -> Result<Response> {
    let roles = list::all::<Role>(&call.op, of_own_organization(&call.op), RoleFields::DESCRIPTION);
    listed("{\"roles\":[", "]}", roles, |role, out| {
        serde_json::to_writer(out, &Shown::of(role))
    })
    .await
}

/// `GET roles/{id}`: with permissions.
pub(super) async fn read(call: Call) -> Result<Response> {
    let id = call.path("id");
    let filter = Filter::All(vec![
        Filter::Is(Term::Id(TextTest::Equals(with_hyphens(id).into_owned()))),
        of_own_organization(&call.op),
    ]);
    let fields = RoleFields::DESCRIPTION | RoleFields::PERMISSIONS;
    let found = list::page::<Role>(&call.op, &filter, Order::usual::<Role>(), fields, Window::new(1, 0)?).await?;
    let role = found.first().ok_or_else(|| Error::no_such("role", "id", id))?;
    let catalogue = call.op.catalogue();
    let whole = Whole {
        shown: Shown::of(role),
        scopes: catalogue.names(role.permissions(&catalogue)),
    };
    Ok(face::json(StatusCode::OK, &whole))
}
