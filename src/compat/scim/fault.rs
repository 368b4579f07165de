//! Errors in SCIM's form: a status, and for some of them a word that clients act on.

use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::answer::MEDIA;
use crate::compat::face::{self, Face, refused, usual_status};
use crate::model::Actor;
use crate::model::error::{Conflict, ConflictReason, Error, Reason};
use crate::request::RequestInfo;

const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// What is wrong with a request, in the words of RFC 7644 and RFC 9865 (`scimType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "camelCase", const_into_str)]
pub enum ScimType {
    InvalidSyntax,
    InvalidFilter,
    InvalidPath,
    InvalidValue,
    InvalidCursor,
    InvalidCount,
    NoTarget,
    Mutability,
    TooMany,
    Uniqueness,
}

impl ScimType {
    /// `INVALID` of this kind. This face has no other use for the field of an error, which is never shown here.
    pub fn refusal(self, message: impl Into<String>) -> Error {
        Error::invalid(self.into_str(), message)
    }

    /// That of an error, if it has one. A field that is none of these words is one of the verbs'.
    pub fn of(error: &Error) -> Option<Self> {
        match error {
            Error::Invalid { field, .. } => Some(field.parse().unwrap_or(Self::InvalidValue)),
            Error::Conflict(Conflict {
                reason: ConflictReason::Taken,
                ..
            }) => Some(Self::Uniqueness),
            _ => None,
        }
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
    described(status_of(error), ScimType::of(error), &error.to_string())
}

/// An error outside of any handler.
pub fn form(status: StatusCode, error: Error, id: &RequestInfo) -> Response {
    // A body that is encoded is refused as one that cannot be read: 415 would speak of its type, which is never looked at.
    let status = match status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => StatusCode::BAD_REQUEST,
        other => other,
    };
    face::form::<Scim>(status, error, id)
}

fn described(status: StatusCode, kind: Option<ScimType>, message: &str) -> Value {
    let mut body = Map::new();
    body.insert("schemas".to_owned(), json!([ERROR]));
    if let Some(kind) = kind {
        body.insert("scimType".to_owned(), json!(kind.into_str()));
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
