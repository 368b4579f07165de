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
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, any, on};
use axum::{Extension, Router, extract};
use futures::{Stream, StreamExt};
use serde::Serialize;

use super::fields::Fields;
use crate::context::OpContext;
use crate::model::Actor;
use crate::model::error::{Error, Reason, Result};
use crate::request::{App, LogFields, RequestInfo, presented, read_body, to_its_end};

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
    log_cause(&error, id);
    let mut response = F::saying(status, &error.to_string());
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
}

/// A request.
#[derive(Debug)]
pub struct Call {
    pub op: OpContext,
    /// The fields of the body; empty if the call has no body.
    pub fields: Fields,
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl Call {
    /// A path parameter, by its name in the route.
    pub fn path(&self, name: &str) -> &str {
        value_of(&self.path, name).unwrap_or_default()
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
    let handler = move |State(app): State<App>, Extension(id): Extension<RequestInfo>, request: Request| async move {
        // The caller; until the body is read, the credential's owner.
        let mut actor = Actor::Anonymous;
        let run = async {
            let (call, op) = begin(&app, &id, takes, request, &mut actor).await?;
            let handled = handle(call);
            let db = op.db().clone();
            let noted = async move {
                let done = handled.await;
                op.db().settled().await?;
                // An impersonation that is refused is noted where it is refused, as GraphQL's is.
                if let Err(Error::Forbidden(_)) = &done {
                    op.note_refusal(action);
                }
                done
            };
            to_its_end(&app, db, Box::pin(noted)).await
        };
        let mut response = match run.await {
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
            facts.operation = Some(operation.to_owned());
        }
        response
    };
    on(method, handler)
}

/// Reads a request up to the call. If it is refused, `actor` is the refused caller.
async fn begin(
    app: &App,
    id: &RequestInfo,
    takes: Takes,
    request: Request,
    actor: &mut Actor,
) -> Result<(Call, OpContext)> {
    let (mut parts, body) = request.into_parts();
    let presented = presented(&parts.headers, id, app.services.faces())?;
    *actor = presented.owner(&app.services).await?;
    if matches!(actor, Actor::Anonymous) {
        return Err(Error::Unauthenticated(
            "This needs a credential. Send 'Authorization: Bearer <API key>'.".to_owned(),
        ));
    }
    let fields = match takes {
        Takes::Nothing => Fields::default(),
        Takes::Object => Fields::parse(&read_body(body).await?)?,
    };
    let (path, query) = parameters(&mut parts).await?;
    let op = OpContext::of_request(Arc::clone(&app.services), presented).await?;
    *actor = op.actor().clone();
    let call = Call {
        op: op.clone(),
        fields,
        path,
        query,
    };
    Ok((call, op))
}

/// Logs the cause of an internal error or an unavailable database, once. The cause is never sent.
pub fn log_cause(error: &Error, id: &RequestInfo) {
    if let Error::Internal(_) | Error::Unavailable { .. } = error {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::error!(request_id = %id.id, cause = cause.as_deref().unwrap_or("-"), "{error}");
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
    answer(status, Body::from(body))
}

fn answer(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// How long a client may take to read a whole list.
pub const LIST_TIME_MAX: Duration = Duration::from_secs(10 * 60);

/// The same, but after this time it ends with an error.
fn until<T>(end: Instant, stretches: impl Stream<Item = Result<T>>) -> impl Stream<Item = Result<T>> {
    let in_time = move |stretch: Result<T>| match Instant::now() <= end {
        true => stretch,
        false => Err(Error::unavailable(Reason::Busy, "the client read the list too slowly")),
    };
    let mut over = false;
    stretches.map(in_time).take_while(move |stretch| {
        let before = std::mem::replace(&mut over, stretch.is_err());
        std::future::ready(!before)
    })
}

/// An unpaged list, written as it is read: `head`, the items separated by commas, `tail`.
///
/// The first chunk is read before the response starts, so that an error is still an ordinary error response. If the
/// database fails later, the caller loses the permission, or the client takes longer than [`LIST_TIME_MAX`], the
/// connection is closed, so that no client takes the response for complete.
pub async fn listed<T: Send + 'static>(
    head: &'static str,
    tail: &'static str,
    stretches: impl Stream<Item = Result<Vec<T>>> + Send + 'static,
    write: impl Fn(&T, &mut Vec<u8>) -> serde_json::Result<()> + Send + Sync + 'static,
) -> Result<Response> {
    let mut stretches = Box::pin(stretches);
    let first = stretches.next().await.transpose()?;
    let mut any = false;
    let mut text = move |stretch: Vec<T>| -> Result<Bytes> {
        let mut bytes = Vec::with_capacity(stretch.len() * 256);
        for item in &stretch {
            if std::mem::replace(&mut any, true) {
                bytes.push(b',');
            }
            write(item, &mut bytes).map_err(Error::internal)?;
        }
        Ok(bytes.into())
    };
    let first = first.map(&mut text).transpose()?.unwrap_or_default();
    let rest = until(Instant::now() + LIST_TIME_MAX, stretches).map(move |stretch| {
        let text = stretch.and_then(&mut text);
        text.inspect_err(|error| {
            tracing::warn!(%error, cause = ?std::error::Error::source(error), "a list response \
                                                                                                    was aborted")
        })
    });
    let whole = futures::stream::iter([Ok(Bytes::from_static(head.as_bytes())), Ok(first)])
        .chain(rest)
        .chain(futures::stream::iter([Ok(Bytes::from_static(tail.as_bytes()))]));
    Ok(answer(StatusCode::OK, Body::from_stream(whole)))
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    #[tokio::test]
    async fn a_list_that_is_read_too_slowly_breaks_off() {
        let stretches = || futures::stream::iter([Ok(1), Ok(2), Ok(3)]);
        let whole: Vec<Result<i32>> = until(Instant::now() + LIST_TIME_MAX, stretches()).collect().await;
        assert!(whole.len() == 3 && whole.iter().all(Result::is_ok));
        let late: Vec<Result<i32>> = until(Instant::now() - LIST_TIME_MAX, stretches()).collect().await;
        assert!(matches!(late.as_slice(), [Err(Error::Unavailable { .. })]), "{late:?}");
    }
}
