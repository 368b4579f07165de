//! What an operation gives to the values that it is about.

use serde_json::{Map, Value};

use super::super::fault::Fault;
use super::super::filter::{Filter, Literal, Op};
use super::super::schema::Attribute;
use super::super::values::{one, parts};
use super::operations::Verb;

/// Parts with their values, and parts to clear.
pub struct Given {
    parts: Vec<(&'static Attribute, Option<Value>)>,
}

impl Given {
    /// Reads the value of an operation on values, or on one of their parts.
    pub fn read(
        attribute: &'static Attribute,
        sub: Option<&'static Attribute>,
        verb: Verb,
        value: Option<&Value>,
    ) -> Result<Self, Fault> {
        let value = value.filter(|_| verb != Verb::Remove);
        let parts = match (sub, value) {
            (Some(sub), value) => vec![(sub, value.map(|value| one(sub, value)).transpose()?.flatten())],
            (None, None) => Vec::new(),
            (None, Some(value)) => {
                // A list of one is its only value.
                let value = match value {
                    Value::Array(values) if values.len() == 1 => values.first().unwrap_or(value),
                    value => value,
                };
                merged(attribute, value)?
            }
        };
        Ok(Self { parts })
    }

    /// Reads the value of an operation on a complex attribute.
    pub fn merged(attribute: &'static Attribute, value: &Value) -> Result<Self, Fault> {
        Ok(Self {
            parts: merged(attribute, value)?,
        })
    }

    /// Whether nothing is set.
    pub fn is_nothing(&self) -> bool {
        self.parts.iter().all(|(_, value)| value.is_none())
    }

    /// Whether a value becomes the primary one.
    pub fn sets_primary(&self) -> bool {
        self.parts
            .iter()
            .any(|(part, value)| part.name == "primary" && *value == Some(Value::Bool(true)))
    }

    /// Sets and clears the parts of an entry.
    pub fn merge_into(&self, entry: &mut Map<String, Value>) {
        for (part, value) in &self.parts {
            match value {
                Some(value) => entry.insert(part.name.to_owned(), value.clone()),
                None => entry.shift_remove(part.name),
            };
        }
    }
}

/// The parts of a complex value that are given.
fn merged(attribute: &'static Attribute, value: &Value) -> Result<Vec<(&'static Attribute, Option<Value>)>, Fault> {
    if let Value::Object(members) = value {
        return parts(attribute, members);
    }
    let whole = one(attribute, value)?;
    let members = whole.as_ref().and_then(Value::as_object);
    members.map_or(Ok(Vec::new()), |members| parts(attribute, members))
}

/// The entry that a filter describes, if it is equalities joined by `and`.
pub fn describes(such: &Filter, entry: &mut Map<String, Value>) -> Result<bool, Fault> {
    Ok(match such {
        Filter::All(filters) => {
            for filter in filters {
                if !describes(filter, entry)? {
                    return Ok(false);
                }
            }
            true
        }
        Filter::Test {
            attribute,
            op: Op::Eq,
            value,
        } => {
            let value = match value {
                Literal::Text(text) => Value::from(text.as_str()),
                Literal::Flag(flag) => Value::Bool(*flag),
                Literal::Time(_) => return Ok(false),
            };
            let name = attribute.leaf().name;
            // Two different values of one part: no entry is like this.
            let is_new = entry.get(name).is_none_or(|there| *there == value);
            if let Some(value) = one(attribute.leaf(), &value)? {
                entry.insert(name.to_owned(), value);
            }
            is_new
        }
        _ => false,
    })
}
