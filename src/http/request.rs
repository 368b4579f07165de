//! What belongs to every request: its id, its caller, its log line.

use std::any::Any;
use std::future::Future;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use futures::FutureExt;
use uuid::Uuid;

use super::media::is_encoded;
use super::metrics::{Metrics, Observed};
use super::{App, HEAD_BYTES_MAX, Peer, graphql};
use crate::authn::{Actor, Presented};
use crate::db::{STATEMENTS, counted_here};
use crate::error::{Error, ErrorCode, Reason, Result};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request is worked on for so long at most, its body not counted.
const TIME_MAX: Duration = Duration::from_secs(30);

/// Says whom the request is for, in place of the credential's owner.
pub const IMPERSONATE: &str = "x-tenantry-impersonate-user";
/// The same in WAII's words.
pub const WAII_IMPERSONATE: &str = "x-waii-impersonate-user";

/// Names a request in its log line, its audit events and the answer's `X-Request-Id`. Always ours, never the client's.
/// Beside it, where the request came from.
#[derive(Clone, Debug)]
pub struct RequestId(pub Arc<str>, pub Option<IpAddr>);

/// What a handler tells the log of its request. Never personal data, secrets or bodies.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub operation: Option<String>,
    pub actor: Option<String>,
    /// Who acts in the actor's name. A field of its own: ids may hold any words.
    pub impersonator: Option<String>,
    pub organization: Option<String>,
    pub code: Option<ErrorCode>,
}

impl Facts {
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
pub type Form = fn(StatusCode, Error, &RequestId) -> Response;

/// What every request is observed with: which form a path's refusals have, and what counts it.
#[derive(Clone)]
pub struct Observer {
    pub app: App,
    pub metrics: Arc<Metrics>,
    pub form_of: fn(&str) -> Option<Form>,
}

/// Gives the request its id, counts it and its statements, ends it if it panics, and writes its line.
pub async fn observe(State(observer): State<Observer>, mut request: Request, next: Next) -> Response {
    let Observer { app, metrics, form_of } = observer;
    let form = form_of(request.uri().path()).unwrap_or(in_graphql);
    let id: Arc<str> = Uuid::now_v7().to_string().into();
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let client = app.edge.client(peer, request.headers());
    request.extensions_mut().insert(RequestId(Arc::clone(&id), client));
    let method = request.method().clone();
    let trace = traceparent(request.headers());
    // The route, not the path: that may hold an id or an address.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let started = Instant::now();
    let (mut response, statements) = STATEMENTS
        .scope(Arc::new(AtomicU32::new(0)), async {
            let response = if head_bytes(&request) > HEAD_BYTES_MAX {
                head_too_large(form, &id)
            } else if is_encoded(request.headers()) {
                compressed(form, &id)
            } else {
                let response = AssertUnwindSafe(next.run(request)).catch_unwind().await;
                response.unwrap_or_else(|panic| panicked(form, panic.as_ref(), &id))
            };
            (response, STATEMENTS.with(|count| count.load(Ordering::Relaxed)))
        })
        .await;
    let facts = response.extensions_mut().remove::<Facts>().unwrap_or_default();
    let elapsed = started.elapsed();
    metrics.observe(&Observed {
        method: &method,
        route: route.as_ref().map(MatchedPath::as_str),
        status: response.status(),
        code: facts.code,
        statements,
        seconds: elapsed.as_secs_f64(),
    });
    tracing::info!(
        request_id = %id,
        traceparent = trace.as_deref().unwrap_or("-"),
        %method,
        path = route.as_ref().map_or("-", MatchedPath::as_str),
        status = response.status().as_u16(),
        operation = facts.operation.as_deref().unwrap_or("-"),
        actor = facts.actor.as_deref().unwrap_or("-"),
        impersonator = facts.impersonator.as_deref().unwrap_or("-"),
        organization = facts.organization.as_deref().unwrap_or("-"),
        code = facts.code.map_or("-", ErrorCode::as_str),
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

/// What the client calls the trace that this request is part of, if it says so in the form of W3C Trace Context: the log
/// takes over nothing else of a client's words.
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

/// The server's own bound is on what it holds of an unfinished head; one that came in few large pieces gets past it.
fn head_bytes(request: &Request) -> usize {
    let headers = request.headers().iter();
    let headers: usize = headers.map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let uri = request.uri();
    uri.path().len() + uri.query().map_or(0, str::len) + headers
}

fn head_too_large(form: Form, id: &Arc<str>) -> Response {
    let message = format!("The request's head is too large; the limit is {HEAD_BYTES_MAX} bytes.");
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    form(status, Error::LimitExceeded(message), &RequestId(Arc::clone(id), None))
}

/// A compressed body is read by nobody here, so that none grows as it is unpacked. Kili's newer client, which compresses
/// large ones, sends them again as they are after a 415.
fn compressed(form: Form, id: &Arc<str>) -> Response {
    let message = "Send the body uncompressed: no 'Content-Encoding' but 'identity' is read.".to_owned();
    let error = Error::invalid("contentEncoding", message);
    let mut response = form(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        error,
        &RequestId(Arc::clone(id), None),
    );
    let identity = HeaderValue::from_static("identity");
    response.headers_mut().insert(header::ACCEPT_ENCODING, identity);
    response
}

/// A bug of ours: the request ends with a 500 that tells nothing, the server goes on.
fn panicked(form: Form, panic: &(dyn Any + Send), id: &Arc<str>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    let error = Error::internal(format!("a request panicked: {text}"));
    form(
        StatusCode::INTERNAL_SERVER_ERROR,
        error,
        &RequestId(Arc::clone(id), None),
    )
}

fn in_graphql(status: StatusCode, error: Error, id: &RequestId) -> Response {
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    graphql::refuse(status, error, json, id)
}

/// Does what a request asks for. What takes longer is given up, as `UNAVAILABLE`: others wait for what it holds.
pub async fn in_time<T>(run: impl Future<Output = Result<T>>) -> Result<T> {
    within(TIME_MAX, run).await
}

async fn within<T>(limit: Duration, run: impl Future<Output = Result<T>>) -> Result<T> {
    let timed = tokio::time::timeout(limit, run).await;
    timed.unwrap_or_else(|_| Err(Error::unavailable(Reason::Busy, "the request took too long")))
}

/// Does what a request asks for and goes on to the end of it, on a task of its own, also when the client hangs up or the
/// time is over: what a change commits is followed by what belongs to it. The server waits for such tasks when it stops.
pub async fn to_its_end<T: Send + 'static>(
    app: &App,
    run: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let task = app.services.under_way.spawn(counted_here(run));
    in_time(async {
        match task.await {
            Ok(done) => done,
            // As if it had panicked here, where the request's own bounds are.
            Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
            Err(ended) => Err(Error::internal(ended)),
        }
    })
    .await
}

/// What the request's headers say of its caller. Every route heeds both headers that name a user to act as: whoever sends
/// one means to lay down the power of the credential, and must not be served with it.
pub fn presented(headers: &HeaderMap, id: &RequestId) -> Result<Arc<Presented>> {
    let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
    let authorization = authorizations.next().map(HeaderValue::as_bytes);
    if authorizations.next().is_some() {
        let message = "Send one 'Authorization' header, not several.".to_owned();
        return Err(Error::invalid("authorization", message));
    }
    let impersonate = named(headers, &[IMPERSONATE, WAII_IMPERSONATE])?;
    Ok(Arc::new(Presented::new(authorization, impersonate, &id.0)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_never_ends_is_given_up() {
        let never = std::future::pending::<Result<()>>();
        let error = within(Duration::from_millis(1), never).await.err();
        assert!(matches!(error, Some(Error::Unavailable { .. })), "{error:?}");
        assert!(in_time(async { Ok(()) }).await.is_ok());
    }
}
