//! Errors in SCIM's form: a status, and for some of them a word that clients act on.

use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::answer::MEDIA;
use super::fault::{Fault, ScimType};
use super::names::ERROR;
use crate::compat::face::{self, Face, refused, usual_status};
use crate::model::Actor;
use crate::model::error::{Conflict, ConflictReason, Error, Reason, took_too_long};
use crate::request::RequestInfo;

/// `INVALID` of this kind. This face has no other use for the field of an error, which it never shows.
pub fn invalid(kind: ScimType, message: impl Into<String>) -> Error {
    Error::invalid(kind.text(), message)
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        invalid(fault.scim_type, fault.detail)
    }
}

/// The kinds of `INVALID` beside a wrong value.
const KINDS: [ScimType; 8] = [
    ScimType::InvalidSyntax,
    ScimType::InvalidFilter,
    ScimType::InvalidPath,
    ScimType::InvalidCursor,
    ScimType::InvalidCount,
    ScimType::NoTarget,
    ScimType::Mutability,
    ScimType::TooMany,
];

/// The kind of an error, if it has one. A field that is none of these words is one of the verbs', and its value is wrong.
pub fn kind_of(error: &Error) -> Option<ScimType> {
    match error {
        Error::Invalid { field, .. } => {
            let kind = KINDS.into_iter().find(|kind| kind.text() == field);
            Some(kind.unwrap_or(ScimType::InvalidValue))
        }
        Error::Conflict(Conflict {
            reason: ConflictReason::Taken,
            ..
        }) => Some(ScimType::Uniqueness),
        _ => None,
    }
}

/// The conventions of SCIM.
pub struct Scim;

impl Face for Scim {
    fn status(error: &Error, _owner: &Actor) -> StatusCode {
        status_of(error)
    }

    fn body(status: StatusCode, message: &str) -> Value {
        described(status, None, message)
    }

    fn refusal(error: &Error, owner: &Actor) -> Response {
        refused(said(status_of(error), body_of(error)), error, owner)
    }

    fn saying(status: StatusCode, message: &str) -> Response {
        said(status, Self::body(status, message))
    }
}

/// The status of an error.
pub fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::Conflict(conflict) => match conflict.reason {
            ConflictReason::Version { .. } => StatusCode::PRECONDITION_FAILED,
            ConflictReason::Concurrent => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::CONFLICT,
        },
        // 409 would say that the user exists already.
        Error::SeatLimitReached(_) => StatusCode::FORBIDDEN,
        other => usual_status(other),
    }
}

/// The body of an error.
pub fn body_of(error: &Error) -> Value {
    described(status_of(error), kind_of(error), &error.to_string())
}

/// An error outside of any handler.
pub fn form(status: StatusCode, error: Error, id: &RequestInfo) -> Response {
    // A body that is encoded is refused as one that cannot be read: 415 would speak of its type, which is never looked at.
    let (status, error) = match status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            StatusCode::BAD_REQUEST,
            invalid(ScimType::InvalidSyntax, error.to_string()),
        ),
        other => (other, error),
    };
    let kind = kind_of(&error).filter(|_| status == StatusCode::BAD_REQUEST);
    let body = described(status, kind, &error.to_string());
    face::formed(said(status, body), &error, id)
}

fn described(status: StatusCode, kind: Option<ScimType>, message: &str) -> Value {
    let mut body = Map::new();
    body.insert("schemas".to_owned(), json!([ERROR]));
    if let Some(kind) = kind {
        body.insert("scimType".to_owned(), json!(kind.text()));
    }
    body.insert("detail".to_owned(), json!(message));
    body.insert("status".to_owned(), json!(status.as_str()));
    Value::Object(body)
}

fn said(status: StatusCode, body: Value) -> Response {
    face::answer(status, HeaderValue::from_static(MEDIA), body.to_string().into())
}

/// The error after a change has met others too often: the client sends it again.
pub fn met_too_often(error: Error) -> Error {
    Error::unavailable(Reason::Busy, error)
}

/// The error of a list. A filter that takes too long would take too long again, so the answer asks for a narrower one, and
/// not for the same request later.
pub fn too_long(error: Error, filtered: bool) -> Error {
    if filtered && took_too_long(&error) {
        return invalid(
            ScimType::TooMany,
            "The filter takes too long over all resources of the organization. Add a condition on 'userName', 'externalId', \
             'id' or an e-mail address with 'eq'.",
        );
    }
    match error {
        // The directory's limits for filters.
        Error::Invalid { field, .. } if field == "where" => {
            invalid(ScimType::InvalidFilter, "The filter has too many conditions or levels.")
        }
        other => other,
    }
}
