//! What every value of a sound database is, though no constraint of the database says so.

use std::collections::HashSet;

use super::rows::Cell;
use super::tables::{Column, Kind, Table};
use crate::model::{Email, JsonText, Timestamp, exact_json, is_id, is_storable};
use crate::services::hasher;

/// A law of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    Address,
    Id,
    /// A JSON object.
    Variables,
    Json,
    Hash,
    GroupKey,
    /// Names of permissions that exist.
    Permissions,
    Text,
    Time,
}

impl Law {
    /// The law of a column, if it has one.
    pub fn of(table: &Table, column: &Column) -> Option<Self> {
        Some(match (table.name, column.name, column.kind) {
            ("users" | "invitations" | "email_tokens", "email", _) => Self::Address,
            ("organizations" | "tenants" | "users" | "groups" | "roles" | "api_keys" | "invitations", "id", _) => {
                Self::Id
            }
            ("organizations" | "tenants" | "users", "variables", _) => Self::Variables,
            ("settings", "value", _) => Self::Json,
            ("users", "password_hash", _) => Self::Hash,
            ("groups", "key", _) => Self::GroupKey,
            ("roles" | "api_keys", "permissions", _) => Self::Permissions,
            (_, _, Kind::Text) => Self::Text,
            (_, name, Kind::Number) if name.ends_with("_at") || name.ends_with("_until") => Self::Time,
            _ => return None,
        })
    }

    /// Whether a value obeys it. Nothing obeys every law.
    pub fn holds(self, cell: &Cell, permissions: &HashSet<String>) -> bool {
        match cell {
            Cell::Text(text) => is_storable(text) && self.holds_for_text(text, permissions),
            Cell::Number(number) => self != Self::Time || (0..=Timestamp::FAR.micros()).contains(number),
            Cell::Null(_) | Cell::Flag(_) => true,
        }
    }

    fn holds_for_text(self, text: &str, permissions: &HashSet<String>) -> bool {
        let json = |is_right: fn(&serde_json::Value) -> bool| {
            exact_json(text).is_ok_and(|value| {
                is_right(&value) && JsonText::parse("value", &value).is_ok_and(|stored| stored.as_str() == text)
            })
        };
        match self {
            Self::Address => Email::normalize(text).is_some_and(|email| email.as_str() == text),
            Self::Id => is_id(text),
            Self::Variables => json(serde_json::Value::is_object),
            Self::Json => json(|_| true),
            Self::Hash => hasher::is_verifiable(text),
            Self::GroupKey => group_key(text),
            Self::Permissions => text.split_ascii_whitespace().all(|name| permissions.contains(name)),
            Self::Text | Self::Time => true,
        }
    }

    /// What is wrong, for "rows of 'users' with …".
    pub fn broken(self) -> &'static str {
        match self {
            Self::Address => "an e-mail address that is not valid or not in lower case",
            Self::Id => "an id that is not valid",
            Self::Variables => "variables that are not a JSON object as tenantry stores it",
            Self::Json => "a value that is not JSON as tenantry stores it",
            Self::Hash => "a password hash that tenantry cannot check",
            Self::GroupKey => "a key that no name of a group has",
            Self::Permissions => "permissions that do not exist",
            Self::Text => "a text with the character U+0000",
            Self::Time => "a time before 1970 or after 9999",
        }
    }

    /// What to do.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Address => "Nobody can sign in with it: change it with 'updateUser', or in the database.",
            Self::Hash => "These users cannot sign in: let them reset their passwords.",
            Self::Permissions => {
                "They grant nothing: declare them with 'tenantry permissions apply', or update the roles and keys."
            }
            Self::Variables | Self::Json => "Set them again.",
            Self::Id | Self::GroupKey | Self::Text | Self::Time => {
                "Another program has written to the database: restore the last good backup, or correct it."
            }
        }
    }
}

/// Upper-cased letters and digits, with single underscores between them.
fn group_key(text: &str) -> bool {
    !text.is_empty()
        && text
            .split('_')
            .all(|word| !word.is_empty() && word.chars().all(char::is_alphanumeric))
        && text.to_uppercase() == text
}
