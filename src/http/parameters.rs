//! A GraphQL request's parameters: in a body, or in the address.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::{Error, Result};
use crate::graphql::JsonVariables;

/// A request's parameters, before its document is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parsed {
    pub query: Option<String>,
    pub operation_name: Option<String>,
    pub variables: Option<JsonVariables>,
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

    /// The part of an address behind its `?`.
    pub fn from_query(query: &str) -> Result<Self> {
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
