//! A document, from its text to the operation that is run.
//!
//! ```text
//! scan      tokens, their number and nesting: the only place that reads strings and comments
//! parse     the specification's grammar
//! limits    what it may cost
//! validate  whether it matches the schema
//! coerce    the variables, as the types that the operation declares
//! collect   one field for each response key, and values for variables
//! ```
//!
//! The library runs the result and decides nothing about it, because its own handling of documents differs from the
//! specification.

mod coerce;
mod collect;
mod fault;
mod filters;
pub mod limits;
mod once;
mod parse;
mod place;
mod scalar;
mod scan;
#[cfg(test)]
mod tests;
mod types;
mod validate;

pub use fault::Fault;
pub use once::{IDEMPOTENCY_KEY, check_once};
pub use place::argument_path;
pub use scan::{BRACKETS_MAX, DOCUMENT_BYTES_MAX, TOKENS_MAX};

use std::sync::{Arc, LazyLock, OnceLock};

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType, Selection};
use async_graphql::{Name, Positioned};
use moka::sync::Cache;
use serde_json::{Map, Value};

use crate::model::error::{Error, shown};
use parse::Definitions;
use validate::Uses;

/// A parsed document.
#[derive(Debug)]
pub struct Document {
    definitions: Definitions,
    /// Computed once, when it is first needed.
    valid: OnceLock<Result<Vec<Uses>, Vec<Fault>>>,
}

/// A longer text is parsed every time. Ordinary clients send shorter ones.
const TEXT_BYTES_MAX: usize = 16 * 1024;
const REMEMBERED_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Roughly the maximum memory for a byte of text: a field with a name of one letter, and a space, take about 250 bytes
/// of syntax tree.
const BYTES_PER_BYTE: usize = 128;

/// Clients send the same few documents again and again with different variables, and parsing one costs more than
/// finding a user. The meaning of a text depends on nothing else, so one cache serves all callers of the process. Its
/// size in bytes is limited, and a refused text is not kept. The cost of a document also depends on its variables, and
/// is measured every time.
static REMEMBERED: LazyLock<Cache<String, Arc<Document>>> = LazyLock::new(|| {
    Cache::builder()
        .weigher(|text: &String, _| u32::try_from(text.len() * BYTES_PER_BYTE).unwrap_or(u32::MAX))
        .max_capacity(REMEMBERED_BYTES_MAX)
        .build()
});

/// Reads a document.
pub fn read(text: &str) -> Result<Arc<Document>, Fault> {
    if let Some(known) = REMEMBERED.get(text) {
        return Ok(known);
    }
    let document = Arc::new(Document {
        definitions: parse::parse(scan::scan(text)?)?,
        valid: OnceLock::new(),
    });
    if text.len() <= TEXT_BYTES_MAX {
        REMEMBERED.insert(text.to_owned(), Arc::clone(&document));
    }
    Ok(document)
}

impl Document {
    /// All faults of the document, or how its operations use their variables.
    fn validated(&self) -> Result<&[Uses], &[Fault]> {
        let valid = self.valid.get_or_init(|| validate::validate(&self.definitions));
        valid.as_deref().map_err(Vec::as_slice)
    }
}

/// An operation of a document.
#[derive(Clone, Debug)]
pub struct Operation {
    document: Arc<Document>,
    number: usize,
    kind: OperationType,
    /// Its kind and name, for the log.
    pub title: String,
    /// The conditions in all filters of the document.
    pub tests: u64,
}

impl Operation {
    /// The operation to run, if the document's cost with these variables is within the limits.
    pub fn choose(
        document: Arc<Document>,
        wanted: Option<&str>,
        variables: &Map<String, Value>,
    ) -> Result<Self, Fault> {
        let tests = limits::check(&document.definitions, variables)?;
        let unknown = |message: &str| Fault::from(Error::invalid("operationName", message.to_owned()));
        let operations = &document.definitions.operations;
        let found = match wanted {
            Some(wanted) => {
                let named = |(name, _): &(Option<Name>, _)| name.as_deref() == Some(wanted);
                let number = operations.iter().position(named);
                number.ok_or_else(|| unknown("The document has no operation of this name."))?
            }
            None if operations.len() > 1 => {
                return Err(unknown(
                    "The document has several operations; say which in 'operationName'.",
                ));
            }
            None => 0,
        };
        let Some((name, operation)) = operations.get(found) else {
            return Err(unknown("The document has no operation."));
        };
        let kind = operation.node.ty;
        let title = match name {
            Some(name) => shown(&format!("{kind} {name}")),
            None => kind.to_string(),
        };
        Ok(Self {
            number: found,
            kind,
            title,
            tests,
            document: Arc::clone(&document),
        })
    }

    pub fn mutates(&self) -> bool {
        self.kind == OperationType::Mutation
    }

    /// The document for the library, if the text is valid and the variables are as declared.
    pub fn prepare(
        &self,
        variables: Map<String, Value>,
        introspection: bool,
    ) -> Result<ExecutableDocument, Vec<Fault>> {
        let uses = self.document.validated().map_err(<[Fault]>::to_vec)?;
        let (Some(operation), Some(uses)) = (self.definition(), uses.get(self.number)) else {
            return Err(vec![Error::internal("an operation that is not there").into()]);
        };
        let variables = coerce::variables(&operation.node.variable_definitions, variables, uses)?;
        let merged = collect::collect(&self.document.definitions, operation, &variables);
        for (_, operation) in merged.operations.iter() {
            limits::check_sensitive(&operation.node).map_err(|error| vec![error.into()])?;
            if !introspection && introspects(&operation.node) {
                let message = "Introspection is switched off on this server.";
                return Err(vec![Fault::invalid([operation.pos], message)]);
            }
        }
        Ok(merged)
    }

    fn definition(&self) -> Option<&Positioned<OperationDefinition>> {
        let (_, operation) = self.document.definitions.operations.get(self.number)?;
        Some(operation)
    }
}

/// Whether a merged operation selects the schema.
fn introspects(operation: &OperationDefinition) -> bool {
    operation
        .selection_set
        .node
        .items
        .iter()
        .any(|selection| match &selection.node {
            Selection::Field(field) => matches!(field.node.name.node.as_str(), "__schema" | "__type"),
            Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
        })
}
