//! From an error to what stands in `errors`.
//!
//! A resolver's `?` turns an [`Error`] into a [`Failure`] and nothing else into one: there is no way for a database's own
//! text into an answer. Errors that the GraphQL library makes itself get their code in [`finish`].

use async_graphql::{ErrorExtensionValues, Response, ServerError};

use crate::error::{Error, ErrorCode};

/// The result of a resolver.
pub type Result<T> = std::result::Result<T, Failure>;

/// An [`Error`] on its way out. It has no `Display`, so that only this conversion applies.
#[derive(Debug)]
pub struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<Failure> for async_graphql::Error {
    fn from(failure: Failure) -> Self {
        let error = failure.0;
        let mut out = Self::new(message(&error));
        out.extensions = Some(extensions(&error));
        // The cause goes along for the log line and never into the answer.
        out.source = Some(std::sync::Arc::new(error));
        out
    }
}

fn message(error: &Error) -> String {
    format!("[{}] {error}", error.code())
}

fn extensions(error: &Error) -> ErrorExtensionValues {
    let mut values = coded(error.code());
    if let Error::Invalid { field, .. } = error {
        values.set("field", field.as_str());
    }
    if let Some(seconds) = error.retry_after_seconds() {
        values.set("retryAfterSeconds", seconds);
    }
    values
}

fn coded(code: ErrorCode) -> ErrorExtensionValues {
    let mut values = ErrorExtensionValues::default();
    values.set("code", code.as_str());
    values
}

/// At most this many errors in an answer; more of them tell nobody anything.
const ERRORS_MAX: usize = 8;

/// Gives every error its code, names the request in those that are our fault, logs their causes, and bounds their number.
pub fn finish(response: &mut Response, request_id: &str) {
    response.errors.truncate(ERRORS_MAX);
    for error in &mut response.errors {
        complete(error, request_id);
    }
}

fn complete(error: &mut ServerError, request_id: &str) {
    let ours = error.source::<Error>();
    match ours {
        Some(cause @ (Error::Internal(_) | Error::Unavailable { .. })) => {
            tracing::error!(request_id, error = %chain(cause), "a request failed");
        }
        Some(_) => {}
        // Not from a verb, so from the library's own checks: the document or a value in it.
        None if error.extensions.is_none() => {
            let code = code_of(error);
            error.message = format!("[{code}] {}", sentence(&error.message));
            error.extensions = Some(coded(code));
        }
        None => {}
    }
    if let Some(extensions) = &mut error.extensions
        && extensions.get("code") == Some(&ErrorCode::Internal.as_str().into())
    {
        extensions.set("requestId", request_id);
    }
}

/// The code of an error, whoever made it.
pub fn code_of(error: &ServerError) -> ErrorCode {
    if let Some(ours) = error.source::<Error>() {
        return ours.code();
    }
    // The library's limits are refusals of another kind than a malformed document.
    let limits = ["recursion depth", "recursion limit", "number of directives"];
    if limits.iter().any(|limit| error.message.contains(limit)) {
        ErrorCode::LimitExceeded
    } else {
        ErrorCode::Invalid
    }
}

/// One sentence on one line. The library's texts quote the document, which may be long.
fn sentence(text: &str) -> String {
    const CHARACTERS_MAX: usize = 300;
    let words: Vec<&str> = text.split_whitespace().collect();
    let whole = words.join(" ");
    let mut text: String = whole.chars().take(CHARACTERS_MAX).collect();
    if text.len() < whole.len() {
        text.push('…');
    }
    let mut characters = text.chars();
    if let Some(first) = characters.next() {
        text = first.to_uppercase().chain(characters).collect();
    }
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

/// What the parser found wrong, without the picture of the place that it draws, which may hold a secret of the document.
pub fn syntax_error(error: async_graphql::parser::Error) -> ServerError {
    let mut error = ServerError::from(error);
    if let Some((_, expected)) = error.message.rsplit_once("= ") {
        let place = error.locations.first();
        let place = place.map(|at| format!(" in line {}, column {}", at.line, at.column));
        error.message = format!("Syntax error{}: {expected}", place.unwrap_or_default());
    }
    error
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        // Some causes repeat their own causes.
        if !text.ends_with(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

/// A whole answer that is one refusal, made before anything ran.
pub fn response_of(error: Error) -> Response {
    let mut error = async_graphql::Error::from(Failure(error)).into_server_error(async_graphql::Pos::default());
    // It stands nowhere in the document; line 0 is no place.
    error.locations.clear();
    Response::from_errors(vec![error])
}
