//! The header `Idempotency-Key`: a mutation that its client may send again runs once.

use async_graphql::Response as Answer;
use async_graphql::parser::types::ExecutableDocument;
use axum::http::HeaderMap;
use serde_json::{Map, Value};

use crate::context::{Once, OpContext, Sent};
use crate::graphql::document::{IDEMPOTENCY_KEY, check_once};
use crate::graphql::{Written, text};
use crate::model::error::{Error, Result};

/// The header.
pub const HEADER: &str = "idempotency-key";
/// The length of a key.
const CHARACTERS_MAX: usize = 255;

/// The key that a request gives, if any: 1 to 255 printable ASCII characters.
pub fn key(headers: &HeaderMap) -> Result<Option<String>> {
    let mut given = headers.get_all(HEADER).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let is_only = given.next().is_none();
    let key = value
        .to_str()
        .ok()
        .filter(|key| is_only && (1..=CHARACTERS_MAX).contains(&key.len()));
    match key {
        Some(key) => Ok(Some(key.to_owned())),
        None => Err(Error::invalid(
            IDEMPOTENCY_KEY,
            format!(
                "The header 'Idempotency-Key' must be one text of 1 to {CHARACTERS_MAX} printable ASCII characters."
            ),
        )),
    }
}

/// What a client asks for, as far as it tells one request from another.
#[derive(Clone, Debug)]
pub struct Asked {
    pub key: String,
    document: String,
    operation_name: String,
    variables: String,
}

impl Asked {
    pub fn new(
        key: String,
        document: &str,
        operation_name: Option<&str>,
        variables: &Map<String, Value>,
    ) -> Result<Self> {
        Ok(Self {
            key,
            document: document.to_owned(),
            operation_name: operation_name.unwrap_or_default().to_owned(),
            variables: ordered(variables)?,
        })
    }
}

/// The variables as JSON. A client that sends a request again may order the members of objects in another way.
fn ordered(variables: &Map<String, Value>) -> Result<String> {
    let mut variables = Value::Object(variables.clone());
    variables.sort_all_objects();
    serde_json::to_string(&variables).map_err(Error::internal)
}

/// How a mutation with a key continues.
pub enum Turn {
    /// It runs, in this context.
    Run(OpContext),
    /// It has run before, and was answered with this.
    Repeated(Answer),
}

/// Looks up whether a mutation has run before. `INVALID` without a credential, or for a document with several mutations;
/// `CONFLICT` if its answer is not repeated.
pub async fn turn(op: OpContext, asked: &Asked, prepared: &ExecutableDocument) -> Result<Turn> {
    let Some(caller) = op.actor().caller() else {
        return Err(Error::invalid(
            IDEMPOTENCY_KEY,
            "'Idempotency-Key' needs a credential. Send the request without it.",
        ));
    };
    let (mut is_secret, mut kept_max) = (false, usize::MAX);
    for (_, operation) in prepared.operations.iter() {
        let kept = check_once(&operation.node)?;
        is_secret |= kept.is_secret;
        kept_max = kept_max.min(kept.max);
    }
    let secret = op.signing().secret()?;
    let sent = Sent {
        key: &asked.key,
        request: [&asked.document, &asked.operation_name, &asked.variables],
        is_secret,
        kept_max,
    };
    let once = Once::new(secret, caller, sent);
    Ok(match once.earlier(op.db(), secret, op.now()).await? {
        Some(known) => Turn::Repeated(Answer::new(text(known))),
        None => Turn::Run(op.running_once(once)),
    })
}

/// The answer to give: that of before, if another request with the key was faster. Otherwise this one, which is kept; but
/// not that of a refusal, which has changed nothing.
pub async fn settled(op: &OpContext, answer: Answer) -> Answer {
    let Some(once) = op.once() else { return answer };
    if let Some(known) = once.known() {
        return Answer::new(text(known));
    }
    let succeeded = answer.errors.is_empty();
    if !succeeded && !once.is_written() {
        return answer;
    }
    let kept = async {
        // What was changed and yet has an error is not repeated: the error may be gone.
        let json = succeeded.then(|| Written::json(&answer.data)).transpose()?;
        once.keep(op.db(), op.signing().secret()?, json.as_deref(), op.now())
            .await
    };
    if let Err(error) = kept.await {
        // What was changed is changed all the same, and a repeated request does not run. If nothing was, it runs again.
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the answer to a request with an Idempotency-Key cannot be kept"
        );
    }
    answer
}
