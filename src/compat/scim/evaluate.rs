//! Whether a resource meets a filter, evaluated on its JSON.
//!
//! Queries are answered by the database. This is for the filters in the paths of operations, and tells tests what a query
//! means.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Deref;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::filter::{Filter, Literal, Op};
use super::schema::{Attr, Attribute, Fold};
use crate::model::{Timestamp, lowered, user_name_key};

/// Whether a resource meets a filter.
pub fn matches(filter: &Filter, resource: &Map<String, Value>) -> bool {
    Evaluation::default().resource(filter, resource)
}

/// Evaluates filters, and remembers the keys of texts that it compared.
#[derive(Default)]
pub struct Evaluation {
    addresses: RefCell<HashMap<String, Rc<str>>>,
    lowered: RefCell<HashMap<String, Rc<str>>>,
}

impl Evaluation {
    /// Whether a resource meets a filter.
    pub fn resource(&self, filter: &Filter, resource: &Map<String, Value>) -> bool {
        match filter {
            Filter::All(filters) => filters.iter().all(|filter| self.resource(filter, resource)),
            Filter::Any(filters) => filters.iter().any(|filter| self.resource(filter, resource)),
            Filter::Not(filter) => !self.resource(filter, resource),
            Filter::Test { attribute, op, value } => values(resource, *attribute)
                .iter()
                .any(|found| self.holds(attribute.leaf(), *op, found, value)),
            Filter::Present(attribute) => values(resource, *attribute).iter().any(|found| is_assigned(found)),
            Filter::Entry { attribute, such } => values(resource, *attribute)
                .iter()
                .filter_map(|entry| entry.as_object())
                .any(|entry| self.entry(such, entry)),
            Filter::Never => false,
        }
    }

    /// Whether one value of an attribute meets a filter in brackets.
    pub fn entry(&self, such: &Filter, entry: &Map<String, Value>) -> bool {
        let part = |attribute: &Attr| entry.get(attribute.leaf().name);
        match such {
            Filter::All(filters) => filters.iter().all(|filter| self.entry(filter, entry)),
            Filter::Any(filters) => filters.iter().any(|filter| self.entry(filter, entry)),
            Filter::Not(filter) => !self.entry(filter, entry),
            Filter::Test { attribute, op, value } => {
                part(attribute).is_some_and(|found| self.holds(attribute.leaf(), *op, found, value))
            }
            Filter::Present(attribute) => part(attribute).is_some_and(is_assigned),
            Filter::Entry { .. } | Filter::Never => false,
        }
    }

    fn holds(&self, attribute: &Attribute, op: Op, found: &Value, wanted: &Literal) -> bool {
        match (found, wanted) {
            (Value::String(found), Literal::Text(wanted)) => self.text(attribute.fold, op, found, wanted),
            (Value::String(found), Literal::Time(wanted)) => {
                Timestamp::parse("", found).is_ok_and(|found| compared(op, &found, wanted))
            }
            (Value::Bool(found), Literal::Flag(wanted)) => found == wanted,
            _ => false,
        }
    }

    fn text(&self, fold: Fold, op: Op, found: &str, wanted: &str) -> bool {
        if fold != Fold::Exact && op == Op::Eq && found.is_ascii() && wanted.is_ascii() {
            // The key of an ASCII text is the text in lower case, without the blanks around an address.
            if found.eq_ignore_ascii_case(wanted) {
                return true;
            }
            if found.trim().len() == found.len() && wanted.trim().len() == wanted.len() {
                return false;
            }
        }
        let (found, wanted) = (self.key(fold, found), self.key(fold, wanted));
        match op {
            Op::Co => found.contains(&*wanted),
            Op::Sw => found.starts_with(&*wanted),
            Op::Ew => found.ends_with(&*wanted),
            Op::Eq | Op::Gt | Op::Ge | Op::Lt | Op::Le => compared(op, &*found, &*wanted),
        }
    }

    /// The text that stands for another one in comparisons.
    pub fn key<'a>(&self, fold: Fold, text: &'a str) -> Key<'a> {
        let (keys, make): (_, fn(&str) -> String) = match fold {
            Fold::Exact => return Key::Own(text),
            Fold::Address => (&self.addresses, user_name_key),
            Fold::Lowered => (&self.lowered, lowered),
        };
        let mut keys = keys.borrow_mut();
        if let Some(key) = keys.get(text) {
            return Key::Shared(key.clone());
        }
        let key: Rc<str> = make(text).into();
        keys.insert(text.to_owned(), key.clone());
        Key::Shared(key)
    }
}

/// What a text is compared by.
pub enum Key<'a> {
    /// By itself.
    Own(&'a str),
    /// By another text.
    Shared(Rc<str>),
}

impl Deref for Key<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Own(text) => text,
            Self::Shared(key) => key,
        }
    }
}

fn compared<T: PartialOrd + ?Sized>(op: Op, found: &T, wanted: &T) -> bool {
    match op {
        Op::Gt => found > wanted,
        Op::Ge => found >= wanted,
        Op::Lt => found < wanted,
        Op::Le => found <= wanted,
        Op::Eq | Op::Co | Op::Sw | Op::Ew => found == wanted,
    }
}

/// What the resource has at this place: none, one or many values.
fn values(resource: &Map<String, Value>, attribute: Attr) -> Vec<&Value> {
    let mut found: Vec<&Value> = Vec::new();
    let mut names = attribute.path().into_iter();
    found.extend(
        names
            .next()
            .and_then(|name| resource.get(name))
            .map(each)
            .unwrap_or_default(),
    );
    for name in names {
        found = found
            .into_iter()
            .filter_map(|value| value.get(name))
            .flat_map(each)
            .collect();
    }
    found
}

fn each(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        value => vec![value],
    }
}

/// Whether a value counts as one: null, empty texts, lists and objects do not.
fn is_assigned(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => values.iter().any(is_assigned),
        Value::Object(members) => members.values().any(is_assigned),
        Value::Bool(_) | Value::Number(_) => true,
    }
}
