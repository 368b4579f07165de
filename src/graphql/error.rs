//! Converts errors to entries of `errors`.
//!
//! A resolver's `?` turns an [`Error`] into a [`Failure`], and there is no other conversion, so a database's message
//! cannot get into a response. Errors of the GraphQL library itself get their code in [`finish`].

use async_graphql::{ContextBase, ErrorExtensionValues, PathSegment, Response, ServerError};

use super::document::{Fault, Operation, argument_path};
use crate::model::error::{ConflictReason, Error, ErrorCode, told};

/// The result of a resolver.
pub type Result<T> = std::result::Result<T, Failure>;

/// An [`Error`] on its way to the response. It does not implement `Display`, so that only this conversion applies.
#[derive(Debug)]
pub struct Failure {
    error: Error,
    /// Its path in the response. Empty if the library knows it.
    path: Vec<PathSegment>,
}

impl Failure {
    /// An error of a field inside a list. The library cuts the path of such an error at the outermost list that it
    /// passes through, so the error carries its path from here.
    pub fn at<T>(ctx: &ContextBase<'_, T>, error: Error) -> Self {
        let place = ctx.set_error_path(ServerError::new("", None));
        Self {
            error,
            path: place.path,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            path: Vec::new(),
        }
    }
}

impl From<Failure> for async_graphql::Error {
    fn from(failure: Failure) -> Self {
        let mut out = Self::new(failure.error.to_string());
        out.extensions = Some(extensions(&failure.error));
        // The cause is kept for the log, and never becomes part of the response.
        out.source = Some(std::sync::Arc::new(failure));
        out
    }
}

/// A verb's error that caused an error of the response.
fn cause(error: &ServerError) -> Option<&Error> {
    error.source::<Failure>().map(|failure| &failure.error)
}

fn extensions(error: &Error) -> ErrorExtensionValues {
    let mut values = coded(error.code());
    match error {
        Error::Invalid { field, .. } => values.set("field", field.as_str()),
        Error::Ambiguous { field, .. } => {
            values.set("field", *field);
            values.set("reason", ConflictReason::Ambiguous.into_str());
        }
        Error::Conflict(conflict) => {
            values.set("reason", conflict.reason.into_str());
            if let ConflictReason::Version { current } = conflict.reason {
                values.set("currentVersion", current);
            }
            if let Some(id) = &conflict.id {
                values.set("id", id.as_str());
            }
        }
        Error::Forbidden(denied) if !denied.permissions.is_empty() => {
            values.set("permissions", denied.permissions.clone());
        }
        _ => {}
    }
    if let Some(seconds) = error.retry_after_seconds() {
        values.set("retryAfterSeconds", seconds);
    }
    values
}

fn coded(code: ErrorCode) -> ErrorExtensionValues {
    let mut values = ErrorExtensionValues::default();
    values.set("code", code.into_str());
    values
}

/// The maximum number of errors in a response, because more of them do not help anybody. The last one then counts the
/// others.
pub const ERRORS_MAX: usize = 8;

/// Gives every error its code and path, adds the request id to those that are our fault, logs their causes, and limits
/// their number.
pub fn finish(response: &mut Response, operation: Option<&Operation>, request_id: &str) {
    let left_out = match response.errors.len() {
        0..=ERRORS_MAX => 0,
        many => many - (ERRORS_MAX - 1),
    };
    if left_out > 0 {
        let message = format!("{left_out} more errors are not shown; the limit is {ERRORS_MAX}.");
        response.errors.truncate(ERRORS_MAX - 1);
        response
            .errors
            .extend(response_of(Error::LimitExceeded(message)).errors);
    }
    for error in &mut response.errors {
        complete(error, operation, request_id);
    }
}

fn complete(error: &mut ServerError, operation: Option<&Operation>, request_id: &str) {
    if let Some(failure) = error.source::<Failure>()
        && !failure.path.is_empty()
    {
        error.path = failure.path.clone();
    }
    match cause(error) {
        Some(cause @ (Error::Internal(_) | Error::Unavailable { .. })) => {
            tracing::error!(request_id, error = %told(cause), "a request failed");
        }
        Some(Error::Invalid { field, .. }) => {
            if let Some((parent, at)) = operation.and_then(|operation| operation.field_at(&error.path)) {
                let field = argument_path(parent, at, field);
                error.extensions.get_or_insert_default().set("field", field);
            }
        }
        Some(_) => {}
        // It comes from the library's own checks, not from a verb.
        None if error.extensions.is_none() => {
            let code = code_of(error);
            error.message = sentence(&error.message);
            error.extensions = Some(coded(code));
        }
        None => {}
    }
    if let Some(extensions) = &mut error.extensions
        && extensions.get("code") == Some(&ErrorCode::Internal.into_str().into())
    {
        extensions.set("requestId", request_id);
    }
}

/// The code of an error, from a verb or from the library.
pub fn code_of(error: &ServerError) -> ErrorCode {
    if let Some(ours) = cause(error) {
        return ours.code();
    }
    if let Some(code) = error.source::<ErrorCode>() {
        return *code;
    }
    // The library's limits get another code than malformed documents.
    let limits = ["recursion depth", "recursion limit", "number of directives"];
    if limits.iter().any(|limit| error.message.contains(limit)) {
        ErrorCode::LimitExceeded
    } else {
        ErrorCode::Invalid
    }
}

/// One sentence on one line, since the library's messages quote the document, which may be long.
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

/// Puts each error's code before its message, for clients that show nothing else.
pub fn with_codes(response: &mut Response) {
    for error in &mut response.errors {
        error.message = format!("[{}] {}", code_of(error), error.message);
    }
}

/// A whole response with a single refusal, before anything ran.
pub fn response_of(error: Error) -> Response {
    let mut error = async_graphql::Error::from(Failure::from(error)).into_server_error(async_graphql::Pos::default());
    // It has no position in the document, and line 0 is not a valid one.
    error.locations.clear();
    Response::from_errors(vec![error])
}

/// A whole response with the faults of a document, before anything ran.
pub fn refused(faults: Vec<Fault>) -> Response {
    let errors = faults.into_iter().map(|fault| {
        let mut extensions = coded(fault.code);
        if let Some(field) = fault.field {
            extensions.set("field", field);
        }
        let mut error = ServerError::new(fault.message, None);
        error.locations = fault.at;
        error.extensions = Some(extensions);
        error.source = Some(std::sync::Arc::new(fault.code));
        error
    });
    Response::from_errors(errors.collect())
}
