//! A row that a map is applied to: an object of JSON, or the cells under their headings.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::path::{Path, comparable};

/// The headings of a CSV file.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    headings: Vec<String>,
    places: HashMap<String, usize>,
}

impl Columns {
    /// The heading that stands twice is the error. Columns without a heading are not reachable.
    pub fn new(headings: Vec<String>) -> Result<Self, String> {
        let mut places = HashMap::new();
        for (place, heading) in headings.iter().enumerate() {
            let heading_compared = comparable(heading);
            if !heading_compared.is_empty() && places.insert(heading_compared, place).is_some() {
                return Err(heading.clone());
            }
        }
        Ok(Self { headings, places })
    }

    pub fn headings(&self) -> &[String] {
        &self.headings
    }

    /// Whether the path leads into a column.
    pub fn has(&self, path: &Path) -> bool {
        self.places.contains_key(path.heading()) || self.places.contains_key(path.first_heading())
    }
}

/// A row.
#[derive(Clone, Copy, Debug)]
pub enum RawRow<'a> {
    Json {
        row: &'a Value,
        /// The objects that contain the list, the outermost one first.
        parents: &'a [Value],
    },
    Csv {
        columns: &'a Columns,
        cells: &'a [String],
    },
}

impl RawRow<'_> {
    /// The values at a path. An empty cell is no value.
    pub fn find(&self, path: &Path) -> Vec<Value> {
        match *self {
            Self::Json { row, parents } => match path.parents() {
                0 => path.find(row),
                up => {
                    let place = parents.len().checked_sub(up);
                    let parent = place.and_then(|place| parents.get(place));
                    parent.map(|parent| path.find(parent)).unwrap_or_default()
                }
            },
            Self::Csv { columns, cells } => {
                let cell = |heading: &str| columns.places.get(heading).and_then(|place| cells.get(*place));
                if let Some(cell) = cell(path.heading()) {
                    return match cell.is_empty() {
                        true => Vec::new(),
                        false => vec![Value::String(cell.clone())],
                    };
                }
                let cell = cell(path.first_heading());
                cell.map(|cell| path.find_in_cell(cell)).unwrap_or_default()
            }
        }
    }

    /// All columns or members with a value.
    pub fn members(&self) -> Vec<(&str, Value)> {
        match *self {
            Self::Json { row, .. } => {
                let members = row.as_object().into_iter().flat_map(Map::iter);
                let with_value = members.filter(|(_, value)| !value.is_null());
                with_value.map(|(name, value)| (name.as_str(), value.clone())).collect()
            }
            Self::Csv { columns, cells } => {
                let members = columns.headings.iter().zip(cells);
                let with_value = members.filter(|(heading, cell)| !heading.is_empty() && !cell.is_empty());
                with_value
                    .map(|(heading, cell)| (heading.as_str(), Value::String(cell.clone())))
                    .collect()
            }
        }
    }

    /// The columns or members with a value, and those values that are texts.
    pub fn texts(&self) -> Vec<(&str, Option<&str>)> {
        match *self {
            Self::Json { row, .. } => {
                let members = row.as_object().into_iter().flat_map(Map::iter);
                let with_value = members.filter(|(_, value)| !value.is_null());
                with_value
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect()
            }
            Self::Csv { columns, cells } => {
                let members = columns.headings.iter().zip(cells);
                let with_value = members.filter(|(heading, cell)| !heading.is_empty() && !cell.is_empty());
                with_value
                    .map(|(heading, cell)| (heading.as_str(), Some(cell.as_str())))
                    .collect()
            }
        }
    }
}
