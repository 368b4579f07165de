//! Bodies, as JSON.

use serde_json::{Map, Value};

use super::documents::BODY_BYTES_MAX;
use super::error::invalid;
use super::fault::ScimType;
use super::names::Kind;
use super::values::object;
use crate::compat::face::Call;
use crate::context::OpContext;
use crate::context::room::Room;
use crate::model::error::{Error, Result};
use crate::model::{StrictFault, strict_json};

/// A group is sent with its members.
const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most bytes of the body of a resource.
pub const fn bytes_max(kind: Kind) -> usize {
    match kind {
        Kind::User => BODY_BYTES_MAX,
        Kind::Group => GROUP_BYTES_MAX,
    }
}

/// The caller, with memory for the body and for an answer that is not sent while it is read.
pub async fn with_room(call: &Call) -> Result<OpContext> {
    let room = Room::for_body(call.op.db().answers(), &call.body).await?;
    Ok(call.op.clone().within(room))
}

/// A body that is one JSON object.
pub fn read(body: &[u8]) -> Result<Value> {
    let value = strict_json(body).map_err(|fault| match fault {
        StrictFault::TooManyValues(_) => Error::LimitExceeded(fault.to_string()),
        StrictFault::Malformed | StrictFault::TooDeep | StrictFault::Repeated(_) => {
            invalid(ScimType::InvalidSyntax, fault.to_string())
        }
    })?;
    object(&value)?;
    Ok(value)
}

/// The members of a body that is a message.
pub fn members(message: &Value) -> Result<&Map<String, Value>> {
    Ok(object(message)?)
}
