//! `/graphql`: GraphQL over HTTP, as its specification says.
//!
//! Not the library's own extractor, which runs mutations over GET and whatever the content type says, ignores `Accept`,
//! and reads bodies of any size.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use async_graphql::{Name, Request, Response as Answer, ServerError, Value, Variables};
use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, Request as HttpRequest, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::request::{Facts, RequestId, actor};
use super::{App, read_body};
use crate::authn::Actor;
use crate::context::OpContext;
use crate::error::{Error, ErrorCode, Result};
use crate::graphql::{documents, finish, from_json, response_of};

const TIME_MAX: Duration = Duration::from_secs(30);

/// A request's parameters, before its document is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parsed {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<serde_json::Map<String, serde_json::Value>>,
    // Read for its type only: there are no extensions of a request here, but a client may send some.
    #[serde(rename = "extensions")]
    _extensions: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Parsed {
    /// A JSON body.
    pub fn from_body(body: &[u8]) -> Result<Self> {
        serde_json::from_slice(body).map_err(|_| {
            Error::invalid(
                "body",
                "The body must be a JSON object such as {\"query\": \"{ me { id } }\", \"variables\": {}}.".to_owned(),
            )
        })
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
        let object = |what: &str, text: Option<String>| match text.filter(|text| !text.is_empty()) {
            Some(text) => serde_json::from_str(&text).map_err(|_| invalid(what)),
            None => Ok(None),
        };
        Ok(Self {
            query: texts.query,
            operation_name: texts.operation_name.filter(|name| !name.is_empty()),
            variables: object("variables", texts.variables)?,
            _extensions: object("extensions", texts.extensions)?,
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
        return refusal(StatusCode::NOT_ACCEPTABLE, error, Media::Json, &id);
    };
    let actor = match actor(&app, &parts.headers).await {
        Ok(actor) => actor,
        Err(error @ Error::Unauthenticated(_)) => {
            let mut response = refusal(StatusCode::UNAUTHORIZED, error, media, &id);
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return response;
        }
        Err(error) => return refusal(status_of(&error), error, media, &id),
    };
    let parsed = match parts.method {
        Method::GET => Parsed::from_query(query.as_deref().unwrap_or_default()),
        Method::POST if !is_json(&parts.headers) => {
            let error = Error::invalid(
                "contentType",
                "Send the body as 'Content-Type: application/json'.".to_owned(),
            );
            return refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, error, media, &id);
        }
        Method::POST => read_body(body).await.and_then(|body| Parsed::from_body(&body)),
        _ => {
            let error = Error::invalid("method", "Use POST, or GET for a query.".to_owned());
            let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, error, media, &id);
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
            return refusal(StatusCode::BAD_REQUEST, error, media, &id);
        }
        Err(error) => return refusal(status_of(&error), error, media, &id),
    };
    let execution = execute(&app, actor, &id, parsed, parts.method == Method::GET).await;
    if execution.mutation_by_get {
        let error = Error::invalid("method", "A mutation must be sent by POST.".to_owned());
        let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, error, media, &id);
        response
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    let status = match media {
        Media::GraphqlResponse if execution.is_request_error() => StatusCode::BAD_REQUEST,
        Media::GraphqlResponse | Media::Json => StatusCode::OK,
    };
    execution.into_response(status, media.content_type())
}

/// The answer to a document, and what the log wants to know of it.
pub struct Execution {
    answer: Answer,
    facts: Facts,
    mutation_by_get: bool,
}

impl Execution {
    /// Whether nothing ran: the document itself was refused.
    pub fn is_request_error(&self) -> bool {
        self.answer.data == Value::Null && self.answer.errors.iter().any(|error| error.path.is_empty())
    }

    /// Whether there is no data in the answer.
    pub fn has_no_data(&self) -> bool {
        self.answer.data == Value::Null
    }

    pub fn into_response(self, status: StatusCode, content_type: HeaderValue) -> Response {
        respond(status, &self.answer, self.is_request_error(), content_type, self.facts)
    }
}

/// Runs a document for a caller, under every limit.
pub async fn execute(app: &App, actor: Actor, id: &RequestId, parsed: Parsed, by_get: bool) -> Execution {
    let caller = actor.caller();
    let mut facts = Facts {
        operation: None,
        actor: caller.map(|caller| caller.user_id.to_string()),
        organization: caller.map(|caller| caller.organization_id.to_string()),
        code: None,
    };
    let query = parsed.query.unwrap_or_default();
    let mut mutation_by_get = false;
    let prepared = documents::parse(&query)
        .map_err(|refused| *refused)
        .and_then(|document| {
            let (kind, name) = operation(&document, parsed.operation_name.as_deref())?;
            facts.operation = Some(name);
            mutation_by_get = by_get && kind == OperationType::Mutation;
            Ok(document)
        });
    let mut answer = match prepared {
        Err(answer) => answer,
        Ok(_) if mutation_by_get => Answer::default(),
        Ok(document) => {
            let mut request =
                Request::new(query).data(OpContext::new(Arc::clone(&app.services), actor, Arc::clone(&id.0)));
            if let Some(name) = parsed.operation_name {
                request = request.operation_name(name);
            }
            if let Some(variables) = parsed.variables {
                let variables = variables
                    .into_iter()
                    .map(|(name, value)| (Name::new(name), from_json(value)));
                request = request.variables(Variables::from_value(Value::Object(variables.collect())));
            }
            request.set_parsed_query(ExecutableDocument::clone(&document));
            match tokio::time::timeout(TIME_MAX, app.schema.execute(request)).await {
                Ok(answer) => answer,
                Err(_) => response_of(Error::Unavailable {
                    retry_after_seconds: 1,
                    source: None,
                }),
            }
        }
    };
    finish(&mut answer, &id.0);
    facts.code = answer.errors.first().and_then(code_of);
    Execution {
        answer,
        facts,
        mutation_by_get,
    }
}

fn code_of(error: &ServerError) -> Option<ErrorCode> {
    error.source::<Error>().map(Error::code).or(Some(ErrorCode::Invalid))
}

/// The kind and the name, for the log, of the operation that would run.
fn operation(document: &ExecutableDocument, wanted: Option<&str>) -> Result<(OperationType, String), Answer> {
    let unknown = |message: &str| Err(response_of(Error::invalid("operationName", message.to_owned())));
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
    let kind = operation.node.ty;
    let name = match name {
        Some(name) => format!("{kind} {name}"),
        None => format!("{kind}"),
    };
    Ok((kind, crate::error::shown(&name)))
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
fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::LimitExceeded(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        Error::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        Error::Forbidden(_)
        | Error::NotFound(_)
        | Error::Invalid { .. }
        | Error::Conflict(_)
        | Error::SeatLimitReached(_)
        | Error::PasswordChangeRequired(_) => StatusCode::BAD_REQUEST,
    }
}

fn refusal(status: StatusCode, error: Error, media: Media, id: &RequestId) -> Response {
    let facts = Facts {
        code: Some(error.code()),
        ..Facts::default()
    };
    let mut answer = response_of(error);
    finish(&mut answer, &id.0);
    respond(status, &answer, true, media.content_type(), facts)
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
