//! What the readers of other products' files have in common: values of JSON, and rows.

use serde_json::{Map, Value};

use crate::model::{Timestamp, is_id};
use crate::transfer::options::Options;
use crate::transfer::record::{Item, Notes, Record, Refusal, Row, UserRecord};
use crate::transfer::times::{TimeForm, moment};
use crate::transfer::values::{self, Trouble};

/// The row of a record that is refused.
pub fn refused(line: u64, kind: &'static str, id: Option<String>, email: Option<String>, trouble: Trouble) -> Row {
    let refusal = Refusal {
        kind,
        id,
        email,
        field: (!trouble.field.is_empty()).then_some(trouble.field),
        message: trouble.message,
    };
    Row::new(line, Item::Refused(refusal))
}

/// A row of a user, or of the refusal of one.
pub fn user_row(line: u64, read: Result<UserRecord, Trouble>, id: Option<String>, email: Option<String>) -> Row {
    match read {
        Ok(user) => Row::record(line, Record::User(Box::new(user))),
        Err(trouble) => refused(line, "user", id, email, trouble),
    }
}

/// A text or a number, without blanks at its ends; an empty text is not given.
pub fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => values::given(text).map(str::to_owned),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A name: tabs and line breaks within it become one blank.
pub fn name(value: Option<&Value>) -> Option<String> {
    text(value).map(|text| values::one_line(&text))
}

/// The texts of a list.
pub fn texts(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(|entry| text(Some(entry))).collect())
        .unwrap_or_default()
}

/// True or false, in any of the words that products write.
pub fn boolean(field: &str, value: Option<&Value>) -> Result<Option<bool>, Trouble> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(given)) => Ok(Some(*given)),
        other => text(other).map_or_else(
            || match other {
                Some(Value::String(_)) => Ok(None),
                _ => Err(Trouble::new(field, format!("'{field}' must be true or false."))),
            },
            |text| boolean_of(field, &text).map(Some),
        ),
    }
}

/// The same for a text that is not empty.
pub fn boolean_of(field: &str, text: &str) -> Result<bool, Trouble> {
    values::boolean(text).map_err(|message| Trouble::new(field, message))
}

/// A time: RFC 3339, `{"$date": …}`, a number or digits of seconds, milliseconds or microseconds, or as LDAP writes it.
pub fn time(field: &str, value: Option<&Value>) -> Result<Option<Timestamp>, Trouble> {
    match value {
        Some(Value::Object(object)) => match object.get("$date").or_else(|| object.get("$numberLong")) {
            Some(Value::Object(inner)) => time(field, inner.get("$numberLong")),
            Some(inner) => time(field, Some(inner)),
            None => Err(wrong_time(field)),
        },
        Some(Value::Bool(_) | Value::Array(_)) => Err(wrong_time(field)),
        other => text(other).map_or(Ok(None), |text| time_of(field, &text)),
    }
}

/// The same for a text.
pub fn time_of(field: &str, text: &str) -> Result<Option<Timestamp>, Trouble> {
    moment(text, &TimeForm::Any).map_err(|message| Trouble::new(field, message))
}

fn wrong_time(field: &str) -> Trouble {
    Trouble::new(
        field,
        format!("'{field}' is not a time. Write one such as 2027-01-31T12:00:00Z."),
    )
}

/// Milliseconds since 1970, as a number or digits. Zero is not given: products write it for "never".
pub fn millis(field: &str, value: Option<&Value>) -> Result<Option<Timestamp>, Trouble> {
    let Some(text) = text(value) else {
        return Ok(None);
    };
    moment(&text, &TimeForm::UnixMs)
        .map(|moment| moment.filter(|moment| moment.micros() > 0))
        .map_err(|message| Trouble::new(field, message))
}

/// The address of a user who has none of its own, but a user name that is one. A guest of Entra has a made-up one.
pub fn email_or_name(email: Option<String>, user_name: Option<&str>) -> Option<String> {
    email.or_else(|| {
        let address = values::address_of_user_name(user_name?)?;
        Some(address.as_str().to_owned())
    })
}

/// Puts a source's id where it belongs: one that cannot be an id here goes to `variables.externalId`.
pub fn place_id(user: &mut UserRecord, variables: &mut Map<String, Value>, id: Option<String>) {
    match id {
        Some(id) if is_id(&id) => user.id = Some(id),
        Some(id) => {
            variables.entry("externalId").or_insert(Value::String(id));
        }
        None => {}
    }
}

/// Adds a variable, unless it is not given.
pub fn keep(variables: &mut Map<String, Value>, key: &str, value: Option<String>) {
    if let Some(value) = value {
        variables.insert(key.to_owned(), Value::String(value));
    }
}

/// Keeps the members that have no place of their own, if they are wanted, and notes the others; `known` have one.
pub fn keep_others(
    variables: &mut Map<String, Value>,
    members: &Map<String, Value>,
    known: &[&str],
    options: &Options,
    notes: &mut Notes,
) {
    let others = members
        .iter()
        .filter(|(key, value)| !known.contains(&key.as_str()) && !value.is_null());
    for (key, value) in others {
        match options.keeps(key) {
            true => drop(variables.insert(key.clone(), value.clone())),
            false => notes.leave(key),
        }
    }
}

/// Variables as a record has them: none, if there are none.
pub fn variables_of(variables: Map<String, Value>) -> Option<Value> {
    (!variables.is_empty()).then_some(Value::Object(variables))
}
