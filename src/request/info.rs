//! What is known about every request, and what its handler adds for the log.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use crate::model::error::{Error, ErrorCode};
use crate::model::{Actor, Client};

/// Identifies a request in its log line, its audit events and the header `X-Request-Id`. The id is always ours, never
/// the client's.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    pub id: Arc<str>,
    /// Where the request comes from.
    pub client: Client,
}

impl RequestInfo {
    pub fn new(id: &Arc<str>, client: Client) -> Self {
        Self {
            id: Arc::clone(id),
            client,
        }
    }
}

/// What a handler adds to the log line of its request. Never personal data, secrets or bodies.
#[derive(Clone, Debug, Default)]
pub struct LogFields {
    pub operation: Option<String>,
    pub actor: Option<String>,
    /// Who acts on the actor's behalf. It has its own field because ids may contain any words.
    pub impersonator: Option<String>,
    pub organization: Option<String>,
    pub code: Option<ErrorCode>,
}

impl LogFields {
    /// The caller, and who it acts as.
    pub fn of(actor: &Actor) -> Self {
        let caller = actor.caller();
        Self {
            actor: caller.map(|caller| caller.user_id.to_string()),
            impersonator: caller
                .and_then(|caller| caller.impersonator.as_ref())
                .map(|who| who.user_id.to_string()),
            organization: caller.map(|caller| caller.organization_id.to_string()),
            ..Self::default()
        }
    }
}

/// Formats a refusal that no handler makes, for the API that the client uses.
pub type RefusalFormat = fn(StatusCode, Error, &RequestInfo) -> Response;
