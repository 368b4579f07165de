//! Rules about fields.

use async_graphql::parser::types::{Field, SelectionSet};
use async_graphql::{Name, Positioned};
use async_graphql_value::Value;

use super::super::collect::by_key;
use super::super::fault::Fault;
use super::super::parse::Definitions;
use super::super::types::name_of;
use super::walk::Walked;
use crate::model::error::shown;

pub fn field_selections(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    for place in &document.fields {
        if let (Some(parent), None) = (place.parent, document.known(place)) {
            let name = shown(&place.node.node.name.node);
            let message = format!("The type '{parent}' has no field '{name}'.");
            faults.push(Fault::invalid([place.node.pos], message));
        }
    }
}

pub fn leaf_field_selections(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    for place in &document.fields {
        let Some(known) = document.known(place) else { continue };
        let (name, ty) = (&place.node.node.name.node, &known.ty);
        let has_fields = document.composite(name_of(ty)).is_some();
        let selects = !place.node.node.selection_set.node.items.is_empty();
        let message = match (has_fields, selects) {
            (true, false) => {
                format!("The field '{name}' is of the type '{ty}': say which of its fields, as in '{name} {{ … }}'.")
            }
            (false, true) => format!("The field '{name}' is of the type '{ty}', which has no fields."),
            (true, true) | (false, false) => continue,
        };
        faults.push(Fault::invalid([place.node.pos], message));
    }
}

/// Fields with the same key in one place become one field. So they must have the same name and arguments, and what they
/// select must be mergeable in the same way.
///
/// All composite types are object types, so everything in one place has the same type. The specification's other half,
/// that fields of different types have the same shape, never applies.
pub fn field_selection_merging(document: &Walked<'_>, faults: &mut Vec<Fault>) {
    let operations = document.definitions.operations.iter();
    for (_, operation) in operations {
        merging(document.definitions, &[&operation.node.selection_set], faults);
    }
}

fn merging(definitions: &Definitions, sets: &[&Positioned<SelectionSet>], faults: &mut Vec<Fault>) {
    for (key, group) in by_key(definitions, sets, |_| true) {
        let Some((first, others)) = group.split_first() else {
            continue;
        };
        let other = others
            .iter()
            .find_map(|other| Some((other, difference(&first.node, &other.node)?)));
        if let Some((other, difference)) = other {
            let message = format!(
                "The key '{}' is used for {difference}. Give one of them another alias.",
                shown(key)
            );
            faults.push(Fault::invalid([first.pos, other.pos], message));
            continue;
        }
        let below: Vec<&Positioned<SelectionSet>> = group.iter().map(|field| &field.node.selection_set).collect();
        merging(definitions, &below, faults);
    }
}

/// What is different about two fields, if anything is.
fn difference(one: &Field, other: &Field) -> Option<String> {
    let (name, other_name) = (&one.name.node, &other.name.node);
    if name != other_name {
        return Some(format!("two fields, '{}' and '{}'", shown(name), shown(other_name)));
    }
    let same = |(argument, value): &(Positioned<Name>, Positioned<Value>)| {
        other
            .get_argument(&argument.node)
            .is_some_and(|other| other.node == value.node)
    };
    let differ = one.arguments.len() != other.arguments.len() || !one.arguments.iter().all(same);
    differ.then(|| format!("the field '{}' with two sets of arguments", shown(name)))
}
