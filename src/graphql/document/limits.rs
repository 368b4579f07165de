//! What a document may cost, checked before anything walks it.
//!
//! The library's own checks visit a fragment again at every place where it is spread. With a chain of fragments that
//! each spread the next one twice, they take 2^n steps. They also recurse as deep as a chain of fragments is long,
//! which crashes the process. Here each fragment is measured once and the recursion is limited. Only a document whose
//! complete expansion is small is passed on.

use std::collections::{HashMap, HashSet};

use async_graphql::Name;
use async_graphql::parser::types::{Field, OperationDefinition, Selection, SelectionSet};
use async_graphql_value::Value;
use serde_json::{Map, Value as Json};

use super::filters;
use super::parse::Definitions;
use super::types::types;
use crate::list::FILTER_TESTS_MAX;
use crate::model::error::{Error, Result, shown};

/// Levels of fields. GraphiQL's introspection query has 15, that of the Kili SDK 13.
pub const DEPTH_MAX: u64 = 16;
/// Values that a response may contain: fields times the sizes of the pages that contain them. With two nested pages of
/// 100, a document may select twenty values of each object; three nested pages must be smaller. The conditions of
/// filters are added.
pub const COMPLEXITY_MAX: u64 = 250_000;
/// What a condition in a filter costs compared with a value: the database may have to check it on many rows before it
/// finds one.
pub const TEST_COST: u64 = 100;
/// What a value counts that is merged from several texts, which are read as a whole for each of them.
pub const MERGED_COST: u64 = 50;
/// The fields with such values.
const MERGED: [&str; 2] = ["effectiveVariables", "effectiveVariableSources"];
/// Directives on one field.
pub const DIRECTIVES_MAX: u64 = 4;
/// Fields and fragments of a document, with fragments expanded.
pub const SELECTIONS_MAX: u64 = 1_000;
/// Levels of nested fields, inline fragments and spreads. Limits the recursion here and in the library.
pub const NESTING_MAX: usize = 32;
/// How often the same field may be selected in one place under different aliases.
pub const SAME_FIELD_MAX: u64 = 15;
/// Fields at the top of an operation.
pub const ROOT_FIELDS_MAX: u64 = 30;
/// A longer alias, repeated for every object of a page, would make the response to a small document large.
pub const ALIAS_CHARACTERS_MAX: u64 = 255;
/// The library searches all declared variables for each use of one.
pub const VARIABLES_MAX: u64 = 100;
/// Levels of nested `fields` and `inputFields` under `__schema`. Tools do not need more.
pub const TYPE_FIELDS_NESTED_MAX: u64 = 2;
/// The size of a page if the document does not give one, and the maximum.
const PAGE_MAX: u64 = 100;
/// Mutations that can be used for guessing, take much CPU time, or return a secret. A document may contain one of them;
/// otherwise it could get around the delays, which count requests.
pub const SENSITIVE: [&str; 18] = [
    "acceptInvitation",
    "changeMyEmail",
    "completePasswordReset",
    "createApiKey",
    "createUserWithPassword",
    "createUsers",
    "impersonateUser",
    "refreshSession",
    "requestEmailVerification",
    "requestPasswordReset",
    "resendInvitation",
    "resetPassword",
    "rotateApiKey",
    "signIn",
    "switchAccount",
    "updateMyPassword",
    "updatePassword",
    "verifyEmail",
];

/// Refuses a document that would cost too much. Returns the number of conditions in its filters.
pub fn check(document: &Definitions, variables: &Map<String, Json>) -> Result<u64> {
    let mut all = Size::default();
    let mut schemas = 0_u64;
    let mut reached: HashSet<&Name> = HashSet::new();
    for (_, operation) in &document.operations {
        let operation = &operation.node;
        let declared = operation.variable_definitions.len() as u64;
        limit("variables in one operation", declared, VARIABLES_MAX)?;
        let mut measuring = Measuring::new(document, variables, Some(operation));
        let size = measuring.selection_set(&operation.selection_set.node, 0)?;
        reached.extend(measuring.done.into_keys());
        limit("levels of fields", size.depth, DEPTH_MAX)?;
        limit("fields at its top", size.fields_here(), ROOT_FIELDS_MAX)?;
        schemas = schemas.saturating_add(size.fields_named("__schema"));
        all.add(&size);
        limit("fields, its fragments expanded", all.selections, SELECTIONS_MAX)?;
    }
    // Validation also walks the unused fragments before it refuses them.
    let mut measuring = Measuring::new(document, variables, None);
    for name in document.fragments.keys().filter(|name| !reached.contains(*name)) {
        let size = measuring.fragment(name, 0)?;
        all.selections = all.selections.saturating_add(size.selections);
        limit("fields, its fragments expanded", all.selections, SELECTIONS_MAX)?;
    }
    limit("times '__schema'", schemas, 1)?;
    check_complexity(&all)?;
    Ok(all.tests)
}

fn check_complexity(all: &Size) -> Result<()> {
    let Size {
        values, merged, tests, ..
    } = *all;
    let complexity = values
        .saturating_add(merged.saturating_mul(MERGED_COST - 1))
        .saturating_add(tests.saturating_mul(TEST_COST));
    if complexity <= COMPLEXITY_MAX {
        return Ok(());
    }
    let pages = format!("Ask for smaller pages: 'first' is {PAGE_MAX} by default.");
    let limit = format!("the limit is {COMPLEXITY_MAX}");
    let of_them = match merged {
        0 => String::new(),
        _ => format!(", {merged} of them effective variables, at {MERGED_COST} each"),
    };
    Err(Error::LimitExceeded(match (merged, tests) {
        (0, 0) => format!("The response might contain {values} values; {limit}. {pages}"),
        (_, 0) => {
            format!(
                "The document costs {complexity}: its response might contain {values} values{of_them}; {limit}. {pages}"
            )
        }
        _ => format!(
            "The document costs {complexity}: its response might contain {values} values{of_them}, and its filters have \
             {tests} conditions, at {TEST_COST} each; {limit}. Use fewer conditions, or use them in fewer places. {pages}"
        ),
    }))
}

/// Refuses a merged operation with several sensitive fields at its top.
pub fn check_sensitive(operation: &OperationDefinition) -> Result<()> {
    let fields = operation.selection_set.node.items.iter();
    let sensitive = fields.filter(|selection| match &selection.node {
        Selection::Field(field) => SENSITIVE.contains(&field.node.name.node.as_str()),
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
    });
    match sensitive.count() {
        0 | 1 => Ok(()),
        many => Err(Error::LimitExceeded(format!(
            "The document contains {many} sensitive mutations; the limit is 1 of {}.",
            SENSITIVE.join(", ")
        ))),
    }
}

fn limit(what: &str, value: u64, max: u64) -> Result<()> {
    if value <= max {
        return Ok(());
    }
    Err(Error::LimitExceeded(format!(
        "The document contains {value} {what}; the limit is {max}."
    )))
}

/// The size of a selection set.
#[derive(Clone, Default)]
struct Size {
    /// All fields, inline fragments and spreads at any depth, expanded.
    selections: u64,
    /// The values that it may return.
    values: u64,
    /// How many of these are merged from several texts.
    merged: u64,
    /// The conditions in its filters. A nested list is one statement for all its parents, so its filter counts once.
    tests: u64,
    /// Levels of fields.
    depth: u64,
    /// The fields at this level by name: how many there are, and how many of them have a selection set.
    here: HashMap<Name, (u64, u64)>,
    /// Levels of nested `fields` and `inputFields`.
    type_fields_nested: u64,
    /// The highest number of times that a field with a selection set is selected in one place, at any depth.
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
        self.merged = self.merged.saturating_add(other.merged);
        self.tests = self.tests.saturating_add(other.tests);
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
    document: &'a Definitions,
    variables: &'a Map<String, Json>,
    operation: Option<&'a OperationDefinition>,
    /// `None` while a fragment is being measured. Reaching it again in that state means a cycle.
    done: HashMap<&'a Name, Option<Size>>,
    /// The conditions in variables that are filters.
    filters: HashMap<&'a Name, u64>,
}

impl<'a> Measuring<'a> {
    fn new(
        document: &'a Definitions,
        variables: &'a Map<String, Json>,
        operation: Option<&'a OperationDefinition>,
    ) -> Self {
        Self {
            document,
            variables,
            operation,
            done: HashMap::new(),
            filters: HashMap::new(),
        }
    }

    fn selection_set(&mut self, set: &'a SelectionSet, level: usize) -> Result<Size> {
        if level > NESTING_MAX {
            return Err(Error::LimitExceeded(format!(
                "The document's fields and fragments are nested more than {NESTING_MAX} levels deep; the limit is \
                 {NESTING_MAX}."
            )));
        }
        let mut size = Size::default();
        for selection in &set.items {
            size.selections = size.selections.saturating_add(1);
            let directives = selection.node.directives().len() as u64;
            limit("directives in one place", directives, DIRECTIVES_MAX)?;
            match &selection.node {
                Selection::Field(field) => self.field(&field.node, level, &mut size)?,
                Selection::InlineFragment(inline) => {
                    let inner = self.selection_set(&inline.node.selection_set.node, level + 1)?;
                    size.add(&inner);
                }
                Selection::FragmentSpread(spread) => {
                    let inner = self.fragment(&spread.node.fragment_name.node, level + 1)?;
                    size.add(&inner);
                }
            }
            limit("fields, its fragments expanded", size.selections, SELECTIONS_MAX)?;
        }
        if let Some((name, (count, _))) = size.here.iter().find(|(_, (count, _))| *count > SAME_FIELD_MAX) {
            return Err(Error::LimitExceeded(format!(
                "The field '{}' is selected {count} times in one place; the limit is {SAME_FIELD_MAX}.",
                shown(name)
            )));
        }
        let repeated = size.here.values().map(|(_, selecting)| *selecting).max();
        size.repeated = size.repeated.max(repeated.unwrap_or_default());
        Ok(size)
    }

    fn field(&mut self, field: &'a Field, level: usize, size: &mut Size) -> Result<()> {
        if let Some(alias) = &field.alias {
            limit("characters in one alias", alias.node.len() as u64, ALIAS_CHARACTERS_MAX)?;
        }
        let name = &field.name.node;
        let below = self.selection_set(&field.selection_set.node, level + 1)?;
        let nested = u64::from(matches!(name.as_str(), "fields" | "inputFields"));
        let nested = below.type_fields_nested.saturating_add(nested);
        if name.as_str() == "__schema" || name.as_str() == "__type" {
            limit("levels of 'fields' and 'inputFields'", nested, TYPE_FIELDS_NESTED_MAX)?;
            // Every type has many fields, and every field has types. If both are repeated at each level, the response
            // is too large.
            limit(
                "times the same field in one place of an introspection",
                below.repeated,
                1,
            )?;
        }
        let page = self.page_size(field).saturating_mul(self.rows(field));
        size.selections = size.selections.saturating_add(below.selections);
        size.values = size
            .values
            .saturating_add(1)
            .saturating_add(below.values.saturating_mul(page));
        size.merged = size
            .merged
            .saturating_add(u64::from(MERGED.contains(&name.as_str())))
            .saturating_add(below.merged.saturating_mul(page));
        size.tests = size.tests.saturating_add(self.tests(field)).saturating_add(below.tests);
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

    /// The maximum number of objects that a field returns. An invalid size counts as the largest, and the field itself
    /// refuses it.
    fn page_size(&self, field: &Field) -> u64 {
        if !types().is_paged(&field.name.node) {
            return 1;
        }
        let given = |name: &str| match &field.get_argument(name)?.node {
            Value::Variable(variable) => self.number(variable),
            Value::Number(number) => number.as_u64(),
            _ => None,
        };
        given("first")
            .or_else(|| given("last"))
            .unwrap_or(PAGE_MAX)
            .min(PAGE_MAX)
    }

    /// How many objects a field returns that returns one for each item of an argument. A single item is a list of one.
    fn rows(&self, field: &Field) -> u64 {
        if field.name.node != "createUsers" {
            return 1;
        }
        let length = |items: &Value| match items {
            Value::List(items) => Some(items.len()),
            _ => None,
        };
        let items = field.get_argument("data").and_then(|given| match &given.node {
            Value::Variable(variable) => match self.variables.get(variable.as_str()) {
                Some(given) => given.as_array().map(Vec::len),
                None => length(&default(self.operation, variable)?),
            },
            given => length(given),
        });
        items.map_or(1, |items| items as u64)
    }

    fn number(&self, variable: &Name) -> Option<u64> {
        match self.variables.get(variable.as_str()) {
            Some(value) => value.as_u64(),
            None => match default(self.operation, variable)? {
                Value::Number(number) => number.as_u64(),
                _ => None,
            },
        }
    }

    /// The conditions in a field's filters. A filter with too many is refused by its field, so it counts no more than
    /// the maximum.
    fn tests(&mut self, field: &'a Field) -> u64 {
        let filters = field.arguments.iter().filter(|(name, _)| types().is_filter(&name.node));
        filters.fold(0, |all, (_, value)| {
            let tests = self.filter(&value.node).min(FILTER_TESTS_MAX as u64);
            all.saturating_add(tests)
        })
    }

    fn filter(&mut self, value: &'a Value) -> u64 {
        let (variables, operation) = (self.variables, self.operation);
        let known = &mut self.filters;
        filters::tests(value, &mut |name| {
            *known.entry(name).or_insert_with(|| match variables.get(name.as_str()) {
                Some(given) => filters::tests_in_json(given),
                None => default(operation, name).map_or(0, |value| filters::tests(&value, &mut |_| 0)),
            })
        })
    }

    fn fragment(&mut self, name: &'a Name, level: usize) -> Result<Size> {
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
        // Validation refuses undefined fragments.
        let Some(fragment) = self.document.fragments.get(name) else {
            return Ok(Size::default());
        };
        self.done.insert(name, None);
        let size = self.selection_set(&fragment.node.selection_set.node, level)?;
        self.done.insert(name, Some(size.clone()));
        Ok(size)
    }
}

fn default(operation: Option<&OperationDefinition>, variable: &Name) -> Option<Value> {
    let definitions = &operation?.variable_definitions;
    let definition = definitions.iter().find(|one| one.node.name.node == *variable)?;
    Some(definition.node.default_value.as_ref()?.node.clone().into_value())
}
