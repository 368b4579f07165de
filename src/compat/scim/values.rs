//! Reads resources and values as clients send them: names in any case, and the types of the schema.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::fault::{Fault, clipped};
use super::names::{ENTERPRISE, Kind};
use super::schema::{Attribute, Home, Named, Size, Type, named};

/// The maximum number of values of an attribute.
pub const VALUES_MAX: usize = 50;
const SHORT_CHARACTERS_MAX: usize = 255;
const LONG_CHARACTERS_MAX: usize = 2_000;
const CERTIFICATE_BYTES_MAX: usize = 16 * 1024;

/// A resource as a client sent it, in the names and types of the schema, without what is unknown or read-only.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    /// The attributes that have a value, without members.
    pub values: Map<String, Value>,
    /// The ids of a group's members, each once; `None` if the attribute is absent.
    pub members: Option<Vec<String>>,
}

/// Reads the body of POST or PUT.
pub fn read(body: &Value, kind: Kind) -> Result<Resource, Fault> {
    let body = object(body)?;
    require_schema(body, kind.urn())?;
    let mut resource = Resource::default();
    let mut seen = Names::default();
    for (key, value) in body {
        match named(kind, key) {
            Named::Extension => {
                seen.note(ENTERPRISE, "")?;
                if let Some(extension) = extension(value)? {
                    resource.values.insert(ENTERPRISE.to_owned(), extension);
                }
            }
            Named::Attribute(found) if found.sub.is_none() && found.home != Home::Enterprise => {
                seen.note("", found.attribute.name)?;
                if found.is_members() {
                    resource.members = Some(member_ids(value)?);
                } else if let Some(value) = coerced(found.attribute, value)? {
                    resource.values.insert(found.attribute.name.to_owned(), value);
                }
            }
            Named::Attribute(_) | Named::Foreign | Named::Unknown => {}
        }
    }
    let required = match kind {
        Kind::User => "userName",
        Kind::Group => "displayName",
    };
    match resource.values.contains_key(required) {
        true => Ok(resource),
        false => Err(Fault::value(format!("'{required}' must have a value."))),
    }
}

/// The attributes of the enterprise extension; `None` if none has a value.
fn extension(value: &Value) -> Result<Option<Value>, Fault> {
    let members = match value {
        Value::Null => return Ok(None),
        Value::Array(values) if values.is_empty() => return Ok(None),
        Value::String(text) if text.is_empty() => return Ok(None),
        Value::Object(members) => members,
        _ => return Err(Fault::value(format!("'{ENTERPRISE}' must be an object."))),
    };
    let mut found = Map::new();
    let mut seen = Names::default();
    for (key, value) in members {
        if let Some(attribute) = in_extension(key) {
            seen.note("", attribute.name)?;
            if let Some(value) = coerced(attribute, value)? {
                found.insert(attribute.name.to_owned(), value);
            }
        }
    }
    Ok(Some(found).filter(|found| !found.is_empty()).map(Value::Object))
}

/// The attribute of the extension with this name, with or without its URN.
pub fn in_extension(key: &str) -> Option<&'static Attribute> {
    super::schema::among(super::schema::ENTERPRISE_ATTRIBUTES, key).or_else(|| match named(Kind::User, key) {
        Named::Attribute(found) if found.home == Home::Enterprise && found.sub.is_none() => Some(found.attribute),
        _ => None,
    })
}

/// The names of one object, to refuse the same attribute in another case.
#[derive(Default)]
pub struct Names(HashSet<(&'static str, &'static str)>);

impl Names {
    /// Notes a name, and refuses it the second time.
    pub fn note(&mut self, home: &'static str, name: &'static str) -> Result<(), Fault> {
        match self.0.insert((home, name)) {
            true => Ok(()),
            false => Err(twice(if name.is_empty() { home } else { name })),
        }
    }
}

/// The refusal of two keys of one object that mean the same.
pub fn twice(name: &str) -> Fault {
    Fault::syntax(format!(
        "The attribute '{}' must not be sent twice in one object.",
        clipped(name)
    ))
}

/// A value in the type of its attribute; `None` if it means "unassigned", or if clients cannot write the attribute.
pub fn coerced(attribute: &'static Attribute, value: &Value) -> Result<Option<Value>, Fault> {
    match attribute.is_writable() {
        false => Ok(None),
        true if attribute.multi_valued => Ok(list(attribute, value)?.map(Value::from)),
        true => one(attribute, value),
    }
}

/// The values of an attribute with many; an object or a text stands for a list of one.
pub fn list(attribute: &'static Attribute, value: &Value) -> Result<Option<Vec<Value>>, Fault> {
    let sent = match value {
        Value::Array(values) => values.as_slice(),
        value => std::slice::from_ref(value),
    };
    // Before reading them, because a body can have very many.
    if sent.len() > VALUES_MAX {
        return Err(too_many(attribute));
    }
    let mut entries = Vec::new();
    for value in sent {
        if let Some(entry) = one(attribute, value)?.filter(has_content) {
            entries.push(entry);
        }
    }
    keep_one_primary(&mut entries, None);
    Ok(Some(entries).filter(|entries| !entries.is_empty()))
}

/// The refusal of more values than an attribute may have.
pub fn too_many(attribute: &Attribute) -> Fault {
    Fault::value(format!("'{}' can have at most {VALUES_MAX} values.", attribute.name))
}

/// Makes this entry the only primary one, or the first that is; the others become false where they were true.
pub fn keep_one_primary(entries: &mut [Value], chosen: Option<usize>) {
    let is_primary = |entry: &Value| entry.get("primary") == Some(&Value::Bool(true));
    let chosen = chosen.or_else(|| entries.iter().position(is_primary));
    for (position, entry) in entries.iter_mut().enumerate() {
        if Some(position) != chosen
            && is_primary(entry)
            && let Some(primary) = entry.get_mut("primary")
        {
            *primary = Value::Bool(false);
        }
    }
}

/// Whether an entry says anything: it has a `value`, or an address has more than its `type` and `primary`.
pub fn has_content(entry: &Value) -> bool {
    entry.as_object().is_some_and(|entry| {
        entry
            .keys()
            .any(|name| !matches!(name.as_str(), "type" | "primary" | "display"))
    })
}

/// One value in the type of its attribute; `None` if it means "unassigned".
pub fn one(attribute: &'static Attribute, value: &Value) -> Result<Option<Value>, Fault> {
    let wrong = |expected: &str| Err(Fault::value(format!("'{}' must be {expected}.", attribute.name)));
    match (attribute.kind, value) {
        (_, Value::Null) => Ok(None),
        (_, Value::String(text)) if text.is_empty() => Ok(None),
        (_, Value::Array(values)) if values.is_empty() => Ok(None),
        (Type::Boolean, Value::Bool(_)) => Ok(Some(value.clone())),
        (Type::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(Value::Bool(true))),
        (Type::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(Value::Bool(false))),
        (Type::Boolean, _) => wrong("true or false"),
        (Type::Complex, Value::Object(members)) => {
            let parts = parts(attribute, members)?.into_iter();
            let assigned: Map<String, Value> = parts
                .filter_map(|(part, value)| Some((part.name.to_owned(), value?)))
                .collect();
            Ok(Some(assigned).filter(|parts| !parts.is_empty()).map(Value::Object))
        }
        (Type::Complex, Value::String(_)) => match attribute.sub("value") {
            Some(part) => Ok(one(part, value)?.map(|value| Map::from_iter([(part.name.to_owned(), value)]).into())),
            None => wrong("an object"),
        },
        (Type::Complex, _) => wrong("an object"),
        (_, Value::String(text)) => {
            fits(attribute, text)?;
            Ok(Some(value.clone()))
        }
        _ => wrong("a text"),
    }
}

/// The parts of a complex value that are known and that clients can write; `None` for an unassigned one.
pub fn parts(
    attribute: &'static Attribute,
    members: &Map<String, Value>,
) -> Result<Vec<(&'static Attribute, Option<Value>)>, Fault> {
    let mut seen = Names::default();
    let mut found = Vec::new();
    for (key, value) in members {
        let Some(part) = attribute.sub(key) else {
            continue;
        };
        seen.note(attribute.name, part.name)?;
        if part.is_writable() {
            found.push((part, one(part, value)?));
        }
    }
    Ok(found)
}

fn fits(attribute: &Attribute, text: &str) -> Result<(), Fault> {
    let (length, limit, unit) = match attribute.size {
        Size::Short => (text.chars().count(), SHORT_CHARACTERS_MAX, "characters"),
        Size::Long => (text.chars().count(), LONG_CHARACTERS_MAX, "characters"),
        Size::Certificate => (text.len(), CERTIFICATE_BYTES_MAX, "bytes"),
    };
    if length > limit {
        return Err(Fault::value(format!(
            "'{}' must be at most {limit} {unit} long.",
            attribute.name
        )));
    }
    match text.contains('\0') {
        true => Err(Fault::value(format!(
            "'{}' must not contain the character U+0000.",
            attribute.name
        ))),
        false => Ok(()),
    }
}

/// The ids of members as they are sent, each once.
pub fn member_ids(value: &Value) -> Result<Vec<String>, Fault> {
    let sent = match value {
        Value::Array(values) => values.as_slice(),
        value => std::slice::from_ref(value),
    };
    let mut seen = HashSet::new();
    let mut ids = Vec::new();
    for value in sent {
        if let Some(id) = member_id(value)?
            && seen.insert(id)
        {
            ids.push(id.to_owned());
        }
    }
    Ok(ids)
}

/// A member's id; `None` if the entry has none.
fn member_id(value: &Value) -> Result<Option<&str>, Fault> {
    let wrong = || {
        Err(Fault::value(
            "A member must be an object with the id of a user as its 'value'.",
        ))
    };
    match value {
        Value::Null => Ok(None),
        Value::String(id) => Ok(Some(id.as_str()).filter(|id| !id.is_empty())),
        Value::Object(members) => {
            // What is ignored is there once all the same.
            for name in ["$ref", "display"] {
                member(members, name)?;
            }
            match member(members, "type")? {
                None | Some(Value::Null) => {}
                Some(Value::String(kind)) if kind.is_empty() || kind.eq_ignore_ascii_case("User") => {}
                Some(_) => return Err(Fault::value("Members are users: their 'type' must be 'User'.")),
            }
            match member(members, "value")? {
                None | Some(Value::Null) => Ok(None),
                Some(Value::String(id)) => Ok(Some(id.as_str()).filter(|id| !id.is_empty())),
                Some(_) => wrong(),
            }
        }
        _ => wrong(),
    }
}

/// The member of an object with this name, in any case; two are refused.
pub fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Result<Option<&'a Value>, Fault> {
    let mut found = object.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(twice(name)),
        (first, None) => Ok(first.map(|(_, value)| value)),
    }
}

/// A body that must be an object.
pub fn object(value: &Value) -> Result<&Map<String, Value>, Fault> {
    value
        .as_object()
        .ok_or_else(|| Fault::syntax("The body must be a JSON object."))
}

/// Refuses a message without the URN of its schema.
pub fn require_schema(message: &Map<String, Value>, urn: &str) -> Result<(), Fault> {
    let is_it = |value: &Value| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(urn));
    let found = match member(message, "schemas")? {
        Some(Value::Array(values)) => values.iter().any(is_it),
        Some(value) => is_it(value),
        None => false,
    };
    match found {
        true => Ok(()),
        false => Err(Fault::syntax(format!(
            "'schemas' must be a list that contains '{urn}'."
        ))),
    }
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
