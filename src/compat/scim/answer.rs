//! Answers: their media type, and their form.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::Value;

use crate::compat::face;
use crate::context::OpContext;
use crate::model::error::{Error, Result};
use crate::request::held_body;

/// The media type of SCIM, without parameters: validators compare it.
pub const MEDIA: &str = "application/scim+json";
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The media type as a header.
pub fn media() -> HeaderValue {
    HeaderValue::from_static(MEDIA)
}

/// A JSON answer.
pub fn json(status: StatusCode, value: &Value) -> Response {
    face::answer(status, media(), value.to_string().into())
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Where a resource is, and which version of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    pub location: String,
    pub tag: String,
}

impl About {
    /// The answer with the headers that say so.
    pub fn on(&self, mut response: Response) -> Result<Response> {
        let headers = response.headers_mut();
        // Neither has a character that a header cannot have.
        let value = |text: &str| HeaderValue::from_str(text).map_err(Error::internal);
        headers.insert(header::LOCATION, value(&self.location)?);
        headers.insert(header::ETAG, value(&self.tag)?);
        Ok(response)
    }
}

/// A JSON text as an answer.
pub fn text(status: StatusCode, text: Bytes) -> Response {
    face::answer(status, media(), text.into())
}

/// The same for an answer that was charged: its memory is given back when it is sent.
pub fn held(op: &OpContext, status: StatusCode, text: Bytes) -> Response {
    let body = match op.room() {
        Some(room) => {
            let held = room.left(text.len());
            held_body(text, held)
        }
        None => text.into(),
    };
    face::answer(status, media(), body)
}

/// Answers with `application/json` to a client that names this and neither SCIM's own type nor a wildcard.
pub async fn negotiated(request: Request, next: Next) -> Response {
    let plain = wants_plain_json(request.headers());
    let mut response = next.run(request).await;
    if plain && response.headers().get(header::CONTENT_TYPE) == Some(&media()) {
        response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    }
    response
}

fn wants_plain_json(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(header::ACCEPT).iter();
    let ranges = accepts
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let mut plain = false;
    for range in ranges {
        let media = range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media.as_str() {
            "application/json" => plain = true,
            MEDIA | "application/*" | "*/*" => return false,
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_json_is_for_those_who_know_nothing_else() {
        for (accept, plain) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/json, text/html;q=0.5", true),
            ("application/json, */*;q=0.1", false),
            ("application/scim+json, application/json", false),
            ("application/*", false),
            ("text/html", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(wants_plain_json(&headers), plain, "{accept}");
        }
        assert!(!wants_plain_json(&HeaderMap::new()));
    }
}
