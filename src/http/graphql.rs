//! `/graphql`: GraphQL over HTTP, as its specification says.
//!
//! Not the library's own extractor, which runs mutations over GET and whatever the content type says, ignores `Accept`,
//! and reads bodies of any size.

use std::sync::Arc;

use async_graphql::{Request, Response as Answer, ServerError, Value};
use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, Request as HttpRequest, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use super::media::{Media, is_json};
use super::parameters::Parsed;
use super::request::{Facts, RequestId, in_time, presented, to_its_end};
use super::{App, read_body};
use crate::context::OpContext;
use crate::error::{Error, ErrorCode, Result};
use crate::graphql::document::{self, Operation};
use crate::graphql::{code_of, finish, refused, response_of};

/// The route.
pub async fn route(
    State(app): State<App>,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
    request: HttpRequest,
) -> Response {
    let (parts, body) = request.into_parts();
    let Some(media) = Media::accepted(&parts.headers) else {
        let error = Error::invalid(
            "accept",
            "Accept application/graphql-response+json or application/json.".to_owned(),
        );
        return refuse(StatusCode::NOT_ACCEPTABLE, error, Media::Json.content_type(), &id);
    };
    // Refused before the body is read, if it can be; decided once it is: bodies may take their time, and a caller who was
    // deactivated meanwhile is none.
    let presented = match presented(&parts.headers, &id) {
        Ok(presented) => presented,
        Err(error) => return refuse_caller(error, media, &id),
    };
    if let Err(error) = presented.owner(&app.services).await {
        return refuse_caller(error, media, &id);
    }
    let parsed = match parts.method {
        Method::GET => Parsed::from_query(query.as_deref().unwrap_or_default()),
        Method::POST if !is_json(&parts.headers) => {
            let error = Error::invalid(
                "contentType",
                "Send the body as 'Content-Type: application/json'.".to_owned(),
            );
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, error, media.content_type(), &id);
        }
        Method::POST => read_body(body).await.and_then(|body| Parsed::from_body(&body)),
        _ => {
            let error = Error::invalid("method", "Use POST, or GET for a query.".to_owned());
            let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, error, media.content_type(), &id);
            response
                .headers_mut()
                .insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
            return response;
        }
    };
    let parsed = match parsed {
        Ok(parsed) if parsed.names_a_document() => parsed,
        Ok(_) => {
            let error = Error::invalid("query", "The parameter 'query' is missing.".to_owned());
            return refuse(StatusCode::BAD_REQUEST, error, media.content_type(), &id);
        }
        Err(error) => return refuse(status_of(&error), error, media.content_type(), &id),
    };
    let op = match OpContext::of_request(Arc::clone(&app.services), presented, Arc::clone(&id.0), id.1).await {
        Ok(op) => op,
        Err(error) => return refuse_caller(error, media, &id),
    };
    let execution = execute(&app, op, parsed, parts.method == Method::GET).await;
    if execution.mutation_by_get {
        let error = Error::invalid("method", "A mutation must be sent by POST.".to_owned());
        let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, error, media.content_type(), &id);
        response.extensions_mut().insert(execution.facts);
        response
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    let status = match (execution.request_error(), media) {
        // Not the document's fault: whoever tries again may be lucky.
        (Some(ErrorCode::Unavailable), _) => StatusCode::SERVICE_UNAVAILABLE,
        (Some(_), Media::GraphqlResponse) => StatusCode::BAD_REQUEST,
        (Some(_), Media::Json) | (None, _) => StatusCode::OK,
    };
    execution.into_response(status, media.content_type())
}

/// The answer to a caller who is none, or may not act as the user that a header names.
fn refuse_caller(error: Error, media: Media, id: &RequestId) -> Response {
    let unauthenticated = matches!(error, Error::Unauthenticated(_));
    let mut response = refuse(status_of(&error), error, media.content_type(), id);
    if unauthenticated {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The answer to a document, and what the log wants to know of it.
pub struct Execution {
    answer: Answer,
    facts: Facts,
    mutation_by_get: bool,
}

impl Execution {
    /// Why nothing ran, or nothing came of it: an error of the whole document, not of a field.
    pub fn request_error(&self) -> Option<ErrorCode> {
        let error = self.answer.errors.iter().find(|error| error.path.is_empty());
        error.filter(|_| self.answer.data == Value::Null).map(code_of)
    }

    /// Whether there is no data in the answer.
    pub fn has_no_data(&self) -> bool {
        self.answer.data == Value::Null
    }

    pub fn into_response(self, status: StatusCode, content_type: HeaderValue) -> Response {
        let request_error = self.request_error().is_some();
        respond(status, &self.answer, request_error, content_type, self.facts)
    }
}

/// Runs a document for a caller, under every limit. A mutation runs to its end, whatever becomes of its client.
pub async fn execute(app: &App, op: OpContext, parsed: Parsed, by_get: bool) -> Execution {
    let mut facts = Facts::of(op.actor());
    let request_id = op.request_id().to_owned();
    let mut mutation_by_get = false;
    let mut chosen = None;
    let mut answer = match chosen_by(&op, &parsed) {
        Err(answer) => *answer,
        Ok(operation) => {
            let operation = chosen.insert(operation);
            facts.operation = Some(operation.title.clone());
            mutation_by_get = by_get && operation.mutates();
            match mutation_by_get {
                true => Answer::default(),
                false => run(app, op, operation.clone(), parsed).await,
            }
        }
    };
    finish(&mut answer, chosen.as_ref(), &request_id);
    facts.code = match mutation_by_get {
        true => Some(ErrorCode::Invalid),
        false => answer.errors.first().map(code_of),
    };
    Execution {
        answer,
        facts,
        mutation_by_get,
    }
}

/// The operation that a request is about; an answer, if there is none, or it would cost too much.
fn chosen_by(op: &OpContext, parsed: &Parsed) -> Result<Operation, Box<Answer>> {
    let kept = match (&parsed.query, &parsed.persisted) {
        (None, Some(persisted)) => Some(persisted.text(op.actor())?),
        (Some(text), Some(persisted)) => {
            persisted.check(text).map_err(response_of)?;
            None
        }
        (_, None) => None,
    };
    let text = kept.as_deref().or(parsed.query.as_deref()).unwrap_or_default();
    let document = document::read(text);
    let chosen =
        document.and_then(|document| Operation::choose(document, parsed.operation_name.as_deref(), &parsed.variables));
    chosen.map_err(|fault| Box::new(refused(vec![fault])))
}

async fn run(app: &App, op: OpContext, operation: Operation, parsed: Parsed) -> Answer {
    let prepared = match operation.prepare(parsed.variables, app.introspection) {
        Ok(prepared) => prepared,
        Err(faults) => return refused(faults),
    };
    if let (Some(text), Some(persisted)) = (&parsed.query, &parsed.persisted) {
        persisted.keep(op.actor(), text);
    }
    let mut request = Request::new("").data(op.clone());
    request.set_parsed_query(prepared);
    let schema = app.schema.clone();
    let mutates = operation.mutates();
    // On the heap: it is large, and is handed on several times.
    let run = Box::pin(async move {
        let answer = schema.execute(request).await;
        note_refusals(&op, &answer, &operation);
        Ok(answer)
    });
    let answer = if mutates {
        to_its_end(app, run).await
    } else {
        in_time(run).await
    };
    answer.unwrap_or_else(response_of)
}

/// Whoever is told `FORBIDDEN` stands in the audit trail, with the field that was asked for. Verbs that note it
/// themselves, with the account, are left out: impersonation, and those that nobody known calls with a password.
fn note_refusals(op: &OpContext, answer: &Answer, operation: &Operation) {
    if op.actor().caller().is_none() {
        return;
    }
    for error in answer
        .errors
        .iter()
        .filter(|error| code_of(error) == ErrorCode::Forbidden)
    {
        let root = error.path.get(..1).unwrap_or_default();
        if let Some((_, field)) = operation.field_at(root)
            && field != "impersonateUser"
        {
            op.note_refusal(field);
        }
    }
}

/// The status of a refusal before any document was looked at.
pub fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::LimitExceeded(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        Error::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Invalid { .. } | Error::Conflict(_) | Error::SeatLimitReached(_) | Error::PasswordChangeRequired(_) => {
            StatusCode::BAD_REQUEST
        }
    }
}

/// An answer that is one refusal, before any document was looked at.
pub fn refuse(status: StatusCode, error: Error, content_type: HeaderValue, id: &RequestId) -> Response {
    let facts = Facts {
        code: Some(error.code()),
        ..Facts::default()
    };
    let mut answer = response_of(error);
    finish(&mut answer, None, &id.0);
    respond(status, &answer, true, content_type, facts)
}

fn respond(
    status: StatusCode,
    answer: &Answer,
    request_error: bool,
    content_type: HeaderValue,
    facts: Facts,
) -> Response {
    #[derive(Serialize)]
    struct Out<'a> {
        #[serde(skip_serializing_if = "<[ServerError]>::is_empty")]
        errors: &'a [ServerError],
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<&'a Value>,
    }
    // A document that did not run has no data, not even null data.
    let out = Out {
        errors: &answer.errors,
        data: (!request_error).then_some(&answer.data),
    };
    let mut response = match serde_json::to_vec(&out) {
        Ok(text) => Response::new(Body::from(text)),
        Err(_) => Response::new(Body::from(
            r#"{"errors":[{"message":"[INTERNAL]","extensions":{"code":"INTERNAL"}}]}"#,
        )),
    };
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response.extensions_mut().insert(facts);
    response
}
