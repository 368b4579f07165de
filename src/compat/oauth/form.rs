//! The body of a request.

use axum::body::Body;
use axum::http::{HeaderMap, header};

use crate::model::error::{Error, Result};
use crate::request::read_body;

const BYTES_MAX: usize = 64 * 1024;
const TYPE: &str = "application/x-www-form-urlencoded";

/// A form, and nothing else.
pub struct Form(Vec<(String, String)>);

impl Form {
    pub async fn read(headers: &HeaderMap, body: Body) -> Result<Self> {
        let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = given.and_then(|value| value.split(';').next()).unwrap_or_default();
        if !essence.trim().eq_ignore_ascii_case(TYPE) {
            return Err(Error::invalid(
                "contentType",
                format!("Send a form: 'Content-Type: {TYPE}'."),
            ));
        }
        let body = read_body(body).await?;
        if body.len() > BYTES_MAX {
            return Err(Error::LimitExceeded(format!(
                "The body is too large; the limit is {BYTES_MAX} bytes."
            )));
        }
        Ok(Self(form_urlencoded::parse(&body).into_owned().collect()))
    }

    /// A parameter; an empty one counts as not given.
    pub fn value(&self, name: &str) -> Result<Option<&str>> {
        let mut values = self.0.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        match values.next() {
            Some(_) => Err(Error::invalid(name, format!("The parameter '{name}' is repeated."))),
            None => Ok(value.filter(|value| !value.is_empty())),
        }
    }

    pub fn required(&self, name: &str) -> Result<&str> {
        self.value(name)?
            .ok_or_else(|| Error::invalid(name, format!("The parameter '{name}' is missing.")))
    }
}
