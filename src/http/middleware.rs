//! What every request passes through: it gets an id, is counted and logged, and becomes a 500 if it panics.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use axum::Extension;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use futures::FutureExt;
use uuid::Uuid;

use super::metrics::Metrics;
use super::{HEAD_BYTES_MAX, Peer};
use crate::compat;
use crate::model::error::Error;
use crate::model::{Client, Faces};
use crate::request::{self, App, LogFields, RefusalFormat, RequestInfo, is_encoded};
use crate::store::db::STATEMENTS;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is needed to observe requests.
#[derive(Clone)]
pub struct Observer {
    pub app: App,
    pub metrics: Arc<Metrics>,
}

/// Gives the request an id, counts it and its statements, and logs it.
pub async fn observe(State(observer): State<Observer>, mut request: Request, next: Next) -> Response {
    let Observer { app, metrics } = observer;
    let id: Arc<str> = Uuid::now_v7().to_string().into();
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let address = app.edge.client(peer, request.headers());
    let agent = request.headers().get(header::USER_AGENT).map(HeaderValue::as_bytes);
    let client = Client::new(address, agent);
    request.extensions_mut().insert(RequestInfo::new(&id, client));
    let method = request.method().clone();
    let trace = traceparent(request.headers());
    // The route and not the path, because a path may contain an id or an address.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let started = Instant::now();
    let (mut response, statements) = STATEMENTS
        .scope(Arc::new(AtomicU32::new(0)), async {
            let response = next.run(request).await;
            (response, STATEMENTS.with(|count| count.load(Ordering::Relaxed)))
        })
        .await;
    let facts = response.extensions_mut().remove::<LogFields>().unwrap_or_default();
    let elapsed = started.elapsed();
    let (path, status) = (route.as_ref().map(MatchedPath::as_str), response.status());
    metrics.observe(&method, path, status, facts.code, statements, elapsed);
    tracing::info!(
        request_id = %id,
        traceparent = trace.as_deref().unwrap_or("-"),
        %method,
        path = path.unwrap_or("-"),
        status = status.as_u16(),
        operation = facts.operation.as_deref().unwrap_or("-"),
        actor = facts.actor.as_deref().unwrap_or("-"),
        impersonator = facts.impersonator.as_deref().unwrap_or("-"),
        organization = facts.organization.as_deref().unwrap_or("-"),
        code = facts.code.map_or("-", |code| code.into_str()),
        statements,
        micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        "request"
    );
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers
        .entry(header::X_CONTENT_TYPE_OPTIONS)
        .or_insert(HeaderValue::from_static("nosniff"));
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Refuses requests that no route should see, and catches panics. These responses pass through the same layers as all
/// others: without the CORS headers, a browser would show a page its own error in place of ours.
pub async fn guard(
    State(faces): State<Faces>,
    Extension(info): Extension<RequestInfo>,
    request: Request,
    next: Next,
) -> Response {
    let form = compat::form_of(request.uri().path(), faces).unwrap_or(in_graphql);
    if head_bytes(&request) > HEAD_BYTES_MAX {
        return head_too_large(form, &info);
    }
    if is_encoded(request.headers()) && !compat::ignores_body(request.uri().path()) {
        return compressed(form, &info);
    }
    let response = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    response.unwrap_or_else(|panic| panicked(form, panic.as_ref(), &info))
}

/// The client's id of the trace that this request belongs to, if it is in the format of W3C Trace Context. The log
/// contains nothing else that a client chooses.
fn traceparent(headers: &HeaderMap) -> Option<String> {
    let mut given = headers.get_all("traceparent").iter();
    let text = given.next()?.to_str().ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags] = parts.as_slice() else {
        return None;
    };
    let is_hex = |part: &str, length| {
        part.len() == length && part.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
    };
    let is_some = |part: &str, length| is_hex(part, length) && part.bytes().any(|c| c != b'0');
    let valid = is_hex(version, 2) && *version != "ff" && is_some(trace, 32) && is_some(parent, 16) && is_hex(flags, 2);
    (valid && given.next().is_none()).then(|| text.to_owned())
}

/// Checked again here, because hyper's limit is for the buffer of an incomplete head: a head that arrives in a few
/// large pieces gets past it.
fn head_bytes(request: &Request) -> usize {
    let headers = request.headers().iter();
    let headers: usize = headers.map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let uri = request.uri();
    uri.path().len() + uri.query().map_or(0, str::len) + headers
}

fn head_too_large(form: RefusalFormat, info: &RequestInfo) -> Response {
    let message = format!("The request's head is too large; the limit is {HEAD_BYTES_MAX} bytes.");
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    form(status, Error::LimitExceeded(message), info)
}

/// Compressed bodies are refused, so that no body grows when it is decompressed. Kili's newer client compresses large
/// bodies, and after a 415 sends them again uncompressed.
fn compressed(form: RefusalFormat, info: &RequestInfo) -> Response {
    let message = "Send the body uncompressed: no 'Content-Encoding' but 'identity' is read.".to_owned();
    let error = Error::invalid("contentEncoding", message);
    let mut response = form(StatusCode::UNSUPPORTED_MEDIA_TYPE, error, info);
    let identity = HeaderValue::from_static("identity");
    response.headers_mut().insert(header::ACCEPT_ENCODING, identity);
    response
}

/// A bug of ours: the response is a 500 without details, and the server continues to run.
fn panicked(form: RefusalFormat, panic: &(dyn Any + Send), info: &RequestInfo) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    let error = Error::internal(format!("a request panicked: {text}"));
    form(StatusCode::INTERNAL_SERVER_ERROR, error, info)
}

fn in_graphql(status: StatusCode, error: Error, id: &RequestInfo) -> Response {
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    request::refuse(status, error, json, id)
}
