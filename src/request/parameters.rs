//! The parameters of a GraphQL request, from a body or an address.

use axum::body::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::context::OpContext;
use crate::context::room::Room;
use crate::graphql::PersistedQuery;
use crate::model::error::{Error, Result};
use crate::model::exact_json;

/// The parameters of a request, before its document is read.
#[derive(Debug, Default)]
pub struct Parsed {
    pub query: Option<String>,
    pub operation_name: Option<String>,
    pub variables: Map<String, Value>,
    /// Identifies the document if `query` is missing; is checked against `query` otherwise.
    pub persisted: Option<PersistedQuery>,
}

/// The parameters of a request, unparsed.
pub enum Sent {
    Body(Bytes),
    /// The part of the address after the `?`.
    Address(String),
}

impl Sent {
    /// Parses the parameters, once there is memory for them and the response.
    pub async fn parse(self, op: OpContext) -> Result<(OpContext, Parsed)> {
        let text = match &self {
            Self::Body(body) => body,
            Self::Address(query) => query.as_bytes(),
        };
        let room = Room::for_body(op.db().answers(), text).await?;
        let parsed = match self {
            Self::Body(body) => Parsed::from_body(&body)?,
            Self::Address(query) => Parsed::from_query(&query)?,
        };
        Ok((op.within(room), parsed))
    }
}

/// The parameters as they are sent: in a body as JSON, in an address as text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members<T> {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<T>,
    extensions: Option<T>,
}

impl Parsed {
    /// Whether it contains or identifies a document.
    pub fn names_a_document(&self) -> bool {
        self.query.is_some() || self.persisted.is_some()
    }

    /// A JSON body.
    pub fn from_body(body: &[u8]) -> Result<Self> {
        let not_understood = || {
            Error::invalid(
                "body",
                "The body must be a JSON object such as {\"query\": \"{ me { id } }\", \"variables\": {}}.".to_owned(),
            )
        };
        if body.trim_ascii_start().starts_with(b"[") {
            let message = "The body is a list. Batches are not taken: send each document as a request of its own.";
            return Err(Error::invalid("body", message));
        }
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(not_understood());
        }
        let members: Members<Box<RawValue>> = serde_json::from_slice(body).map_err(|_| not_understood())?;
        Self::read(
            members.query,
            members.operation_name,
            members.variables.as_deref().map(RawValue::get),
            members.extensions.as_deref().map(RawValue::get),
        )
    }

    /// The part of an address after the `?`.
    pub fn from_query(query: &str) -> Result<Self> {
        let unreadable = || Error::invalid("query", "The parameters in the address are not readable.".to_owned());
        let uri = format!("/?{query}").parse().map_err(|_| unreadable())?;
        let texts: Members<String> = axum::extract::Query::try_from_uri(&uri).map_err(|_| unreadable())?.0;
        // Forms send empty fields too.
        let given = |text: &'_ Option<String>| text.clone().filter(|text| !text.is_empty());
        Self::read(
            texts.query,
            texts.operation_name,
            given(&texts.variables).as_deref(),
            given(&texts.extensions).as_deref(),
        )
    }

    /// An empty operation name counts as none, because tools send one for a document without names.
    fn read(
        query: Option<String>,
        operation_name: Option<String>,
        variables: Option<&str>,
        extensions: Option<&str>,
    ) -> Result<Self> {
        // Other extensions that clients send are ignored.
        let persisted = PersistedQuery::read(&object("extensions", extensions)?)?;
        Ok(Self {
            query: query.filter(|text| persisted.is_none() || !text.is_empty()),
            persisted,
            operation_name: operation_name.filter(|name| !name.is_empty()),
            variables: object("variables", variables)?,
        })
    }
}

fn object(name: &str, text: Option<&str>) -> Result<Map<String, Value>> {
    let no_object = || Error::invalid(name, format!("The parameter '{name}' must be a JSON object."));
    match text.map(exact_json).transpose() {
        Ok(None | Some(Value::Null)) => Ok(Map::new()),
        Ok(Some(Value::Object(members))) => Ok(members),
        Ok(Some(_)) => Err(no_object()),
        Err(fault) => Err(fault.refusal(no_object)),
    }
}
