//! The fields of a JSON object that a client of another product sent. Unknown fields are ignored.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::model::error::{Error, Result, shown};
use crate::model::exact_json;

/// The fields of an object. Each getter treats null as "not specified", and returns a clear error for a value of
/// another type.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// The path of the object in the body: empty, or with a trailing dot.
    place: String,
    fields: Map<String, Value>,
}

impl Fields {
    /// A body. `INVALID` unless it is one JSON object.
    pub fn parse(body: &[u8]) -> Result<Self> {
        let no_object = || Error::invalid("body", "The body must be a JSON object.".to_owned());
        let text = std::str::from_utf8(body).map_err(|_| no_object())?;
        match exact_json(text).map_err(|fault| fault.refusal(no_object))? {
            Value::Object(fields) => Ok(Self {
                place: String::new(),
                fields,
            }),
            _ => Err(no_object()),
        }
    }

    /// The raw value, including null; `None` if there is no such key.
    pub fn raw(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.raw(name).filter(|value| !value.is_null())
    }

    /// Refuses null for these, for a product that treats it as a wrong type.
    pub fn refuse_null(&self, names: &[&str]) -> Result<()> {
        match names.iter().find(|name| self.raw(name).is_some_and(Value::is_null)) {
            Some(name) => Err(self.invalid(name, "must not be null.")),
            None => Ok(()),
        }
    }

    /// An error for a field.
    pub fn invalid(&self, name: &str, message: &str) -> Error {
        let field = format!("{}{name}", self.place);
        let message = format!("'{}' {message}", shown(&field));
        Error::invalid(field, message)
    }

    /// A value of this type; `must` says what it must be.
    fn typed<'f, T: Deserialize<'f>>(&'f self, name: &str, must: &str) -> Result<Option<T>> {
        let value = self.value(name).map(T::deserialize).transpose();
        value.map_err(|_| self.invalid(name, must))
    }

    /// A string.
    pub fn text(&self, name: &str) -> Result<Option<&str>> {
        self.typed(name, "must be a string.")
    }

    /// A required string.
    pub fn required_text(&self, name: &str) -> Result<&str> {
        self.text(name)?.ok_or_else(|| self.invalid(name, "is missing."))
    }

    /// True or false.
    pub fn flag(&self, name: &str) -> Result<Option<bool>> {
        self.typed(name, "must be true or false.")
    }

    /// A list of strings.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<String>>> {
        self.typed(name, "must be a list of strings.")
    }

    /// Any JSON object.
    pub fn object(&self, name: &str) -> Result<Option<&Value>> {
        match self.value(name) {
            Some(value) if !value.is_object() => Err(self.invalid(name, "must be a JSON object.")),
            other => Ok(other),
        }
    }

    /// A required object, as fields.
    pub fn nested(&self, name: &str) -> Result<Self> {
        let value = self.object(name)?.ok_or_else(|| self.invalid(name, "is missing."))?;
        Ok(Self {
            place: format!("{}{name}.", self.place),
            fields: value.as_object().cloned().unwrap_or_default(),
        })
    }
}
