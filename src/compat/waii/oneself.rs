//! Client initialization, and calls about the caller.

use std::collections::BTreeSet;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{call, roles};
use crate::compat::face::{self, Call};
use crate::directory::user::UserFields;
use crate::directory::{role, settings, user};
use crate::model::error::{Error, Result};
use crate::request::App;

pub fn routes() -> Router<App> {
    Router::new()
        .route(
            "/api/update-db-connect-info",
            call("waii update-db-connect-info", "user.read", start),
        )
        .route("/api/get-user-info", call("waii get-user-info", "user.read", info))
        .route(
            "/api/update-config",
            call("waii update-config", "settings.update", configure),
        )
}

/// The client asks for its databases when it starts. There are none here.
async fn start(_call: Call) -> Result<Response> {
    let answer = json!({
        "connectors": [], "diagnostics": null, "default_db_connection_key": null, "connector_status": {},
    });
    Ok(face::json(StatusCode::OK, &answer))
}

async fn info(Call { op, .. }: Call) -> Result<Response> {
    let gone = || Error::Unauthenticated("This user was deleted in the meantime.".to_owned());
    let fields = UserFields::NAME | UserFields::EMAIL;
    let user = user::oneself(&op, fields).await?.ok_or_else(gone)?;
    let held = role::held(op.db().reader(), [user.pk]).await?.remove(&user.pk);
    let held = held.unwrap_or_default();
    // A role that the user has directly and through a group is listed once.
    let names: BTreeSet<&str> = held.all().filter(|role| !role.hidden).map(roles::name).collect();
    // tenantry's own permissions mean nothing to WAII.
    let mut permissions = op.catalogue().names(held.rights().organization());
    permissions.retain(|name| !name.starts_with("tenantry:"));
    let answer = json!({
        "id": user.id.as_str(),
        "name": user.name.as_deref().unwrap_or(user.id.as_str()),
        "email": user.email.as_ref().map_or(user.id.as_str(), |email| email.as_str()),
        "roles": names,
        "permissions": permissions,
    });
    Ok(face::json(StatusCode::OK, &answer))
}

/// First `updated`, then `deleted`; the response has all settings afterwards.
async fn configure(Call { op, fields, .. }: Call) -> Result<Response> {
    #[derive(Serialize)]
    struct Configs<'a> {
        configs: &'a RawValue,
    }
    let deleted = fields.texts("deleted")?.unwrap_or_default();
    let configs = settings::update(&op, fields.object("updated")?, &deleted)
        .await?
        .to_json();
    let configs = serde_json::from_str(&configs).map_err(Error::internal)?;
    Ok(face::json(StatusCode::OK, &Configs { configs }))
}
