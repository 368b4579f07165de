//! What an identity provider says about a user and tenantry keeps as it was sent: a JSON object in the names of SCIM.
//!
//! What the user itself has a field for is not part of it, so it cannot contradict the field. Of the e-mail addresses,
//! one may be the account's; see [`Entries`].

mod entries;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

pub use self::entries::Entries;
use super::strict_json::PARSED_DEPTH_MAX;
use super::{Email, JsonText, digest};
use crate::model::error::{Error, Result};

/// The list of e-mail addresses.
const EMAILS: &str = "emails";
/// The parts of a name that a user has no field for.
const NAME: &str = "name";
/// What a user has fields for, or what is derived: compared without regard to case.
const OWN: [&str; 10] = [
    "schemas",
    "id",
    "meta",
    "externalId",
    "userName",
    "displayName",
    "active",
    "password",
    "groups",
    "roles",
];
/// The same in the name.
const OWN_IN_NAME: [&str; 2] = ["givenName", "familyName"];
/// The number of hex digits of a mark.
const MARK_DIGITS: usize = 32;

/// What is stored of the profile of a user: a JSON object that is not empty, of at most 64 KiB and 100 levels, with texts,
/// truth values, lists and objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile(JsonText);

impl Profile {
    /// Parses a profile, as it is stored or as it is shown; `None` if nothing is in it. What a user has fields for is left
    /// out, and so is everything that is null or empty.
    pub fn parse(field: &str, value: &Value) -> Result<Option<Self>> {
        let Value::Object(given) = value else {
            return Err(Error::invalid(field, format!("'{field}' must be a JSON object.")));
        };
        // Before anything else is done with it: that is recursive.
        JsonText::of_depth(field, value, PARSED_DEPTH_MAX)?;
        let mut kept = Map::new();
        for (key, value) in Self::without_own(given) {
            let Some(value) = assigned(field, &value)? else {
                continue;
            };
            match key.eq_ignore_ascii_case(EMAILS) {
                true => put_entries(&mut kept, &Entries::parse(field, &value)?),
                false => {
                    kept.insert(key, value);
                }
            }
        }
        if kept.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self(JsonText::of_depth(
            field,
            &Value::Object(kept),
            PARSED_DEPTH_MAX,
        )?)))
    }

    /// What is given without that for which a user has fields, or which is derived.
    pub fn without_own(given: &Map<String, Value>) -> Map<String, Value> {
        let but = |own: &[&str], given: &Map<String, Value>| -> Map<String, Value> {
            let others = given.iter().filter(|(key, _)| !is_one_of(own, key));
            others.map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        let mut kept = but(&OWN, given);
        for (_, value) in kept.iter_mut().filter(|(key, _)| key.eq_ignore_ascii_case(NAME)) {
            if let Value::Object(parts) = value {
                *value = Value::Object(but(&OWN_IN_NAME, parts));
            }
        }
        kept.retain(|key, value| {
            !key.eq_ignore_ascii_case(NAME) || value.as_object().is_none_or(|parts| !parts.is_empty())
        });
        kept
    }

    /// The text to store.
    pub fn text(&self) -> &JsonText {
        &self.0
    }

    /// The text to store.
    pub fn into_text(self) -> JsonText {
        self.0
    }

    /// Whether it says the same as a stored one, whatever the order of its members.
    pub fn is(&self, stored: Option<&JsonText>) -> bool {
        stored.is_some_and(|stored| *stored == self.0 || read(Some(stored)) == read(Some(&self.0)))
    }

    /// A stored profile as callers see it, of a user who has this address.
    pub fn shown(stored: Option<&JsonText>, email: Option<&Email>) -> Map<String, Value> {
        let mut shown = read(stored);
        let entries = Entries::read(&shown).shown(email);
        match entries.is_empty() {
            // The order of the others stays.
            true => shown.shift_remove(EMAILS),
            false => shown.insert(EMAILS.to_owned(), Value::Array(entries)),
        };
        shown
    }

    /// The marks by which users with these addresses are found, each with a space before it: of those beside the account's.
    pub fn marks(stored: Option<&JsonText>) -> String {
        let mut marks = String::new();
        if stored.is_some() {
            for key in Entries::read(&read(stored)).other_keys() {
                marks.push(' ');
                marks.push_str(&Self::mark(&key));
            }
        }
        marks
    }

    /// The mark of an address, given as it is compared. No word of a search begins like it.
    pub fn mark(key: &str) -> String {
        let digits = digest(key);
        format!("={}", digits.get(..MARK_DIGITS).unwrap_or(&digits))
    }
}

/// Writes the list of addresses into a profile.
fn put_entries(profile: &mut Map<String, Value>, entries: &Entries) {
    let stored = entries.stored();
    if !stored.is_empty() {
        profile.insert(EMAILS.to_owned(), Value::Array(stored));
    }
}

/// A stored profile; empty without one.
fn read(stored: Option<&JsonText>) -> Map<String, Value> {
    match stored.map(|text| super::exact_json(text.as_str())) {
        Some(Ok(Value::Object(members))) => members,
        Some(_) | None => Map::new(),
    }
}

fn is_one_of(names: &[&str], key: &str) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(key))
}

/// A value without what is null or empty; `None` if nothing is left. Numbers are refused: no attribute has one, and a
/// database cannot read every number that JSON can write.
fn assigned(field: &str, value: &Value) -> Result<Option<Value>> {
    Ok(match value {
        Value::Null => None,
        Value::Bool(_) => Some(value.clone()),
        Value::Number(_) => {
            return Err(Error::invalid(
                field,
                format!("'{field}' must not contain numbers. Write them as texts."),
            ));
        }
        Value::String(text) => (!text.is_empty()).then(|| value.clone()),
        Value::Array(items) => {
            let mut left = Vec::with_capacity(items.len());
            for item in items {
                left.extend(assigned(field, item)?);
            }
            (!left.is_empty()).then_some(Value::Array(left))
        }
        Value::Object(members) => {
            let mut left = Map::new();
            for (key, value) in members {
                if let Some(value) = assigned(field, value)? {
                    left.insert(key.clone(), value);
                }
            }
            (!left.is_empty()).then_some(Value::Object(left))
        }
    })
}
