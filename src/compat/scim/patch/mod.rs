//! Applies the operations of a PATCH to a resource, in the rules of RFC 7644, section 3.5.2, and of the clients that send
//! them.

#[cfg(test)]
mod clients_tests;
mod given;
#[cfg(test)]
mod laws;
mod members;
mod operations;
#[cfg(test)]
mod refused_tests;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::evaluate::Evaluation;
use super::fault::{Fault, ScimType};
use super::filter::Filter;
use super::names::{ENTERPRISE, Kind};
use super::schema::{Attr, Attribute};
use super::values::{Names, VALUES_MAX, has_content, in_extension, keep_one_primary, list, one, too_many};

/// The operations of one request, with every path read.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    steps: Vec<Step>,
}

use given::{Given, describes};
use operations::{Step, Target, Verb, home_of};

pub use members::MemberChange;

type Members = Map<String, Value>;

impl Patch {
    /// Reads a PatchOp message.
    pub fn read(message: &Value, kind: Kind) -> Result<Self, Fault> {
        let steps = operations::read(message, kind)?;
        Ok(Self { steps })
    }

    /// Applies all operations but those on `members` to a resource with the names and types of the schema. If one is
    /// refused, the resource is left somewhere between. A password is added as `password`.
    pub fn apply(&self, resource: &mut Members) -> Result<(), Fault> {
        let work = Work::default();
        for step in &self.steps {
            match &step.target {
                Target::Extension => work.extension(resource, step)?,
                Target::Attribute { attribute, .. } if attribute.is_members() => {}
                Target::Attribute { attribute, such } => {
                    let Some(home) = home_of(resource, attribute.home) else {
                        continue;
                    };
                    work.attribute(home, *attribute, such.as_ref(), step.verb, step.value.as_ref())?;
                }
            }
        }
        tidy(resource);
        Ok(())
    }

    /// The change of a group's members, all operations together.
    pub fn members(&self) -> Result<MemberChange, Fault> {
        members::folded(&self.steps)
    }
}

/// Drops entries and objects that are left without a value.
fn tidy(resource: &mut Members) {
    resource.retain(|name, value| match value {
        Value::Array(entries) => {
            entries.retain(has_content);
            !entries.is_empty()
        }
        Value::Object(inner) if name == ENTERPRISE => {
            tidy(inner);
            !inner.is_empty()
        }
        Value::Object(inner) => !inner.is_empty(),
        _ => true,
    });
}

#[derive(Default)]
struct Work {
    evaluation: Evaluation,
}

impl Work {
    /// The enterprise extension as a whole: its given attributes are merged, or all are removed.
    fn extension(&self, resource: &mut Members, step: &Step) -> Result<(), Fault> {
        match &step.value {
            Some(Value::Object(values)) if step.verb != Verb::Remove => {
                let mut seen = Names::default();
                for (key, value) in values {
                    let Some(attribute) = in_extension(key) else {
                        continue;
                    };
                    seen.note("", attribute.name)?;
                    let home = super::schema::Home::Enterprise;
                    let attribute = Attr {
                        home,
                        attribute,
                        sub: None,
                    };
                    if let Some(inner) = home_of(resource, home) {
                        self.attribute(inner, attribute, None, step.verb, Some(value))?;
                    }
                }
                Ok(())
            }
            Some(value) if step.verb != Verb::Remove && !is_unassigned(value) => {
                Err(Fault::value(format!("'{ENTERPRISE}' must be an object.")))
            }
            _ if step.verb == Verb::Add => Ok(()),
            _ => {
                resource.shift_remove(ENTERPRISE);
                Ok(())
            }
        }
    }

    /// One attribute. `home` is the resource, or the object of the extension.
    fn attribute(
        &self,
        home: &mut Members,
        attribute: Attr,
        such: Option<&Filter>,
        verb: Verb,
        value: Option<&Value>,
    ) -> Result<(), Fault> {
        let Attr {
            attribute: top, sub, ..
        } = attribute;
        let value = value.filter(|_| verb != Verb::Remove || (top.multi_valued && such.is_none() && sub.is_none()));
        if top.multi_valued {
            let entries = home.entry(top.name).or_insert_with(|| Value::Array(Vec::new()));
            let Some(entries) = entries.as_array_mut() else {
                return Ok(());
            };
            return match (such, sub) {
                (None, None) => self.whole_list(entries, top, verb, value),
                (None, Some(sub)) => part_of_one(entries, top, sub, verb, value),
                (Some(such), sub) => self.matching(entries, top, sub, such, verb, value),
            };
        }
        match sub {
            None if top.subs.is_empty() => set(home, top, value),
            None => complex(home, top, verb, value),
            Some(sub) => {
                let inner = home.entry(top.name).or_insert_with(|| Value::Object(Map::new()));
                match inner.as_object_mut() {
                    Some(inner) => set(inner, sub, value),
                    None => Ok(()),
                }
            }
        }
    }

    /// All values of an attribute.
    fn whole_list(
        &self,
        entries: &mut Vec<Value>,
        attribute: &'static Attribute,
        verb: Verb,
        value: Option<&Value>,
    ) -> Result<(), Fault> {
        match (verb, value) {
            (Verb::Replace, Some(value)) => *entries = list(attribute, value)?.unwrap_or_default(),
            (Verb::Add, Some(value)) => {
                for entry in list(attribute, value)?.unwrap_or_default() {
                    if !entries.contains(&entry) {
                        let primary = (entry.get("primary") == Some(&Value::Bool(true))).then_some(entries.len());
                        entries.push(entry);
                        if primary.is_some() {
                            keep_one_primary(entries, primary);
                        }
                        if entries.len() > VALUES_MAX {
                            return Err(too_many(attribute));
                        }
                    }
                }
            }
            (Verb::Remove, Some(Value::Array(sent))) if sent.is_empty() => {}
            (Verb::Remove, Some(value)) if !is_unassigned(value) => {
                let sent = list(attribute, value)?.unwrap_or_default();
                self.take_out(entries, attribute, &sent);
            }
            _ => entries.clear(),
        }
        Ok(())
    }

    /// Takes out those of the same `value`, or the same entries if the attribute has no `value`.
    fn take_out(&self, entries: &mut Vec<Value>, attribute: &'static Attribute, sent: &[Value]) {
        let Some(part) = attribute.sub("value") else {
            entries.retain(|entry| !sent.contains(entry));
            return;
        };
        let key = |entry: &Value| {
            let text = entry.get("value")?.as_str()?;
            Some(self.evaluation.key(part.fold, text).to_string())
        };
        let keys: HashSet<String> = sent.iter().filter_map(key).collect();
        entries.retain(|entry| key(entry).is_none_or(|key| !keys.contains(&key)));
    }

    /// The values that meet a filter, or one of their parts.
    fn matching(
        &self,
        entries: &mut Vec<Value>,
        attribute: &'static Attribute,
        sub: Option<&'static Attribute>,
        such: &Filter,
        verb: Verb,
        value: Option<&Value>,
    ) -> Result<(), Fault> {
        let given = Given::read(attribute, sub, verb, value)?;
        let matched: Vec<usize> = entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| {
                entry
                    .as_object()
                    .is_some_and(|entry| self.evaluation.entry(such, entry))
            })
            .map(|(position, _)| position)
            .collect();
        if matched.is_empty() {
            if verb == Verb::Remove {
                return Ok(());
            }
            let mut entry = Map::new();
            if !describes(such, &mut entry)? {
                return Err(Fault::new(
                    ScimType::NoTarget,
                    format!("No value of '{}' matches the filter of the path.", attribute.name),
                ));
            }
            if given.is_nothing() {
                return Ok(());
            }
            given.merge_into(&mut entry);
            entries.push(Value::Object(entry));
            if entries.len() > VALUES_MAX {
                return Err(too_many(attribute));
            }
            let made = entries.len().checked_sub(1);
            let is_primary = entries.last().and_then(|entry| entry.get("primary")) == Some(&Value::Bool(true));
            if is_primary {
                keep_one_primary(entries, made);
            }
            return Ok(());
        }
        for position in &matched {
            if let Some(Value::Object(entry)) = entries.get_mut(*position) {
                if sub.is_none() && verb != Verb::Add {
                    entry.clear();
                }
                given.merge_into(entry);
            }
        }
        if given.sets_primary() {
            keep_one_primary(entries, matched.first().copied());
        }
        // What was emptied is gone for the next operation; an entry that lost its value alone may get another one.
        entries.retain(|entry| entry.as_object().is_none_or(|entry| !entry.is_empty()));
        Ok(())
    }
}

/// One part of the only value of an attribute, which is made if there is none; a removal is of every value.
fn part_of_one(
    entries: &mut Vec<Value>,
    attribute: &'static Attribute,
    sub: &'static Attribute,
    verb: Verb,
    value: Option<&Value>,
) -> Result<(), Fault> {
    let given = Given::read(attribute, Some(sub), verb, value)?;
    if verb != Verb::Remove && entries.len() > 1 {
        return Err(Fault::path(format!(
            "'{0}' has several values; name one of them, as in {0}[type eq \"work\"].{1}.",
            attribute.name, sub.name
        )));
    }
    if entries.is_empty() && !given.is_nothing() {
        entries.push(Value::Object(Map::new()));
    }
    for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
        given.merge_into(entry);
    }
    Ok(())
}

/// A complex attribute with one value: the given parts are merged, or all are removed.
fn complex(home: &mut Members, attribute: &'static Attribute, verb: Verb, value: Option<&Value>) -> Result<(), Fault> {
    match value {
        Some(value) if !is_unassigned(value) => {
            let given = Given::merged(attribute, value)?;
            let inner = home.entry(attribute.name).or_insert_with(|| Value::Object(Map::new()));
            if let Some(inner) = inner.as_object_mut() {
                given.merge_into(inner);
            }
        }
        // No parts are given; but for one that has a `value`, a plain value stands for that, and unassigns it.
        _ if verb == Verb::Add && attribute.sub("value").is_none() => {}
        _ => {
            home.shift_remove(attribute.name);
        }
    }
    Ok(())
}

/// A simple attribute: sets it, or unassigns it.
fn set(home: &mut Members, attribute: &'static Attribute, value: Option<&Value>) -> Result<(), Fault> {
    match value.map(|value| one(attribute, value)).transpose()?.flatten() {
        Some(value) => {
            home.insert(attribute.name.to_owned(), value);
            Ok(())
        }
        None if attribute.required || attribute.name == "password" => {
            Err(Fault::mutability(format!("'{}' cannot be removed.", attribute.name)))
        }
        None => {
            home.shift_remove(attribute.name);
            Ok(())
        }
    }
}

fn is_unassigned(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        _ => false,
    }
}
