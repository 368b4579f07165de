//! Which operations a client may send again, to run once.

use async_graphql::parser::types::{OperationDefinition, Selection};

use super::limits::SENSITIVE;
use crate::model::error::{Error, Result};

/// Sensitive mutations that keep no secret and check none.
const WITHOUT_SECRET: [&str; 1] = ["createUsers"];
/// The mutation with an answer for each of many.
const MANY: &str = "createUsers";
/// The longest answers that are kept, in bytes.
const KEPT_MAX: usize = 16 * 1024;
const KEPT_OF_MANY_MAX: usize = 128 * 1024;
/// Mutations that do not act for the caller of the request: everybody may send them.
const FOR_ANYBODY: [&str; 6] = [
    "acceptInvitation",
    "completePasswordReset",
    "refreshSession",
    "requestPasswordReset",
    "signIn",
    "verifyEmail",
];

/// How the answer of a mutation that runs once is kept.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// It has to do with a secret, so it is not kept.
    pub is_secret: bool,
    /// A longer one is not, in bytes.
    pub max: usize,
}

/// Refuses an operation that cannot run once: with several mutations, or one that does not act for the caller.
pub fn check_once(operation: &OperationDefinition) -> Result<Kept> {
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
        [field] => Ok(Kept {
            is_secret: SENSITIVE.contains(field) && !WITHOUT_SECRET.contains(field),
            max: match *field == MANY {
                true => KEPT_OF_MANY_MAX,
                false => KEPT_MAX,
            },
        }),
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
