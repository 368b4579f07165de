//! What a document may cost, checked before anything walks it.
//!
//! The library's own checks visit a fragment anew at every place it is spread, so a chain of fragments that each spread
//! the next one twice costs them 2^n steps. Here each fragment is measured once; only a document whose whole expansion
//! is small is handed on.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, FragmentDefinition, OperationType, Selection, SelectionSet};
use async_graphql::{Name, Positioned};

use crate::error::{Error, Result};

/// Levels of fields. The introspection query of GraphiQL has 15, that of the Kili SDK 13.
pub const DEPTH_MAX: usize = 16;
/// What an answer may hold, as fields times the sizes of the pages they stand in.
pub const COMPLEXITY_MAX: usize = 20_000;
/// Directives on one field.
pub const DIRECTIVES_MAX: usize = 4;
/// Fields of a document after its fragments are expanded.
const FIELDS_MAX: u64 = 1_000;
/// How often one field may stand in one place under different names.
const SAME_FIELD_MAX: u64 = 15;
/// Fields at the top of an operation.
const ROOT_FIELDS_MAX: u64 = 30;
/// `fields` and `inputFields` within each other under `__schema`: what tools ask for needs no more.
const TYPE_FIELDS_NESTED_MAX: u64 = 2;
/// Mutations that guess, cost a core or hand out a secret: one of them a document, so that a document is no way around
/// the delays that count requests.
const SENSITIVE: [&str; 6] = [
    "completePasswordReset",
    "createApiKey",
    "resetPassword",
    "rotateApiKey",
    "signIn",
    "updatePassword",
];

/// Brackets within each other in a document's text.
const NESTING_MAX: usize = 64;

/// Refuses a text that is nested too deep to be parsed: the parser calls itself for each list and object in a value, so
/// a few kilobytes of `[[[[` would end the whole process.
///
/// What it takes for a string or a comment is exactly what the parser does, or is refused.
pub fn check_nesting(query: &str) -> Result<()> {
    let unterminated = || Error::invalid("query", "The document has a string without an end.".to_owned());
    let mut depth = 0_usize;
    let mut rest = query;
    while let Some(start) = rest.find(['{', '[', '(', '}', ']', ')', '"', '#']) {
        let (_, from) = rest.split_at(start);
        if let Some(inside) = from.strip_prefix("\"\"\"") {
            rest = after_block_string(inside).ok_or_else(unterminated)?;
        } else if let Some(inside) = from.strip_prefix('"') {
            rest = after_string(inside).ok_or_else(unterminated)?;
        } else if from.starts_with('#') {
            rest = from.split_once(['\n', '\r']).map_or("", |(_, next)| next);
        } else {
            depth = if from.starts_with(['{', '[', '(']) {
                depth + 1
            } else {
                depth.saturating_sub(1)
            };
            if depth > NESTING_MAX {
                return Err(Error::LimitExceeded(format!(
                    "The document is nested deeper than {NESTING_MAX} levels."
                )));
            }
            rest = from.get(1..).unwrap_or_default();
        }
    }
    Ok(())
}

/// What follows the string that begins here.
fn after_string(inside: &str) -> Option<&str> {
    let mut characters = inside.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return inside.get(at + 1..),
            '\n' | '\r' => return None,
            '\\' => {
                characters.next();
            }
            _ => {}
        }
    }
    None
}

/// What follows the block string that begins here; only `\"""` is an escape in it.
fn after_block_string(mut inside: &str) -> Option<&str> {
    loop {
        let (text, next) = inside.split_once("\"\"\"")?;
        if !text.ends_with('\\') {
            return Some(next);
        }
        inside = next;
    }
}

/// Refuses a document that would cost too much.
pub fn check(document: &ExecutableDocument) -> Result<()> {
    let mut measuring = Measuring {
        fragments: &document.fragments,
        done: HashMap::new(),
    };
    let mut total = 0_u64;
    let mut schemas = 0_u64;
    for (_, operation) in document.operations.iter() {
        let set = &operation.node.selection_set.node;
        let size = measuring.selection_set(set)?;
        total = total.saturating_add(size.fields);
        schemas = schemas.saturating_add(size.fields_named("__schema"));
        limit("fields, its fragments expanded", total, FIELDS_MAX)?;
        limit("fields at its top", size.here.values().sum(), ROOT_FIELDS_MAX)?;
        if operation.node.ty == OperationType::Mutation {
            let sensitive: u64 = SENSITIVE.iter().map(|name| size.fields_named(name)).sum();
            if sensitive > 1 {
                return Err(Error::LimitExceeded(format!(
                    "A document may hold one of these mutations, and once: {}.",
                    SENSITIVE.join(", ")
                )));
            }
        }
    }
    limit("times '__schema'", schemas, 1)
}

fn limit(what: &str, value: u64, max: u64) -> Result<()> {
    if value <= max {
        return Ok(());
    }
    Err(Error::LimitExceeded(format!(
        "The document holds {value} {what}; the limit is {max}."
    )))
}

/// What a selection set comes to.
#[derive(Clone, Default)]
struct Size {
    /// All fields below, expanded.
    fields: u64,
    /// The fields of this very place, by name.
    here: HashMap<Name, u64>,
    /// How deep `fields` and `inputFields` stand within each other.
    type_fields_nested: u64,
}

impl Size {
    fn fields_named(&self, name: &str) -> u64 {
        self.here
            .iter()
            .filter(|(known, _)| known.as_str() == name)
            .map(|(_, count)| *count)
            .sum()
    }

    fn add(&mut self, other: &Self) {
        self.fields = self.fields.saturating_add(other.fields);
        self.type_fields_nested = self.type_fields_nested.max(other.type_fields_nested);
        for (name, count) in &other.here {
            let here = self.here.entry(name.clone()).or_default();
            *here = here.saturating_add(*count);
        }
    }
}

struct Measuring<'a> {
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    /// `None` while it is being measured: met again then, it is a cycle.
    done: HashMap<Name, Option<Size>>,
}

impl Measuring<'_> {
    fn selection_set(&mut self, set: &SelectionSet) -> Result<Size> {
        let mut size = Size::default();
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let name = field.node.name.node.clone();
                    let below = self.selection_set(&field.node.selection_set.node)?;
                    size.fields = size.fields.saturating_add(below.fields).saturating_add(1);
                    let nested = u64::from(matches!(name.as_str(), "fields" | "inputFields"));
                    let nested = below.type_fields_nested + nested;
                    size.type_fields_nested = size.type_fields_nested.max(nested);
                    if name.as_str() == "__schema" || name.as_str() == "__type" {
                        limit("levels of 'fields' and 'inputFields'", nested, TYPE_FIELDS_NESTED_MAX)?;
                    }
                    *size.here.entry(name).or_default() += 1;
                }
                Selection::InlineFragment(inline) => {
                    let inner = self.selection_set(&inline.node.selection_set.node)?;
                    size.add(&inner);
                }
                Selection::FragmentSpread(spread) => {
                    let inner = self.fragment(&spread.node.fragment_name.node)?;
                    size.add(&inner);
                }
            }
        }
        if let Some((name, count)) = size.here.iter().find(|(_, count)| **count > SAME_FIELD_MAX) {
            return Err(Error::LimitExceeded(format!(
                "The field '{name}' stands {count} times in one place; the limit is {SAME_FIELD_MAX}."
            )));
        }
        Ok(size)
    }

    fn fragment(&mut self, name: &Name) -> Result<Size> {
        match self.done.get(name) {
            Some(Some(size)) => return Ok(size.clone()),
            Some(None) => {
                return Err(Error::invalid(
                    "query",
                    format!("The fragment '{name}' spreads itself."),
                ));
            }
            None => {}
        }
        // One that is not defined is the validation's business.
        let Some(fragment) = self.fragments.get(name) else {
            return Ok(Size::default());
        };
        self.done.insert(name.clone(), None);
        let size = self.selection_set(&fragment.node.selection_set.node)?;
        self.done.insert(name.clone(), Some(size.clone()));
        Ok(size)
    }
}
