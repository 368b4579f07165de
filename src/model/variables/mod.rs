//! Variables of several levels as one object.
//!
//! Objects are merged by key at every depth. Every other value, null too, replaces what the levels above have in its
//! place. Levels are merged from the top: `{"a": {"x": 1}}`, then `{"a": null}`, then `{"a": {"y": 2}}` is
//! `{"a": {"y": 2}}`. Merging the last two first would give `{"a": {"x": 1, "y": 2}}`, and show what the second level
//! covers.
//!
//! Texts are merged, not trees of values: a value that is on one level only is copied as it is written, so numbers keep
//! every digit, and a large one costs no more than reading it. The result needs no limits of its own: it is not longer
//! than its levels together (64 KiB each) and not nested deeper than the deepest of them.

#[cfg(test)]
mod tests;

use indexmap::IndexMap;
use serde_json::value::RawValue;

use super::error::{Error, Result};

/// More sources are refused.
const SOURCES_MAX: usize = 1_000;
/// A key is part of the path of everything below it, so paths can be much longer than the variables themselves.
const PATHS_BYTES_MAX: usize = 192 * 1024;

/// Where variables are set, from the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VariableLevel {
    Organization,
    Tenant,
    User,
}

/// Where a value of the merged variables is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableSource {
    /// A JSON Pointer.
    pub path: String,
    pub from: VariableLevel,
    /// The levels above that have a value which this one replaces: at this path, or at one that contains it.
    pub overrides: Vec<VariableLevel>,
}

/// A value, with what is known of its level.
type On<'a, T> = (T, &'a RawValue);

/// Merges the variables of some levels, each an object as JSON text, from the top: only the top-level keys that are
/// `shown`.
pub fn merged<'a>(levels: impl IntoIterator<Item = &'a str>, shown: impl Fn(&str) -> bool) -> Result<String> {
    let levels: Vec<On<'_, ()>> = levels
        .into_iter()
        .map(|text| Ok(((), read(text)?)))
        .collect::<Result<_>>()?;
    let mut members = members(&levels)?;
    members.retain(|key, _| shown(key));
    let mut out = String::new();
    write_members(&members, &mut out)?;
    Ok(out)
}

/// Where each value of the merged variables is from, in their order: each value that is no object, and each empty
/// object. `LIMIT_EXCEEDED` for too many.
pub fn sources<'a>(
    levels: impl IntoIterator<Item = (VariableLevel, &'a str)>,
    shown: impl Fn(&str) -> bool,
) -> Result<Vec<VariableSource>> {
    let levels: Vec<On<'_, VariableLevel>> = levels
        .into_iter()
        .map(|(level, text)| Ok((level, read(text)?)))
        .collect::<Result<_>>()?;
    let mut found = Found::default();
    for (key, values) in members(&levels)?.iter().filter(|(key, _)| shown(key)) {
        found.below("", key, &[], values)?;
    }
    Ok(found.sources)
}

#[derive(Default)]
struct Found {
    sources: Vec<VariableSource>,
    bytes: usize,
}

impl Found {
    /// The sources of the value that these levels have under a key, with those of everything inside it. `covered` are the
    /// levels whose value at a containing path is replaced.
    fn below(
        &mut self,
        path: &str,
        key: &str,
        covered: &[VariableLevel],
        values: &[On<'_, VariableLevel>],
    ) -> Result<()> {
        let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
        let (replaced, lasting) = values.split_at(first_lasting(values));
        let covered: Vec<VariableLevel> = covered.iter().copied().chain(levels_of(replaced)).collect();
        let inside = match lasting {
            [(_, value)] if !is_object(value) => IndexMap::new(),
            objects => members(objects)?,
        };
        for (key, values) in &inside {
            self.below(&path, key, &covered, values)?;
        }
        match lasting.split_last() {
            Some(((from, _), above)) if inside.is_empty() => {
                let mut overrides: Vec<VariableLevel> = covered.into_iter().chain(levels_of(above)).collect();
                overrides.sort_unstable();
                self.add(VariableSource {
                    path,
                    from: *from,
                    overrides,
                })
            }
            _ => Ok(()),
        }
    }

    fn add(&mut self, source: VariableSource) -> Result<()> {
        self.bytes += source.path.len();
        if self.sources.len() == SOURCES_MAX {
            return Err(Error::LimitExceeded(format!(
                "There are more than {SOURCES_MAX} values; the limit is {SOURCES_MAX}. Ask for fewer with 'keys'."
            )));
        }
        if self.bytes > PATHS_BYTES_MAX {
            return Err(Error::LimitExceeded(format!(
                "The paths of the values are longer than {PATHS_BYTES_MAX} bytes together; the limit is \
                 {PATHS_BYTES_MAX}. Ask for fewer with 'keys'."
            )));
        }
        self.sources.push(source);
        Ok(())
    }
}

fn levels_of(values: &[On<'_, VariableLevel>]) -> impl Iterator<Item = VariableLevel> {
    values.iter().map(|(level, _)| *level)
}

fn read(text: &str) -> Result<&RawValue> {
    // Variables were checked when they were set.
    serde_json::from_str(text).map_err(Error::internal)
}

fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

/// The position of the first of some values, from the top, that is not replaced by those below it: the first of the
/// objects at the end, or else the last value.
fn first_lasting<T>(values: &[On<'_, T>]) -> usize {
    let objects = values.iter().rev().take_while(|(_, value)| is_object(value)).count();
    values.len().saturating_sub(objects.max(1))
}

/// The members of some objects by key, each with the values that it has in them.
fn members<'a, T: Copy>(objects: &[On<'a, T>]) -> Result<IndexMap<String, Vec<On<'a, T>>>> {
    let mut members: IndexMap<String, Vec<On<'a, T>>> = IndexMap::new();
    for (level, object) in objects {
        let own: IndexMap<String, &'a RawValue> = serde_json::from_str(object.get()).map_err(Error::internal)?;
        for (key, value) in own {
            members.entry(key).or_default().push((*level, value));
        }
    }
    Ok(members)
}

// Recursion is safe: variables are nested at most 32 levels deep.
fn write_members(members: &IndexMap<String, Vec<On<'_, ()>>>, out: &mut String) -> Result<()> {
    out.push('{');
    for (number, (key, values)) in members.iter().enumerate() {
        out.push_str(if number == 0 { "" } else { "," });
        out.push_str(&serde_json::to_string(key).map_err(Error::internal)?);
        out.push(':');
        match values.split_at(first_lasting(values)).1 {
            [(_, one)] => out.push_str(one.get()),
            objects => write_members(&self::members(objects)?, out)?,
        }
    }
    out.push('}');
    Ok(())
}
