//! Reading the members of a map file, with messages that name the place.

use serde_json::{Map as Object, Value};

use super::path::Path;
use crate::model::error::shown;

/// An object of which each member is taken once; what is left is unknown.
pub struct Members {
    /// The place of the object in the map, for messages.
    place: String,
    rest: Object<String, Value>,
    known: Vec<&'static str>,
}

impl Members {
    pub fn new(place: impl Into<String>, value: Value) -> Result<Self, String> {
        let place = place.into();
        match value {
            Value::Object(rest) => Ok(Self {
                place,
                rest,
                known: Vec::new(),
            }),
            _ => Err(format!("{} must be an object.", sentence(&place))),
        }
    }

    /// Takes a member; null counts as absent.
    pub fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.rest.shift_remove(name).filter(|value| !value.is_null())
    }

    pub fn place(&self, name: &str) -> String {
        match self.place.as_str() {
            WHOLE => format!("'{name}' of the map"),
            place => format!("'{name}' of {place}"),
        }
    }

    pub fn text(&mut self, name: &'static str) -> Result<Option<String>, String> {
        let place = self.place(name);
        self.take(name).map(|value| text(&place, value)).transpose()
    }

    pub fn texts(&mut self, name: &'static str) -> Result<Vec<String>, String> {
        let place = self.place(name);
        Ok(self
            .take(name)
            .map(|value| texts(&place, value))
            .transpose()?
            .unwrap_or_default())
    }

    pub fn paths(&mut self, name: &'static str) -> Result<Vec<Path>, String> {
        Ok(self.texts(name)?.iter().map(|text| Path::parse(text)).collect())
    }

    pub fn flag(&mut self, name: &'static str) -> Result<bool, String> {
        let place = self.place(name);
        match self.take(name) {
            None => Ok(false),
            Some(Value::Bool(on)) => Ok(on),
            Some(_) => Err(format!("{place} must be true or false.")),
        }
    }

    /// The members of an object whose names are not fixed.
    pub fn named(&mut self, name: &'static str) -> Result<Vec<(String, Value)>, String> {
        let place = self.place(name);
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Object(members)) => Ok(members.into_iter().collect()),
            Some(_) => Err(format!("{place} must be an object.")),
        }
    }

    /// Refuses what has not been taken.
    pub fn end(self) -> Result<(), String> {
        match self.rest.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!(
                "{} has the unknown member '{}'; known are {}.",
                sentence(&self.place),
                shown(name),
                listed(&self.known)
            )),
        }
    }
}

/// The place of the map itself.
pub const WHOLE: &str = "the map";

fn sentence(place: &str) -> &str {
    match place {
        WHOLE => "The map",
        place => place,
    }
}

pub fn text(place: &str, value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(format!("{place} must be a text.")),
    }
}

/// A text or a list of texts.
pub fn texts(place: &str, value: Value) -> Result<Vec<String>, String> {
    match value {
        Value::String(text) => Ok(vec![text]),
        Value::Array(items) => items.into_iter().map(|item| text(place, item)).collect(),
        _ => Err(format!("{place} must be a text or a list of texts.")),
    }
}

/// Texts in quotation marks, for a message; not more than a person reads.
pub fn listed(texts: &[impl AsRef<str>]) -> String {
    const SHOWN_MAX: usize = 30;
    let mut listed: Vec<String> = texts
        .iter()
        .take(SHOWN_MAX)
        .map(|text| format!("'{}'", shown(text.as_ref())))
        .collect();
    if texts.len() > SHOWN_MAX {
        listed.push(format!("and {} more", texts.len() - SHOWN_MAX));
    }
    listed.join(", ")
}
