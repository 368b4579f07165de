//! The parameters of a query, from an address or from a SearchRequest.

use serde_json::{Map, Value};

use super::documents::{PAGE_DEFAULT, PAGE_MAX};
use super::error::invalid;
use super::fault::ScimType;
use super::names::{GROUP, USER};
use super::selection::Asked;
use super::values::member;
use crate::compat::face::Call;
use crate::list::SortKey;
use crate::model::error::{Error, Result, shown};

/// What is asked for.
pub struct Query {
    /// `None` if it is empty.
    pub filter: Option<String>,
    pub sort: Option<Sort>,
    pub page: Page,
    pub asked: Asked,
}

/// The order that a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub key: SortKey,
    pub descending: bool,
}

/// Which part of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    Index {
        /// How many are left out before it.
        skip: u64,
        count: u32,
    },
    Cursor {
        /// Empty for the first page.
        cursor: String,
        count: u32,
    },
}

/// The parameters as they are sent.
struct Sent {
    filter: Option<String>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    start_index: Option<String>,
    count: Option<String>,
    cursor: Option<String>,
    asked: Asked,
}

impl Query {
    /// From an address.
    pub fn of_address(call: &Call) -> Result<Self> {
        let text = |name: &str| call.query(name).map(str::to_owned);
        Self::read(Sent {
            filter: text("filter"),
            sort_by: text("sortBy"),
            sort_order: text("sortOrder"),
            start_index: text("startIndex"),
            count: text("count"),
            cursor: text("cursor"),
            asked: asked(call)?,
        })
    }

    /// From a SearchRequest.
    pub fn of_message(message: &Map<String, Value>) -> Result<Self> {
        Self::read(Sent {
            filter: text(message, "filter")?,
            sort_by: text(message, "sortBy")?,
            sort_order: text(message, "sortOrder")?,
            start_index: number(message, "startIndex")?,
            count: number(message, "count")?,
            cursor: text(message, "cursor")?,
            asked: Asked::of_json(member(message, "attributes")?, member(message, "excludedAttributes")?)?,
        })
    }

    fn read(sent: Sent) -> Result<Self> {
        let descending = match sent.sort_order.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("ascending") => false,
            Some("descending") => true,
            Some(_) => return Err(wrong("'sortOrder' must be 'ascending' or 'descending'.")),
        };
        let sort_by = sent.sort_by.filter(|name| !name.is_empty());
        let key = sort_by.map(|name| sort_key(&name)).transpose()?;
        let page = match sent.cursor {
            Some(_) if sent.start_index.is_some() => {
                return Err(wrong("'cursor' and 'startIndex' exclude each other."));
            }
            Some(cursor) => {
                let bad = || {
                    invalid(
                        ScimType::InvalidCount,
                        "'count' must be a whole number that is not negative.",
                    )
                };
                let count = sent
                    .count
                    .map(|text| whole(&text).filter(|count| *count >= 0).ok_or_else(bad));
                Page::Cursor {
                    cursor,
                    count: bounded(count.transpose()?),
                }
            }
            None => {
                let read = |name: &str, text: Option<String>| {
                    let bad = || wrong(format!("'{name}' must be a whole number."));
                    text.map(|text| whole(&text).ok_or_else(bad)).transpose()
                };
                let start = read("startIndex", sent.start_index)?.unwrap_or(1);
                Page::Index {
                    skip: u64::try_from(start.saturating_sub(1)).unwrap_or(0),
                    count: bounded(read("count", sent.count)?),
                }
            }
        };
        Ok(Self {
            filter: sent.filter.filter(|text| !text.trim().is_empty()),
            sort: key.map(|key| Sort { key, descending }),
            page,
            asked: sent.asked,
        })
    }
}

/// What of a resource is asked for, in an address.
pub fn asked(call: &Call) -> Result<Asked> {
    Ok(Asked::read(call.query("attributes"), call.query("excludedAttributes"))?)
}

fn wrong(message: impl Into<String>) -> Error {
    invalid(ScimType::InvalidValue, message)
}

/// A text of a message; null is none.
fn text(message: &Map<String, Value>, name: &str) -> Result<Option<String>> {
    match member(message, name)? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong(format!("'{name}' must be a text."))),
    }
}

/// A number of a message, as its text.
fn number(message: &Map<String, Value>, name: &str) -> Result<Option<String>> {
    match member(message, name)? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        // Refused where it is read, with the word for its place.
        Some(_) => Ok(Some(String::new())),
    }
}

/// A whole number, however large.
fn whole(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let beyond = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    Some(text.parse().unwrap_or(beyond))
}

fn bounded(count: Option<i64>) -> u32 {
    let most = i64::from(PAGE_MAX);
    count.map_or(PAGE_DEFAULT, |count| {
        u32::try_from(count.clamp(0, most)).unwrap_or(PAGE_MAX)
    })
}

/// What a list can be sorted by. The lists themselves know which of them they have.
fn sort_key(name: &str) -> Result<SortKey> {
    let lower = name.to_ascii_lowercase();
    let below = |urn: &str| lower.strip_prefix(&format!("{}:", urn.to_ascii_lowercase()));
    let bare = below(USER).or_else(|| below(GROUP)).unwrap_or(&lower);
    Ok(match bare {
        "id" => SortKey::Id,
        "username" => SortKey::UserName,
        "displayname" => SortKey::Name,
        "meta.created" => SortKey::CreatedAt,
        "meta.lastmodified" => SortKey::UpdatedAt,
        _ => return Err(not_sortable(name)),
    })
}

/// The refusal of an order that a list does not have.
pub fn not_sortable(name: &str) -> Error {
    wrong(format!(
        "This list cannot be sorted by '{}'. It can be sorted by id, userName (users), displayName, meta.created and \
         meta.lastModified.",
        shown(name)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_to_their_end() {
        for (text, number) in [
            ("0", Some(0)),
            ("-3", Some(-3)),
            ("12", Some(12)),
            ("99999999999999999999", Some(i64::MAX)),
            ("-99999999999999999999", Some(i64::MIN)),
            ("", None),
            ("-", None),
            ("1.0", None),
            ("1e3", None),
            (" 1", None),
            ("\u{661}", None),
        ] {
            assert_eq!(whole(text), number, "{text}");
        }
        assert_eq!([None, Some(-1), Some(5_000), Some(7)].map(bounded), [100, 0, 1_000, 7]);
    }

    #[test]
    fn a_sort_key_has_any_case_and_its_urn() {
        assert_eq!(sort_key("USERNAME").ok(), Some(SortKey::UserName));
        assert_eq!(sort_key(&format!("{USER}:meta.created")).ok(), Some(SortKey::CreatedAt));
        assert!(sort_key("name.familyName").is_err() && sort_key("meta").is_err());
    }
}
