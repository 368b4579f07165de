//! Which attributes of a resource are asked for: `attributes` and `excludedAttributes`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fault::Fault;
use super::names::{ENTERPRISE, Kind};
use super::schema::{Home, Named, named};

/// The names as they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// Nothing was said: everything.
    #[default]
    All,
    /// Only these.
    Only(Vec<String>),
    /// Everything but these.
    Except(Vec<String>),
}

impl Asked {
    /// Reads the parameters of a query: names separated by commas.
    pub fn read(attributes: Option<&str>, excluded: Option<&str>) -> Result<Self, Fault> {
        let names = |text: &str| text.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
        Self::chosen(attributes.map(names), excluded.map(names))
    }

    /// Reads the members of a SearchRequest: a list of names, or one text.
    pub fn of_json(attributes: Option<&Value>, excluded: Option<&Value>) -> Result<Self, Fault> {
        let split = |text: &str| text.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
        let names = |value: Option<&Value>| match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(split(text))),
            Some(Value::Array(values)) => {
                let names = values.iter().map(|value| value.as_str().map(split));
                let names: Option<Vec<_>> = names.collect();
                names
                    .map(|names| Some(names.concat()))
                    .ok_or_else(|| Fault::value("Names of attributes must be texts."))
            }
            Some(_) => Err(Fault::value("Names of attributes must be a list of texts.")),
        };
        Self::chosen(names(attributes)?, names(excluded)?)
    }

    fn chosen(attributes: Option<Vec<String>>, excluded: Option<Vec<String>>) -> Result<Self, Fault> {
        let given = |names: Option<Vec<String>>| {
            let names = names.unwrap_or_default();
            Some(names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>())
                .filter(|names| !names.is_empty())
        };
        match (given(attributes), given(excluded)) {
            (None, None) => Ok(Self::All),
            (Some(names), None) => Ok(Self::Only(names)),
            (None, Some(names)) => Ok(Self::Except(names)),
            (Some(_), Some(_)) => Err(Fault::value(
                "'attributes' and 'excludedAttributes' must not be used together.",
            )),
        }
    }

    /// Whether anything was said.
    pub fn is_given(&self) -> bool {
        *self != Self::All
    }

    /// What that means for a kind of resources. Unknown names are ignored.
    pub fn of(&self, kind: Kind) -> Selection {
        match self {
            Self::All => Selection::Except(Parts::default()),
            Self::Only(names) => Selection::Only(Parts::read(names, kind)),
            Self::Except(names) => Selection::Except(Parts::read(names, kind)),
        }
    }
}

/// The attributes of one kind of resources that are asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection {
    /// Only these.
    Only(Parts),
    /// Everything but these.
    Except(Parts),
}

/// Attributes, each as a whole or by some of its sub-attributes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// The enterprise extension as a whole.
    extension: bool,
    /// By the names of attributes, which differ between the core schemas and the extension; `None` is the whole.
    named: BTreeMap<&'static str, Option<Vec<&'static str>>>,
    /// Whether one of the extension's attributes is named.
    inside_extension: bool,
}

impl Parts {
    fn read(names: &[String], kind: Kind) -> Self {
        let mut parts = Self::default();
        for name in names {
            match named(kind, name) {
                Named::Extension => parts.extension = true,
                Named::Attribute(found) => {
                    parts.inside_extension |= found.home == Home::Enterprise;
                    let (name, sub) = found.names();
                    let subs = parts.named.entry(name).or_insert_with(|| Some(Vec::new()));
                    match (sub, subs.as_mut()) {
                        (None, _) => *subs = None,
                        (Some(sub), Some(subs)) if !subs.contains(&sub) => subs.push(sub),
                        (Some(_), _) => {}
                    }
                }
                Named::Foreign | Named::Unknown => {}
            }
        }
        parts
    }

    fn has_whole(&self, name: &str) -> bool {
        self.named.get(name).is_some_and(Option::is_none) || (self.extension && is_of_extension(name))
    }

    fn has_some(&self, name: &str) -> bool {
        self.named.contains_key(name) || (self.extension && is_of_extension(name))
    }

    fn has_part(&self, name: &str, sub: &str) -> bool {
        self.has_whole(name) || matches!(self.named.get(name), Some(Some(subs)) if subs.contains(&sub))
    }
}

fn is_of_extension(name: &str) -> bool {
    super::schema::ENTERPRISE_ATTRIBUTES
        .iter()
        .any(|attribute| attribute.name == name)
}

impl Selection {
    /// Whether an attribute is asked for, or a part of it. The extension's are known by their own names: `manager`.
    pub fn wants(&self, name: &str) -> bool {
        match (name, self) {
            ("id" | "schemas", _) => true,
            ("password", _) => false,
            (name, Self::Only(parts)) => parts.has_some(name),
            (name, Self::Except(parts)) => !parts.has_whole(name),
        }
    }

    /// Whether a sub-attribute is asked for.
    pub fn wants_sub(&self, name: &str, sub: &str) -> bool {
        match self {
            Self::Only(parts) => parts.has_part(name, sub),
            Self::Except(parts) => !parts.has_part(name, sub),
        }
    }

    /// Whether a group's members are asked for.
    pub fn wants_members(&self) -> bool {
        self.wants("members")
    }

    /// Whether the enterprise extension is asked for, or a part of it.
    pub fn wants_extension(&self) -> bool {
        match self {
            Self::Only(parts) => parts.extension || parts.inside_extension,
            Self::Except(parts) => !parts.extension,
        }
    }

    /// Whether nothing is left out.
    pub fn is_everything(&self) -> bool {
        *self == Self::Except(Parts::default())
    }

    /// Leaves what is asked for in a resource. The extension's URN stays in `schemas` only if the extension stays.
    pub fn prune(&self, resource: &mut Map<String, Value>) {
        resource.shift_remove("password");
        if !self.is_everything() {
            resource.retain(|name, value| match (name.as_str(), value) {
                (ENTERPRISE, Value::Object(inner)) => {
                    inner.retain(|name, value| self.keeps(name, value));
                    !inner.is_empty()
                }
                (name, value) => self.keeps(name, value),
            });
        }
        let has_extension = resource.contains_key(ENTERPRISE);
        if let Some(Value::Array(schemas)) = resource.get_mut("schemas") {
            schemas.retain(|urn| has_extension || urn != ENTERPRISE);
        }
    }

    /// Whether an attribute stays, without those of its parts that are not asked for.
    fn keeps(&self, name: &str, value: &mut Value) -> bool {
        if matches!(name, "id" | "schemas") {
            return true;
        }
        if !self.wants(name) {
            return false;
        }
        let was_empty = is_empty(value);
        match value {
            Value::Object(inner) => inner.retain(|sub, _| self.wants_sub(name, sub)),
            Value::Array(entries) => {
                for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
                    entry.retain(|sub, _| self.wants_sub(name, sub));
                }
                entries.retain(|entry| !is_empty(entry));
            }
            _ => {}
        }
        was_empty || !is_empty(value)
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.is_empty(),
        Value::Array(entries) => entries.is_empty(),
        _ => false,
    }
}
