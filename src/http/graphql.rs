//! `/graphql`: GraphQL over HTTP, as its specification says.
//!
//! Not the library's own extractor, which runs mutations over GET and whatever the content type says, ignores `Accept`,
//! and reads bodies of any size.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType, Selection, SelectionSet};
use async_graphql::{Name, PathSegment, Request, Response as Answer, ServerError, Value, Variables};
use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, Request as HttpRequest, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::request::{Facts, RequestId, in_time, presented, to_its_end};
use super::{App, read_body};
use crate::context::OpContext;
use crate::error::{Error, ErrorCode, Result, shown};
use crate::graphql::{JsonVariables, Repeated, code_of, documents, finish, limits, response_of};

/// A request's parameters, before its document is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parsed {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<JsonVariables>,
    // Read for its type only: there are no extensions of a request here, but a client may send some.
    #[serde(rename = "extensions")]
    _extensions: Option<HashMap<String, IgnoredAny>>,
}

impl Parsed {
    /// A JSON body.
    pub fn from_body(body: &[u8]) -> Result<Self> {
        let not_understood = || {
            Error::invalid(
                "body",
                "The body must be a JSON object such as {\"query\": \"{ me { id } }\", \"variables\": {}}.".to_owned(),
            )
        };
        // A list would do for serde, its items being the fields in turn.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(not_understood());
        }
        serde_json::from_slice(body).map_err(|_| not_understood())
    }

    fn from_query(query: &str) -> Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Texts {
            query: Option<String>,
            operation_name: Option<String>,
            variables: Option<String>,
            extensions: Option<String>,
        }
        let invalid = |what: &str| Error::invalid(what, format!("The parameter '{what}' must be a JSON object."));
        let uri = format!("/?{query}").parse().map_err(|_| invalid("query"))?;
        let texts: Texts = axum::extract::Query::try_from_uri(&uri)
            .map_err(|_| invalid("query"))?
            .0;
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let variables =
            given(texts.variables).map(|text| serde_json::from_str(&text).map_err(|_| invalid("variables")));
        let extensions =
            given(texts.extensions).map(|text| serde_json::from_str(&text).map_err(|_| invalid("extensions")));
        Ok(Self {
            query: texts.query,
            operation_name: given(texts.operation_name),
            variables: variables.transpose()?.flatten(),
            _extensions: extensions.transpose()?.flatten(),
        })
    }
}

/// The media types an answer can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Media {
    /// `application/graphql-response+json`: a document that is refused is a 400.
    GraphqlResponse,
    /// `application/json`, for older clients: a document that is refused is a 200.
    Json,
}

impl Media {
    /// The first acceptable one, by the client's weights; `None` if the client takes neither.
    fn accepted(headers: &HeaderMap) -> Option<Self> {
        let mut accepts = headers.get_all(header::ACCEPT).iter().peekable();
        if accepts.peek().is_none() {
            return Some(Self::Json);
        }
        let mut best: Option<(f32, Self)> = None;
        for range in accepts
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
        {
            let mut parts = range.split(';').map(str::trim);
            let media = match parts.next().map(str::to_ascii_lowercase).as_deref() {
                Some("application/graphql-response+json") => Self::GraphqlResponse,
                Some("application/json" | "application/*" | "*/*") => Self::Json,
                _ => continue,
            };
            let weight = parts
                .find_map(|part| part.strip_prefix("q="))
                .map_or(1.0, |q| q.parse().unwrap_or(0.0));
            if weight > 0.0 && best.is_none_or(|(known, _)| weight > known) {
                best = Some((weight, media));
            }
        }
        best.map(|(_, media)| media)
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }
}

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
        Ok(parsed) if parsed.query.is_some() => parsed,
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
    let mut execution = execute(&app, op, parsed, parts.method == Method::GET).await;
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
        (None, Media::GraphqlResponse) if execution.came_to_nothing() => StatusCode::SERVICE_UNAVAILABLE,
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

    /// Whether the server could do nothing of what was asked at this moment. The answer then has no data at all, since one
    /// with data, were they but nulls, would be a success.
    fn came_to_nothing(&mut self) -> bool {
        let unavailable = |error: &ServerError| code_of(error) == ErrorCode::Unavailable;
        let nothing = match &self.answer.data {
            Value::Object(fields) => fields.values().all(|value| *value == Value::Null),
            data => *data == Value::Null,
        };
        let came_to_nothing = nothing && !self.answer.errors.is_empty() && self.answer.errors.iter().all(unavailable);
        if came_to_nothing {
            self.answer.data = Value::Null;
        }
        came_to_nothing
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
    let query = parsed.query.unwrap_or_default();
    let mut variables = parsed.variables.map(|given| given.0).unwrap_or_default();
    let prepared = document(&query, &variables).and_then(|document| {
        let (kind, name, defaults) = operation(&document, parsed.operation_name.as_deref(), &variables)?;
        facts.operation = Some(name);
        for (name, default) in defaults {
            variables.entry(name).or_insert(default);
        }
        Ok((document, kind == OperationType::Mutation))
    });
    let mut mutation_by_get = false;
    let request_id = op.request_id().to_owned();
    let mut answer = match prepared {
        Err(answer) => *answer,
        Ok((_, true)) if by_get => {
            mutation_by_get = true;
            Answer::default()
        }
        Ok((document, mutates)) => {
            let mut request = Request::new(query)
                .variables(variables)
                .data(op.clone())
                .data(Repeated::of(&document));
            if let Some(name) = parsed.operation_name {
                request = request.operation_name(name);
            }
            request.set_parsed_query(ExecutableDocument::clone(&document));
            let schema = app.schema.clone();
            // On the heap: it is large, and is handed on several times.
            let run = Box::pin(async move {
                let answer = schema.execute(request).await;
                note_refusals(&op, &answer, &document);
                Ok(answer)
            });
            let answer = if mutates {
                to_its_end(app, run).await
            } else {
                in_time(run).await
            };
            answer.unwrap_or_else(response_of)
        }
    };
    finish(&mut answer, &request_id);
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

/// Whoever is told `FORBIDDEN` stands in the audit trail, with the field that was asked for. Verbs that note it
/// themselves, with the account, are left out: impersonation, and those that nobody known calls with a password.
fn note_refusals(op: &OpContext, answer: &Answer, document: &ExecutableDocument) {
    if op.actor().caller().is_none() {
        return;
    }
    let forbidden = |error: &&ServerError| code_of(error) == ErrorCode::Forbidden;
    let mut refused = answer.errors.iter().filter(forbidden).peekable();
    if refused.peek().is_none() {
        return;
    }
    let fields = root_fields(document);
    for error in refused {
        if let Some(PathSegment::Field(key)) = error.path.first()
            && let Some(field) = fields.get(key)
            && field != "impersonateUser"
        {
            op.note_refusal(field);
        }
    }
}

/// The fields at the top of a document's operations, by their keys in the answer: an alias is the client's own word.
fn root_fields(document: &ExecutableDocument) -> HashMap<String, String> {
    let mut fields = HashMap::new();
    let mut sets: Vec<&SelectionSet> = document
        .operations
        .iter()
        .map(|(_, operation)| &operation.node.selection_set.node)
        .collect();
    sets.extend(
        document
            .fragments
            .values()
            .map(|fragment| &fragment.node.selection_set.node),
    );
    while let Some(set) = sets.pop() {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let key = field.node.response_key().node.to_string();
                    fields.insert(key, field.node.name.node.to_string());
                }
                Selection::InlineFragment(inline) => sets.push(&inline.node.selection_set.node),
                Selection::FragmentSpread(_) => {}
            }
        }
    }
    fields
}

/// The document, parsed and small enough for these variables.
fn document(query: &str, variables: &Variables) -> Result<Arc<ExecutableDocument>, Box<Answer>> {
    let document = documents::parse(query)?;
    limits::check(&document, variables).map_err(|error| Box::new(response_of(error)))?;
    Ok(document)
}

/// What an operation's variables are when they are not given.
type Defaults = Vec<(Name, Value)>;

/// The kind of the operation that would run, its name for the log, and what its variables are when they are not given.
fn operation(
    document: &ExecutableDocument,
    wanted: Option<&str>,
    variables: &Variables,
) -> Result<(OperationType, String, Defaults), Box<Answer>> {
    let unknown = |message: &str| {
        Err(Box::new(response_of(Error::invalid(
            "operationName",
            message.to_owned(),
        ))))
    };
    let (name, operation) = match (&document.operations, wanted) {
        (DocumentOperations::Single(operation), None) => (None, operation),
        (DocumentOperations::Single(_), Some(_)) => {
            return unknown("The document has no operation of this name.");
        }
        (DocumentOperations::Multiple(all), Some(wanted)) => match all.get_key_value(wanted) {
            Some((name, operation)) => (Some(name), operation),
            None => return unknown("The document has no operation of this name."),
        },
        (DocumentOperations::Multiple(all), None) => match all.iter().next() {
            Some((name, operation)) if all.len() == 1 => (Some(name), operation),
            Some(_) | None => return unknown("The document has several operations; say which in 'operationName'."),
        },
    };
    // The library takes a missing value for an argument that is not given.
    for variable in &operation.node.variable_definitions {
        let variable = &variable.node;
        let missing = match variables.get(&variable.name.node) {
            Some(value) => *value == Value::Null,
            None => variable.default_value.is_none(),
        };
        if missing && !variable.var_type.node.nullable {
            let (name, kind) = (shown(&variable.name.node), shown(&variable.var_type.node.to_string()));
            let message = format!("The variable '${name}' must have a value of the type '{kind}'.");
            return Err(Box::new(response_of(Error::invalid("variables", message))));
        }
    }
    let kind = operation.node.ty;
    let name = match name {
        Some(name) => format!("{kind} {name}"),
        None => format!("{kind}"),
    };
    // The library knows defaults by itself, but not where `@skip` and `@include` ask.
    let defaults = operation.node.variable_definitions.iter().filter_map(|variable| {
        let default = variable.node.default_value()?;
        Some((variable.node.name.node.clone(), default.clone()))
    });
    Ok((kind, shown(&name), defaults.collect()))
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut parts = content_type.split(';').map(|part| part.trim().to_ascii_lowercase());
    let json = parts
        .next()
        .is_some_and(|media| media == "application/json" || media == "application/graphql+json");
    let utf8 = parts.all(|part| {
        part.strip_prefix("charset=")
            .is_none_or(|set| set.trim_matches('"') == "utf-8")
    });
    json && utf8 && !headers.contains_key(header::CONTENT_ENCODING)
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
    let retry_after = error.retry_after_seconds();
    let mut answer = response_of(error);
    finish(&mut answer, &id.0);
    let mut response = respond(status, &answer, true, content_type, facts);
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
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
