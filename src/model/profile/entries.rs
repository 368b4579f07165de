//! The e-mail addresses in a profile.

use serde_json::{Map, Value};

use super::EMAILS;
use crate::model::error::{Error, Result};
use crate::model::{Email, user_name_key};

/// Marks the entry that is the account's address. It is never shown.
const ACCOUNT: &str = "account";
/// The address as it is compared. It is never shown.
const KEY: &str = "key";
const VALUE: &str = "value";
const TYPE: &str = "type";
const PRIMARY: &str = "primary";
/// The type of an account's address that nobody sent.
const WORK: &str = "work";

/// The e-mail addresses of a user as they were sent, and which of them is the account's.
///
/// The account's own address is a field of the user and may be changed there. So its entry shows the text that was sent as
/// long as it is the same address, and otherwise the present one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entries {
    sent: Vec<Map<String, Value>>,
    account: Option<usize>,
}

impl Entries {
    /// Entries as they were sent, of which this one, by its place, is the account's. Those without a `value` are left out.
    pub fn new(sent: Vec<Map<String, Value>>, account: Option<usize>) -> Self {
        let mut entries = Self::default();
        for (place, mut entry) in sent.into_iter().enumerate() {
            entry.shift_remove(ACCOUNT);
            entry.shift_remove(KEY);
            if value(&entry).is_none() {
                continue;
            }
            if account == Some(place) {
                entries.account = Some(entries.sent.len());
            }
            entries.sent.push(entry);
        }
        entries
    }

    /// A list as it is stored or shown.
    pub(super) fn parse(field: &str, list: &Value) -> Result<Self> {
        let refused = || Error::invalid(field, format!("'{field}.{EMAILS}' must be a list of objects."));
        let Value::Array(items) = list else {
            return Err(refused());
        };
        let entries = items.iter().map(|item| item.as_object().cloned().ok_or_else(refused));
        Ok(Self::marked(entries.collect::<Result<_>>()?))
    }

    /// Those of a stored profile.
    pub fn read(profile: &Map<String, Value>) -> Self {
        let items = profile.get(EMAILS).and_then(Value::as_array).into_iter().flatten();
        Self::marked(items.filter_map(Value::as_object).cloned().collect())
    }

    fn marked(entries: Vec<Map<String, Value>>) -> Self {
        let account = entries
            .iter()
            .position(|entry| entry.get(ACCOUNT) == Some(&Value::Bool(true)));
        Self::new(entries, account)
    }

    /// The entries as they were sent.
    pub fn sent(&self) -> &[Map<String, Value>] {
        &self.sent
    }

    /// The place of the account's entry.
    pub fn account(&self) -> Option<usize> {
        self.account
    }

    /// The list to store.
    pub fn stored(&self) -> Vec<Value> {
        let stored = |(place, entry): (usize, &Map<String, Value>)| {
            let mut entry = entry.clone();
            if let Some(key) = key(&entry) {
                entry.insert(KEY.to_owned(), Value::String(key));
            }
            if self.account == Some(place) {
                entry.insert(ACCOUNT.to_owned(), Value::Bool(true));
            }
            Value::Object(entry)
        };
        self.sent.iter().enumerate().map(stored).collect()
    }

    /// Whether the account's entry has this address as it was sent, or no entry is the account's.
    pub fn is_of(&self, email: Option<&Email>) -> bool {
        let Some(entry) = self.account.and_then(|place| self.sent.get(place)) else {
            return true;
        };
        key(entry).as_deref() == email.map(Email::as_str)
    }

    /// The list as callers see it, of a user who has this address.
    pub fn shown(&self, email: Option<&Email>) -> Vec<Value> {
        let mut shown = Vec::with_capacity(self.sent.len() + 1);
        for (place, entry) in self.sent.iter().enumerate() {
            let mut entry = entry.clone();
            if self.account == Some(place) {
                let Some(email) = email else { continue };
                if key(&entry).as_deref() != Some(email.as_str()) {
                    entry.insert(VALUE.to_owned(), Value::String(email.to_string()));
                }
            }
            shown.push(Value::Object(entry));
        }
        if let (Some(email), None) = (email, self.account) {
            shown.push(self.unsent(email));
        }
        shown
    }

    /// The entry of an account whose address nobody sent.
    fn unsent(&self, email: &Email) -> Value {
        let mut entry = Map::new();
        entry.insert(VALUE.to_owned(), Value::String(email.to_string()));
        entry.insert(TYPE.to_owned(), Value::String(WORK.to_owned()));
        if !self.sent.iter().any(is_primary) {
            entry.insert(PRIMARY.to_owned(), Value::Bool(true));
        }
        Value::Object(entry)
    }

    /// The addresses beside the account's as they are compared, each once.
    pub(super) fn other_keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        let others = self
            .sent
            .iter()
            .enumerate()
            .filter(|(place, _)| self.account != Some(*place));
        for key in others.filter_map(|(_, entry)| key(entry)) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }
}

fn value(entry: &Map<String, Value>) -> Option<&str> {
    entry
        .get(VALUE)
        .and_then(Value::as_str)
        .filter(|value| !value.is_empty())
}

fn key(entry: &Map<String, Value>) -> Option<String> {
    value(entry).map(user_name_key)
}

fn is_primary(entry: &Map<String, Value>) -> bool {
    entry.get(PRIMARY) == Some(&Value::Bool(true))
}
