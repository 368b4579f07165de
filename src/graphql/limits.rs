//! What a document may cost, checked before anything walks it.
//!
//! The library's own checks visit a fragment anew at every place it is spread, so a chain of fragments that each spread
//! the next one twice costs them 2^n steps; and they descend a chain of fragments as deep as it is long, which ends the
//! process. Here each fragment is measured once and the descent is bounded; only a document whose whole expansion is
//! small is handed on.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql::{Name, Positioned, Value, Variables};

use super::schema::paged_fields;
use crate::error::{Error, Result, shown};

/// A longer document is refused before it is parsed; large values belong into variables.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
/// Names, numbers, texts and signs of a document: what parsing it costs.
const TOKENS_MAX: u64 = 10_000;
/// Levels of fields. The introspection query of GraphiQL has 15, that of the Kili SDK 13.
pub const DEPTH_MAX: u64 = 16;
/// Values that an answer may hold: fields times the sizes of the pages they stand in. Two pages of 100 within each other
/// may ask twenty values of each thing; three need smaller ones.
pub const COMPLEXITY_MAX: u64 = 250_000;
/// Directives on one field.
pub const DIRECTIVES_MAX: usize = 4;
/// Fields and fragments of a document after its fragments are expanded.
const SELECTIONS_MAX: u64 = 1_000;
/// Fields, inline fragments and spreads within each other. Bounds the recursion here and in the library.
const NESTING_MAX: usize = 32;
/// How often one field may stand in one place under different names.
const SAME_FIELD_MAX: u64 = 15;
/// Fields at the top of an operation.
const ROOT_FIELDS_MAX: u64 = 30;
/// A longer alias, repeated for every thing of a page, would make a large answer of a small document.
const ALIAS_CHARACTERS_MAX: u64 = 255;
/// The library looks each use of a variable up among all that are declared.
const VARIABLES_MAX: u64 = 100;
/// `fields` and `inputFields` within each other under `__schema`: what tools ask for needs no more.
const TYPE_FIELDS_NESTED_MAX: u64 = 2;
/// The size of a page that does not tell its own, and the largest there is.
const PAGE_MAX: u64 = 100;
/// Mutations that guess, cost a core or hand out a secret: one of them a document, so that a document is no way around
/// the delays that count requests.
const SENSITIVE: [&str; 14] = [
    "acceptInvitation",
    "completePasswordReset",
    "createApiKey",
    "createUserWithPassword",
    "impersonateUser",
    "refreshSession",
    "requestEmailVerification",
    "requestPasswordReset",
    "resendInvitation",
    "resetPassword",
    "rotateApiKey",
    "signIn",
    "updatePassword",
    "verifyEmail",
];

/// Brackets within each other in a document's text.
const BRACKETS_MAX: usize = 64;

/// Refuses a text that is nested too deep to be parsed: the parser calls itself for each list and object in a value, so
/// a few kilobytes of `[[[[` would end the whole process.
///
/// What it takes for a string or a comment is exactly what the parser does, or is refused.
fn check_nesting(query: &str) -> Result<()> {
    let unterminated = || Error::invalid("query", "The document has a string without an end.".to_owned());
    let mut depth = 0_usize;
    let mut rest = query;
    while let Some(start) = rest.find(['{', '[', '(', '}', ']', ')', '"', '#']) {
        let (_, from) = rest.split_at(start);
        if let Some(inside) = from.strip_prefix("\"\"\"") {
            rest = after_block_text(inside).ok_or_else(unterminated)?;
        } else if let Some(inside) = from.strip_prefix('"') {
            rest = after_text(inside).ok_or_else(unterminated)?;
        } else if from.starts_with('#') {
            rest = from.split_once(['\n', '\r']).map_or("", |(_, next)| next);
        } else {
            depth = if from.starts_with(['{', '[', '(']) {
                depth + 1
            } else {
                depth.saturating_sub(1)
            };
            if depth > BRACKETS_MAX {
                return Err(Error::LimitExceeded(format!(
                    "The document is nested deeper than {BRACKETS_MAX} levels."
                )));
            }
            rest = from.get(1..).unwrap_or_default();
        }
    }
    Ok(())
}

/// What follows the string that begins here.
fn after_text(inside: &str) -> Option<&str> {
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
fn after_block_text(mut inside: &str) -> Option<&str> {
    loop {
        let (text, next) = inside.split_once("\"\"\"")?;
        if !text.ends_with('\\') {
            return Some(next);
        }
        inside = next;
    }
}

/// Refuses a text that is too long, or nested too deep, to be parsed.
pub fn check_text(document: &str) -> Result<()> {
    check_nesting(document)?;
    limit("bytes", document.len() as u64, DOCUMENT_BYTES_MAX as u64)?;
    limit("names, values and signs", tokens(document.as_bytes()), TOKENS_MAX)
}

/// How many tokens a text has, roughly: a malformed one is the parser's business.
fn tokens(mut text: &[u8]) -> u64 {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'+');
    let mut count = 0_u64;
    while let Some((first, rest)) = text.split_first() {
        text = match first {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                text = rest;
                continue;
            }
            b'#' => {
                text = after(rest, |byte| byte != b'\n');
                continue;
            }
            b'"' => after_string(rest),
            byte if is_word(byte) => after(rest, |byte| is_word(&byte)),
            _ => rest,
        };
        count += 1;
    }
    count
}

fn after(text: &[u8], skip: impl Fn(u8) -> bool) -> &[u8] {
    let end = text.iter().position(|byte| !skip(*byte)).unwrap_or(text.len());
    text.get(end..).unwrap_or_default()
}

/// What follows a string, given what follows its first quote.
fn after_string(text: &[u8]) -> &[u8] {
    let (mut text, end) = match text.strip_prefix(b"\"\"") {
        Some(block) => (block, &b"\"\"\""[..]),
        None => (text, &b"\""[..]),
    };
    while let Some((first, rest)) = text.split_first() {
        if let Some(after) = text.strip_prefix(end) {
            return after;
        }
        text = if *first == b'\\' {
            rest.get(1..).unwrap_or_default()
        } else {
            rest
        };
    }
    text
}

/// Refuses a document that would cost too much.
pub fn check(document: &ExecutableDocument, variables: &Variables) -> Result<()> {
    let mut total = 0_u64;
    let mut schemas = 0_u64;
    let mut complexity = 0_u64;
    let mut reached: HashSet<Name> = HashSet::new();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        let declared = operation.variable_definitions.len() as u64;
        limit("variables in one operation", declared, VARIABLES_MAX)?;
        refuse_directives(&operation.directives)?;
        for variable in &operation.variable_definitions {
            refuse_directives(&variable.node.directives)?;
        }
        let mut measuring = Measuring::new(document, variables, Some(operation));
        let size = measuring.selection_set(&operation.selection_set.node, 0)?;
        reached.extend(measuring.done.into_keys());
        total = total.saturating_add(size.selections);
        complexity = complexity.saturating_add(size.values);
        schemas = schemas.saturating_add(size.fields_named("__schema"));
        limit("fields, its fragments expanded", total, SELECTIONS_MAX)?;
        limit("levels of fields", size.depth, DEPTH_MAX)?;
        limit("fields at its top", size.fields_here(), ROOT_FIELDS_MAX)?;
        if operation.ty == OperationType::Mutation {
            let sensitive: u64 = SENSITIVE.iter().map(|name| size.fields_named(name)).sum();
            if sensitive > 1 {
                return Err(Error::LimitExceeded(format!(
                    "The document holds {sensitive} sensitive mutations; the limit is 1 of {}.",
                    SENSITIVE.join(", ")
                )));
            }
        }
    }
    // The library's checks walk the other fragments too, before they find that nothing spreads them.
    let mut measuring = Measuring::new(document, variables, None);
    for name in document.fragments.keys().filter(|name| !reached.contains(*name)) {
        let size = measuring.fragment(name, 0)?;
        total = total.saturating_add(size.selections);
        limit("fields, its fragments expanded", total, SELECTIONS_MAX)?;
    }
    limit("times '__schema'", schemas, 1)?;
    if complexity > COMPLEXITY_MAX {
        return Err(Error::LimitExceeded(format!(
            "The answer might hold {complexity} values; the limit is {COMPLEXITY_MAX}. Ask for smaller pages: 'first' is \
             {PAGE_MAX} where it is not given."
        )));
    }
    Ok(())
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
    /// All fields, inline fragments and spreads in it and below, expanded.
    selections: u64,
    /// The values it may give.
    values: u64,
    /// Levels of fields.
    depth: u64,
    /// The fields of this very place, by name: how many there are, and how many of them select something themselves.
    here: HashMap<Name, (u64, u64)>,
    /// How deep `fields` and `inputFields` stand within each other.
    type_fields_nested: u64,
    /// The most often that one field which selects something stands in one place, anywhere in here.
    repeated: u64,
}

impl Size {
    fn fields_here(&self) -> u64 {
        self.here.values().map(|(count, _)| count).sum()
    }

    fn fields_named(&self, name: &str) -> u64 {
        self.here.get(name).map_or(0, |(count, _)| *count)
    }

    fn add(&mut self, other: &Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.values = self.values.saturating_add(other.values);
        self.depth = self.depth.max(other.depth);
        self.type_fields_nested = self.type_fields_nested.max(other.type_fields_nested);
        self.repeated = self.repeated.max(other.repeated);
        for (name, (count, selecting)) in &other.here {
            let here = self.here.entry(name.clone()).or_default();
            here.0 = here.0.saturating_add(*count);
            here.1 = here.1.saturating_add(*selecting);
        }
    }
}

struct Measuring<'a> {
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    variables: &'a Variables,
    operation: Option<&'a OperationDefinition>,
    /// `None` while it is being measured: met again then, it is a cycle.
    done: HashMap<Name, Option<Size>>,
}

impl<'a> Measuring<'a> {
    fn new(
        document: &'a ExecutableDocument,
        variables: &'a Variables,
        operation: Option<&'a OperationDefinition>,
    ) -> Self {
        Self {
            fragments: &document.fragments,
            variables,
            operation,
            done: HashMap::new(),
        }
    }

    fn selection_set(&mut self, set: &SelectionSet, level: usize) -> Result<Size> {
        if level > NESTING_MAX {
            return Err(Error::LimitExceeded(format!(
                "The document's fields and fragments stand more than {NESTING_MAX} within each other; the limit is \
                 {NESTING_MAX}."
            )));
        }
        let mut size = Size::default();
        for selection in &set.items {
            size.selections = size.selections.saturating_add(1);
            match &selection.node {
                Selection::Field(field) => self.field(&field.node, level, &mut size)?,
                Selection::InlineFragment(inline) => {
                    check_directives(&inline.node.directives)?;
                    let inner = self.selection_set(&inline.node.selection_set.node, level + 1)?;
                    size.add(&inner);
                }
                Selection::FragmentSpread(spread) => {
                    check_directives(&spread.node.directives)?;
                    let inner = self.fragment(&spread.node.fragment_name.node, level + 1)?;
                    size.add(&inner);
                }
            }
            limit("fields, its fragments expanded", size.selections, SELECTIONS_MAX)?;
        }
        if let Some((name, (count, _))) = size.here.iter().find(|(_, (count, _))| *count > SAME_FIELD_MAX) {
            return Err(Error::LimitExceeded(format!(
                "The field '{}' stands {count} times in one place; the limit is {SAME_FIELD_MAX}.",
                shown(name)
            )));
        }
        let repeated = size.here.values().map(|(_, selecting)| *selecting).max();
        size.repeated = size.repeated.max(repeated.unwrap_or_default());
        Ok(size)
    }

    fn field(&mut self, field: &Field, level: usize, size: &mut Size) -> Result<()> {
        check_directives(&field.directives)?;
        if let Some(alias) = &field.alias {
            limit("characters in one alias", alias.node.len() as u64, ALIAS_CHARACTERS_MAX)?;
        }
        let name = &field.name.node;
        let below = self.selection_set(&field.selection_set.node, level + 1)?;
        let nested = u64::from(matches!(name.as_str(), "fields" | "inputFields"));
        let nested = below.type_fields_nested.saturating_add(nested);
        if name.as_str() == "__schema" || name.as_str() == "__type" {
            limit("levels of 'fields' and 'inputFields'", nested, TYPE_FIELDS_NESTED_MAX)?;
            // Every type has many fields, and every field types: repeated at each level, they are more than an answer holds.
            limit(
                "times the same field in one place of an introspection",
                below.repeated,
                1,
            )?;
        }
        size.selections = size.selections.saturating_add(below.selections);
        size.values = size
            .values
            .saturating_add(1)
            .saturating_add(below.values.saturating_mul(self.page_size(field)));
        size.depth = size.depth.max(below.depth.saturating_add(1));
        size.type_fields_nested = size.type_fields_nested.max(nested);
        size.repeated = size.repeated.max(below.repeated);
        let here = size.here.entry(name.clone()).or_default();
        here.0 = here.0.saturating_add(1);
        here.1 = here
            .1
            .saturating_add(u64::from(!field.selection_set.node.items.is_empty()));
        Ok(())
    }

    /// How many things a field gives at most; an unreadable size counts as the largest, and is refused by the field itself.
    fn page_size(&self, field: &Field) -> u64 {
        if !paged_fields().contains(field.name.node.as_str()) {
            return 1;
        }
        let given = |name: &str| {
            let argument = field.get_argument(name)?.node.clone();
            let value = argument.into_const_with(|variable| self.variable(&variable).ok_or(()));
            number(&value.ok()?)
        };
        given("first")
            .or_else(|| given("last"))
            .unwrap_or(PAGE_MAX)
            .min(PAGE_MAX)
    }

    fn variable(&self, name: &Name) -> Option<Value> {
        let default = || {
            let definitions = &self.operation?.variable_definitions;
            let definition = definitions
                .iter()
                .find(|definition| definition.node.name.node == *name)?;
            Some(&definition.node.default_value.as_ref()?.node)
        };
        number(self.variables.get(name).or_else(default)?).map(Value::from)
    }

    fn fragment(&mut self, name: &Name, level: usize) -> Result<Size> {
        match self.done.get(name) {
            Some(Some(size)) => return Ok(size.clone()),
            Some(None) => {
                return Err(Error::invalid(
                    "query",
                    format!("The fragment '{}' spreads itself.", shown(name)),
                ));
            }
            None => {}
        }
        // One that is not defined is the validation's business.
        let Some(fragment) = self.fragments.get(name) else {
            return Ok(Size::default());
        };
        refuse_directives(&fragment.node.directives)?;
        self.done.insert(name.clone(), None);
        let size = self.selection_set(&fragment.node.selection_set.node, level)?;
        self.done.insert(name.clone(), Some(size.clone()));
        Ok(size)
    }
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        _ => None,
    }
}

/// For operations, variables and the definitions of fragments.
fn refuse_directives(directives: &[Positioned<Directive>]) -> Result<()> {
    match directives.first() {
        None => Ok(()),
        Some(directive) => {
            let name = shown(&directive.node.name.node);
            let message = format!("The directive '@{name}' may not stand here. '@include' and '@skip' are for fields.");
            Err(Error::invalid("query", message))
        }
    }
}

/// The library looks at no directive of `__typename` and takes `@include` twice.
fn check_directives(directives: &[Positioned<Directive>]) -> Result<()> {
    limit(
        "directives in one place",
        directives.len() as u64,
        DIRECTIVES_MAX as u64,
    )?;
    for (index, directive) in directives.iter().enumerate() {
        let name = directive.node.name.node.as_str();
        if !matches!(name, "include" | "skip") {
            let message = format!(
                "Unknown directive '@{}'. There are '@include' and '@skip'.",
                shown(name)
            );
            return Err(Error::invalid("query", message));
        }
        if directives.iter().take(index).any(|other| other.node.name.node == name) {
            let message = format!("The directive '@{name}' stands twice in one place.");
            return Err(Error::invalid("query", message));
        }
    }
    Ok(())
}
