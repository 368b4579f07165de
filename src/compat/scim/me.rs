//! The caller as a user: the same as under its own id.

use axum::http::StatusCode;
use axum::response::Response;

use super::error::Scim;
use super::users;
use crate::compat::face::{Call, Face};
use crate::model::error::{Error, Result};

fn own_id(call: &Call) -> Result<String> {
    let caller = call.op.actor().caller();
    let id = caller.map(|caller| caller.user_id.to_string());
    id.ok_or_else(|| Error::internal("a call without a caller"))
}

/// `GET /Me`.
pub async fn read(call: Call) -> Result<Response> {
    let id = own_id(&call)?;
    users::read_one(call, &id).await
}

/// `PUT /Me`.
pub async fn replace(call: Call) -> Result<Response> {
    let id = own_id(&call)?;
    users::replace_one(call, &id).await
}

/// `PATCH /Me`.
pub async fn update(call: Call) -> Result<Response> {
    let id = own_id(&call)?;
    users::update_one(call, &id).await
}

/// `DELETE /Me`.
pub async fn delete(call: Call) -> Result<Response> {
    let id = own_id(&call)?;
    users::delete_one(call, &id).await
}

/// `POST /Me`: nobody registers here.
pub async fn create(_: Call) -> Result<Response> {
    Ok(Scim::saying(
        StatusCode::NOT_IMPLEMENTED,
        "Nobody registers here. Create users with POST at /Users.",
    ))
}
