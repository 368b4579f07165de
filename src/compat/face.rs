//! Common code of the REST APIs: parses a request, calls one verb, and responds in the product's format.
//!
//! Every call is processed in the same way:
//!
//! 1. Whose credential is it? (`UNAUTHENTICATED`)
//! 2. Is the body a JSON object, whatever the content type says? (`INVALID`)
//! 3. Is the credential still valid after reading the body, and may its owner impersonate the user in the header?
//! 4. The call itself: it parses its fields and calls a verb, in a separate task, which continues if the client
//!    disconnects.
//!
//! An error from any step becomes the product's own body and status in one place, [`Face::refusal`]. `FORBIDDEN` errors
//! are noted for the audit trail, as in GraphQL.

use std::future::Future;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, any, on};
use axum::{Extension, Router, extract};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Serialize;

use super::fields::Fields;
use crate::context::OpContext;
use crate::model::Actor;
use crate::model::error::{Error, Result};
use crate::request::{App, LogFields, RequestInfo, presented, read_body, read_body_up_to, to_its_end};

/// The conventions of a product's API.
pub trait Face: 'static {
    /// The status of a refusal. `actor` is the caller: the impersonated user, once that is granted.
    fn status(error: &Error, actor: &Actor) -> StatusCode;

    /// The body of an error: a message for people in the product's own format.
    fn body(status: StatusCode, message: &str) -> serde_json::Value;

    /// An error in the product's format.
    fn refusal(error: &Error, actor: &Actor) -> Response {
        let status = Self::status(error, actor);
        refused(Self::saying(status, &error.to_string()), error, actor)
    }

    /// A status with a message for people in the product's format.
    fn saying(status: StatusCode, message: &str) -> Response {
        json(status, &Self::body(status, message))
    }
}

/// Sets the headers of an error response, and the fields for the log.
pub fn refused(mut response: Response, error: &Error, owner: &Actor) -> Response {
    let status = response.status();
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = error.retry_after_seconds() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response.extensions_mut().insert(LogFields {
        code: Some(error.code()),
        ..LogFields::of(owner)
    });
    response
}

/// The default status of an error.
pub fn usual_status(error: &Error) -> StatusCode {
    match error {
        Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        Error::Forbidden(_) | Error::PasswordChangeRequired(_) => StatusCode::FORBIDDEN,
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Invalid { .. } => StatusCode::BAD_REQUEST,
        Error::Conflict(_) | Error::Ambiguous { .. } | Error::SeatLimitReached(_) => StatusCode::CONFLICT,
        Error::LimitExceeded(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Error::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// An error outside of any handler, in the product's format.
pub fn form<F: Face>(status: StatusCode, error: Error, id: &RequestInfo) -> Response {
    formed(F::saying(status, &error.to_string()), &error, id)
}

/// An answer that tells an error outside of any handler, with what the log says of it.
pub fn formed(mut response: Response, error: &Error, id: &RequestInfo) -> Response {
    log_cause(error, id);
    response.extensions_mut().insert(LogFields {
        code: Some(error.code()),
        ..LogFields::default()
    });
    response
}

/// A path of the product, with an unsupported method.
pub async fn wrong_method<F: Face>() -> Response {
    F::saying(
        StatusCode::METHOD_NOT_ALLOWED,
        "This path does not support this method. The 'Allow' header lists the supported methods.",
    )
}

/// Everything below a path without a route.
pub fn unknown_path<F: Face>(top: &str) -> Router<App> {
    let say = async || F::saying(StatusCode::NOT_FOUND, "There is nothing at this path.");
    Router::new()
        .route(top, any(say))
        .route(&format!("{top}/"), any(say))
        .route(&format!("{top}/{{*path}}"), any(say))
}

/// The body that a call expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// None: a body is ignored.
    Nothing,
    /// A JSON object.
    Object,
    /// Anything, up to this number of bytes: the call reads it.
    Bytes(usize),
}

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    /// Everybody; but a credential that is sent must be in force.
    Everybody,
    /// Who has a credential.
    Known,
}

/// What a route is.
#[derive(Clone, Copy, Debug)]
struct Route {
    open: Open,
    takes: Takes,
    operation: &'static str,
    action: &'static str,
}

/// A request.
#[derive(Debug)]
pub struct Call {
    pub op: OpContext,
    /// The fields of the body; empty if the call has no body.
    pub fields: Fields,
    /// The body, for [`Takes::Bytes`].
    pub body: Bytes,
    headers: HeaderMap,
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl Call {
    /// A path parameter, by its name in the route.
    pub fn path(&self, name: &str) -> &str {
        value_of(&self.path, name).unwrap_or_default()
    }

    /// The values of a header; one that is no text is empty.
    pub fn header(&self, name: HeaderName) -> impl Iterator<Item = &str> {
        let values = self.headers.get_all(name).into_iter();
        values.map(|value| value.to_str().unwrap_or_default())
    }

    /// The names of the query parameters, in order; a repeated one is repeated.
    pub fn query_names(&self) -> impl Iterator<Item = &str> {
        self.query.iter().map(|(name, _)| name.as_str())
    }

    /// A query parameter; the first one if it is repeated.
    pub fn query(&self, name: &str) -> Option<&str> {
        value_of(&self.query, name)
    }
}

fn value_of<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

/// A route. `operation` is its name in the log, and `action` in the audit trail: that of the verb that it calls.
pub fn call<F, H, Fut>(
    method: MethodFilter,
    takes: Takes,
    operation: &'static str,
    action: &'static str,
    handle: H,
) -> MethodRouter<App>
where
    F: Face,
    H: Fn(Call) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    let open = Open::Known;
    let route = Route {
        open,
        takes,
        operation,
        action,
    };
    on(method, handler::<F, H, Fut>(route, handle))
}

/// A route that answers everybody. A credential that is sent must be in force: a client that has a wrong one learns it here
/// too.
pub fn open_call<F, H, Fut>(method: MethodFilter, operation: &'static str, handle: H) -> MethodRouter<App>
where
    F: Face,
    H: Fn(Call) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    let route = Route {
        open: Open::Everybody,
        takes: Takes::Nothing,
        operation,
        action: operation,
    };
    on(method, handler::<F, H, Fut>(route, handle))
}

fn handler<F, H, Fut>(
    route: Route,
    handle: H,
) -> impl Fn(State<App>, Extension<RequestInfo>, Request) -> BoxFuture<'static, Response> + Clone
where
    F: Face,
    H: Fn(Call) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    move |State(app), Extension(id), request| {
        let handle = handle.clone();
        async move {
            // The caller; until the body is read, the credential's owner.
            let mut actor = Actor::Anonymous;
            let mut response = match run(&app, &id, route, request, handle, &mut actor).await {
                Ok(mut response) => {
                    response.extensions_mut().insert(LogFields::of(&actor));
                    response
                }
                Err(error) => {
                    log_cause(&error, &id);
                    F::refusal(&error, &actor)
                }
            };
            if let Some(facts) = response.extensions_mut().get_mut::<LogFields>() {
                facts.operation = Some(route.operation.to_owned());
            }
            response
        }
        .boxed()
    }
}

async fn run<H, Fut>(
    app: &App,
    id: &RequestInfo,
    route: Route,
    request: Request,
    handle: H,
    actor: &mut Actor,
) -> Result<Response>
where
    H: Fn(Call) -> Fut,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    let call = begin(app, id, route, request, actor).await?;
    let op = call.op.clone();
    let db = op.db().clone();
    let handled = handle(call);
    let noted = async move {
        let done = handled.await;
        op.db().settled().await?;
        // An impersonation that is refused is noted where it is refused, as GraphQL's is.
        if let Err(Error::Forbidden(_)) = &done {
            op.note_refusal(route.action);
        }
        done
    };
    to_its_end(app, db, Box::pin(noted)).await
}

/// Reads a request up to the call. If it is refused, `actor` is the refused caller.
async fn begin(app: &App, id: &RequestInfo, route: Route, request: Request, actor: &mut Actor) -> Result<Call> {
    let (mut parts, body) = request.into_parts();
    let presented = presented(&parts.headers, id, app.services.faces())?;
    *actor = presented.owner(&app.services).await?;
    if route.open == Open::Known && matches!(actor, Actor::Anonymous) {
        return Err(Error::Unauthenticated(
            "This needs a credential. Send 'Authorization: Bearer <API key>'.".to_owned(),
        ));
    }
    let (fields, body) = match route.takes {
        Takes::Nothing => (Fields::default(), Bytes::new()),
        Takes::Object => (Fields::parse(&read_body(body).await?)?, Bytes::new()),
        Takes::Bytes(most) => (Fields::default(), read_body_up_to(body, most).await?),
    };
    let (path, query) = parameters(&mut parts).await?;
    let op = OpContext::of_request(Arc::clone(&app.services), presented).await?;
    *actor = op.actor().clone();
    Ok(Call {
        op,
        fields,
        body,
        headers: parts.headers,
        path,
        query,
    })
}

/// Logs the cause of an internal error or an unavailable database, once. The cause is never sent.
pub fn log_cause(error: &Error, id: &RequestInfo) {
    log_cause_of(error, &id.id);
}

/// The same for the request with this id.
pub fn log_cause_of(error: &Error, request_id: &str) {
    if let Error::Internal(_) | Error::Unavailable { .. } = error {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::error!(request_id, cause = cause.as_deref().unwrap_or("-"), "{error}");
    }
}

type Pairs = Vec<(String, String)>;

async fn parameters(parts: &mut Parts) -> Result<(Pairs, Pairs)> {
    let not_text = || Error::NotFound("This path is not valid UTF-8.".to_owned());
    let path = RawPathParams::from_request_parts(parts, &())
        .await
        .map_err(|_| not_text())?;
    let path = path
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let extract::Query(query) = extract::Query::try_from_uri(&parts.uri)
        .map_err(|_| Error::invalid("query", "The query string is malformed.".to_owned()))?;
    Ok((path, query))
}

/// A JSON response.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    // Only strings, numbers and maps with string keys are serialized here.
    let body = serde_json::to_vec(value).unwrap_or_default();
    answer(status, HeaderValue::from_static("application/json"), Body::from(body))
}

/// A response of this media type.
pub fn answer(status: StatusCode, media: HeaderValue, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    response
}
