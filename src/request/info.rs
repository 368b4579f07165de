//! What is known of every request, and what its handler tells the log.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use crate::model::Actor;
use crate::model::error::{Error, ErrorCode};

/// Names a request in its log line, its audit events and the answer's `X-Request-Id`. Always ours, never the client's.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    pub id: Arc<str>,
    /// Where the request came from.
    pub client_ip: Option<IpAddr>,
}

impl RequestInfo {
    pub fn new(id: &Arc<str>, client_ip: Option<IpAddr>) -> Self {
        Self {
            id: Arc::clone(id),
            client_ip,
        }
    }
}

/// What a handler tells the log of its request. Never personal data, secrets or bodies.
#[derive(Clone, Debug, Default)]
pub struct LogFields {
    pub operation: Option<String>,
    pub actor: Option<String>,
    /// Who acts in the actor's name. A field of its own: ids may hold any words.
    pub impersonator: Option<String>,
    pub organization: Option<String>,
    pub code: Option<ErrorCode>,
}

impl LogFields {
    /// Who called, and as whom.
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

/// A refusal that no handler makes, in the form of whoever asked.
pub type RefusalFormat = fn(StatusCode, Error, &RequestInfo) -> Response;
