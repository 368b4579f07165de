//! Why a record that is there already is refused.

use crate::model::error::{ConflictReason, Error};

/// It is there, and not as the record says.
pub(super) fn differs(what: &str, fields: &[&'static str]) -> Error {
    Error::conflict(
        ConflictReason::Taken,
        format!(
            "This {what} exists already and differs in {}. To change it, use --on-conflict update; to leave it, use \
             --on-conflict skip.",
            fields.join(", ")
        ),
    )
}

/// It belongs to another organization than the record says. An import moves nothing.
pub(super) fn elsewhere(what: &str) -> Error {
    Error::conflict(
        ConflictReason::Taken,
        format!("A {what} with this id exists already, in another organization."),
    )
}
