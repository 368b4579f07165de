//! Which operations a client may send again, to run once.

use async_graphql::parser::types::{OperationDefinition, Selection};

use super::limits::SENSITIVE;
use crate::model::error::{Error, Result};

/// Sensitive mutations that keep no secret and check none.
const WITHOUT_SECRET: [&str; 1] = ["createUsers"];
/// Mutations that do not act for the caller of the request: everybody may send them.
const FOR_ANYBODY: [&str; 6] = [
    "acceptInvitation",
    "completePasswordReset",
    "refreshSession",
    "requestPasswordReset",
    "signIn",
    "verifyEmail",
];

/// Refuses an operation that cannot run once: with several mutations, or one that does not act for the caller. Returns
/// whether it has to do with a secret, so that its answer is not kept.
pub fn check_once(operation: &OperationDefinition) -> Result<bool> {
    let fields = operation
        .selection_set
        .node
        .items
        .iter()
        .filter_map(|selection| match &selection.node {
            Selection::Field(field) => Some(field.node.name.node.as_str()),
            Selection::FragmentSpread(_) | Selection::InlineFragment(_) => None,
        });
    let fields: Vec<&str> = fields.filter(|name| *name != "__typename").collect();
    match fields.as_slice() {
        [field] if FOR_ANYBODY.contains(field) => Err(Error::invalid(
            IDEMPOTENCY_KEY,
            format!("'{field}' does not act for the caller. Send it without 'Idempotency-Key'."),
        )),
        [field] => Ok(SENSITIVE.contains(field) && !WITHOUT_SECRET.contains(field)),
        many => Err(Error::invalid(
            IDEMPOTENCY_KEY,
            format!(
                "The document contains {} mutations. With 'Idempotency-Key', send one in each request.",
                many.len()
            ),
        )),
    }
}

/// What an error calls the header.
pub const IDEMPOTENCY_KEY: &str = "idempotencyKey";
