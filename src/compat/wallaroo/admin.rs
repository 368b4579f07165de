//! One of Keycloak's admin users.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;

use super::representation::{self, FIELDS};
use crate::compat::face::{Call, json as answer};
use crate::compat::users;
use crate::directory::user::{self, UserChange};
use crate::model::Email;
use crate::model::error::{Error, Result};

/// One user.
pub async fn read(call: Call) -> Result<Response> {
    let target = users::target_by_id(&call.op, call.path("id"));
    let found = user::get(&call.op, &target, FIELDS).await?;
    let shown = representation::each(&call.op, vec![found]).await?;
    Ok(answer(StatusCode::OK, &shown.first()))
}

/// Changes a user. The client sends the whole user, as it was read; read-only fields are ignored.
pub async fn update(call: Call) -> Result<Response> {
    let email = call.fields.text("email")?;
    let wanted = UserChange {
        email: email.map(str::to_owned),
        firstname: call.fields.text("firstName")?.map(str::to_owned),
        lastname: call.fields.text("lastName")?.map(str::to_owned),
        activated: call.fields.flag("enabled")?,
        of_everything: true,
        ..UserChange::default()
    };
    let target = users::target_by_id(&call.op, call.path("id"));
    let updated = user::update(&call.op, &target, wanted, None).await;
    updated.map_err(|error| in_keycloaks_words(error, email))?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// Only for an address that is taken, there is a message that clients know.
fn in_keycloaks_words(error: Error, email: Option<&str>) -> Error {
    let taken = email
        .and_then(Email::normalize)
        .map(|email| user::address_taken(&email));
    match (&error, taken) {
        (Error::Conflict(conflict), Some(taken)) if conflict.message == taken => {
            Error::conflict(conflict.reason, "User exists with same email")
        }
        _ => error,
    }
}
