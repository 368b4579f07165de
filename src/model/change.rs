//! How an update changes a field.

use sea_orm::{ActiveValue, Value};

use crate::model::error::{Error, Result};

/// Combines the value given for a field (`Some(None)` for a value that clears it, such as the empty string) with
/// whether the field is listed in `clear`. `None` leaves it unchanged. A field that is both set and cleared is
/// `INVALID`, because one of the two must be a mistake.
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

/// Sets a column if a value is given that differs, and then adds the field to those that change.
pub fn set<V: Into<Value> + PartialEq>(
    fields: &mut Vec<&'static str>,
    field: &'static str,
    column: &mut ActiveValue<V>,
    given: Option<V>,
) {
    if let Some(value) = given {
        column.set_ne(value);
    }
    if column.is_set() {
        fields.push(field);
    }
}
