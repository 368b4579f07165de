//! What only people have and do, and what only services may be given.

use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::model::error::{Error, Result};
use crate::store::entity::user as table;

/// Refuses a service where a password, or a link for one, is meant. `field` is the input that names it.
pub fn require_person(field: &str, row: &table::Model) -> Result<()> {
    match row.service {
        true => Err(Error::invalid(
            field,
            format!(
                "The user '{}' is a service. Services have no password and no link to set one; they use API keys.",
                row.id
            ),
        )),
        false => Ok(()),
    }
}

/// Whether a user takes a seat: as `present`, unless the caller wants it otherwise. Only who may change the organization
/// decides that, and only for services.
pub(super) fn takes_seat(
    op: &OpContext,
    organization_pk: i64,
    service: bool,
    wanted: Option<bool>,
    present: bool,
) -> Result<bool> {
    let Some(wanted) = wanted.filter(|wanted| *wanted != present) else {
        return Ok(present);
    };
    let granted = op.authorize(Action::Modify, Resource::Organization)?;
    if !granted.covers(organization_pk, None) {
        return Err(Error::forbidden(
            "You can decide only for your own organization who takes a seat.".to_owned(),
        ));
    }
    match service {
        true => Ok(wanted),
        false => Err(Error::invalid(
            "takesSeat",
            "A person always takes a seat. Only services can be without one.".to_owned(),
        )),
    }
}
