//! `/graphql`: GraphQL over HTTP, according to its specification.
//!
//! This is not the library's own extractor, because that runs mutations over GET and with any content type, ignores
//! `Accept`, and reads bodies of any size.

use std::sync::Arc;

use async_graphql::{Request, Response as Answer, Value};
use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, Request as HttpRequest, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;

use super::media::{Media, is_json};
use super::once::{self, Asked, Turn};
use super::parameters::{Parsed, Sent};
use super::{App, LogFields, RequestInfo, in_time, presented, read_body, sending, to_its_end};
use crate::context::OpContext;
use crate::context::room::{Room, too_large};
use crate::graphql::document::{self, Operation};
use crate::graphql::{Written, action_of, code_of, finish, refused, response_of, with_codes};
use crate::model::error::{Error, ErrorCode, Result};

/// The route.
pub async fn route(
    State(app): State<App>,
    Extension(id): Extension<RequestInfo>,
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
    // Checked twice: before the body is read, to refuse early, and again after it. Bodies may take long to arrive, and
    // the caller may have been deactivated since.
    let presented = match presented(&parts.headers, &id, app.services.faces()) {
        Ok(presented) => presented,
        Err(error) => return refuse_caller(error, media, &id),
    };
    if let Err(error) = presented.owner(&app.services).await {
        return refuse_caller(error, media, &id);
    }
    let sent = match parts.method {
        Method::GET => Ok(Sent::Address(query.unwrap_or_default())),
        Method::POST if !is_json(&parts.headers) => {
            let error = Error::invalid(
                "contentType",
                "Send the body as 'Content-Type: application/json'.".to_owned(),
            );
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, error, media.content_type(), &id);
        }
        Method::POST => read_body(body).await.map(Sent::Body),
        _ => {
            let error = Error::invalid("method", "Use POST, or GET for a query.".to_owned());
            let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, error, media.content_type(), &id);
            response
                .headers_mut()
                .insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
            return response;
        }
    };
    let sent = match sent {
        Ok(sent) => sent,
        Err(error) => return refuse(status_of(&error), error, media.content_type(), &id),
    };
    let op = match OpContext::of_request(Arc::clone(&app.services), presented).await {
        Ok(op) => op,
        Err(error) => return refuse_caller(error, media, &id),
    };
    let (op, parsed, key) = match read(sent, op, &parts.headers).await {
        Ok(read) => read,
        Err(error) => return refuse(status_of(&error), error, media.content_type(), &id),
    };
    let mut execution = execute(&app, op, parsed, key, parts.method == Method::GET).await;
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
        // The document is not at fault, and a retry may succeed.
        (Some(ErrorCode::Unavailable), _) => StatusCode::SERVICE_UNAVAILABLE,
        (None, Media::GraphqlResponse) if execution.came_to_nothing() => StatusCode::SERVICE_UNAVAILABLE,
        (Some(_), Media::GraphqlResponse) => StatusCode::BAD_REQUEST,
        (Some(_), Media::Json) | (None, _) => StatusCode::OK,
    };
    execution.into_response(status, media.content_type())
}

/// The parameters of a request that names a document, and its `Idempotency-Key`.
async fn read(sent: Sent, op: OpContext, headers: &HeaderMap) -> Result<(OpContext, Parsed, Option<String>)> {
    let key = once::key(headers)?;
    let (op, parsed) = sent.parse(op).await?;
    match parsed.names_a_document() {
        true => Ok((op, parsed, key)),
        false => Err(Error::invalid("query", "The parameter 'query' is missing.".to_owned())),
    }
}

/// The response to an unknown caller, or to one that may not act as the user that a header names.
fn refuse_caller(error: Error, media: Media, id: &RequestInfo) -> Response {
    let unauthenticated = matches!(error, Error::Unauthenticated(_));
    let mut response = refuse(status_of(&error), error, media.content_type(), id);
    if unauthenticated {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The response to a document, and facts for the log.
pub struct Execution {
    answer: Answer,
    facts: LogFields,
    mutation_by_get: bool,
    /// Holds the memory of the response until that is sent.
    op: OpContext,
}

impl Execution {
    /// Why nothing ran, or nothing has a result: an error of the whole document, not of a field.
    pub fn request_error(&self) -> Option<ErrorCode> {
        let error = self.answer.errors.iter().find(|error| error.path.is_empty());
        error.filter(|_| self.answer.data == Value::Null).map(code_of)
    }

    /// Whether nothing in the response has a result because the server is unavailable. If so, `data` is removed,
    /// because a response with data, even if all of it is null, would count as a success.
    fn came_to_nothing(&mut self) -> bool {
        let unavailable = |error: &async_graphql::ServerError| code_of(error) == ErrorCode::Unavailable;
        let came_to_nothing = self.has_only_errors() && self.answer.errors.iter().all(unavailable);
        if came_to_nothing {
            self.answer.data = Value::Null;
        }
        came_to_nothing
    }

    /// The same with each error's code before its message.
    #[must_use]
    pub fn with_codes(mut self) -> Self {
        with_codes(&mut self.answer);
        self
    }

    /// Whether the response has no data.
    pub fn has_no_data(&self) -> bool {
        self.answer.data == Value::Null
    }

    /// The same without `data` if there are errors and no root field has a result.
    #[must_use]
    pub fn without_empty_data(mut self) -> Self {
        if self.has_only_errors() {
            self.answer.data = Value::Null;
        }
        self
    }

    /// Whether there are errors, and no root field has a result.
    fn has_only_errors(&self) -> bool {
        let nothing = match &self.answer.data {
            Value::Object(fields) => fields.values().all(|value| *value == Value::Null),
            data => *data == Value::Null,
        };
        nothing && !self.answer.errors.is_empty()
    }

    pub fn into_response(self, status: StatusCode, content_type: HeaderValue) -> Response {
        let request_error = self.request_error().is_some();
        let room = self.op.room();
        respond(status, &self.answer, request_error, content_type, self.facts, room)
    }
}

/// Runs a document for a caller, with all limits. A mutation always runs to its end, even if its client disconnects.
/// With a key, it runs once.
pub async fn execute(app: &App, op: OpContext, parsed: Parsed, key: Option<String>, by_get: bool) -> Execution {
    let mut facts = LogFields::of(op.actor());
    let request_id = op.request_id().to_owned();
    let mut mutation_by_get = false;
    let mut chosen = None;
    let mut answer = match chosen_by(&op, &parsed, key) {
        Err(answer) => *answer,
        Ok((operation, asked)) => {
            let operation = chosen.insert(operation);
            facts.operation = Some(operation.title.clone());
            mutation_by_get = by_get && operation.mutates();
            match mutation_by_get {
                true => Answer::default(),
                false => run(app, op.clone(), operation.clone(), parsed, asked).await,
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
        op,
    }
}

/// The operation that a request asks for, and if it is a mutation with a key, what tells it from others. A response
/// instead, if there is none or it would cost too much.
fn chosen_by(op: &OpContext, parsed: &Parsed, key: Option<String>) -> Result<(Operation, Option<Asked>), Box<Answer>> {
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
    let operation = chosen.map_err(|fault| Box::new(refused(vec![fault])))?;
    let asked = key
        .filter(|_| operation.mutates())
        .map(|key| Asked::new(key, text, parsed.operation_name.as_deref(), &parsed.variables));
    Ok((operation, asked.transpose().map_err(response_of)?))
}

async fn run(app: &App, op: OpContext, operation: Operation, parsed: Parsed, asked: Option<Asked>) -> Answer {
    if let Some(room) = op.room()
        && let Err(error) = room.for_filters(operation.tests).await
    {
        return response_of(error);
    }
    let prepared = match operation.prepare(parsed.variables, app.introspection) {
        Ok(prepared) => prepared,
        Err(faults) => return refused(faults),
    };
    if let (Some(text), Some(persisted)) = (&parsed.query, &parsed.persisted) {
        persisted.keep(op.actor(), text);
    }
    let op = match &asked {
        Some(asked) => match once::turn(op, asked, &prepared).await {
            Ok(Turn::Run(op)) => op,
            Ok(Turn::Repeated(answer)) => return answer,
            Err(error) => return response_of(error),
        },
        None => op,
    };
    let mut request = Request::new("").data(op.clone());
    request.set_parsed_query(prepared);
    let schema = app.schema.clone();
    let mutates = operation.mutates();
    // On the heap, because it is large and is moved several times.
    let db = op.db().clone();
    let run = Box::pin(async move {
        let mut answer = schema.execute(request).await;
        op.db().settled().await?;
        note_refusals(&op, &answer, &operation);
        if op.room().is_some_and(Room::overflowed) {
            answer = without_data(answer);
        }
        Ok(once::settled(&op, answer).await)
    });
    let answer = if mutates {
        to_its_end(app, db, run).await
    } else {
        in_time(run).await
    };
    answer.unwrap_or_else(response_of)
}

/// Records in the audit trail what a caller was refused with `FORBIDDEN`. Some verbs are left out because they
/// record refusals themselves, together with the account: impersonation, and verbs that unknown callers use with a
/// password.
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
            op.note_refusal(action_of(field));
        }
    }
}

/// The status of a refusal before any document is read.
pub fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::LimitExceeded(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        Error::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Invalid { .. }
        | Error::Conflict(_)
        | Error::Ambiguous { .. }
        | Error::SeatLimitReached(_)
        | Error::PasswordChangeRequired(_) => StatusCode::BAD_REQUEST,
    }
}

/// A response with a single refusal, before any document is read.
pub fn refuse(status: StatusCode, error: Error, content_type: HeaderValue, id: &RequestInfo) -> Response {
    refuse_with(status, error, content_type, id, |_| {})
}

/// The same with the error's code before its message.
pub fn refuse_with_code(status: StatusCode, error: Error, content_type: HeaderValue, id: &RequestInfo) -> Response {
    refuse_with(status, error, content_type, id, with_codes)
}

fn refuse_with(
    status: StatusCode,
    error: Error,
    content_type: HeaderValue,
    id: &RequestInfo,
    written: impl FnOnce(&mut Answer),
) -> Response {
    let facts = LogFields {
        code: Some(error.code()),
        ..LogFields::default()
    };
    let retry_after = error.retry_after_seconds();
    let mut answer = response_of(error);
    finish(&mut answer, None, &id.id);
    written(&mut answer);
    let mut response = respond(status, &answer, true, content_type, facts, None);
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The response to a request error has no `data` at all, not even null, because its document did not run.
fn respond(
    status: StatusCode,
    answer: &Answer,
    request_error: bool,
    content_type: HeaderValue,
    facts: LogFields,
    room: Option<&Room>,
) -> Response {
    let data = (!request_error).then_some(&answer.data);
    let body = match Written::answer(&answer.errors, data) {
        Ok(Some(written)) => {
            let held = room.map(|room| room.left(written.bytes())).unwrap_or_default();
            sending::body(written, held)
        }
        Ok(None) => return respond(status, &too_large_answer(), false, content_type, facts, None),
        Err(_) => Body::from(
            r#"{"errors":[{"message":"Something went wrong on the server.","extensions":{"code":"INTERNAL"}}]}"#,
        ),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response.extensions_mut().insert(facts);
    response
}

/// The response in place of one that is too large. The document has run.
fn too_large_answer() -> Answer {
    response_of(too_large())
}

/// The same for a response that became too large while it was built: the first error that says so, with its path.
fn without_data(answer: Answer) -> Answer {
    let mut errors = answer.errors.into_iter();
    match errors.find(|error| code_of(error) == ErrorCode::LimitExceeded) {
        Some(error) => Answer::from_errors(vec![error]),
        None => too_large_answer(),
    }
}
