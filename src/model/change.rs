//! What an update does to a field that may be empty.

use crate::model::error::{Error, Result};

/// Puts together what is given for a field (`Some(None)` for a value that clears it, as the empty text does) and whether it
/// is among those to clear. `None` leaves it as it is. `INVALID` for a field that is both: one of the two is a mistake.
pub fn cleared<T>(field: &str, given: Option<Option<T>>, clear: bool) -> Result<Option<Option<T>>> {
    match (given, clear) {
        (Some(_), true) => Err(Error::invalid(
            "clear",
            format!("'{field}' is both set in 'data' and listed in 'clear'. Use only one of them."),
        )),
        (None, true) => Ok(Some(None)),
        (given, false) => Ok(given),
    }
}
