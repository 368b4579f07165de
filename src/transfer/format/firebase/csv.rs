//! The CSV of `firebase auth:export`: it has no heading, and its columns have a fixed order.

use std::io::BufRead;

use serde_json::{Map, Value, json};

use crate::transfer::format::csv::cells::{cells, record};
use crate::transfer::format::text::Text;
use crate::transfer::record::Fault;
use crate::transfer::values::Trouble;

/// The columns with a name; those between them are the providers'.
const COLUMNS: [(usize, &str); 12] = [
    (0, "localId"),
    (1, "email"),
    (2, "emailVerified"),
    (3, "passwordHash"),
    (4, "salt"),
    (5, "displayName"),
    (6, "photoUrl"),
    (23, "createdAt"),
    (24, "lastSignedInAt"),
    (25, "phoneNumber"),
    (26, "disabled"),
    (27, "customAttributes"),
];
/// Where the columns of a provider begin: its user's id, e-mail address, name and picture.
const PROVIDERS: [(usize, &str); 4] = [
    (7, "google.com"),
    (11, "facebook.com"),
    (15, "twitter.com"),
    (19, "github.com"),
];
const COLUMNS_COUNT: usize = 28;

/// The members of a record as the JSON export has them, or why there are none.
pub(super) type Members = Result<Map<String, Value>, Trouble>;

/// The records of the file.
pub(super) struct Csv {
    text: Text,
}

impl Csv {
    pub(super) fn new(input: Box<dyn BufRead + Send>, encoding: Option<&str>) -> Result<Self, Fault> {
        Ok(Self {
            text: Text::new(input, encoding)?,
        })
    }

    /// The next record, with the line that it begins at.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Members)>, Fault> {
        while let Some((line, text)) = record(&mut self.text, &[','])? {
            if text.trim().is_empty() {
                continue;
            }
            let read = cells(&text, ',').map_err(|why| Trouble::new("", why));
            return Ok(Some((line, read.and_then(|cells| members(&cells)))));
        }
        Ok(None)
    }
}

/// Whether a row without headings is one of this file: its second and its last columns but one are true or false.
pub fn is_csv_row(cells: &[String]) -> bool {
    let is_flag = |at: usize| {
        cells
            .get(at)
            .is_some_and(|cell| matches!(cell.as_str(), "" | "true" | "false"))
    };
    cells.len() >= COLUMNS_COUNT && cells.first().is_some_and(|id| !id.is_empty()) && is_flag(2) && is_flag(26)
}

fn members(cells: &[String]) -> Members {
    let is_longer = cells.iter().skip(COLUMNS_COUNT).any(|cell| !cell.is_empty());
    if cells.len() < COLUMNS_COUNT || is_longer {
        return Err(Trouble::new(
            "",
            format!(
                "The row has {} columns, and must have {COLUMNS_COUNT}, as 'firebase auth:export' writes them.",
                cells.len()
            ),
        ));
    }
    let field = |at: usize| cells.get(at).filter(|cell| !cell.is_empty() && *cell != "\\N");
    let mut members = Map::new();
    for (at, name) in COLUMNS {
        if let Some(text) = field(at) {
            members.insert(name.to_owned(), Value::String(text.clone()));
        }
    }
    let providers: Vec<Value> = PROVIDERS
        .into_iter()
        .filter_map(|(at, provider)| {
            let id = field(at)?;
            Some(json!({"providerId": provider, "rawId": id, "email": field(at + 1)}))
        })
        .collect();
    if !providers.is_empty() {
        members.insert("providerUserInfo".to_owned(), Value::Array(providers));
    }
    Ok(members)
}
