//! The caller, as given by a request's headers.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};

use super::RequestInfo;
use crate::context::Presented;
use crate::model::Faces;
use crate::model::error::{Error, Result};

/// Names the user that the request acts as, in place of the credential's owner.
pub const IMPERSONATE: &str = "x-tenantry-impersonate-user";
/// WAII's name for the same header.
pub const WAII_IMPERSONATE: &str = "x-waii-impersonate-user";

/// The caller, as given by a request's headers. Every route reads both headers that name a user to act as: a client
/// that sends one wants less power than its credential has, and must not get more because a route ignores the header.
/// WAII's means nothing if that face is off; `faces` are those that are on.
pub fn presented(headers: &HeaderMap, id: &RequestInfo, faces: Faces) -> Result<Arc<Presented>> {
    let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
    let authorization = authorizations.next().map(HeaderValue::as_bytes);
    if authorizations.next().is_some() {
        let message = "Send one 'Authorization' header, not several.".to_owned();
        return Err(Error::invalid("authorization", message));
    }
    let names: &[&str] = match faces.contains(Faces::WAII) {
        true => &[IMPERSONATE, WAII_IMPERSONATE],
        false => &[IMPERSONATE],
    };
    let impersonate = named(headers, names)?;
    Ok(Arc::new(Presented::new(
        authorization,
        impersonate,
        &id.id,
        id.client.clone(),
    )))
}

fn named<'a>(headers: &'a HeaderMap, names: &[&str]) -> Result<Option<&'a str>> {
    let mut given: Option<&str> = None;
    for name in names.iter().copied() {
        for value in headers.get_all(name) {
            let id = value.to_str().ok().filter(|id| !id.is_empty());
            match (id, given) {
                (Some(id), None) => given = Some(id),
                (Some(id), Some(before)) if id == before => {}
                (Some(_) | None, _) => {
                    return Err(Error::invalid(
                        name,
                        format!("The header '{name}' must be the id of one user, in ASCII."),
                    ));
                }
            }
        }
    }
    Ok(given)
}
