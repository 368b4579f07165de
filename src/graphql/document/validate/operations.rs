//! Rules about operations.

use async_graphql::parser::types::OperationType;

use super::super::fault::Fault;
use super::repeated;
use super::walk::Walked;
use crate::model::error::shown;

pub fn operation_name_uniqueness(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    let operations = &document.definitions.operations;
    for (name, operation) in repeated(operations, |(one, _), (other, _)| one == other) {
        // Another rule refuses several without a name.
        if let Some(name) = name {
            let message = format!("Two operations have the name '{}'.", shown(name));
            faults.push(Fault::invalid([operation.pos], message));
        }
    }
}

pub fn lone_anonymous_operation(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    let operations = &document.definitions.operations;
    let anonymous = operations.iter().filter(|(name, _)| name.is_none());
    for (_, operation) in anonymous.filter(|_| operations.len() > 1) {
        let message = "An operation without a name must be the only one in its document.";
        faults.push(Fault::invalid([operation.pos], message));
    }
}

pub fn operation_type_existence(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    let operations = &document.definitions.operations;
    if operations.is_empty() {
        faults.push(Fault::invalid([], "The document has no operation."));
    }
    for (_, operation) in operations
        .iter()
        .filter(|(_, one)| one.node.ty == OperationType::Subscription)
    {
        faults.push(Fault::invalid([operation.pos], "There are no subscriptions."));
    }
}
